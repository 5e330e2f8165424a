//! Reading a model file: everything is checked before it is believed.

use kernels::BLOCK;

use super::checksum::crc32;
use super::container::{Header, Tensor};
use super::record;
use super::{CHECKSUM_KEY, Form, ModelMetadata, Record, VERSION};
use crate::compact::{Column, Columns, Feature, Group};
use crate::decimal::Plain;
use crate::labels::Labels;
use crate::pace::Pace;
use crate::tree::Order;
use crate::{EngineKind, Knn, KnnOptions, ModelFileError, Preparation};

/// The textbook engine keeps every number in eight bytes, whereas a file may hold many in a few: constants, groups.
const MAX_NUMBERS_PER_BYTE: usize = 8;

impl Knn {
    /// Reads a model back. It answers as the fitted one did, and by the same engine.
    ///
    /// # Errors
    ///
    /// [`ModelFileError`]; whatever the bytes are, this neither panics nor takes memory out of proportion to them.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, ModelMetadata), ModelFileError> {
        let file = File::parse(bytes)?;
        let record = file.record()?;
        let n_features = record.columns.len();
        if record.feature_names.len() != n_features {
            return Err(content(
                format!("{n_features} feature names"),
                record.feature_names.len(),
            ));
        }
        check_scaling(&record, n_features)?;
        if let Some(ppm) = record.visited_ppm.filter(|&ppm| ppm > 1_000_000) {
            return Err(content("`visited_ppm` up to 1000000", ppm));
        }
        let labels = file.labels()?;
        let n_classes = record.class_names.len();
        if let Some(label) = labels.max().filter(|&label| label as usize >= n_classes) {
            return Err(content(format!("labels in 0..{n_classes}"), label));
        }
        let columns = file.columns(&record.columns, labels.len())?;
        let order = file.order(record.categories, record.is_turned, &columns)?;
        let by_order = order.as_ref().map_or(EngineKind::Scan, |_| EngineKind::Tree);
        let options = KnnOptions {
            k: record.k,
            metric: record.metric,
            preparation: record.preparation,
            engine: record.engine.unwrap_or(by_order),
            voting: record.voting,
            feature_weights: record.feature_weights,
        };
        KnnOptions::check(options.k, &options.feature_weights, n_features)
            .map_err(|error| content("options that can be fitted", error))?;
        check_ignored(&options, &columns)?;
        let n_numbers = columns.n_rows.saturating_mul(n_features);
        if options.engine == EngineKind::Textbook && n_numbers > MAX_NUMBERS_PER_BYTE * bytes.len() {
            let most = format!("at most {MAX_NUMBERS_PER_BYTE} numbers a byte for the textbook engine");
            return Err(content(most, format!("{n_numbers} in {} bytes", bytes.len())));
        }
        let assemble = async |pace| {
            Self::assemble(columns, labels, n_classes, options, record.scaling, order, &pace).await
        };
        let mut knn =
            Pace::run(assemble).map_err(|error| content("a model that can be put together", error))?;
        knn.visited_ppm = knn.visited_ppm.or(record.visited_ppm);
        let metadata = ModelMetadata {
            class_names: record.class_names,
            feature_names: record.feature_names,
            source: record.source,
        };
        Ok((knn, metadata))
    }
}

fn content(expected: impl Into<String>, actual: impl ToString) -> ModelFileError {
    ModelFileError::Content {
        expected: expected.into(),
        actual: actual.to_string(),
    }
}

fn check_scaling(record: &Record, n_features: usize) -> Result<(), ModelFileError> {
    match (&record.scaling, record.preparation) {
        (None, Preparation::Raw) => Ok(()),
        (None, preparation) => Err(content(format!("a scaling for {preparation} features"), "none")),
        (Some(_), Preparation::Raw) => Err(content("no scaling for raw features", "one")),
        (Some(scaling), _) => {
            let lengths = (scaling.offset.len(), scaling.scale.len());
            if lengths != (n_features, n_features) {
                return Err(content(
                    format!("{n_features} offsets and scales"),
                    format!("{} and {}", lengths.0, lengths.1),
                ));
            }
            if !scaling.is_usable(n_features) {
                return Err(content("finite offsets and positive scales", "others"));
            }
            Ok(())
        }
    }
}

