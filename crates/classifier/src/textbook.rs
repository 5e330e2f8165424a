//! The textbook engine: every distance in f64, then a full sort.
//!
//! O(n·d + n·log n) time and O(n) memory per query, on purpose: it is the shortest code that states what a
//! neighbour is, the reference that the others are tested against, and the classifier of the paper's tables.
//!
//! Source: T. Cover and P. Hart, "Nearest neighbor pattern classification", IEEE Trans. Inf. Theory 13(1), 1967.

use ndarray::{Array2, ArrayView1};

use crate::compact::Columns;
use crate::preparation::prepared;
use crate::question::Question;
use crate::{Metric, Rows as _, Scaling};
use kernels::Candidate;

/// The prepared training rows, n × d.
#[derive(Debug)]
pub(crate) struct Textbook {
    prepared: Array2<f64>,
}

impl Textbook {
    /// Prepares every row once.
    pub(crate) fn new(columns: &Columns, scaling: Option<&Scaling>) -> Self {
        let prepared = Array2::from_shape_fn((columns.n_rows(), columns.n_features()), |(row, feature)| {
            let value = columns.value(row, feature);
            prepared(scaling, feature, value)
        });
        Self { prepared }
    }

    /// All rows by (distance, row), cut to `k`.
    pub(crate) fn nearest(&self, question: &Question<'_>, k: usize) -> Vec<Candidate> {
        let query = ArrayView1::from(question.prepared);
        let mut all: Vec<Candidate> = (0..)
            .zip(self.prepared.rows())
            .map(|(row, values)| Candidate {
                dist: distance(values, query, question.metric),
                row,
            })
            .collect();
        all.sort_by(|a, b| a.dist.total_cmp(&b.dist).then(a.row.cmp(&b.row)));
        all.truncate(k);
        all
    }

    /// Memory held.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of::<f64>() * self.prepared.len()
    }
}

/// Squared Euclidean or Manhattan distance, added in feature order.
fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, metric: Metric) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| {
        sum + match metric {
            Metric::Euclidean => (a - b) * (a - b),
            Metric::Manhattan => (a - b).abs(),
        }
    })
}
