//! Reading a model file: everything is checked before it is believed.

use std::fmt::Display;
use std::mem::take;
use std::slice::ChunksExact;

use kernels::BLOCK;

use super::checksum::crc32;
use super::container::{Header, Tensor};
use super::json::{put, write_integer};
use super::record;
use super::{CHECKSUM_KEY, Form, MAX_TEXT_BYTES, ModelMetadata, Record, VERSION};
use crate::builder::check_counts;
use crate::compact::{Column, Columns, Feature, Group};
use crate::decimal::Plain;
use crate::labels::Labels;
use crate::pace::Pace;
use crate::tree::Order;
use crate::{EngineKind, Knn, KnnOptions, ModelFileError, Preparation};

/// The textbook engine keeps every number in eight bytes, whereas a file may hold many in a few: constants, groups.
const MAX_NUMBERS_PER_BYTE: u64 = 8;
/// A query that looks at every feature of every row chooses anew what `auto` is. A byte that is a row's code in a group has
/// the most features that are not constant, 255.
const MAX_NUMBERS_PER_BYTE_OF_AUTO: u64 = 256;

impl Knn {
    /// Reads a model back. It answers as the fitted one did, and by the same engine.
    ///
    /// # Errors
    ///
    /// [`ModelFileError`]; whatever the bytes are, this neither panics nor takes memory out of proportion to them.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, ModelMetadata), ModelFileError> {
        let file = File::parse(bytes)?;
        let mut record = file.record()?;
        let (columns, labels) = file.rows(&record)?;
        let order = file.order(take(&mut record.categories), record.is_turned, &columns)?;
        let by_order = order.as_ref().map_or(EngineKind::Scan, |_| EngineKind::Tree);
        let options = KnnOptions {
            k: record.k,
            metric: record.metric,
            preparation: record.preparation,
            engine: record.engine.unwrap_or(by_order),
            voting: record.voting,
            feature_weights: take(&mut record.feature_weights),
        };
        check_options(&options, &columns, bytes.len())?;
        let metadata = ModelMetadata {
            class_names: record.class_names,
            feature_names: record.feature_names,
            source: record.source,
        };
        if metadata.check().is_err() {
            let expected = format_args!("up to {MAX_TEXT_BYTES} bytes of names and source");
            return Err(content(&expected, &metadata.n_bytes()));
        }
        let n_classes = metadata.class_names.len();
        let scaling = record.scaling.take();
        let assemble =
            async |pace| Self::assemble(columns, labels, n_classes, options, scaling, order, &pace).await;
        let mut knn =
            Pace::run(assemble).map_err(|error| content(&"a model that can be put together", &error))?;
        knn.visited_ppm = knn.visited_ppm.or(record.visited_ppm);
        Ok((knn, metadata))
    }
}

fn content(expected: &dyn Display, actual: &dyn Display) -> ModelFileError {
    ModelFileError::Content {
        expected: expected.to_string(),
        actual: actual.to_string(),
    }
}

/// Whether the record agrees with itself.
fn check_record(record: &Record) -> Result<(), ModelFileError> {
    let n_features = record.columns.len();
    check_counts(n_features, record.class_names.len())
        .map_err(|error| content(&"a model that can be fitted", &error))?;
    if record.feature_names.len() != n_features {
        let expected = format_args!("{n_features} feature names");
        return Err(content(&expected, &record.feature_names.len()));
    }
    match (&record.scaling, record.preparation) {
        (None, Preparation::Raw) => {}
        (None, preparation) => {
            let expected = format_args!("a scaling for {preparation} features");
            return Err(content(&expected, &"none"));
        }
        (Some(_), Preparation::Raw) => return Err(content(&"no scaling for raw features", &"one")),
        (Some(scaling), _) => {
            let lengths = (scaling.offset.len(), scaling.scale.len());
            if lengths != (n_features, n_features) {
                return Err(content(
                    &format_args!("{n_features} offsets and scales"),
                    &format_args!("{} and {}", lengths.0, lengths.1),
                ));
            }
            if !scaling.is_usable(n_features) {
                return Err(content(&"finite offsets and positive scales", &"others"));
            }
        }
    }
    match record.visited_ppm.filter(|&ppm| ppm > 1_000_000) {
        None => Ok(()),
        Some(ppm) => Err(content(&"`visited_ppm` up to 1000000", &ppm)),
    }
}

