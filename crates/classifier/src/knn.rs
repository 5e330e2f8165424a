//! The k-nearest-neighbour classifier.

use crate::{ClassId, FitError, Preparation, QueryError, Rows};

/// The distance between two prepared feature vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Root of the sum of squared differences.
    #[default]
    Euclidean,
    /// Sum of absolute differences.
    Manhattan,
}

/// Which code answers queries; the answers are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// The paper's: every distance in f64, then a full sort.
    Textbook,
    /// SIMD scan over losslessly compacted columns.
    #[default]
    Scan,
}

/// What to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnnOptions {
    /// How many neighbours vote, `1..=255`; with fewer rows all of them do.
    pub k: usize,
    /// The distance.
    pub metric: Metric,
    /// The preparation, fitted to the training rows.
    pub preparation: Preparation,
    /// Which code answers.
    pub engine: EngineKind,
}

/// A training row with its distance to the query point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Row in the training set.
    pub row: u32,
    /// Distance by the model's metric (not its square), between prepared vectors.
    pub distance: f64,
}

/// A fitted classifier.
#[derive(Debug)]
pub struct Knn {}

impl Knn {
    /// Fits to `rows` with one label each.
    ///
    /// # Errors
    ///
    /// See [`FitError`].
    pub fn fit(
        rows: &impl Rows,
        labels: &[ClassId],
        n_classes: usize,
        options: &KnnOptions,
    ) -> Result<Self, FitError> {
        let _ = (rows, labels, n_classes, options);
        Err(FitError::NoRows)
    }

    /// The k nearest rows, by (distance, row) ascending. The slice is valid until the next query.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn neighbours(&mut self, query: &[f64]) -> Result<&[Neighbour], QueryError> {
        let _ = query;
        Ok(&[])
    }

    /// The share of the votes that each class got, `n_classes` long, summing to 1.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn class_shares(&mut self, query: &[f64]) -> Result<&[f64], QueryError> {
        let _ = query;
        Ok(&[])
    }

    /// The class with most votes; equal votes go to the smallest class.
    ///
    /// # Errors
    ///
    /// See [`QueryError`].
    pub fn predict(&mut self, query: &[f64]) -> Result<ClassId, QueryError> {
        let _ = query;
        Ok(0)
    }
}
