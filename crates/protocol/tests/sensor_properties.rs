//! Flattening JSON, against the shortest code that states it.
#![cfg(all(feature = "sensor", not(target_family = "wasm")))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use protocol::sensor::*;
use serde_json::{Map, Value};

/// Values of any shape, few levels deep, whose keys are neither reserved nor hold the `.` that joins names.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no others", |x| x.is_finite())
            .prop_map(Value::from),
        "[a-z]{0,5}".prop_map(Value::from),
    ];
    let key = "k[a-zé]{0,3}";
    let value = leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    });
    prop::collection::btree_map(key, value, 0..6)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

fn flatten(name: &str, value: &Value, features: &mut Vec<(String, u64)>) {
    let join = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}.{key}")
        }
    };
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, value)| flatten(&join(key), value, features)),
        Value::Array(values) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(idx, value)| flatten(&join(&idx.to_string()), value, features));
        }
        Value::String(_) => {}
        Value::Null => features.push((name.to_owned(), f64::NAN.to_bits())),
        Value::Bool(value) => features.push((name.to_owned(), f64::from(u8::from(*value)).to_bits())),
        Value::Number(value) => features.push((name.to_owned(), value.as_f64().unwrap().to_bits())),
    }
}

proptest! {
    #[test]
    fn objects_flatten_as_stated(object in object(), pretty in any::<bool>()) {
        let mut expected = Vec::new();
        flatten("", &object, &mut expected);
        let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        match SensorDecoder::default().text(&text, 0) {
            Ok(events) => {
                let [SensorEvent::Reading(reading)] = &events[..] else { panic!("{events:?}") };
                let features: Vec<_> = reading.features.iter().map(|(name, x)| (name.to_string(), x.to_bits())).collect();
                prop_assert_eq!(features, expected);
                prop_assert_eq!((reading.time, &reading.true_label, &reading.id), (None, &None, &None));
            }
            Err(error) => {
                prop_assert_eq!(error.code(), "bad-value");
                prop_assert!(expected.is_empty(), "{}", error);
            }
        }
    }

    #[test]
    fn any_bytes_are_survived(message in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SensorDecoder::default().binary(&message, 1_705_314_600_000_000);
    }

    #[test]
    fn rows_keep_every_number(rows in prop::collection::vec(prop::collection::vec(any::<f64>(), 3), 1..20)) {
        let finite: Vec<Vec<f64>> =
            rows.iter().map(|row| row.iter().map(|x| if x.is_finite() { *x } else { 0.0 }).collect()).collect();
        let lines: Vec<String> = finite.iter().map(|row| format!("{},{},{}", row[0], row[1], row[2])).collect();
        let events = SensorDecoder::default().text(&lines.join("\n"), 0).unwrap();
        prop_assert_eq!(events.len(), finite.len());
        for (event, row) in events.iter().zip(&finite) {
            let SensorEvent::Reading(reading) = event else { panic!("{event:?}") };
            let bits: Vec<u64> = reading.features.iter().map(|(_, x)| x.to_bits()).collect();
            prop_assert_eq!(bits, row.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        }
    }
}
