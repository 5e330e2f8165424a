//! Options by the names that the npm package documents, and what is wrong with them.

use classifier::{EngineKind, FitError, Metric, Preparation, Voting};
use wasm_bindgen::prelude::*;

// Not from js-sys: with that crate comes code for the callbacks of all that it knows of, used or not.
#[wasm_bindgen]
extern "C" {
    type RangeError;

    #[wasm_bindgen(constructor)]
    fn new(message: &str) -> RangeError;
}

/// `metric`.
pub(crate) fn metric(name: &str) -> Result<Metric, JsValue> {
    match name {
        "euclidean" => Ok(Metric::Euclidean),
        "manhattan" => Ok(Metric::Manhattan),
        _ => Err(unknown("metric", name)),
    }
}

/// `preparation`.
pub(crate) fn preparation(name: &str) -> Result<Preparation, JsValue> {
    match name {
        "raw" => Ok(Preparation::Raw),
        "standard" => Ok(Preparation::Standard),
        "min-max" => Ok(Preparation::MinMax),
        _ => Err(unknown("preparation", name)),
    }
}

/// `engine`.
pub(crate) fn engine(name: &str) -> Result<EngineKind, JsValue> {
    match name {
        "auto" => Ok(EngineKind::Auto),
        "scan" => Ok(EngineKind::Scan),
        "tree" => Ok(EngineKind::Tree),
        _ => Err(unknown("engine", name)),
    }
}

/// `weights`.
pub(crate) fn voting(name: &str) -> Result<Voting, JsValue> {
    match name {
        "uniform" => Ok(Voting::Uniform),
        "distance" => Ok(Voting::Distance),
        _ => Err(unknown("weights", name)),
    }
}

/// The package has checked names, so that nobody sees this.
fn unknown(option: &str, name: &str) -> JsValue {
    range_error(&format!("{option}: unknown value {name}"))
}

/// The error with the argument in front that it is about.
pub(crate) fn fit_error(error: FitError) -> JsValue {
    let argument = match error {
        FitError::NotFinite { .. } | FitError::Overflow { .. } => "features: ",
        FitError::FeatureWeightOutOfRange { .. } | FitError::NoFeatureWeighs => "featureWeights: ",
        FitError::Scaling { .. } => "scaling: ",
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