/// Whether the options can be those of these columns, in a file of `n_bytes`.
fn check_options(options: &KnnOptions, columns: &Columns, n_bytes: usize) -> Result<(), ModelFileError> {
    let n_features = columns.features.len();
    KnnOptions::check(options.k, &options.feature_weights, n_features)
        .map_err(|error| content(&"options that can be fitted", &error))?;
    // A feature is left out if its weight is 0, and only then.
    for (feature, form) in columns.features.iter().enumerate() {
        let weight = options.feature_weights.get(feature).copied().unwrap_or(1.0);
        let is_ignored = matches!(form, Feature::Ignored);
        if is_ignored != (weight == 0.0) {
            let form = if is_ignored { "Ignored" } else { "one that is kept" };
            return Err(content(
                &"features to be `ignored` where their weight is 0",
                &format_args!("{form} of weight {}", Plain(weight)),
            ));
        }
    }
    let (engine, max_per_byte) = match options.engine {
        EngineKind::Textbook => ("textbook", MAX_NUMBERS_PER_BYTE),
        EngineKind::Auto => ("auto", MAX_NUMBERS_PER_BYTE_OF_AUTO),
        EngineKind::Scan | EngineKind::Tree => return Ok(()),
    };
    // In u64: a usize of 32 bits need not hold them.
    let n_numbers = columns.n_rows as u64 * n_features as u64;
    if n_numbers > max_per_byte * n_bytes as u64 {
        return Err(content(
            &format_args!("at most {max_per_byte} numbers a byte for the {engine} engine"),
            &format_args!("{n_numbers} in {n_bytes} bytes"),
        ));
    }
    Ok(())
}

