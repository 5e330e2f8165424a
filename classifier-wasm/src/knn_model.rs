//! The JavaScript class `KnnModel`: a fitted classifier behind typed arrays.

use classifier::{Knn, ModelMetadata};
use js_sys::{Float64Array, Object, Reflect, Uint32Array};
use wasm_bindgen::prelude::*;

/// A fitted k-nearest-neighbour classifier, loaded from a model file.
///
/// Answers are exact: neighbours ordered by (distance, row), equal votes to the smallest class. A query holds one
/// number per feature, as recorded: the model prepares it itself. Queries that are too short, too long or not
/// finite throw an `Error` that says what was expected.
#[wasm_bindgen]
#[derive(Debug)]
pub struct KnnModel {
    knn: Knn,
    metadata: ModelMetadata,
}

#[wasm_bindgen]
impl KnnModel {
    /// Reads the bytes of a model file (safetensors). Throws if they are not one, or damaged.
    pub fn load(bytes: &[u8]) -> Result<KnnModel, JsError> {
        let (knn, metadata) = Knn::from_bytes(bytes)?;
        Ok(Self { knn, metadata })
    }

    /// The class id with most votes among the k nearest training rows.
    pub fn predict(&mut self, query: &[f64]) -> Result<u32, JsError> {
        Ok(self.knn.predict(query)?)
    }

    /// The share of the votes of each class, by class id, summing to 1.
    #[wasm_bindgen(js_name = classShares)]
    pub fn class_shares(&mut self, query: &[f64]) -> Result<Float64Array, JsError> {
        Ok(Float64Array::from(self.knn.class_shares(query)?))
    }

    /// The k nearest training rows and their distances, nearest first.
    #[wasm_bindgen(unchecked_return_type = "{ rows: Uint32Array, distances: Float64Array }")]
    pub fn neighbours(&mut self, query: &[f64]) -> Result<Object, JsError> {
        let neighbours = self.knn.neighbours(query)?;
        let rows: Vec<u32> = neighbours.iter().map(|neighbour| neighbour.row).collect();
        let distances: Vec<f64> = neighbours.iter().map(|neighbour| neighbour.distance).collect();
        let result = Object::new();
        set(&result, "rows", &Uint32Array::from(&rows[..]))?;
        set(&result, "distances", &Float64Array::from(&distances[..]))?;
        Ok(result)
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

/// Sets a property of a fresh object.
fn set(object: &Object, name: &str, value: &JsValue) -> Result<(), JsError> {
    Reflect::set(object, &name.into(), value)
        .map(drop)
        .map_err(|_| JsError::new(&format!("could not set property `{name}`")))
}
