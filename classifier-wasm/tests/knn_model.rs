//! `KnnModel` as JavaScript sees it, in Node: typed arrays in, typed arrays out, errors thrown.
#![cfg(all(target_arch = "wasm32", feature = "js"))]

use classifier_wasm::KnnModel;
use classifier_wasm::classifier::{Knn, KnnOptions, ModelMetadata, RowMajor};
use js_sys::{Float64Array, Reflect, Uint32Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Four points on a line, at 0, 1, 10 and 12, the first two of class 0.
fn model() -> KnnModel {
    let options = KnnOptions {
        k: 3,
        ..KnnOptions::default()
    };
    let knn = Knn::fit(
        &RowMajor::new(&[0.0, 1.0, 10.0, 12.0], 1),
        &[0, 0, 1, 1],
        2,
        &options,
    )
    .expect("valid rows");
    let metadata = ModelMetadata {
        class_names: vec!["low".to_owned(), "high".to_owned()],
        feature_names: vec!["level".to_owned()],
        source: "test".to_owned(),
    };
    KnnModel::load(&knn.to_bytes(&metadata)).unwrap_or_else(|_| panic!("just written"))
}

fn message(error: wasm_bindgen::JsError) -> String {
    JsValue::from(error)
        .unchecked_into::<js_sys::Error>()
        .message()
        .into()
}

#[wasm_bindgen_test]
fn a_loaded_model_predicts_and_names_its_classes() {
    let mut model = model();
    assert_eq!(model.predict(&[9.0]).ok(), Some(1));
    assert_eq!(
        model.class_shares(&[9.0]).map(|shares| shares.to_vec()).ok(),
        Some(vec![1.0 / 3.0, 2.0 / 3.0])
    );
    assert_eq!(model.class_names(), ["low", "high"]);
    assert_eq!(model.feature_names(), ["level"]);
    assert!(model.describe().contains("k = 3"), "{}", model.describe());
}

#[wasm_bindgen_test]
fn neighbours_are_typed_arrays_nearest_first() {
    let neighbours = model()
        .neighbours(&[9.0])
        .unwrap_or_else(|_| panic!("a valid query"));
    let rows: Uint32Array = Reflect::get(&neighbours, &"rows".into())
        .expect("rows")
        .unchecked_into();
    let distances: Float64Array = Reflect::get(&neighbours, &"distances".into())
        .expect("distances")
        .unchecked_into();
    assert!(rows.is_instance_of::<Uint32Array>() && distances.is_instance_of::<Float64Array>());
    assert_eq!(rows.to_vec(), [2, 3, 1]);
    assert_eq!(distances.to_vec(), [1.0, 3.0, 8.0]);
}

#[wasm_bindgen_test]
fn bad_input_throws_an_error_that_says_what_was_expected() {
    let too_long = model().predict(&[1.0, 2.0]).err().map(message);
    assert_eq!(too_long.as_deref(), Some("expected 1 features, got 2"));
    let not_finite = model().predict(&[f64::NAN]).err().map(message);
    assert_eq!(
        not_finite.as_deref(),
        Some("expected a finite number in feature 0, got NaN")
    );
    let damaged = KnnModel::load(b"not a model").err().map(message);
    assert!(damaged.is_some_and(|text| text.starts_with("expected a safetensors file")));
}
