//! The decoder of sensors' messages against random and mutated ones: it returns, within bounds, and what it takes is sound.
//!
//! 10,000 cases a format, the same ones everywhere. For more and others: `cargo xtask fuzz sensor`.
#![cfg(feature = "sensor")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fuzzing;
mod sensor_common;

use fuzzing::{Input, Random, mutated, n_cases};
use protocol::sensor::*;
use sensor_common::{ARRIVED, bytes};
use wasm_bindgen_test::wasm_bindgen_test;

/// Cases per format unless the environment says otherwise.
const N_CASES: u64 = 10_000;

const TOKENS: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    ";",
    "\n",
    "\t",
    " ",
    "\"",
    ">",
    "|",
    "§",
    "null",
    "true",
    "nan",
    "inf",
    "-1",
    "0.5",
    "1e999",
    "1705314600",
    "\"t\":",
    "\"y\":",
    "\"id\":",
    "\"n\":",
    "\\ud800",
    "\u{0}",
    "2024-01-15T10:30:00",
    "é",
];

/// A mutated sample; sometimes nothing but random bytes.
fn input(random: &mut Random, samples: &[Vec<u8>]) -> Vec<u8> {
    if random.below(10) == 0 {
        return random.bytes(60);
    }
    mutated(random, samples, &TOKENS, 0)
}

/// What holds for everything that a decoder returns for a message of this many bytes.
fn check_events(events: &[SensorEvent], n_bytes: usize, case: &str) {
    let (mut n_features, mut n_name_bytes) = (0, 0);
    for event in events {
        let SensorEvent::Reading(reading) = event else {
            continue;
        };
        assert!(!reading.features.is_empty(), "{case}");
        let mut names: Vec<&str> = reading.features.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), reading.features.len(), "{case}: a name twice");
        assert!(
            reading.features.iter().all(|(_, value)| !value.is_infinite()),
            "{case}"
        );
        n_features += names.len();
        n_name_bytes += names.iter().map(|name| name.len()).sum::<usize>();
    }
    // Every feature takes a byte at least, but for an empty one at the end of a row; and no name is too long.
    let max = n_bytes + events.len();
    assert!(
        n_features <= max,
        "{case}: {n_features} features of {n_bytes} bytes"
    );
    assert!(n_name_bytes <= n_features * 256, "{case}");
    assert!(events.len() <= n_bytes, "{case}");
}

fn check(seed: u64, format: SensorFormat, samples: &[Vec<u8>]) {
    let mut random = Random(fuzzing::seed(seed));
    let (mut decoder, mut schema) = (SensorDecoder::default(), SourceSchema::new(50, 20));
    let (mut n_taken, mut n_of_format) = (0, 0);
    let n_cases = n_cases(N_CASES);
    for case in 0..n_cases {
        let message = Input(input(&mut random, samples));
        // Some decoders go on for long, some see one message only.
        if random.below(20) == 0 {
            decoder = SensorDecoder::default();
        }
        let arrived = ARRIVED + case * 10_000;
        let before = format!("{decoder:?}");
        let context = format!("{format} case {case}: {}", String::from_utf8_lossy(&message));
        let result = match std::str::from_utf8(&message) {
            Ok(text) if random.below(2) == 0 => decoder.text(text, arrived),
            _ => decoder.binary(&message, arrived),
        };
        match result {
            Err(error) => {
                assert!(error.to_string().len() < 1_000, "{context}: {error}");
                assert_eq!(
                    format!("{decoder:?}"),
                    before,
                    "{context}: an error leaves no trace"
                );
            }
            Ok(events) => {
                n_taken += 1;
                n_of_format += u64::from(decoder.format() == Some(format));
                check_events(&events, message.len(), &context);
                for event in &events {
                    let SensorEvent::Reading(reading) = event else {
                        continue;
                    };
                    let revision = schema.revision();
                    match schema.accept(reading) {
                        Ok(accepted) => {
                            assert_eq!(accepted.row.len(), schema.names().len(), "{context}");
                            let is_new = schema.revision() > revision;
                            assert_eq!(accepted.is_new_revision, is_new, "{context}");
                        }
                        Err(_) => assert_eq!(schema.revision(), revision, "{context}"),
                    }
                }
            }
        }
    }
    // Else the cases would only ever test the first character.
    assert!(
        n_taken * 10 > n_cases && n_of_format * 20 > n_cases,
        "{format}: {n_taken}, {n_of_format}"
    );
}

