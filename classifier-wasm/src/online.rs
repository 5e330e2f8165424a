//! A classifier whose rows come and go, behind typed arrays.

use std::num::NonZeroUsize;

use classifier::{InsertError, OnlineKnn, OnlineOptions, QueryError, Scaling};
use wasm_bindgen::prelude::*;

use crate::model::{query_error, rows_and_distances};
use crate::options::{METRICS, VOTINGS, fit_error, range_error};

/// A growing or sliding set of rows; the npm package's `OnlineKnn` holds one and says what its methods do.
///
/// Rows are numbered from 0 as they come, in f64, which is exact up to 2⁵³.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Online {
    knn: OnlineKnn,
}

#[wasm_bindgen]
impl Online {
    /// Options as [`Builder`](crate::Builder) takes them; an empty slice or a window of 0 stands for one that was not given.
    ///
    /// # Errors
    ///
    /// A `RangeError` that names the option.
    #[wasm_bindgen(constructor)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an options object would be read property by property"
    )]
    pub fn new(
        n_features: usize,
        n_classes: usize,
        k: usize,
        metric: usize,
        voting: usize,
        feature_weights: Vec<f64>,
        offset: Vec<f64>,
        scale: Vec<f64>,
        window: usize,
    ) -> Result<Self, JsValue> {
        let options = OnlineOptions {
            k,
            metric: METRICS[metric],
            voting: VOTINGS[voting],
            feature_weights,
            scaling: (!scale.is_empty()).then_some(Scaling { offset, scale }),
            window: NonZeroUsize::new(window),
        };
        let knn = OnlineKnn::new(n_features, n_classes, &options).map_err(fit_error)?;
        Ok(Self { knn })
    }

    /// Adds a row and returns its number.
    pub fn insert(&mut self, features: &[f64], label: u32) -> Result<f64, JsValue> {
        let inserted = self.knn.insert(features, label);
        let row = inserted.map_err(|error| match error {
            InsertError::Features(error) => range_error(&format!("features: {error}")),
            error => range_error(&error.to_string()),
        })?;
        Ok(row as f64)
    }

    /// Takes a row out; false if it is not there. The caller passes a whole number.
    ///
    /// A `Result`, though nothing fails: with one result, V8 in Node 20 puts this call into the machine code of hot loops, and
    /// once there were thousands of instances the process ended in a segmentation fault each time. Now it is about one in
    /// thirty that does: other calls remain (npm/README.md says what helps).
    pub fn remove(&mut self, row: f64) -> Result<bool, JsValue> {
        Ok(self.knn.remove(row as u64).is_some())
    }

    /// The number of the oldest row, if there is one.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn oldest(&self) -> Option<f64> {
        self.knn.oldest().map(|row| row as f64)
    }

    /// How many rows there are.
    #[wasm_bindgen(getter, js_name = nRows)]
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.knn.n_rows()
    }

    /// The class id with most votes among the k nearest rows.
    pub fn predict(&mut self, query: &[f64]) -> Result<u32, JsValue> {
        self.knn.predict(query).map_err(unanswered)
    }

    /// The share of the votes of each class, by class id, summing to 1.
    #[wasm_bindgen(js_name = classShares)]
    pub fn class_shares(&mut self, query: &[f64]) -> Result<Vec<f64>, JsValue> {
        let classification = self.knn.classify(query).map_err(unanswered)?;
        Ok(classification.shares.to_vec())
    }

    /// The numbers of the k nearest rows, nearest first, and then their distances.
    pub fn neighbours(&mut self, query: &[f64]) -> Result<Vec<f64>, JsValue> {
        let neighbours = self.knn.neighbours(query).map_err(unanswered)?;
        Ok(rows_and_distances(neighbours, |row| row as f64))
    }
}

/// That there are no rows is not the query's fault.
fn unanswered(error: QueryError) -> JsValue {
    match error {
        QueryError::NoRows => JsError::new(&format!("OnlineKnn: {error}")).into(),
        _ => query_error(&error),
    }
}
