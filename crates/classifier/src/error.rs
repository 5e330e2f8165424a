//! What can be wrong with a training set or a query.

/// Why a training set was not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to look at.
    #[error("expected at least one training row, got none")]
    NoRows,
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
    /// `k` has to be in `1..=255`.
    #[error("k = {k} is outside 1..=255")]
    KOutOfRange {
        /// The k asked for.
        k: usize,
    },
    /// NaN or infinity has no distance.
    #[error("expected a finite number in row {row}, feature {feature}, got {value}")]
    NotFinite {
        /// The row.
        row: usize,
        /// The feature.
        feature: usize,
        /// What stood there.
        value: f64,
    },
}

/// Why a query point was not classified.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// As many features as the training rows have.
    #[error("expected {expected} features, got {actual}")]
    FeatureCount {
        /// Features of a training row.
        expected: usize,
        /// Features of the query.
        actual: usize,
    },
    /// NaN or infinity has no distance.
    #[error("expected a finite number in feature {feature}, got {value}")]
    NotFinite {
        /// The feature.
        feature: usize,
        /// What stood there.
        value: f64,
    },
}
