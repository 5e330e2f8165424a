//! Options by the names that the npm package documents, and what is wrong with them.

use classifier::{EngineKind, FitError, Metric, Preparation, Voting};
use js_sys::RangeError;

/// `metric`.
pub(crate) fn metric(name: &str) -> Result<Metric, RangeError> {
    match name {
        "euclidean" => Ok(Metric::Euclidean),
        "manhattan" => Ok(Metric::Manhattan),
        _ => Err(unknown("metric", name)),
    }
}

/// `preparation`.
pub(crate) fn preparation(name: &str) -> Result<Preparation, RangeError> {
    match name {
        "raw" => Ok(Preparation::Raw),
        "standard" => Ok(Preparation::Standard),
        "min-max" => Ok(Preparation::MinMax),
        _ => Err(unknown("preparation", name)),
    }
}

/// `engine`.
pub(crate) fn engine(name: &str) -> Result<EngineKind, RangeError> {
    match name {
        "auto" => Ok(EngineKind::Auto),
        "scan" => Ok(EngineKind::Scan),
        "tree" => Ok(EngineKind::Tree),
        _ => Err(unknown("engine", name)),
    }
}

/// `weights`.
pub(crate) fn voting(name: &str) -> Result<Voting, RangeError> {
    match name {
        "uniform" => Ok(Voting::Uniform),
        "distance" => Ok(Voting::Distance),
        _ => Err(unknown("weights", name)),
    }
}

/// The package has checked names, so that nobody sees this.
fn unknown(option: &str, name: &str) -> RangeError {
    RangeError::new(&format!("{option}: unknown value {name}"))
}

/// The error with the argument in front that it is about.
pub(crate) fn fit_error(error: FitError) -> RangeError {
    let argument = match error {
        FitError::NotFinite { .. } | FitError::Overflow { .. } => "features: ",
        FitError::FeatureWeightOutOfRange { .. } | FitError::NoFeatureWeighs => "featureWeights: ",
        FitError::Scaling { .. } => "scaling: ",
        _ => "",
    };
    range_error(&format!("{argument}{error}"))
}

/// A message of the classifier for JavaScript callers. Many end in the number that came, and Rust writes `inf`.
pub(crate) fn range_error(message: &str) -> RangeError {
    match message.strip_suffix("inf") {
        Some(start) => RangeError::new(&format!("{start}Infinity")),
        None => RangeError::new(message),
    }
}
