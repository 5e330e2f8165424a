//! Preparation of features: scaling fitted on the training part only.
//!
//! Semantics are scikit-learn's `StandardScaler` and `MinMaxScaler`: population standard deviation, and a feature
//! that does not vary (within rounding) is only shifted. The arithmetic is one subtraction and one division in f64,
//! because exact distances need a definition and not "about the same".

use crate::Rows;
use crate::pace::Pace;

/// What it takes to fit the scaling of a feature, of a row.
pub(crate) const SCALING_UNITS: usize = 6;

/// How features are prepared before distances are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preparation {
    /// As they are.
    #[default]
    Raw,
    /// Minus the mean, divided by the population standard deviation (scikit-learn's `StandardScaler`).
    Standard,
    /// Minus the minimum, divided by the range (scikit-learn's `MinMaxScaler`).
    MinMax,
}

impl std::fmt::Display for Preparation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Standard => "standard",
            Self::MinMax => "min-max",
        })
    }
}

/// A fitted preparation: `prepared = (value - offset) / scale` in f64.
///
/// [`Scaling::fit`] gives a feature that does not vary the scale 1. A scale of 0 is the caller's mistake, of which come
/// infinities and NaN.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scaling {
    /// What is subtracted from each feature.
    pub offset: Vec<f64>,
    /// What each feature is then divided by; never 0.
    pub scale: Vec<f64>,
}

impl Scaling {
    /// Fits `preparation` to `rows`; `None` for [`Preparation::Raw`].
    ///
    /// Expects finite values; what NaN or infinity would make of a scale is not specified ([`crate::Knn::fit`]
    /// checks). Without rows, offsets are 0 and scales 1.
    #[must_use]
    pub fn fit(preparation: Preparation, rows: &impl Rows) -> Option<Self> {
        Pace::run(async |pace| Self::fit_at_pace(preparation, rows, &pace).await)
    }

    /// [`Scaling::fit`], which gives way after each feature.
    pub(crate) async fn fit_at_pace(preparation: Preparation, rows: &impl Rows, pace: &Pace) -> Option<Self> {
        let fit_feature = match preparation {
            Preparation::Raw => return None,
            Preparation::Standard => standard,
            Preparation::MinMax => min_max,
        };
        let mut values = Vec::with_capacity(rows.n_rows());
        let (mut offsets, mut scales) = (Vec::new(), Vec::new());
        for feature in 0..rows.n_features() {
            values.clear();
            values.extend((0..rows.n_rows()).map(|row| rows.value(row, feature)));
            let (offset, scale) = if values.is_empty() {
                (0.0, 1.0)
            } else {
                fit_feature(&values)
            };
            offsets.push(offset);
            scales.push(scale);
            pace.spend(SCALING_UNITS * rows.n_rows()).await;
        }
        Some(Self {
            offset: offsets,
            scale: scales,
        })
    }

    /// Whether it can be used for rows of `n_features`: an offset and a scale for each, all finite, scales above 0.
    pub(crate) fn is_usable(&self, n_features: usize) -> bool {
        [self.offset.len(), self.scale.len()] == [n_features; 2]
            && self.offset.iter().all(|offset| offset.is_finite())
            && self.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0)
    }

    /// The prepared value of `feature`.
    ///
    /// # Panics
    ///
    /// Unless `feature` is one of those fitted.
    #[inline(always)]
    #[must_use]
    pub fn prepare(&self, feature: usize, value: f64) -> f64 {
        (value - self.offset[feature]) / self.scale[feature]
    }
}

/// The prepared value of `feature`, which is the value itself without a scaling.
#[inline(always)]
pub(crate) fn prepared(scaling: Option<&Scaling>, feature: usize, value: f64) -> f64 {
    scaling.map_or(value, |scaling| scaling.prepare(feature, value))
}

/// Mean and population standard deviation, in two passes, the second corrected for the rounding of the mean
/// (T. Chan, G. Golub and R. LeVeque, "Algorithms for computing the sample variance", 1983, equation 1.7).
fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let (mut sum, mut sum_sq) = (0.0, 0.0);
    for value in values {
        sum += value - mean;
        sum_sq += (value - mean) * (value - mean);
    }
    let variance = (sum_sq - sum * sum / n) / n;
    // scikit-learn's test for "constant but for rounding" (utils.extmath, _is_constant_feature).
    let of_mean = n * mean * f64::EPSILON;
    let rounding = n * f64::EPSILON * variance + of_mean * of_mean;
    let is_constant = variance.is_finite() && variance <= rounding;
    (mean, if is_constant { 1.0 } else { variance.sqrt() })
}

/// Minimum and range.
fn min_max(values: &[f64]) -> (f64, f64) {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = max - min;
    // scikit-learn's threshold (preprocessing._data, _handle_zeros_in_scale).
    (min, if range < 10.0 * f64::EPSILON { 1.0 } else { range })
}
