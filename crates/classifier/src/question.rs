//! A query to one training set, and the distance by definition.

use crate::compact::Columns;
use crate::preparation::prepared;
use crate::{Metric, Rows as _, Scaling};

/// What stays the same during one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) scaling: Option<&'a Scaling>,
    pub(crate) metric: Metric,
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
        for (feature, query) in self.prepared.iter().enumerate() {
            sum += self.measure(prepared(self.scaling, feature, value(feature)) - query);
        }
        sum
    }

    /// What one difference adds to a distance.
    #[inline(always)]
    pub(crate) fn measure(&self, difference: f64) -> f64 {
        match self.metric {
            Metric::Euclidean => difference * difference,
            Metric::Manhattan => difference.abs(),
        }
    }

    /// What `feature` adds to the distance of a row where it has `value`.
    #[inline(always)]
    pub(crate) fn cost(&self, feature: usize, value: f64) -> f64 {
        self.measure(prepared(self.scaling, feature, value) - self.prepared[feature])
    }
}
