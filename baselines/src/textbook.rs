//! The paper's classifier: a table of differences, a table of squares, all distances, a full sort, for each query.
//!
//! Written as the formula reads, with ndarray and its temporaries: 3 · n · d numbers of memory, O(n·d + n·log n) time.
//! `sum_axis` adds in an order of its own, so distances may differ from the reference's in the last bit.

use ndarray::{Array2, ArrayView1, Axis};
use wasm_bindgen::prelude::*;

use crate::nearest::vote;

/// The paper's: all distances through tables of temporaries, then a full sort, for each query.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Textbook {
    training: Array2<f64>,
    labels: Vec<u32>,
    votes: Vec<u32>,
    k: usize,
    rows: Vec<u32>,
}

#[wasm_bindgen]
impl Textbook {
    /// Keeps prepared training rows, row-major.
    ///
    /// # Panics
    ///
    /// Unless `values` holds `labels.len()` rows of `n_features`.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(values: Vec<f64>, labels: Vec<u32>, n_features: usize, n_classes: usize, k: usize) -> Self {
        let training = Array2::from_shape_vec((labels.len(), n_features), values);
        Self {
            training: training.expect("one label a row"),
            labels,
            votes: vec![0; n_classes],
            k,
            rows: Vec::new(),
        }
    }

    /// The class of a prepared query.
    pub fn predict(&mut self, query: &[f64]) -> u32 {
        let differences = &self.training - &ArrayView1::from(query);
        let squares = differences.mapv(|difference| difference * difference);
        let distances = squares.sum_axis(Axis(1)).mapv(f64::sqrt);
        let mut order: Vec<u32> = (0..distances.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (a_dist, b_dist) = (distances[a as usize], distances[b as usize]);
            a_dist.total_cmp(&b_dist).then(a.cmp(&b))
        });
        order.truncate(self.k);
        self.rows = order;
        vote(&self.rows, &self.labels, &mut self.votes)
    }

    /// The neighbours of the last query, nearest first.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        self.rows.clone()
    }
}
