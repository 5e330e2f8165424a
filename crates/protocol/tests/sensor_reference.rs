//! docs/sensors.md is true: its examples become what it says, and its names and limits are those of the code.
#![cfg(all(feature = "sensor", not(target_family = "wasm")))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sensor_common;

use std::collections::BTreeSet;

use protocol::sensor::*;
use sensor_common::{ARRIVED, bytes, short};

const REFERENCE: &str = include_str!("../../../docs/sensors.md");

/// The lines of all fenced blocks with this info string.
fn block_lines(info: &str) -> Vec<&'static str> {
    let opening = format!("\n```{info}\n");
    let blocks = REFERENCE.split(&opening).skip(1);
    blocks
        .flat_map(|rest| rest.split_once("\n```").unwrap().0.lines())
        .collect()
}

/// How a message is given to the decoder.
type Decode = fn(&mut SensorDecoder, &str) -> Result<Vec<SensorEvent>, SensorError>;

#[test]
fn examples_become_what_is_said() {
    let mut formats = BTreeSet::new();
    let mut check = |line: &str, decode: Decode| {
        let (message, expected) = line.split_once(" -> ").unwrap();
        let mut decoder = SensorDecoder::default();
        match decode(&mut decoder, message) {
            Ok(events) => assert_eq!(short(&events), expected, "{line}"),
            Err(error) => assert_eq!(expected, "error", "{line}: {error}"),
        }
        formats.extend(decoder.format().map(SensorFormat::name));
    };
    for line in block_lines("readings") {
        check(line, |decoder, message| {
            decoder.text(&message.replace('⏎', "\n"), ARRIVED)
        });
    }
    for line in block_lines("readings hex") {
        check(line, |decoder, message| decoder.binary(&bytes(message), ARRIVED));
    }
    assert_eq!(
        formats,
        SensorFormat::ALL.map(SensorFormat::name).into_iter().collect()
    );
}

#[test]
fn names_and_limits_are_those_of_the_code() {
    for format in SensorFormat::ALL {
        assert!(REFERENCE.contains(&format!("| `{format}` |")), "{format}");
    }
    let DecoderOptions {
        format: _,
        max_message_bytes,
        max_features,
        max_values,
        max_depth,
    } = DecoderOptions::default();
    for (what, limit) in [
        ("bytes of a message", max_message_bytes),
        ("values of a message", max_values),
        ("features of a reading, and of a source", max_features),
        ("levels of nesting", max_depth),
    ] {
        let row = REFERENCE
            .lines()
            .find(|line| line.starts_with(&format!("| {what} |")))
            .unwrap();
        assert_eq!(
            row.replace(',', "").split('|').nth(2).unwrap().trim(),
            limit.to_string()
        );
    }
    for code in ["malformed", "bad-value", "too-large", "format-changed"] {
        assert!(REFERENCE.contains(&format!("| `{code}` |")), "{code}");
    }
}
