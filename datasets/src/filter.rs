//! Preprocessing that changes which rows or classes there are: outlier filtering and a two-class label.
//!
//! Scaling is not here: it is fitted on the training rows and belongs to the classifier, which has to apply it to queries.

use crate::dataset::Dataset;

/// How far beyond the quartiles a value may lie, in inter-quartile ranges. J. W. Tukey, "Exploratory Data Analysis", 1977.
const IQR_FACTOR: f64 = 1.5;

/// The rows whose every feature lies within 1.5 inter-quartile ranges of its quartiles, in file order.
///
/// Quartiles are of the whole column, interpolated linearly (numpy's default), bounds included. A column with equal
/// quartiles keeps only the rows at that value: not for columns of 0 and 1. The paper filters Wine so before it splits,
/// which lets the rows that stream later decide on those that train; 4,015 of its 4,898 rows remain.
#[must_use]
pub fn iqr_rows(dataset: &Dataset) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..dataset.n_rows() as u32).collect();
    for column in &dataset.columns {
        let mut sorted: Vec<f64> = column.values().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (Some(q1), Some(q3)) = (quantile(&sorted, 0.25), quantile(&sorted, 0.75)) else {
            continue;
        };
        let margin = IQR_FACTOR * (q3 - q1);
        let range = q1 - margin..=q3 + margin;
        rows.retain(|&row| range.contains(&column.value(row as usize)));
    }
    rows
}

/// The data set with the rows of [`iqr_rows`] only. Classes stay, even those that lose all rows.
#[must_use]
pub fn iqr_filter(dataset: &Dataset) -> Dataset {
    dataset.select(&iqr_rows(dataset))
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