/// A safetensors file whose header has been checked against its length.
struct File<'a> {
    header: Header,
    data: &'a [u8],
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ModelFileError> {
        let (header, data) = Header::read(bytes).map_err(|reason| ModelFileError::Container { reason })?;
        Ok(Self { header, data })
    }

    fn record(&self) -> Result<Record, ModelFileError> {
        let invalid = |reason: String| ModelFileError::Record { reason };
        let record = self.header.record.as_deref();
        let record = record.ok_or_else(|| invalid("there is none".to_owned()))?;
        // Before all else, so that a file of another version is not blamed for its other fields.
        let version = record::version(record).map_err(invalid)?;
        if version != VERSION {
            return Err(ModelFileError::Version {
                expected: VERSION,
                actual: version,
            });
        }
        let actual = format!("{:08x}", crc32(&[record.as_bytes(), self.data]));
        match &self.header.checksum {
            Some(expected) if *expected == actual => {}
            Some(expected) => {
                return Err(ModelFileError::Checksum {
                    expected: expected.clone(),
                    actual,
                });
            }
            // Or one damaged letter of its name would switch it off.
            None => {
                return Err(invalid(format!(
                    "expected its checksum as `{CHECKSUM_KEY}` beside it, got none"
                )));
            }
        }
        let record = Record::from_json(record).map_err(invalid)?;
        check_record(&record)?;
        Ok(record)
    }

    /// The training rows and their labels.
    fn rows(&self, record: &Record) -> Result<(Columns, Labels), ModelFileError> {
        let labels = self.labels()?;
        let n_classes = record.class_names.len();
        if let Some(label) = labels.max().filter(|&label| label as usize >= n_classes) {
            return Err(content(&format_args!("labels in 0..{n_classes}"), &label));
        }
        Ok((self.columns(&record.columns, labels.len())?, labels))
    }

    /// Type, shape and bytes of a tensor.
    fn tensor(&self, name: &str) -> Option<(&'static str, &[usize], &'a [u8])> {
        let Tensor {
            dtype,
            shape,
            start,
            end,
            ..
        } = self.header.tensor(name)?;
        Some((dtype, shape, self.data.get(*start..*end)?))
    }

    fn labels(&self) -> Result<Labels, ModelFileError> {
        match self.tensor("labels") {
            Some((_, [0], _)) => Err(content(&"at least one row", &0)),
            Some(("U8", [_], bytes)) => Ok(Labels::U8(bytes.to_vec())),
            Some(("U16", [_], bytes)) => Ok(Labels::U16(numbers(bytes, 0, u16::from_le_bytes))),
            Some(("U32", [_], bytes)) => Ok(Labels::U32(numbers(bytes, 0, u32::from_le_bytes))),
            other => Err(wrong_tensor("labels", "U8, U16 or U32 [rows]".to_owned(), other)),
        }
    }

    /// The order of a tree, if there is one.
    fn order(
        &self,
        categories: Vec<usize>,
        is_turned: bool,
        columns: &Columns,
    ) -> Result<Option<Order>, ModelFileError> {
        match self.tensor("order") {
            None if categories.is_empty() => Ok(None),
            Some(("U32", [n_rows], bytes)) if *n_rows == columns.n_rows => {
                let rows = numbers(bytes, 0, u32::from_le_bytes);
                let order = Order::checked(rows, categories, is_turned, columns);
                let invalid = || content(&"each row once in `order`, and large trees of groups", &"others");
                order.map(Some).ok_or_else(invalid)
            }
            other => Err(wrong_tensor("order", format!("U32 [{}]", columns.n_rows), other)),
        }
    }

    /// The bytes of each column of a tensor, which must have `dtype`, `n_columns` and `n_rows`.
    fn columns_of(
        &self,
        name: &'static str,
        dtype: &str,
        [n_columns, n_rows]: [usize; 2],
    ) -> Result<ChunksExact<'a, u8>, ModelFileError> {
        match self.tensor(name) {
            None if n_columns == 0 => Ok([].chunks_exact(1)),
            Some((actual, shape, bytes)) if actual == dtype && shape == [n_columns, n_rows] => {
                Ok(bytes.chunks_exact((bytes.len() / n_columns.max(1)).max(1)))
            }
            other => Err(wrong_tensor(
                name,
                format!("{dtype} [{n_columns}, {n_rows}]"),
                other,
            )),
        }
    }

    fn columns(&self, forms: &[Form], n_rows: usize) -> Result<Columns, ModelFileError> {
        if u32::try_from(n_rows).is_err() {
            return Err(content(&"at most 4294967295 rows", &n_rows));
        }
        let count = |is_form: fn(&Form) -> bool| [forms.iter().filter(|form| is_form(form)).count(), n_rows];
        let n_groups = match self.tensor("category") {
            Some((_, [n_groups, _], _)) => *n_groups,
            _ => 0,
        };
        // Each group is padded to a whole block, so that groups of nothing would take many times their bytes.
        let [n_members, _] = count(|form| matches!(form, Form::Member { .. }));
        if n_groups > n_members {
            return Err(content(
                &format_args!("at most as many groups as there are members, {n_members}"),
                &n_groups,
            ));
        }
        let shorts = count(|form| matches!(form, Form::Short(_)));
        let mut shorts = self.columns_of("short", "I16", shorts)?;
        let singles = count(|form| matches!(form, Form::Single));
        let mut singles = self.columns_of("single", "F32", singles)?;
        let doubles = count(|form| matches!(form, Form::Double));
        let mut doubles = self.columns_of("double", "F64", doubles)?;
        let padded = n_rows.next_multiple_of(BLOCK);
        let mut groups = Vec::new();
        for column in self.columns_of("category", "U8", [n_groups, n_rows])? {
            let mut codes = Vec::with_capacity(padded);
            codes.extend_from_slice(column);
            codes.resize(padded, 0);
            groups.push(Group {
                members: Vec::new(),
                codes,
            });
        }

        let mut columns = Columns {
            n_rows,
            features: Vec::with_capacity(forms.len()),
            shorts: Vec::new(),
            groups,
            singles: Vec::new(),
            doubles: Vec::new(),
        };
        for (feature, form) in forms.iter().enumerate() {
            columns.features.push(match form {
                Form::Ignored => Feature::Ignored,
                Form::Constant(value) => Feature::Constant(*value),
                Form::Short(decimal) => {
                    let shorts = numbers(next(&mut shorts), padded, i16::from_le_bytes);
                    columns.shorts.push((*decimal, Column::new(feature, shorts)));
                    Feature::Short(columns.shorts.len() - 1)
                }
                Form::Member { group } => {
                    let members = &mut columns
                        .groups
                        .get_mut(*group)
                        .ok_or_else(|| content(&format_args!("a group in 0..{n_groups}"), group))?
                        .members;
                    members.push(feature);
                    let code =
                        u8::try_from(members.len()).map_err(|_| content(&"up to 255 members", &"more"))?;
                    Feature::Member { group: *group, code }
                }
                Form::Single => {
                    let singles = numbers(next(&mut singles), padded, f32::from_le_bytes);
                    columns.singles.push(Column::new(feature, singles));
                    Feature::Single(columns.singles.len() - 1)
                }
                Form::Double => {
                    let doubles = numbers(next(&mut doubles), padded, f64::from_le_bytes);
                    columns.doubles.push(Column::new(feature, doubles));
                    Feature::Double(columns.doubles.len() - 1)
                }
            });
        }
        check_values(&columns)?;
        Ok(columns)
    }
}

