//! Options as they cross from JavaScript, and what is wrong with them.

use classifier::{EngineKind, FitError, Metric, Preparation, Voting};
use wasm_bindgen::prelude::*;

// Not from js-sys: with that crate comes code for the callbacks of all that it knows of, used or not.
#[wasm_bindgen]
extern "C" {
    type RangeError;

    #[wasm_bindgen(constructor)]
    fn new(message: &str) -> RangeError;
}

// What the package's scripts pass on as a place in their lists of names (arguments.js), which are these in the same order.

pub(crate) const METRICS: [Metric; 2] = [Metric::Euclidean, Metric::Manhattan];
pub(crate) const VOTINGS: [Voting; 2] = [Voting::Uniform, Voting::Distance];
pub(crate) const PREPARATIONS: [Preparation; 3] =
    [Preparation::Raw, Preparation::Standard, Preparation::MinMax];
pub(crate) const ENGINES: [EngineKind; 3] = [EngineKind::Auto, EngineKind::Scan, EngineKind::Tree];

/// The error with the argument in front that it is about.
pub(crate) fn fit_error(error: FitError) -> JsValue {
    let argument = match error {
        FitError::NotFinite { .. } | FitError::Overflow { .. } | FitError::TooLarge { .. } => "features: ",
        FitError::FeatureWeightOutOfRange { .. } | FitError::NoFeatureWeighs => "featureWeights: ",
        FitError::Scaling { .. } => "scaling: ",
        FitError::TooManyFeatures { .. } => "nFeatures: ",
        FitError::TooMuchText { .. } => "classNames and featureNames: ",
        _ => "",
    };
    range_error(&format!("{argument}{error}"))
}

/// A message of the classifier for JavaScript callers. Many end in the number that came, and Rust writes `inf`.
pub(crate) fn range_error(message: &str) -> JsValue {
    match message.strip_suffix("inf") {
        Some(start) => RangeError::new(&format!("{start}Infinity")).into(),
        None => RangeError::new(message).into(),
    }
}