fn texts(samples: &[&str]) -> Vec<Vec<u8>> {
    samples.iter().map(|sample| sample.as_bytes().to_vec()).collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn json_objects_survive_anything() {
    let samples = [
        r#"{"temp":21.5,"hum":[1,null,{"a":true}],"t":1705314600.5,"label":"walking","id":"a7"}"#,
        r#"{"accuracy":2,"timestamp":3925657519043709,"values":[0.31,-0.97,10.04]}"#,
        "{\"a\":1,\"seq\":1}\n{\"op\":\"y\",\"seq\":1,\"y\":\"up\"}",
        r#"{"_msgid":"f9","payload":{"temp":21.5},"topic":""}"#,
    ];
    check(1, SensorFormat::JsonObject, &texts(&samples));
}

#[wasm_bindgen_test(unsupported = test)]
fn json_arrays_survive_anything() {
    check(
        2,
        SensorFormat::JsonArray,
        &texts(&["[1,2.5,null,true]", "[[1,2],[3,4]]", "[1,[2,{\"a\":3}]]"]),
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_survive_anything() {
    let samples = [
        "1,2,3\n4,5,6",
        "t;a;label\n1705314600;1;up\n1705314601;nan;",
        "\"a b\" c\n1 2\n3 4",
        "1\t\t3",
    ];
    check(3, SensorFormat::Csv, &texts(&samples));
}

#[wasm_bindgen_test(unsupported = test)]
fn pairs_survive_anything() {
    let samples = [
        "temp:21.5,hum:40\ntemp:22,hum:41",
        "a: 1 b: 2",
        ">a:1705314600000:1;1705314601000:2§V|g\n>b:3",
        "a:1,t:5,y:up",
    ];
    check(4, SensorFormat::LabelValue, &texts(&samples));
}

#[wasm_bindgen_test(unsupported = test)]
fn senml_survives_anything() {
    let samples = [
        r#"[{"bn":"u:","bt":1.7053146e9,"n":"v","v":120.1},{"n":"c","t":-5,"v":1.2},{"n":"label","vs":"up"}]"#,
        r#"[{"n":"a","vb":true,"t":-1},{"n":"b","s":2,"bs":1}]"#,
    ];
    check(5, SensorFormat::SenmlJson, &texts(&samples));
    let pack = bytes("82 a3 21 62753a 22 fb41d303a15b001062 00 6176 a3 00 6163 06 24 02 fb3ff3333333333333");
    check(
        6,
        SensorFormat::SenmlCbor,
        &[pack, bytes("81 a2 00 6161 02 f94d60")],
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn cbor_survives_anything() {
    let samples = [
        bytes("a3 6474656d70 f94d60 6174 c1 1a65a50aa8 656c6162656c 627570"),
        bytes("83 01 21 fa40600000"),
        bytes("bf 6161 9f 01 f5 ff 6162 f6 7f 6163 ff c4 82 21 196ab3 ff"),
        bytes("d9d9f7 82 a1616101 a1616102"),
    ];
    check(7, SensorFormat::Cbor, &samples);
}

#[wasm_bindgen_test(unsupported = test)]
fn cloud_events_survive_anything() {
    let event = r#"{"specversion":"1.0","type":"r","source":"/","id":"1","time":"2024-01-15T10:30:00Z","data":{"a":1,"y":"up"}}"#;
    check(
        8,
        SensorFormat::CloudEvents,
        &texts(&[event, &format!("[{event},{event}]")]),
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn frames_survive_anything() {
    let samples = [
        bytes("02 00 0200 0100 feff"),
        bytes("02 0e 0100 40da614ec5600600 0100 000000bf"),
        bytes("02 04 0100 80841e0000000000 0500 c0c62d0000000000 0600"),
    ];
    check(9, SensorFormat::Native, &samples);
}
