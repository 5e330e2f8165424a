//! Preprocessing that changes which rows or classes there are: outlier filtering and a two-class label.
//!
//! Scaling is not here: it is fitted on the training rows and belongs to the classifier, which has to apply it to queries.

use std::ops::RangeInclusive;

use crate::dataset::{Column, Dataset};
use crate::split::Split;

/// How far beyond the quartiles a value may lie, in inter-quartile ranges. J. W. Tukey, "Exploratory Data Analysis", 1977.
const IQR_FACTOR: f64 = 1.5;

/// For each feature the range within 1.5 inter-quartile ranges of the quartiles that it has in `rows`.
///
/// Quartiles are interpolated linearly (numpy's default). Equal quartiles leave nothing but that value: not for columns of
/// 0 and 1. Without rows the ranges hold every number.
///
/// # Panics
///
/// If the data set does not have one of the rows.
#[must_use]
pub fn iqr_bounds(dataset: &Dataset, rows: &[u32]) -> Vec<RangeInclusive<f64>> {
    let bounds = |column: &Column| {
        let mut sorted: Vec<f64> = rows.iter().map(|&row| column.value(row as usize)).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        match (quantile(&sorted, 0.25), quantile(&sorted, 0.75)) {
            (Some(q1), Some(q3)) => {
                let margin = IQR_FACTOR * (q3 - q1);
                q1 - margin..=q3 + margin
            }
            _ => f64::NEG_INFINITY..=f64::INFINITY,
        }
    };
    dataset.columns.iter().map(bounds).collect()
}

/// Those of `rows` whose every feature lies within its bounds, which are included, in the same order.
///
/// # Panics
///
/// If the data set does not have one of the rows.
#[must_use]
pub fn rows_within(dataset: &Dataset, bounds: &[RangeInclusive<f64>], rows: &[u32]) -> Vec<u32> {
    let is_within = |row: &u32| {
        let mut columns = dataset.columns.iter().zip(bounds);
        columns.all(|(column, range)| range.contains(&column.value(*row as usize)))
    };
    rows.iter().copied().filter(is_within).collect()
}

/// Both parts without the rows outside [`iqr_bounds`] of the training part: what streams has no say in what is kept.
///
/// # Panics
///
/// If the data set does not have one of the rows.
#[must_use]
pub fn iqr_filter_split(dataset: &Dataset, split: &Split) -> Split {
    let bounds = iqr_bounds(dataset, &split.training);
    Split {
        training: rows_within(dataset, &bounds, &split.training),
        stream: rows_within(dataset, &bounds, &split.stream),
    }
}

/// The rows within [`iqr_bounds`] of the whole set, before any split, as the paper filters Wine: 4,015 of its 4,898 rows
/// remain. The rows that stream later then decide on those that train; [`iqr_filter_split`] has no such leak.
///
/// Classes stay, even those that lose all rows.
#[must_use]
pub fn iqr_filter_whole(dataset: &Dataset) -> Dataset {
    let rows: Vec<u32> = (0..dataset.n_rows() as u32).collect();
    let bounds = iqr_bounds(dataset, &rows);
    dataset.select(&rows_within(dataset, &bounds, &rows))
}

/// As numpy's `quantile(…, method="linear")`, rounding included. `None` without values.
fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let position = q * (sorted.len().checked_sub(1)? as f64);
    let (below, above) = (
        sorted[position.floor() as usize],
        sorted[position.ceil() as usize],
    );
    let t = position.fract();
    let step = above - below;
    Some(if t < 0.5 {
        below + step * t
    } else {
        above - step * (1.0 - t)
    })
}

/// Classes that cannot be cut into two by a number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryLabelError {
    /// A class name is not a number.
    #[error("class `{class}` is not a number: only numeric classes can be cut at {at_least}")]
    NotNumeric {
        /// The class.
        class: String,
        /// The bound asked for.
        at_least: f64,
    },
    /// All classes lie on one side.
    #[error("no cut at {at_least}: the classes go from {first} to {last}")]
    OneSided {
        /// The bound asked for.
        at_least: f64,
        /// The smallest class.
        first: String,
        /// The largest class.
        last: String,
    },
}

/// The data set with two classes: `below N` and `N or more`, by the number that the class name is. The paper takes
/// Wine's quality with N = 6.
///
/// # Errors
///
/// [`BinaryLabelError::NotNumeric`] if a class name is not a number, [`BinaryLabelError::OneSided`] if a class would be
/// empty by name.
pub fn binary_label(dataset: &Dataset, at_least: f64) -> Result<Dataset, BinaryLabelError> {
    let mut is_above = vec![];
    for class in &dataset.classes {
        match class.parse::<f64>() {
            Ok(number) => is_above.push(number >= at_least),
            Err(_) => {
                return Err(BinaryLabelError::NotNumeric {
                    class: class.clone(),
                    at_least,
                });
            }
        }
    }
    if let (Some(first), Some(last)) = (dataset.classes.first(), dataset.classes.last())
        && is_above.iter().all(|above| *above == is_above[0])
    {
        return Err(BinaryLabelError::OneSided {
            at_least,
            first: first.clone(),
            last: last.clone(),
        });
    }
    Ok(Dataset {
        labels: dataset
            .labels
            .iter()
            .map(|&label| u32::from(is_above[label as usize]))
            .collect(),
        classes: vec![format!("below {at_least}"), format!("{at_least} or more")],
        ..dataset.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy() {
        // numpy 2: np.quantile([1, 2, 4, 8], [0.25, 0.75]) -> [1.75, 5.]
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert_eq!(
            (quantile(&sorted, 0.25), quantile(&sorted, 0.75)),
            (Some(1.75), Some(5.0))
        );
        assert_eq!(quantile(&[3.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[], 0.75), None);
    }
}
