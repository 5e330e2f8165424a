//! Training rows on their way in, and the building of the model in slices.

use classifier::{
    Build, EngineKind, FitError, KnnBuilder, KnnOptions, Metric, ModelMetadata, Preparation, RowMajor, Voting,
};
use js_sys::RangeError;
use wasm_bindgen::prelude::*;

use crate::Model;

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
    /// Options by the names that the npm package's `FitOptions` documents. The package has checked them, but for
    /// `feature_weights`: none at all, or one for each feature.
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
        metric: &str,
        preparation: &str,
        engine: &str,
        voting: &str,
        feature_weights: Vec<f64>,
    ) -> Result<Self, RangeError> {
        let unknown = |name: &str, value: &str| RangeError::new(&format!("{name}: unknown value {value}"));
        let options = KnnOptions {
            k,
            metric: match metric {
                "euclidean" => Metric::Euclidean,
                "manhattan" => Metric::Manhattan,
                _ => return Err(unknown("metric", metric)),
            },
            preparation: match preparation {
                "raw" => Preparation::Raw,
                "standard" => Preparation::Standard,
                "min-max" => Preparation::MinMax,
                _ => return Err(unknown("preparation", preparation)),
            },
            engine: match engine {
                "auto" => EngineKind::Auto,
                "scan" => EngineKind::Scan,
                "tree" => EngineKind::Tree,
                _ => return Err(unknown("engine", engine)),
            },
            voting: match voting {
                "uniform" => Voting::Uniform,
                "distance" => Voting::Distance,
                _ => return Err(unknown("weights", voting)),
            },
            feature_weights,
        };
        let builder = KnnBuilder::new(n_features, n_classes, &options).map_err(fit_error)?;
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
            Stage::Taking(builder) => Ok(builder
                .push(&RowMajor::new(features, self.n_features), labels)
                .map_err(fit_error)?),
            Stage::Building(..) | Stage::Done => Err(out_of_turn()),
        }
    }

    /// All rows are in; one name for each class and each feature.
    ///
    /// # Errors
    ///
    /// A `RangeError` if there are none.
    pub fn start(&mut self, class_names: Vec<String>, feature_names: Vec<String>) -> Result<(), JsValue> {
        match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Taking(builder) => {
                let metadata = ModelMetadata {
                    class_names,
                    feature_names,
                    source: String::new(),
                };
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
        Ok(model.map_err(fit_error)?)
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

/// The error with the argument in front that it is about.
fn fit_error(error: FitError) -> RangeError {
    let argument = match error {
        FitError::NotFinite { .. } | FitError::Overflow { .. } => "features: ",
        FitError::FeatureWeightOutOfRange { .. } | FitError::NoFeatureWeighs => "featureWeights: ",
        _ => "",
    };
    RangeError::new(&format!("{argument}{error}"))
}
