//! Model files: safetensors, read and written without loss.
//!
//! `n` is the number of training rows; the columns are stored as they are held in memory (`compact.rs`).
//!
//! | tensor | type and shape | holds |
//! |---|---|---|
//! | `labels` | U8, U16 or U32, `[n]` | the class of each row |
//! | `short` | I16 `[features of form short, n]` | `u` of `(base + u) / divisor` |
//! | `category` | U8 `[groups, n]` | 0, or 1 + the place among the group's members of the feature that is 1 |
//! | `single` | F32 `[features of form single, n]` | values |
//! | `double` | F64 `[features of form double, n]` | values |
//! | `order` | U32 `[n]` | each row once, near rows together; makes a tree without sorting. Left out for a scan |
//!
//! A tensor without rows in its first dimension is left out. The header's `__metadata__` has one entry, `runnel`,
//! with a JSON record: `version`, `k`, `metric`, `voting` (`"uniform"` if left out), `preparation`, `scaling` (`offset`
//! and `scale`, or null), `feature_weights` (a number for each feature; all 1 if left out or empty), `class_names`, `feature_names`, `source`, and `columns`, the form of every feature in order: `{"constant": x}`,
//! `{"short": {"base": x, "divisor": x}}`, `{"member": {"group": i}}`, `"single"`, `"double"`, or `"ignored"` where the
//! weight is 0. Features of one form
//! are rows of its tensor in feature order. `categories` lists the groups whose combinations have trees of their own, in
//! runs of `order`; `visited_ppm` is what the choice of the engine was based on, or null. Any order that has each row
//! once gives the same answers: boxes are not stored but computed from the rows.
//!
//! Bytes are untrusted: every length is checked against the bytes present before memory is taken for it, and memory
//! stays within a small multiple of the file's size (64 at worst, for a file with a single row: columns are padded).

use safetensors::tensor::{Dtype, Metadata, TensorView};

use crate::compact::{BLOCK, Column, Columns, Decimal, Feature, Group};
use crate::labels::Labels;
use crate::tree::Order;
use crate::{EngineKind, Knn, KnnOptions, Metric, ModelFileError, Preparation, Scaling, Voting};

/// Raised when older readers could not read, or would misread, what is written.
const VERSION: u32 = 2;
/// The entry of `__metadata__` that holds the record.
const KEY: &str = "runnel";
/// Bytes of the header's length at the start of a safetensors file.
const LENGTH_BYTES: usize = 8;

/// What a model file says beyond what [`Knn`] itself knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelMetadata {
    /// Names of the classes, by class id.
    pub class_names: Vec<String>,
    /// Names of the features, in order.
    pub feature_names: Vec<String>,
    /// Where the training rows come from, for people.
    pub source: String,
}

/// Only the version, so that a file of another version is not blamed for its other fields.
#[derive(serde::Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    version: u32,
    k: usize,
    metric: Metric,
    #[serde(default)]
    voting: Voting,
    preparation: Preparation,
    scaling: Option<Scaling>,
    #[serde(default)]
    feature_weights: Vec<f64>,
    class_names: Vec<String>,
    feature_names: Vec<String>,
    source: String,
    columns: Vec<Form>,
    categories: Vec<usize>,
    visited_ppm: Option<u32>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Ignored,
    Constant(f64),
    Short(Decimal),
    Member { group: usize },
    Single,
    Double,
}

