//! What to fit: [`KnnOptions`] with the metric and the engine; the preparation and the voting have files of their own.

use std::fmt;

use crate::{FitError, Preparation, Voting};

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

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Euclidean => "Euclidean",
            Self::Manhattan => "Manhattan",
        })
    }
}

/// Which code answers queries; the answers are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// The paper's: every distance in f64, then a full sort. Only with the cargo feature `textbook`.
    Textbook,
    /// SIMD scan over losslessly compacted columns.
    Scan,
    /// Leaves of near rows under a tree of boxes, passed over where they cannot matter.
    Tree,
    /// [`Tree`](Self::Tree) where it pays, which is counted at fit, otherwise [`Scan`](Self::Scan).
    #[default]
    Auto,
}

/// What to fit.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnOptions {
    /// How many neighbours vote, `1..=255`; with fewer rows all of them do.
    pub k: usize,
    /// The distance.
    pub metric: Metric,
    /// The preparation, fitted to the training rows.
    pub preparation: Preparation,
    /// Which code answers.
    pub engine: EngineKind,
    /// What each neighbour's vote is worth.
    pub voting: Voting,
    /// How much each prepared feature counts: finite, not negative, one for each feature, or none at all for ones.
    ///
    /// With weights w, the Euclidean distance is the root of the sum of `w·(x - q)²`, the Manhattan distance the sum of
    /// `w·|x - q|`, as scikit-learn's `metric_params={"w": …}`, taken in f64 and in feature order. A feature of weight 0 is
    /// checked but not kept.
    pub feature_weights: Vec<f64>,
}

impl Default for KnnOptions {
    /// The paper's k = 5 equal votes on raw features with Euclidean distance, answered by what suits the rows.
    fn default() -> Self {
        Self {
            k: 5,
            metric: Metric::default(),
            preparation: Preparation::default(),
            engine: EngineKind::default(),
            voting: Voting::default(),
            feature_weights: Vec::new(),
        }
    }
}

impl KnnOptions {
    /// Whether `k` and the weights of features can be used for rows of `n_features`.
    pub(crate) fn check(k: usize, weights: &[f64], n_features: usize) -> Result<(), FitError> {
        if !(1..=255).contains(&k) {
            return Err(FitError::KOutOfRange { k });
        }
        if weights.is_empty() {
            return Ok(());
        }
        if weights.len() != n_features {
            return Err(FitError::FeatureWeightCount {
                expected: n_features,
                actual: weights.len(),
            });
        }
        let is_in_range = |weight: f64| weight.is_finite() && weight >= 0.0;
        if let Some(feature) = weights.iter().position(|&weight| !is_in_range(weight)) {
            return Err(FitError::FeatureWeightOutOfRange {
                feature,
                weight: weights[feature],
            });
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(FitError::NoFeatureWeighs);
        }
        Ok(())
    }
}
