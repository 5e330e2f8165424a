//! A fitted classifier behind typed arrays.

use classifier::{Knn, ModelMetadata, Neighbour, QueryError};
use wasm_bindgen::prelude::*;

use crate::options::range_error;

/// A fitted k-nearest-neighbour classifier; the npm package's `KnnModel` holds one and says what its methods do.
///
/// Queries that are too short, too long or not finite throw a `RangeError` that says what was expected.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Model {
    knn: Knn,
    metadata: ModelMetadata,
}

impl Model {
    /// `metadata` names each class and each feature once.
    pub(crate) fn new(knn: Knn, metadata: ModelMetadata) -> Self {
        Self { knn, metadata }
    }
}

#[wasm_bindgen]
impl Model {
    /// Reads the bytes of a model file (safetensors). Throws if they are not one, or damaged.
    pub fn load(bytes: &[u8]) -> Result<Model, JsValue> {
        let (knn, metadata) = Knn::from_bytes(bytes)
            .map_err(|error| JsValue::from(JsError::new(&format!("source: {error}"))))?;
        Ok(Self { knn, metadata })
    }

    /// The model as the bytes of a model file.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        self.knn.to_bytes(&self.metadata)
    }

    /// The class id with most votes among the k nearest training rows.
    pub fn predict(&mut self, query: &[f64]) -> Result<u32, JsValue> {
        self.knn.predict(query).map_err(|error| query_error(&error))
    }

    /// Writes the class id of each of `queries`, which stand row after row. Errors count them from `first_query`.
    #[wasm_bindgen(js_name = predictBatch)]
    pub fn predict_batch(
        &mut self,
        first_query: usize,
        queries: &[f64],
        classes: &mut [u32],
    ) -> Result<(), JsValue> {
        let queries = queries.chunks_exact(self.knn.n_features());
        for (idx, (query, class)) in queries.zip(classes).enumerate() {
            *class = self
                .knn
                .predict(query)
                .map_err(|error| range_error(&format!("queries: in query {}: {error}", first_query + idx)))?;
        }
        Ok(())
    }

    /// The share of the votes of each class, by class id, summing to 1.
    #[wasm_bindgen(js_name = classShares)]
    pub fn class_shares(&mut self, query: &[f64]) -> Result<Vec<f64>, JsValue> {
        let classification = self.knn.classify(query).map_err(|error| query_error(&error))?;
        Ok(classification.shares.to_vec())
    }

    /// The k nearest training rows, nearest first, and then their distances.
    pub fn neighbours(&mut self, query: &[f64]) -> Result<Vec<f64>, JsValue> {
        let neighbours = self.knn.neighbours(query).map_err(|error| query_error(&error))?;
        Ok(rows_and_distances(neighbours, f64::from))
    }

    /// How many neighbours vote.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn k(&self) -> usize {
        self.knn.options().k
    }

    /// How many training rows.
    #[wasm_bindgen(getter, js_name = nRows)]
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.knn.n_rows()
    }

    /// How many numbers a query has.
    #[wasm_bindgen(getter, js_name = nFeatures)]
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.knn.n_features()
    }

    /// Names of the classes, by class id.
    #[wasm_bindgen(getter, js_name = classNames)]
    #[must_use]
    pub fn class_names(&self) -> Vec<String> {
        self.metadata.class_names.clone()
    }

    /// Names of the features, in the order that queries have them.
    #[wasm_bindgen(getter, js_name = featureNames)]
    #[must_use]
    pub fn feature_names(&self) -> Vec<String> {
        self.metadata.feature_names.clone()
    }

    /// What the model is and how it is stored, in one line for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.knn.describe().to_string()
    }
}

/// All rows, as `number` makes numbers of them, and then all distances.
pub(crate) fn rows_and_distances<R: Copy>(neighbours: &[Neighbour<R>], number: fn(R) -> f64) -> Vec<f64> {
    let mut numbers = vec![0.0; 2 * neighbours.len()];
    let (rows, distances) = numbers.split_at_mut(neighbours.len());
    for ((row, distance), neighbour) in rows.iter_mut().zip(distances).zip(neighbours) {
        *row = number(neighbour.row);
        *distance = neighbour.distance;
    }
    numbers
}

/// The error with the argument in front that it is about.
pub(crate) fn query_error(error: &QueryError) -> JsValue {
    range_error(&format!("query: {error}"))
}
