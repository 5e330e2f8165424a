//! From a label column to dense class ids and class names.

use std::collections::HashMap;

use crate::error::Problem;

/// The most classes a label column may have. Arbitrary, not tuned: more than that is a measurement, not a class, and
/// a confusion matrix of a million cells helps nobody.
pub(crate) const MAX_CLASSES: usize = 1_000;

/// Class ids of the rows, and class names.
pub(crate) type Labels = (Vec<u32>, Vec<String>);

/// Collects the labels of a text column, one row at a time, keeping each distinct text once.
#[derive(Debug, Default)]
pub(crate) struct TextLabels {
    ids: Vec<u32>,
    texts: Vec<String>,
    id_of: HashMap<String, u32>,
}

impl TextLabels {
    pub(crate) fn push(&mut self, text: &str, column: &str) -> Result<(), Problem> {
        let id = match self.id_of.get(text) {
            Some(&id) => id,
            None if self.texts.len() == MAX_CLASSES => return Err(too_many(column)),
            None => {
                let id = self.texts.len() as u32;
                self.texts.push(text.to_owned());
                self.id_of.insert(text.to_owned(), id);
                id
            }
        };
        self.ids.push(id);
        Ok(())
    }

    /// Sorts the classes: by number if every label is one (then `1` and `1.0` are the same class), else by text.
    pub(crate) fn finish(self) -> Labels {
        let numbers: Option<Vec<f64>> = self
            .texts
            .iter()
            .map(|text| text.parse().ok().filter(|number: &f64| number.is_finite()))
            .collect();
        let (rank_of, classes) = match numbers {
            Some(numbers) => ranked(numbers.iter().map(|&v| v + 0.0).collect(), f64::total_cmp, |v| {
                v.to_string()
            }),
            None => ranked(self.texts, String::cmp, |text| text.clone()),
        };
        (self.ids.iter().map(|&id| rank_of[id as usize]).collect(), classes)
    }
}

/// Class ids and names of a numeric label column, in numeric order.
pub(crate) fn labels_from_numbers(values: &[f64], column: &str) -> Result<Labels, Problem> {
    // + 0.0 turns a negative zero into zero: one class.
    let mut distinct: Vec<f64> = values.iter().map(|&v| v + 0.0).collect();
    distinct.sort_unstable_by(f64::total_cmp);
    distinct.dedup();
    if distinct.len() > MAX_CLASSES {
        return Err(too_many(column));
    }
    let id = |v: &f64| distinct.partition_point(|class| class < v) as u32;
    Ok((
        values.iter().map(id).collect(),
        distinct.iter().map(f64::to_string).collect(),
    ))
}

/// The rank of each item among the distinct items, and the distinct items' names in that order.
fn ranked<T: Clone + PartialEq>(
    items: Vec<T>,
    compare: impl Fn(&T, &T) -> std::cmp::Ordering,
    name: impl Fn(&T) -> String,
) -> (Vec<u32>, Vec<String>) {
    let mut distinct = items.clone();
    distinct.sort_by(&compare);
    distinct.dedup();
    let rank = |item: &T| distinct.partition_point(|other| compare(other, item).is_lt()) as u32;
    (
        items.iter().map(rank).collect(),
        distinct.iter().map(name).collect(),
    )
}

fn too_many(column: &str) -> Problem {
    Problem::TooManyClasses {
        column: column.to_owned(),
        limit: MAX_CLASSES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(texts: &[&str]) -> Labels {
        let mut labels = TextLabels::default();
        for text in texts {
            labels.push(text, "class").unwrap();
        }
        labels.finish()
    }

    #[test]
    fn numeric_labels_are_sorted_as_numbers_and_others_as_text() {
        assert_eq!(
            labels(&["10", "9", "10"]),
            (vec![1, 0, 1], vec!["9".to_owned(), "10".to_owned()])
        );
        assert_eq!(labels(&["b", "10", "9"]).1, ["10", "9", "b"]);
        assert_eq!(
            labels(&["-0", "1.0", "0", "1"]),
            (vec![0, 1, 0, 1], vec!["0".to_owned(), "1".to_owned()])
        );
        assert_eq!(
            labels_from_numbers(&[2.0, 0.5, -0.0, 0.0], "c").unwrap().0,
            [2, 1, 0, 0]
        );
    }

    #[test]
    fn a_column_of_measurements_is_not_a_label() {
        let values: Vec<f64> = (0..=MAX_CLASSES).map(|i| i as f64).collect();
        assert_eq!(labels_from_numbers(&values, "c"), Err(too_many("c")));
        assert!(labels_from_numbers(&values[1..], "c").is_ok());
        let mut labels = TextLabels::default();
        let outcome = values.iter().try_for_each(|v| labels.push(&v.to_string(), "c"));
        assert_eq!(outcome, Err(too_many("c")));
    }
}
