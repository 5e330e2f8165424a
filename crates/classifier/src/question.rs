//! A query to one training set, and the distance by definition.

use crate::Rows as _;
use crate::compact::Columns;
use crate::measure::Measure;

/// What stays the same during one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) measure: &'a Measure,
    /// The query point, as given.
    pub(crate) query: &'a [f64],
    /// The query point, prepared.
    pub(crate) prepared: &'a [f64],
}

impl Question<'_> {
    /// Squared (Manhattan: plain) distance to `row` by the definition: in f64, in feature order.
    pub(crate) fn distance(&self, row: usize) -> f64 {
        self.distance_of(|feature| self.columns.value(row, feature))
    }

    /// The same to a row of these values.
    pub(crate) fn distance_of(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut sum = 0.0;
        for feature in 0..self.prepared.len() {
            sum += self.cost(feature, value(feature));
        }
        sum
    }

    /// What `feature` adds to the distance of a row where it has `value`.
    #[inline(always)]
    pub(crate) fn cost(&self, feature: usize, value: f64) -> f64 {
        let difference = self.measure.prepare(feature, value) - self.prepared[feature];
        self.measure.cost(feature, difference)
    }

    /// What the constant features add to the distance of every row.
    pub(crate) fn cost_of_constants(&self) -> f64 {
        let constants = self.columns.constants();
        constants.map(|(feature, value)| self.cost(feature, value)).sum()
    }
}
