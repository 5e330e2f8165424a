//! From a topic to the name of a source, and from a payload that is a number alone to a reading.

use protocol::sensor::{SensorEvent, SensorReading};
use sha2::{Digest as _, Sha256};

use crate::sources::MAX_NAME_BYTES;

/// Bytes of a name that are kept before the hash of the topic.
const MAX_READABLE_BYTES: usize = MAX_NAME_BYTES - 9;

/// Longest name of a feature, in bytes, as in messages.
const MAX_FEATURE_BYTES: usize = 256;

/// Longest text that is read as a number; the longest f64 that a program prints is shorter.
const MAX_NUMBER_BYTES: usize = 400;

/// The source of a topic: its levels joined by dots, `home/kitchen` is `home.kitchen`.
///
/// A topic with other characters than letters, digits, `-`, `_` and `/`, or longer than 64 bytes, could come out as
/// another's name, so it gets `_` for these, is cut to 55 bytes, and ends in `-` and the first eight hexadecimal digits of
/// its SHA-256. The name depends on nothing but the topic.
pub(super) fn source_name(topic: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    let has_level = topic.bytes().any(|byte| byte != b'/');
    if topic.len() <= MAX_NAME_BYTES && has_level && topic.bytes().all(is_plain) {
        return topic.replace('/', ".");
    }
    let readable = topic.chars().map(|char| match char {
        '/' => '.',
        char if char.is_ascii() && is_plain(char as u8) => char,
        _ => '_',
    });
    let readable: String = readable.take(MAX_READABLE_BYTES).collect();
    let hash = Sha256::digest(topic);
    format!(
        "{readable}-{:02x}{:02x}{:02x}{:02x}",
        hash[0], hash[1], hash[2], hash[3]
    )
}

/// The reading of a payload that is one number, `true` or `false`: its feature is named after the topic's last level.
pub(super) fn lone_number(topic: &str, payload: &str) -> Option<SensorEvent> {
    let text = payload.trim();
    let value = match text {
        "true" => 1.0,
        "false" => 0.0,
        // Neither `nan` nor `inf`, which Rust would read too.
        _ if text.len() <= MAX_NUMBER_BYTES && text.bytes().any(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|value: &f64| value.is_finite())?
        }
        _ => return None,
    };
    let last = topic.rsplit('/').find(|level| !level.is_empty());
    let mut name = last.unwrap_or("value").to_owned();
    name.truncate(name.floor_char_boundary(MAX_FEATURE_BYTES));
    Some(SensorEvent::Reading(SensorReading {
        features: vec![(name.into(), value)],
        time: None,
        true_label: None,
        id: None,
        units: Vec::new(),
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn levels_are_joined_by_dots() {
        for (topic, name) in [
            ("kitchen", "kitchen"),
            ("home/kitchen/temp", "home.kitchen.temp"),
            ("/home/living_room-2", ".home.living_room-2"),
            ("home/", "home."),
        ] {
            assert_eq!(source_name(topic), name);
        }
    }

    #[test]
    fn other_topics_end_in_their_hash() {
        // First digits of `printf %s TOPIC | sha256sum`.
        assert_eq!(source_name("Küche/Luft 2"), "K_che.Luft_2-90eabb97");
        let long = "a".repeat(65);
        assert_eq!(source_name(&long), format!("{}-635361c4", "a".repeat(55)));
    }

    #[test]
    fn topics_that_look_alike_have_names_of_their_own() {
        let long = "x".repeat(80);
        let topics = [
            "a/b",
            "a.b",
            "a b",
            "a_b",
            "a-b",
            "a//b",
            "/",
            "//",
            "..",
            "ä",
            "ö",
            "$SYS/a",
            "+",
            &long,
            &long[1..],
            "a/b/",
            "\u{7f}",
        ];
        let names: BTreeSet<String> = topics.iter().map(|topic| source_name(topic)).collect();
        assert_eq!(names.len(), topics.len());
        for name in names {
            assert!(crate::sources::is_name(&name), "{name}");
        }
    }

    #[test]
    fn a_lone_number_is_named_after_its_level() {
        let check = |topic: &str, payload: &str, expected: Option<(&str, f64)>| {
            let got = lone_number(topic, payload).map(|event| match event {
                SensorEvent::Reading(reading) => reading.features[0].clone(),
                SensorEvent::Label(label) => panic!("{label:?}"),
            });
            let expected = expected.map(|(name, value)| (name.into(), value));
            assert_eq!(got, expected, "{topic}: {payload}");
        };
        check("home/kitchen/temp", "21.5", Some(("temp", 21.5)));
        check("home/kitchen/temp", " -3e2\n", Some(("temp", -300.0)));
        check("door/", "true", Some(("door", 1.0)));
        check("/", "false", Some(("value", 0.0)));
        check("home/time", "12", Some(("time", 12.0)));
        for payload in [
            "", "ON", "nan", "inf", "1e999", "21,5", "21.5 °C", "1 2", "[1]", "0x10",
        ] {
            check("home/kitchen/temp", payload, None);
        }
    }
}