/// The next column of a tensor.
fn next<'a>(columns: &mut ChunksExact<'a, u8>) -> &'a [u8] {
    columns
        .next()
        .expect("there is a column for each feature of this form")
}

/// Numbers as `from_le_bytes` reads them, with room for `capacity`.
fn numbers<const N: usize, T>(bytes: &[u8], capacity: usize, from_le_bytes: fn([u8; N]) -> T) -> Vec<T> {
    let mut numbers = Vec::with_capacity(capacity);
    numbers.extend(bytes.as_chunks().0.iter().map(|bytes| from_le_bytes(*bytes)));
    numbers
}

/// Refuses values that no fit produces and that the engines rely on not to meet.
fn check_values(columns: &Columns) -> Result<(), ModelFileError> {
    for (decimal, column) in &columns.shorts {
        if !decimal.is_valid() {
            return Err(content(
                &"an integer base and a power of ten as divisor",
                &format_args!("{} and {}", Plain(decimal.base), Plain(decimal.divisor)),
            ));
        }
        if column.min < 0 {
            return Err(content(&"short values in 0..=32767", &column.min));
        }
    }
    for group in &columns.groups {
        let largest = group.codes.iter().copied().max().unwrap_or(0);
        if usize::from(largest) > group.members.len() {
            return Err(content(
                &format_args!("codes up to {}", group.members.len()),
                &largest,
            ));
        }
    }
    // Any NaN or infinity shows, whereas `min` and `max` of a column may step over a NaN.
    let singles = |column: &Column<f32>| column.values.iter().all(|value| value.is_finite());
    let doubles = |column: &Column<f64>| column.values.iter().all(|value| value.is_finite());
    let constants = columns
        .features
        .iter()
        .all(|form| !matches!(form, Feature::Constant(x) if !x.is_finite()));
    if !(columns.singles.iter().all(singles) && columns.doubles.iter().all(doubles) && constants) {
        return Err(content(&"finite values", &"NaN or infinity"));
    }
    Ok(())
}

fn wrong_tensor(
    name: &'static str,
    expected: String,
    actual: Option<(&str, &[usize], &[u8])>,
) -> ModelFileError {
    let actual = actual.map_or("none".to_owned(), |(dtype, shape, _)| {
        let mut actual = format!("{dtype} [");
        for (at, side) in shape.iter().enumerate() {
            put(&mut actual, if at > 0 { ", " } else { "" });
            write_integer(&mut actual, *side);
        }
        put(&mut actual, "]");
        actual
    });
    ModelFileError::Tensor {
        name,
        expected,
        actual,
    }
}
