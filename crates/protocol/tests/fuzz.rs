//! Every decoder against random, truncated and mutated input: it returns, and what it accepts it can say again.
//!
//! The same cases each time, so that a failure repeats; for more and others: `cargo xtask fuzz live batch`.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod fuzzing;

use fuzzing::{Input, Random, mutated, n_cases};
use protocol::*;

/// Cases per decoder unless the environment says otherwise: a second or so in a debug build.
const N_CASES: u64 = 20_000;

/// A random input, or one of the samples cut, changed or spliced.
fn input(random: &mut Random, samples: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
    if random.below(8) == 0 {
        return random.bytes(201);
    }
    mutated(random, samples, tokens, 1)
}

const JSON_TOKENS: [&str; 18] = [
    "\"op\":",
    "{",
    "}",
    "[",
    "]",
    "null",
    "-1",
    "0",
    "1e999",
    "-0.0",
    "1.5",
    "65536",
    "18446744073709551616",
    "\"",
    "\\u0000",
    "\\ud800",
    "true",
    ",",
];

fn check_json<M, E: std::fmt::Display>(
    seed: u64,
    samples: &[Vec<u8>],
    decode: fn(&str) -> Result<M, E>,
    encode: fn(&M) -> String,
) {
    let mut random = Random(fuzzing::seed(seed));
    let mut n_accepted = 0;
    for case in 0..n_cases(N_CASES) {
        let bytes = Input(input(&mut random, samples, &JSON_TOKENS));
        let text = String::from_utf8_lossy(&bytes);
        match decode(&text) {
            Ok(message) => {
                n_accepted += 1;
                let json = encode(&message);
                let again = decode(&json).unwrap_or_else(|error| panic!("case {case}: {json}: {error}"));
                assert_eq!(encode(&again), json, "case {case}");
            }
            Err(error) => assert!(error.to_string().len() < 1_000, "case {case}: {error}"),
        }
    }
    // Else the cases would only ever test the first character.
    assert!(n_accepted * 100 > n_cases(N_CASES), "{n_accepted} accepted");
}

#[test]
fn viewer_messages_survive_anything() {
    let samples: Vec<_> = common::viewer_messages()
        .iter()
        .map(|(_, message)| message.to_json().into_bytes())
        .collect();
    check_json(1, &samples, ViewerMessage::from_json, ViewerMessage::to_json);
}

#[test]
fn server_messages_survive_anything() {
    let samples: Vec<_> = common::server_messages()
        .iter()
        .map(|(_, message)| message.to_json().into_bytes())
        .collect();
    check_json(2, &samples, ServerMessage::from_json, ServerMessage::to_json);
}

#[test]
fn batches_survive_anything() {
    let layouts = [
        RecordLayout::of_schema(&common::replay_schema()),
        RecordLayout::new(vec![]),
        RecordLayout::new(vec![NumberType::F64; 3]),
    ];
    let samples = [common::batch_bytes(), common::batch_bytes()[..32].to_vec()];
    let mut random = Random(fuzzing::seed(3));
    let (mut n_accepted, mut features) = (0, Vec::new());
    for case in 0..n_cases(N_CASES) {
        let mut bytes = input(&mut random, &samples, &["\0", "\0\0\0\0", "\u{1}\0"]);
        let layout = &layouts[random.below(layouts.len())];
        // Cuts change the length; say so in the header of some, or few would get past it.
        let n_readings = bytes.len().saturating_sub(32) / layout.record_bytes();
        if random.below(2) == 0 && bytes.len() >= 32 {
            bytes.truncate(32 + n_readings * layout.record_bytes());
            bytes[24..28].copy_from_slice(&(n_readings as u32).to_le_bytes());
        }
        let bytes = Input(bytes);
        let header = BatchHeader::decode(&bytes);
        let Ok(batch) = ReadingBatch::decode(&bytes, layout) else {
            continue;
        };
        n_accepted += 1;
        assert_eq!(header, Ok(batch.header()), "case {case}");
        let BatchHeader {
            channel,
            revision,
            first_seq,
            written_micros,
            ..
        } = batch.header();
        let mut writer = BatchWriter::new(layout, channel, revision, first_seq);
        let mut record = Vec::new();
        for idx in 0..batch.len() {
            let head = batch.read(idx, &mut features);
            record.clear();
            layout
                .encode_record(head.sent_micros, head.true_label, &features, &mut record)
                .unwrap();
            writer.push(&record).unwrap();
        }
        let mut expected = bytes.to_vec();
        expected[28..32].fill(0); // Kept for later, and not kept by us.
        let returned = writer.finish(written_micros);
        let any_nan = batch.readings().any(|record| {
            record.read(&mut features);
            features.iter().any(|value| value.is_nan())
        });
        assert!(any_nan || returned == expected, "case {case}");
        assert!(
            features.capacity() <= 8,
            "case {case}: a batch never decides how much is allocated"
        );
    }
    assert!(n_accepted * 20 > n_cases(N_CASES), "{n_accepted} accepted");
}
