//! Training rows on their way in, and the building of the model in slices.

use classifier::{Build, KnnBuilder, KnnOptions, ModelMetadata, RowMajor};
use wasm_bindgen::prelude::*;

use crate::Model;
use crate::options::{ENGINES, METRICS, PREPARATIONS, VOTINGS, fit_error};

/// Takes training rows in chunks and builds a [`Model`] of them in slices.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Builder {
    n_features: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Taking(KnnBuilder),
    Building(Build, ModelMetadata),
    Done,
}

#[wasm_bindgen]
impl Builder {
    /// Options by the names that the npm package's `FitOptions` documents, what is chosen by its place in the package's list
    /// of choices. The package has checked them, but for `feature_weights`: none at all, or one for each feature. `n_rows` is
    /// how many will come.
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
        preparation: usize,
        engine: usize,
        voting: usize,
        feature_weights: Vec<f64>,
        n_rows: usize,
    ) -> Result<Self, JsValue> {
        let options = KnnOptions {
            k,
            metric: METRICS[metric],
            preparation: PREPARATIONS[preparation],
            engine: ENGINES[engine],
            voting: VOTINGS[voting],
            feature_weights,
        };
        let mut builder = KnnBuilder::new(n_features, n_classes, &options).map_err(fit_error)?;
        builder.expect_rows(n_rows);
        Ok(Self {
            n_features,
            stage: Stage::Taking(builder),
        })
    }

    /// Takes a chunk: row after row, one label each.
    ///
    /// # Errors
    ///
    /// A `RangeError` that names the argument of the package's `fit`.
    pub fn push(&mut self, features: &[f64], labels: &[u32]) -> Result<(), JsValue> {
        match &mut self.stage {
            Stage::Taking(builder) => builder
                .push(&RowMajor::new(features, self.n_features), labels)
                .map_err(fit_error),
            Stage::Building(..) | Stage::Done => Err(out_of_turn()),
        }
    }

    /// All rows are in; one name for each class and each feature.
    ///
    /// # Errors
    ///
    /// A `RangeError` if there are none, or if the names are more than a model file holds.
    pub fn start(&mut self, class_names: Vec<String>, feature_names: Vec<String>) -> Result<(), JsValue> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Taking(builder) => {
                let metadata = ModelMetadata {
                    class_names,
                    feature_names,
                    source: String::new(),
                };
                metadata.check().map_err(fit_error)?;
                self.stage = Stage::Building(builder.start().map_err(fit_error)?, metadata);
                Ok(())
            }
            Stage::Building(..) | Stage::Done => Err(out_of_turn()),
        }
    }

    /// Does `n_steps` of the building, of about a millisecond each, and returns the model if that finishes it.
    ///
    /// # Errors
    ///
    /// A `RangeError` that names the argument of the package's `fit`.
    pub fn advance(&mut self, n_steps: usize) -> Result<Option<Model>, JsValue> {
        let Stage::Building(build, metadata) = &mut self.stage else {
            return Err(out_of_turn());
        };
        let model = build
            .advance(n_steps)
            .map(|knn| knn.map(|knn| Model::new(knn, std::mem::take(metadata))));
        if !matches!(model, Ok(None)) {
            self.stage = Stage::Done;
        }
        model.map_err(fit_error)
    }

    /// The share of the building that is done, estimated.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn progress(&self) -> f64 {
        match &self.stage {
            Stage::Taking(_) => 0.0,
            Stage::Building(build, _) => build.progress(),
            Stage::Done => 1.0,
        }
    }
}

/// The package takes the steps in their order.
fn out_of_turn() -> JsValue {
    JsError::new("rows are taken first, then the model is built, once").into()
}
