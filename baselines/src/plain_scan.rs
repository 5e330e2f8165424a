//! The reference of every ratio: an f64 ndarray that is scanned row by row, without temporaries and without a sort.
//!
//! What a careful programmer writes before looking for anything clever; O(n·d) time, O(k) memory a query. Squares are
//! added in feature order, so its answers are the definition to the last bit. `Zip` is the fastest way to write that: on
//! Wine, in WebAssembly, a loop over both iterators takes twice as long.

use ndarray::{Array2, ArrayView1, Zip};
use wasm_bindgen::prelude::*;

use crate::nearest::{Nearest, vote};

/// An f64 ndarray scanned row by row, without temporaries and without a sort.
#[wasm_bindgen]
#[derive(Debug)]
pub struct PlainScan {
    training: Array2<f64>,
    labels: Vec<u32>,
    votes: Vec<u32>,
    nearest: Nearest,
    rows: Vec<u32>,
}

#[wasm_bindgen]
impl PlainScan {
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
            nearest: Nearest::new(k),
            rows: Vec::with_capacity(k),
        }
    }

    /// The class of a prepared query.
    pub fn predict(&mut self, query: &[f64]) -> u32 {
        let query = ArrayView1::from(query);
        self.nearest.clear();
        for (row, values) in (0_u32..).zip(self.training.rows()) {
            let add_square = |sum, value: &f64, asked: &f64| sum + (value - asked) * (value - asked);
            let dist_sq = Zip::from(values).and(query).fold(0.0, add_square);
            self.nearest.offer(dist_sq, row);
        }
        self.rows.clear();
        self.rows.extend(self.nearest.rows());
        vote(&self.rows, &self.labels, &mut self.votes)
    }

    /// The neighbours of the last query, nearest first.
    #[must_use]
    pub fn rows(&self) -> Vec<u32> {
        self.rows.clone()
    }
}
