//! What can be wrong with a training set, a query or a model file.

use crate::decimal::Plain;
use crate::model_file::MAX_TEXT_BYTES;

/// Why a training set was not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to look at.
    #[error("expected at least one training row, got none")]
    NoRows,
    /// A chunk of rows with as many features as the others.
    #[error("expected rows of {expected} features, got {actual}")]
    FeatureCount {
        /// Features that the builder was made for.
        expected: usize,
        /// Features of the chunk's rows.
        actual: usize,
    },
    /// One label a row.
    #[error("expected {expected} labels, one a row, got {actual}")]
    LabelCount {
        /// Rows given.
        expected: usize,
        /// Labels given.
        actual: usize,
    },
    /// A label that names no class.
    #[error("label {label} of row {row} is outside 0..{n_classes}")]
    LabelOutOfRange {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
        /// How many classes there are.
        n_classes: usize,
    },
    /// More features than anything here was made for.
    #[error("expected at most 262144 features, got {n_features}")]
    TooManyFeatures {
        /// Features asked for.
        n_features: usize,
    },
    /// More classes than anything here was made for.
    #[error("expected at most 1048576 classes, got {n_classes}")]
    TooManyClasses {
        /// Classes asked for.
        n_classes: usize,
    },
    /// `k` has to be in `1..=255`.
    #[error("k = {k} is outside 1..=255")]
    KOutOfRange {
        /// The k asked for.
        k: usize,
    },
    /// One weight a feature, or none at all.
    #[error("expected {expected} feature weights or none, got {actual}")]
    FeatureWeightCount {
        /// Features given.
        expected: usize,
        /// Weights given.
        actual: usize,
    },
    /// A weight that is negative, infinite or NaN.
    #[error("expected a weight that is finite and not negative for feature {feature}, got {}", Plain(*weight))]
    FeatureWeightOutOfRange {
        /// The feature.
        feature: usize,
        /// Its weight.
        weight: f64,
    },
    /// A scaling of another length, or with offsets or scales that cannot be used.
    #[error("expected a scaling of {n_features} finite offsets and positive, finite scales")]
    Scaling {
        /// Features of a row.
        n_features: usize,
    },
    /// Without any feature all rows are equally near.
    #[error("expected a positive weight for at least one feature, got zeros only")]
    NoFeatureWeighs,
    /// The textbook engine was left out when this code was compiled.
    #[error("the textbook engine is not part of this build (cargo feature `textbook`)")]
    TextbookMissing,
    /// NaN or infinity has no distance.
    #[error("expected a finite number in row {row}, feature {feature}, got {}", Plain(*value))]
    NotFinite {
        /// The row.
        row: usize,
        /// The feature.
        feature: usize,
        /// What stood there.
        value: f64,
    },
    /// Rows are numbered in 32 bits.
    #[error("expected at most 4294967295 training rows, got {n_rows}")]
    TooManyRows {
        /// Rows given.
        n_rows: usize,
    },
    /// More rows than there can be memory for.
    #[error("expected rows that fit in memory, got {n_rows}")]
    TooLarge {
        /// Rows that were announced.
        n_rows: usize,
    },
    /// Names that no model file could hold: from [`ModelMetadata::check`](crate::ModelMetadata::check).
    #[error("expected up to {MAX_TEXT_BYTES} bytes of names and source, got {n_bytes}")]
    TooMuchText {
        /// What they take in UTF-8.
        n_bytes: usize,
    },
    /// Values so large or so far apart that preparing them overflows.
    #[error("values of feature {feature} are too far apart to be prepared")]
    Overflow {
        /// The feature.
        feature: usize,
    },
}

impl FitError {
    /// The feature that it is about, if it is about one: who knows the features' names can say more than its number.
    #[must_use]
    pub fn feature(&self) -> Option<usize> {
        match *self {
            Self::FeatureWeightOutOfRange { feature, .. }
            | Self::NotFinite { feature, .. }
            | Self::Overflow { feature } => Some(feature),
            _ => None,
        }
    }
}

/// Why a row was not inserted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// Its features would not do for a query either.
    #[error(transparent)]
    Features(#[from] QueryError),
    /// A label that names no class.
    #[error("label {label} is outside 0..{n_classes}")]
    LabelOutOfRange {
        /// The label.
        label: u32,
        /// How many classes there are.
        n_classes: usize,
    },
}

/// Why a query point was not classified.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// Nobody votes: nothing was inserted yet, or all was removed.
    #[error("expected at least one row, but there is none now")]
    NoRows,
    /// As many features as the training rows have.
    #[error("expected {expected} features, got {actual}")]
    FeatureCount {
        /// Features of a training row.
        expected: usize,
        /// Features of the query.
        actual: usize,
    },
    /// NaN or infinity has no distance.
    #[error("expected a finite number in feature {feature}, got {}", Plain(*value))]
    NotFinite {
        /// The feature.
        feature: usize,
        /// What stood there.
        value: f64,
    },
    /// A value so large that preparing it overflows.
    #[error("value {} of feature {feature} is too large to be prepared", Plain(*value))]
    Overflow {
        /// The feature.
        feature: usize,
        /// What stood there.
        value: f64,
    },
}

/// Why bytes are not a model file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFileError {
    /// Not safetensors, or cut off.
    #[error("expected a safetensors file, but {reason}")]
    Container {
        /// What the reader said.
        reason: String,
    },
    /// A safetensors file without our record, or with one that does not parse.
    #[error("expected a metadata record `runnel`, but {reason}")]
    Record {
        /// What was wrong.
        reason: String,
    },
    /// Written by another version.
    #[error("expected format version {expected}, got {actual}")]
    Version {
        /// The version that this code reads.
        expected: u32,
        /// The file's.
        actual: u32,
    },
    /// Damaged on its way.
    #[error("expected the checksum {expected}, got {actual}")]
    Checksum {
        /// As the file says.
        expected: String,
        /// As its record and tensors give.
        actual: String,
    },
    /// A tensor is missing or of another type or shape.
    #[error("expected tensor `{name}` as {expected}, got {actual}")]
    Tensor {
        /// The tensor.
        name: &'static str,
        /// Type and shape that the record asks for.
        expected: String,
        /// What the file has.
        actual: String,
    },
    /// The parts contradict each other or hold values that no fit produces.
    #[error("expected {expected}, got {actual}")]
    Content {
        /// What a valid file has.
        expected: String,
        /// What this one has.
        actual: String,
    },
}
