//! What the tests of sensors' messages share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use protocol::sensor::*;

/// 2024-01-15 10:30:02 in UTC.
pub const ARRIVED: u64 = 1_705_314_602_000_000;

/// Events in short: `name=value unit` pairs, then `@µs` and how the time was said, `label`, `id`; missing values are `?`.
pub fn short(events: &[SensorEvent]) -> String {
    let one = |event: &SensorEvent| match event {
        SensorEvent::Label(LateLabel { target, true_label }) => format!("{target:?} is {true_label}"),
        SensorEvent::Reading(reading) => {
            let value = |value: f64| {
                if value.is_nan() {
                    "?".to_owned()
                } else {
                    value.to_string()
                }
            };
            let features = reading.features.iter();
            let mut parts: Vec<String> = features
                .map(|(name, x)| format!("{name}={}", value(*x)))
                .collect();
            for (idx, unit) in &reading.units {
                parts[*idx] += &format!(" {unit}");
            }
            let SensorReading {
                time, true_label, id, ..
            } = reading;
            parts.extend(time.map(|time| format!("@{} {:?}", time.micros, time.kind)));
            parts.extend(true_label.as_ref().map(|label| format!("label {label}")));
            parts.extend(id.as_ref().map(|id| format!("id {id}")));
            parts.join(", ")
        }
    };
    events.iter().map(one).collect::<Vec<_>>().join(" | ")
}

pub fn decoded(message: &str) -> (Option<SensorFormat>, String) {
    let mut decoder = SensorDecoder::default();
    let events = decoder
        .text(message, ARRIVED)
        .unwrap_or_else(|error| panic!("{error}: {message}"));
    (decoder.format(), short(&events))
}

pub fn error_of(message: &str) -> SensorError {
    match SensorDecoder::default().text(message, ARRIVED) {
        Ok(events) => panic!("taken: {message} as {}", short(&events)),
        Err(error) => error,
    }
}

/// Bytes written as hexadecimal digits, with spaces anywhere.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte).to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