/// A feature is left out if its weight is 0, and only then.
fn check_ignored(options: &KnnOptions, columns: &Columns) -> Result<(), ModelFileError> {
    for (feature, form) in columns.features.iter().enumerate() {
        let weight = options.feature_weights.get(feature).copied().unwrap_or(1.0);
        let is_ignored = matches!(form, Feature::Ignored);
        if is_ignored != (weight == 0.0) {
            let form = if is_ignored { "Ignored" } else { "one that is kept" };
            return Err(content(
                "features to be `ignored` where their weight is 0",
                format!("{form} of weight {}", Plain(weight)),
            ));
        }
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
        Record::from_json(record).map_err(invalid)
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
            Some((_, [0], _)) => Err(content("at least one row", 0)),
            Some(("U8", [_], bytes)) => Ok(Labels::U8(bytes.to_vec())),
            Some(("U16", [_], bytes)) => Ok(Labels::U16(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .copied()
                    .map(u16::from_le_bytes)
                    .collect(),
            )),
            Some(("U32", [_], bytes)) => Ok(Labels::U32(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .copied()
                    .map(u32::from_le_bytes)
                    .collect(),
            )),
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
                let rows = bytes.as_chunks().0.iter().copied().map(u32::from_le_bytes);
                let order = Order::checked(rows.collect(), categories, is_turned, columns);
                let invalid = || content("each row once in `order`, and large trees of groups", "others");
                order.map(Some).ok_or_else(invalid)
            }
            other => Err(wrong_tensor("order", format!("U32 [{}]", columns.n_rows), other)),
        }
    }

    /// The columns of a tensor, which must have `dtype` and `n_columns` of them.
    fn rows_of<const N: usize, T>(
        &self,
        name: &'static str,
        dtype: &str,
        [n_columns, n_rows]: [usize; 2],
        from_le_bytes: fn([u8; N]) -> T,
    ) -> Result<Vec<Vec<T>>, ModelFileError> {
        match self.tensor(name) {
            None if n_columns == 0 => Ok(Vec::new()),
            Some((actual, shape, bytes)) if actual == dtype && shape == [n_columns, n_rows] => {
                let padded = n_rows.next_multiple_of(BLOCK);
                let column = |bytes: &[u8]| {
                    let mut values = Vec::with_capacity(padded);
                    values.extend(bytes.as_chunks().0.iter().copied().map(from_le_bytes));
                    values
                };
                Ok(bytes.chunks_exact(N * n_rows).map(column).collect())
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
            return Err(content("at most 4294967295 rows", n_rows));
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
                format!("at most as many groups as there are members, {n_members}"),
                n_groups,
            ));
        }
        let shorts = count(|form| matches!(form, Form::Short(_)));
        let mut shorts = self
            .rows_of("short", "I16", shorts, i16::from_le_bytes)?
            .into_iter();
        let singles = count(|form| matches!(form, Form::Single));
        let mut singles = self
            .rows_of("single", "F32", singles, f32::from_le_bytes)?
            .into_iter();
        let doubles = count(|form| matches!(form, Form::Double));
        let mut doubles = self
            .rows_of("double", "F64", doubles, f64::from_le_bytes)?
            .into_iter();
        let codes = self.rows_of("category", "U8", [n_groups, n_rows], |[code]: [u8; 1]| code)?;
        let groups = codes.into_iter().map(|mut codes| {
            codes.resize(n_rows.next_multiple_of(BLOCK), 0);
            Group {
                members: Vec::new(),
                codes,
            }
        });

        let mut columns = Columns {
            n_rows,
            features: Vec::with_capacity(forms.len()),
            shorts: Vec::new(),
            groups: groups.collect(),
            singles: Vec::new(),
            doubles: Vec::new(),
        };
        const COUNTED: &str = "one column per feature of this form was read";
        for (feature, form) in forms.iter().enumerate() {
            columns.features.push(match form {
                Form::Ignored => Feature::Ignored,
                Form::Constant(value) => Feature::Constant(*value),
                Form::Short(decimal) => {
                    columns
                        .shorts
                        .push((*decimal, Column::new(feature, shorts.next().expect(COUNTED))));
                    Feature::Short(columns.shorts.len() - 1)
                }
                Form::Member { group } => {
                    let members = &mut columns
                        .groups
                        .get_mut(*group)
                        .ok_or_else(|| content(format!("a group in 0..{n_groups}"), group))?
                        .members;
                    members.push(feature);
                    let code =
                        u8::try_from(members.len()).map_err(|_| content("up to 255 members", "more"))?;
                    Feature::Member { group: *group, code }
                }
                Form::Single => {
                    columns
                        .singles
                        .push(Column::new(feature, singles.next().expect(COUNTED)));
                    Feature::Single(columns.singles.len() - 1)
                }
                Form::Double => {
                    columns
                        .doubles
                        .push(Column::new(feature, doubles.next().expect(COUNTED)));
                    Feature::Double(columns.doubles.len() - 1)
                }
            });
        }
        check_values(&columns)?;
        Ok(columns)
    }
}

/// Refuses values that no fit produces and that the engines rely on not to meet.
fn check_values(columns: &Columns) -> Result<(), ModelFileError> {
    for (decimal, column) in &columns.shorts {
        if !decimal.is_valid() {
            return Err(content(
                "an integer base and a power of ten as divisor",
                format!("{} and {}", Plain(decimal.base), Plain(decimal.divisor)),
            ));
        }
        if column.min < 0 {
            return Err(content("short values in 0..=32767", column.min));
        }
    }
    for group in &columns.groups {
        let largest = group.codes.iter().copied().max().unwrap_or(0);
        if usize::from(largest) > group.members.len() {
            return Err(content(format!("codes up to {}", group.members.len()), largest));
        }
    }
    // Any NaN or infinity shows, whereas `min` and `max` of a column may step over a NaN.
    let singles = columns
        .singles
        .iter()
        .flat_map(|column| &column.values)
        .all(|value| value.is_finite());
    let doubles = columns
        .doubles
        .iter()
        .flat_map(|column| &column.values)
        .all(|value| value.is_finite());
    let constants = columns
        .features
        .iter()
        .all(|form| !matches!(form, Feature::Constant(x) if !x.is_finite()));
    if !(singles && doubles && constants) {
        return Err(content("finite values", "NaN or infinity"));
    }
    Ok(())
}

fn wrong_tensor(
    name: &'static str,
    expected: String,
    actual: Option<(&str, &[usize], &[u8])>,
) -> ModelFileError {
    let actual = actual.map_or("none".to_owned(), |(dtype, shape, _)| {
        let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
        format!("{dtype} [{}]", sides.join(", "))
    });
    ModelFileError::Tensor {
        name,
        expected,
        actual,
    }
}