impl Knn {
    /// The model as a safetensors file. Of the engine it holds whether that is a tree, and in which order.
    ///
    /// # Panics
    ///
    /// Unless `metadata` names each class and each feature once.
    #[must_use]
    pub fn to_bytes(&self, metadata: &ModelMetadata) -> Vec<u8> {
        assert_eq!(metadata.class_names.len(), self.n_classes, "one name per class");
        assert_eq!(
            metadata.feature_names.len(),
            self.n_features(),
            "one name per feature"
        );
        let columns = &*self.columns();
        let order = self.order();
        let n_rows = columns.n_rows;
        let record = Record {
            version: VERSION,
            k: self.options.k,
            metric: self.options.metric,
            voting: self.options.voting,
            preparation: self.options.preparation,
            scaling: self.preparation.clone(),
            feature_weights: self.options.feature_weights.clone(),
            class_names: metadata.class_names.clone(),
            feature_names: metadata.feature_names.clone(),
            source: metadata.source.clone(),
            columns: columns
                .features
                .iter()
                .map(|feature| form(columns, *feature))
                .collect(),
            categories: order
                .as_ref()
                .map_or(Vec::new(), |order| order.categories.clone()),
            visited_ppm: self.visited_ppm,
        };
        let record = serde_json::to_string(&record).expect("numbers, strings and lists become JSON");

        let mut tensors: Vec<(&str, Dtype, Vec<usize>, Vec<u8>)> = Vec::new();
        let (label_type, labels) = match &self.labels {
            Labels::U8(labels) => (Dtype::U8, labels.clone()),
            Labels::U16(labels) => (
                Dtype::U16,
                labels.iter().flat_map(|label| label.to_le_bytes()).collect(),
            ),
            Labels::U32(labels) => (
                Dtype::U32,
                labels.iter().flat_map(|label| label.to_le_bytes()).collect(),
            ),
        };
        tensors.push(("labels", label_type, vec![n_rows], labels));
        let mut push = |name, dtype, n_columns, bytes| {
            if n_columns > 0 {
                tensors.push((name, dtype, vec![n_columns, n_rows], bytes));
            }
        };
        let shorts = columns
            .shorts
            .iter()
            .flat_map(|(_, column)| &column.values[..n_rows]);
        push(
            "short",
            Dtype::I16,
            columns.shorts.len(),
            shorts.flat_map(|u| u.to_le_bytes()).collect(),
        );
        let codes = columns.groups.iter().flat_map(|group| &group.codes[..n_rows]);
        push(
            "category",
            Dtype::U8,
            columns.groups.len(),
            codes.copied().collect(),
        );
        let singles = columns.singles.iter().flat_map(|column| &column.values[..n_rows]);
        push(
            "single",
            Dtype::F32,
            columns.singles.len(),
            singles.flat_map(|value| value.to_le_bytes()).collect(),
        );
        let doubles = columns.doubles.iter().flat_map(|column| &column.values[..n_rows]);
        push(
            "double",
            Dtype::F64,
            columns.doubles.len(),
            doubles.flat_map(|value| value.to_le_bytes()).collect(),
        );

        if let Some(order) = &order {
            let rows = order.rows.iter().flat_map(|row| row.to_le_bytes());
            tensors.push(("order", Dtype::U32, vec![n_rows], rows.collect()));
        }

        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            (*name, view.expect("as many bytes as type and shape say"))
        });
        let header = [(KEY.to_owned(), record)].into_iter().collect();
        safetensors::serialize(views, Some(header)).expect("the header is far below the format's 100 MB")
    }

    /// Reads a model back. It answers as the fitted one did, by [`EngineKind::Tree`] if that did and
    /// by [`EngineKind::Scan`] otherwise.
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
        for (form, weight) in record.columns.iter().zip(&record.feature_weights) {
            if matches!(form, Form::Ignored) != (*weight == 0.0) {
                return Err(content(
                    "features of weight 0 to be `ignored`, and no others",
                    weight,
                ));
            }
        }
        let is_ignored = |form: &Form| matches!(form, Form::Ignored);
        if record.feature_weights.is_empty() && record.columns.iter().any(is_ignored) {
            return Err(content(
                "weights of 0 for features that are `ignored`",
                "no weights",
            ));
        }
        let labels = file.labels()?;
        let n_classes = record.class_names.len();
        if let Some(label) = labels.max().filter(|&label| label as usize >= n_classes) {
            return Err(content(format!("labels in 0..{n_classes}"), label));
        }
        let columns = file.columns(&record.columns, labels.len())?;
        let order = file.order(record.categories, &columns)?;
        let options = KnnOptions {
            k: record.k,
            metric: record.metric,
            preparation: record.preparation,
            engine: order.as_ref().map_or(EngineKind::Scan, |_| EngineKind::Tree),
            voting: record.voting,
            feature_weights: record.feature_weights,
        };
        options
            .check(n_features)
            .map_err(|error| content("options that can be fitted", error))?;
        let mut knn = Self::assemble(columns, labels, n_classes, options, record.scaling, order)
            .map_err(|error| content("a scaling that fits the columns", error))?;
        knn.visited_ppm = record.visited_ppm;
        let metadata = ModelMetadata {
            class_names: record.class_names,
            feature_names: record.feature_names,
            source: record.source,
        };
        Ok((knn, metadata))
    }
}

