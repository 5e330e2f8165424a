//! What the distance between a row and a query is: preparation, metric and the features' weights.
//!
//! With x' and q' for the prepared values and w for a feature's weight, all in f64, a feature adds
//! `w·((x' - q')·(x' - q'))` (Manhattan: `w·|x' - q'|`), in feature order. That is the definition which answers are exact by.
//! The weight comes last, not into the scale: so whole numbers with whole weights have distances without any rounding, and
//! ties remain ties.

use crate::preparation::prepared;
use crate::{Metric, QueryError, Scaling};

/// Larger weights make too much of what squares lose by underflow: 2^-1074 each.
const MAX_FILTERED: f64 = 1e200;

/// What a distance is.
#[derive(Debug, Clone)]
pub(crate) struct Measure {
    pub(crate) metric: Metric,
    /// The preparation, in which features of weight 0 are divided by infinity: 0, whatever they are.
    scaling: Option<Scaling>,
    /// Whether values count as they are or not at all: nothing was fitted, and weights are 0 or 1.
    pub(crate) is_plain: bool,
    /// One a feature.
    pub(crate) weights: Vec<f64>,
    /// Of each feature `√w` (Manhattan: `w`). A difference times that, and then without a weight, adds as much but for
    /// rounding: what filters, boxes and axes work with.
    pub(crate) weight_roots: Vec<f64>,
}

impl Measure {
    /// `weights` are one a feature, finite and not negative, or none at all for ones.
    pub(crate) fn new(metric: Metric, scaling: Option<&Scaling>, weights: &[f64], n_features: usize) -> Self {
        let is_plain = scaling.is_none() && weights.iter().all(|weight| [0.0, 1.0].contains(weight));
        let mut scaling = scaling.cloned();
        for (feature, _) in weights.iter().enumerate().filter(|(_, weight)| **weight == 0.0) {
            let scaling = scaling.get_or_insert_with(|| Scaling {
                offset: vec![0.0; n_features],
                scale: vec![1.0; n_features],
            });
            scaling.offset[feature] = 0.0;
            scaling.scale[feature] = f64::INFINITY;
        }
        let mut weights = weights.to_vec();
        weights.resize(n_features, 1.0);
        let mut weight_roots = weights.clone();
        if metric == Metric::Euclidean {
            weight_roots.iter_mut().for_each(|root| *root = root.sqrt());
        }
        Self {
            metric,
            scaling,
            is_plain,
            weights,
            weight_roots,
        }
    }

    /// How many features there are.
    pub(crate) fn n_features(&self) -> usize {
        self.weights.len()
    }

    /// Whether the bounds that filters prove hold for such weights.
    pub(crate) fn may_be_filtered(&self) -> bool {
        self.weights.iter().all(|weight| *weight <= MAX_FILTERED)
    }

    /// The prepared value of `feature`: 0 if it has no weight.
    #[inline(always)]
    pub(crate) fn prepare(&self, feature: usize, value: f64) -> f64 {
        prepared(self.scaling.as_ref(), feature, value)
    }

    /// What the preparation subtracts from values of `feature`.
    pub(crate) fn offset(&self, feature: usize) -> f64 {
        self.scaling
            .as_ref()
            .map_or(0.0, |scaling| scaling.offset[feature])
    }

    /// What a difference between values of `feature` is multiplied by to be prepared and weighted: `√w/scale`.
    pub(crate) fn stretch(&self, feature: usize) -> f64 {
        let scale = self
            .scaling
            .as_ref()
            .map_or(1.0, |scaling| scaling.scale[feature]);
        self.weight_roots[feature] / scale
    }

    /// What `feature` adds to a squared (Manhattan: plain) distance with this difference between prepared values.
    #[inline(always)]
    pub(crate) fn cost(&self, feature: usize, difference: f64) -> f64 {
        self.weights[feature] * self.metric.of(difference)
    }

    /// Writes `features` to `prepared` if there are as many as there should be and all of them stay finite.
    pub(crate) fn prepare_query(&self, features: &[f64], prepared: &mut Vec<f64>) -> Result<(), QueryError> {
        if features.len() != self.n_features() {
            return Err(QueryError::FeatureCount {
                expected: self.n_features(),
                actual: features.len(),
            });
        }
        prepared.clear();
        match &self.scaling {
            None => prepared.extend_from_slice(features),
            Some(scaling) => {
                let values = features.iter().enumerate();
                prepared.extend(values.map(|(feature, &value)| scaling.prepare(feature, value)));
            }
        }
        // A feature that is not finite is not when prepared either.
        if kernels::are_finite(prepared) {
            return Ok(());
        }
        for (feature, &value) in features.iter().enumerate() {
            if !value.is_finite() {
                return Err(QueryError::NotFinite { feature, value });
            }
            if !prepared[feature].is_finite() {
                return Err(QueryError::Overflow { feature, value });
            }
        }
        Ok(())
    }
}

impl Metric {
    /// What a difference adds to a distance: its square, or its size.
    #[inline(always)]
    pub(crate) fn of(self, difference: f64) -> f64 {
        match self {
            Self::Euclidean => difference * difference,
            Self::Manhattan => difference.abs(),
        }
    }
}
