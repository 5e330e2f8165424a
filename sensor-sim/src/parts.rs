//! Which rows train and which stream, outliers left out if that is asked for.

use datasets::{Dataset, Order, Split, SplitError};

/// Why there are no two parts.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PartsError {
    /// The rows cannot be split as asked.
    #[error("cannot split {dataset} (--split): {reason}")]
    Split {
        /// Name of the data set.
        dataset: String,
        /// Why.
        reason: SplitError,
    },
    /// Every row of a part is an outlier.
    #[error("--filter-iqr leaves no row of {dataset} to {purpose}")]
    NothingLeft {
        /// Name of the data set.
        dataset: String,
        /// What the part is for.
        purpose: &'static str,
    },
}

/// Splits, then leaves outliers of the training part's quartiles out of both parts if `filter_iqr` is set.
///
/// # Errors
///
/// See [`PartsError`].
pub(crate) fn split(
    dataset: &Dataset,
    training_share: f64,
    order: Order,
    seed: u64,
    filter_iqr: bool,
) -> Result<Split, PartsError> {
    let split = datasets::split(dataset.n_rows(), training_share, order, seed).map_err(|reason| {
        PartsError::Split {
            dataset: dataset.name.clone(),
            reason,
        }
    })?;
    if !filter_iqr {
        return Ok(split);
    }
    let filtered = datasets::iqr_filter_split(dataset, &split);
    for (rows, purpose) in [(&filtered.training, "train with"), (&filtered.stream, "stream")] {
        if rows.is_empty() {
            return Err(PartsError::NothingLeft {
                dataset: dataset.name.clone(),
                purpose,
            });
        }
    }
    Ok(filtered)
}

#[cfg(test)]
mod tests {
    use datasets::{Column, FeatureInfo};

    use super::*;

    #[test]
    fn a_part_without_rows_is_an_error() {
        let dataset = |values: Vec<f64>| Dataset {
            name: "test".to_owned(),
            features: vec![FeatureInfo::unitless("a")],
            labels: vec![0; values.len()],
            columns: vec![Column::narrowest(values)],
            classes: vec!["x".to_owned()],
            times_micros: None,
        };
        let parts = |values, filter_iqr| split(&dataset(values), 0.8, Order::File, 1, filter_iqr);
        assert!(parts(vec![1.0, 2.0, 3.0, 4.0, 3.0], true).is_ok());
        assert!(parts(vec![1.0, 2.0, 3.0, 4.0, 99.0], false).is_ok());
        let error = parts(vec![1.0], false).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot split test (--split): a training share of 0.8 leaves one part empty, with 0 of 1 rows to train"
        );
        let error = parts(vec![1.0, 2.0, 3.0, 4.0, 99.0], true).unwrap_err();
        assert_eq!(error.to_string(), "--filter-iqr leaves no row of test to stream");
    }
}
