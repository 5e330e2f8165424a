//! Schemas found from readings, and declared ones.
#![cfg(feature = "sensor")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use protocol::sensor::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn reading(message: &str) -> SensorReading {
    match SensorDecoder::default().text(message, 0).unwrap().remove(0) {
        SensorEvent::Reading(reading) => reading,
        SensorEvent::Label(label) => panic!("{label:?}"),
    }
}

/// Row with `?` for missing values, class id, whether the revision is new.
fn accept(schema: &mut SourceSchema, message: &str) -> Result<(String, Option<u32>, bool), SchemaError> {
    let Accepted {
        row,
        true_label,
        is_new_revision,
    } = schema.accept(&reading(message))?;
    let text = |value: &f64| {
        if value.is_nan() {
            "?".to_owned()
        } else {
            value.to_string()
        }
    };
    Ok((
        row.iter().map(text).collect::<Vec<_>>().join(" "),
        true_label,
        is_new_revision,
    ))
}

fn accepted(
    row: &str,
    true_label: Option<u32>,
    is_new_revision: bool,
) -> Result<(String, Option<u32>, bool), SchemaError> {
    Ok((row.to_owned(), true_label, is_new_revision))
}

#[wasm_bindgen_test(unsupported = test)]
fn features_and_classes_are_found_in_order_of_appearance() {
    let mut schema = SourceSchema::default();
    assert_eq!((schema.revision(), schema.names().len()), (0, 0));
    assert_eq!(
        accept(&mut schema, r#"{"a":1,"b":2}"#),
        accepted("1 2", None, true)
    );
    assert_eq!(
        accept(&mut schema, r#"{"b":3,"a":4}"#),
        accepted("4 3", None, false)
    );
    assert_eq!(accept(&mut schema, r#"{"b":5}"#), accepted("? 5", None, false));
    assert_eq!(schema.revision(), 1);
    assert_eq!(
        accept(&mut schema, r#"{"c":6,"b":7,"y":"up"}"#),
        accepted("? 7 6", Some(0), true)
    );
    assert_eq!(
        accept(&mut schema, r#"{"a":1,"y":"up"}"#),
        accepted("1 ? ?", Some(0), false)
    );
    assert_eq!(
        accept(&mut schema, r#"{"a":1,"y":"down"}"#),
        accepted("1 ? ?", Some(1), true)
    );
    assert_eq!(schema.accept_label("up"), Ok((0, false)));
    assert_eq!(schema.accept_label("left"), Ok((2, true)));
    assert_eq!(schema.revision(), 4);
    assert_eq!(schema.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(schema.classes(), ["up", "down", "left"]);
    assert!(schema.units().all(|unit| unit.is_none()));
}

#[wasm_bindgen_test(unsupported = test)]
fn the_first_unit_of_a_feature_is_a_revision_and_stays() {
    let mut schema = SourceSchema::default();
    let units = |schema: &SourceSchema| {
        schema
            .units()
            .map(|unit| unit.map(str::to_owned))
            .collect::<Vec<_>>()
    };
    accept(&mut schema, r#"[{"n":"a","v":1},{"n":"b","u":"V","v":2}]"#).unwrap();
    assert_eq!(
        (units(&schema), schema.revision()),
        (vec![None, Some("V".to_owned())], 1)
    );
    // A base unit, a sum, and another unit than before.
    let pack = r#"[{"bu":"A","n":"a","v":1},{"n":"e","s":2},{"n":"b","u":"mV","v":3}]"#;
    assert_eq!(accept(&mut schema, pack), accepted("1 3 2", None, true));
    assert_eq!(units(&schema), [Some("A".to_owned()), Some("V".to_owned()), None]);
    assert_eq!(accept(&mut schema, pack), accepted("1 3 2", None, false));
    assert_eq!(schema.revision(), 2);
}

#[wasm_bindgen_test(unsupported = test)]
fn features_and_classes_are_bounded() {
    let mut schema = SourceSchema::new(2, 1);
    assert_eq!(
        accept(&mut schema, r#"{"a":1,"y":"up"}"#),
        accepted("1", Some(0), true)
    );
    let error = accept(&mut schema, r#"{"b":1,"c":2}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected at most 2 features of one source, got 3 with `b`, `c` as new ones"
    );
    let error = accept(&mut schema, r#"{"a":1,"b":2,"y":1.5}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected at most 1 classes of one source, got `1.5` as one more; if it is a measurement, rename it"
    );
    // Nothing has come of either.
    assert_eq!(
        (schema.names().len(), schema.classes().len(), schema.revision()),
        (1, 1, 1)
    );
    assert_eq!(accept(&mut schema, r#"{"b":2}"#), accepted("? 2", None, true));
}

#[wasm_bindgen_test(unsupported = test)]
fn declared_schemas_stay_as_they_are() {
    let features = vec![("a".to_owned(), Some("m".to_owned())), ("b".to_owned(), None)];
    let mut schema = SourceSchema::default()
        .with_features(features)
        .unwrap()
        .with_classes(vec!["up".to_owned(), "down".to_owned()])
        .unwrap();
    assert_eq!(schema.revision(), 1);
    assert_eq!(schema.units().collect::<Vec<_>>(), [Some("m"), None]);
    assert_eq!(
        accept(&mut schema, r#"{"b":2,"y":"down"}"#),
        accepted("? 2", Some(1), false)
    );
    // By position, if there are as many.
    assert_eq!(accept(&mut schema, "[3,4]"), accepted("3 4", None, false));
    let error = accept(&mut schema, "[3,4,5]").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown features `f1`, `f2`, `f3`; declared are `a`, `b`"
    );
    let error = accept(&mut schema, r#"{"a":1,"c":2}"#).unwrap_err();
    assert_eq!(error.to_string(), "unknown features `c`; declared are `a`, `b`");
    let error = accept(&mut schema, r#"{"a":1,"y":"left"}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown class `left`; declared are `up`, `down`"
    );
    assert_eq!(schema.revision(), 1);

    let twice = vec![("a".to_owned(), None), ("a".to_owned(), None)];
    let error = SourceSchema::default().with_features(twice).unwrap_err();
    assert_eq!(error, SchemaError::DeclaredTwice { name: "a".to_owned() });
    let many = vec![("a".to_owned(), None), ("b".to_owned(), None)];
    assert!(matches!(
        SourceSchema::new(1, 1).with_features(many),
        Err(SchemaError::TooManyFeatures {
            max: 1,
            actual: 2,
            ..
        })
    ));
}
