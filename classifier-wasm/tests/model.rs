//! `Builder` and `Model` as JavaScript sees them: typed arrays in, typed arrays out, errors thrown.
#![cfg(all(target_arch = "wasm32", feature = "js"))]

use classifier_wasm::{Builder, Model};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

// Places in the lists of arguments.js.
const EUCLIDEAN: usize = 0;
const RAW: usize = 0;
const AUTO: usize = 0;
const UNIFORM: usize = 0;

/// Of points on a line that come in two chunks.
fn fit(points: [f64; 4]) -> Result<Model, JsValue> {
    let mut builder = Builder::new(1, 2, 3, EUCLIDEAN, RAW, AUTO, UNIFORM, Vec::new(), 4)?;
    builder.push(&points[..3], &[0, 0, 1])?;
    builder.push(&points[3..], &[1])?;
    builder.start(
        vec!["low".to_owned(), "high".to_owned()],
        vec!["level".to_owned()],
    )?;
    loop {
        if let Some(model) = builder.advance(1)? {
            assert_eq!(builder.progress(), 1.0);
            return Ok(model);
        }
        assert!(builder.progress() < 1.0);
    }
}

/// Four points at 0, 1, 10 and 12, the first two of class 0.
fn model() -> Model {
    fit([0.0, 1.0, 10.0, 12.0]).expect("valid rows")
}

fn message(error: impl Into<JsValue>) -> String {
    let error: JsValue = error.into();
    error.unchecked_into::<js_sys::Error>().message().into()
}

#[wasm_bindgen_test]
fn a_model_that_was_saved_and_loaded_predicts_and_names_its_classes() {
    let mut model = Model::load(&model().save()).unwrap_or_else(|_| panic!("just written"));
    assert_eq!(model.predict(&[9.0]).ok(), Some(1));
    assert_eq!(model.class_shares(&[9.0]).ok(), Some(vec![1.0 / 3.0, 2.0 / 3.0]));
    assert_eq!(model.class_names(), ["low", "high"]);
    assert_eq!(model.feature_names(), ["level"]);
    assert!(model.describe().contains("k = 3"), "{}", model.describe());
}

#[wasm_bindgen_test]
fn neighbours_are_rows_nearest_first_then_distances() {
    let neighbours = model().neighbours(&[9.0]).ok();
    assert_eq!(neighbours, Some(vec![2.0, 3.0, 1.0, 1.0, 3.0, 8.0]));
}

#[wasm_bindgen_test]
fn bad_input_throws_an_error_that_says_what_was_expected() {
    let too_long = model().predict(&[1.0, 2.0]).err().map(message);
    assert_eq!(too_long.as_deref(), Some("query: expected 1 features, got 2"));
    let not_finite = model().predict(&[f64::NAN]).err().map(message);
    assert_eq!(
        not_finite.as_deref(),
        Some("query: expected a finite number in feature 0, got NaN")
    );
    let damaged = Model::load(b"not a model").err().map(message);
    assert!(damaged.is_some_and(|text| text.starts_with("source: expected a safetensors file")));
    let row = fit([0.0, 1.0, 10.0, f64::INFINITY]).err().map(message);
    assert_eq!(
        row.as_deref(),
        Some("features: expected a finite number in row 3, feature 0, got Infinity")
    );
    let weights = Builder::new(1, 2, 3, EUCLIDEAN, RAW, AUTO, UNIFORM, vec![-1.0], 4);
    let weights = weights.err().map(message);
    assert!(weights.is_some_and(|text| text.starts_with("featureWeights: ")));
}

#[wasm_bindgen_test]
fn a_batch_is_what_its_queries_are_alone_and_says_which_one_is_wrong() {
    let mut classes = [9; 3];
    let batch = model().predict_batch(0, &[0.5, 11.0, 9.0], &mut classes);
    assert!(batch.is_ok());
    assert_eq!(classes, [0, 1, 1]);
    let wrong = model()
        .predict_batch(100, &[1.0, f64::NAN], &mut classes[..2])
        .err()
        .map(message);
    assert_eq!(
        wrong.as_deref(),
        Some("queries: in query 101: expected a finite number in feature 0, got NaN")
    );
}