/// A feature's entry in the record.
fn form(columns: &Columns, feature: Feature) -> Form {
    match feature {
        Feature::Ignored => Form::Ignored,
        Feature::Constant(value) => Form::Constant(value),
        Feature::Short(idx) => Form::Short(columns.shorts[idx].0),
        Feature::Member { group, .. } => Form::Member { group },
        Feature::Single(_) => Form::Single,
        Feature::Double(_) => Form::Double,
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
                    format!("{lengths:?}"),
                ));
            }
            let is_usable =
                |(offset, scale): (&f64, &f64)| offset.is_finite() && scale.is_finite() && *scale > 0.0;
            if !scaling.offset.iter().zip(&scaling.scale).all(is_usable) {
                return Err(content("finite offsets and positive scales", "others"));
            }
            Ok(())
        }
    }
}

/// A safetensors file whose header has been checked against its length.
struct File<'a> {
    metadata: Metadata,
    data: &'a [u8],
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, ModelFileError> {
        let (header_len, metadata) =
            safetensors::SafeTensors::read_metadata(bytes).map_err(|error| ModelFileError::Container {
                reason: error.to_string(),
            })?;
        let data = bytes.get(LENGTH_BYTES + header_len..).unwrap_or_default();
        Ok(Self { metadata, data })
    }

    fn record(&self) -> Result<Record, ModelFileError> {
        let invalid = |reason: String| ModelFileError::Record { reason };
        let entry = self
            .metadata
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(KEY));
        let record = entry.ok_or_else(|| invalid("there is none".to_owned()))?;
        let Versioned { version } =
            serde_json::from_str(record).map_err(|error| invalid(error.to_string()))?;
        if version != VERSION {
            return Err(ModelFileError::Version {
                expected: VERSION,
                actual: version,
            });
        }
        serde_json::from_str(record).map_err(|error| invalid(error.to_string()))
    }

    /// Type, shape and bytes of a tensor.
    fn tensor(&self, name: &str) -> Option<(Dtype, &[usize], &'a [u8])> {
        let info = self.metadata.info(name)?;
        let bytes = self.data.get(info.data_offsets.0..info.data_offsets.1)?;
        Some((info.dtype, &info.shape, bytes))
    }

    fn labels(&self) -> Result<Labels, ModelFileError> {
        match self.tensor("labels") {
            Some((_, [0], _)) => Err(content("at least one row", 0)),
            Some((Dtype::U8, [_], bytes)) => Ok(Labels::U8(bytes.to_vec())),
            Some((Dtype::U16, [_], bytes)) => Ok(Labels::U16(
                bytes
                    .as_chunks()
                    .0
                    .iter()
                    .copied()
                    .map(u16::from_le_bytes)
                    .collect(),
            )),
            Some((Dtype::U32, [_], bytes)) => Ok(Labels::U32(
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
    fn order(&self, categories: Vec<usize>, columns: &Columns) -> Result<Option<Order>, ModelFileError> {
        match self.tensor("order") {
            None if categories.is_empty() => Ok(None),
            Some((Dtype::U32, [n_rows], bytes)) if *n_rows == columns.n_rows => {
                let rows = bytes.as_chunks().0.iter().copied().map(u32::from_le_bytes);
                let order = Order::checked(rows.collect(), categories, columns);
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
        dtype: Dtype,
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
        let shorts = count(|form| matches!(form, Form::Short(_)));
        let mut shorts = self
            .rows_of("short", Dtype::I16, shorts, i16::from_le_bytes)?
            .into_iter();
        let singles = count(|form| matches!(form, Form::Single));
        let mut singles = self
            .rows_of("single", Dtype::F32, singles, f32::from_le_bytes)?
            .into_iter();
        let doubles = count(|form| matches!(form, Form::Double));
        let mut doubles = self
            .rows_of("double", Dtype::F64, doubles, f64::from_le_bytes)?
            .into_iter();
        let codes = self.rows_of("category", Dtype::U8, [n_groups, n_rows], |[code]: [u8; 1]| code)?;
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
                format!("{decimal:?}"),
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
    actual: Option<(Dtype, &[usize], &[u8])>,
) -> ModelFileError {
    let actual = actual.map_or("none".to_owned(), |(dtype, shape, _)| {
        format!("{dtype} {shape:?}")
    });
    ModelFileError::Tensor {
        name,
        expected,
        actual,
    }
}
