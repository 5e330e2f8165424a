//! The textbook engine: every distance in f64, then a full sort.
//!
//! O(n·d + n·log n) time and O(n) memory per query, on purpose: it is the shortest code that states what a
//! neighbour is, the reference that the others are tested against, and the classifier of the paper's tables.
//!
//! Source: T. Cover and P. Hart, "Nearest neighbor pattern classification", IEEE Trans. Inf. Theory 13(1), 1967.

use ndarray::{Array2, ArrayView1};

use crate::compact::Columns;
use crate::measure::Measure;
use crate::question::Question;
use crate::{Metric, Rows as _};
use kernels::Candidate;

/// The prepared training rows, n × d.
#[derive(Debug)]
pub(crate) struct Textbook {
    prepared: Array2<f64>,
}

impl Textbook {
    /// Prepares every row once.
    pub(crate) fn new(columns: &Columns, measure: &Measure) -> Self {
        let prepared = Array2::from_shape_fn((columns.n_rows(), columns.n_features()), |(row, feature)| {
            measure.prepare(feature, columns.value(row, feature))
        });
        Self { prepared }
    }

    /// All rows by (distance, row), cut to `k`.
    pub(crate) fn nearest(&self, question: &Question<'_>, k: usize) -> Vec<Candidate> {
        let query = ArrayView1::from(question.prepared);
        let mut all: Vec<Candidate> = (0..)
            .zip(self.prepared.rows())
            .map(|(row, values)| Candidate {
                dist: distance(values, query, question.measure),
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
fn distance(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, measure: &Measure) -> f64 {
    let differences = a.iter().zip(b).zip(&measure.weights);
    differences.fold(0.0, |sum, ((a, b), weight)| {
        sum + weight
            * match measure.metric {
                Metric::Euclidean => (a - b) * (a - b),
                Metric::Manhattan => (a - b).abs(),
            }
    })
}
