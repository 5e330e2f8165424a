//! True labels that come after their readings: what is scored, when, and where it shows.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{Label, SourceState};
use serde_json::{Value, json};
use support::{Bench, batch, lows, schema, status};
use wasm_bindgen_test::wasm_bindgen_test;

fn truth_of(bench: &mut Bench, seq: u64, true_label: u32) {
    truth_in(bench, 1, seq, true_label);
}

fn truth_in(bench: &mut Bench, revision: u32, seq: u64, true_label: u32) {
    bench.say(&protocol::ServerMessage::Label(Label {
        channel: 3,
        revision,
        seq,
        true_label,
    }));
}

/// At once, late, waiting, given up, not scored, unmatched.
fn counts(snapshot: &Value) -> [u64; 6] {
    let names = [
        "n_at_once",
        "n_late",
        "n_waiting",
        "n_given_up",
        "n_not_scored",
        "n_unmatched",
    ];
    let counts = names.map(|name| snapshot["truth"][name].as_u64().unwrap());
    assert_eq!(
        counts[..5].iter().sum::<u64>(),
        snapshot["labelled"].as_u64().unwrap()
    );
    assert_eq!(
        snapshot["n_without_true_label"].as_u64().unwrap(),
        counts[2..5].iter().sum::<u64>()
    );
    counts
}

/// True label and whether it is awaited, of the readings newest first.
fn rows(snapshot: &Value) -> Vec<(Value, bool)> {
    let rows = snapshot["last"].as_array().unwrap().iter();
    rows.map(|row| (row["true_label"].clone(), row["is_awaited"].as_bool().unwrap()))
        .collect()
}

#[wasm_bindgen_test(unsupported = test)]
fn a_reading_is_scored_when_its_truth_comes() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(0, &[(1.0, None), (9.0, None), (2.0, Some(0)), (8.0, None)]));
    let before = bench.snapshot();
    assert_eq!(counts(&before), [1, 0, 3, 0, 0, 0]);
    assert_eq!(before["accuracy"], json!(1.0));
    bench.pass(2e6);
    truth_of(&mut bench, 1, 0);
    bench.pass(2e6);
    truth_of(&mut bench, 0, 0);
    let after = bench.snapshot();
    assert_eq!(counts(&after), [1, 2, 1, 0, 0, 0]);
    assert_eq!(after["confusion"], json!([[2, 1], [0, 0]]));
    assert_eq!(after["accuracy"], json!(2.0 / 3.0));
    assert_eq!(after["n_windowed"], 3);
    let expected = [
        (Value::Null, true),
        (json!(0), false),
        (json!(0), false),
        (json!(0), false),
    ];
    assert_eq!(rows(&after), expected);
    let delays = &after["truth"]["late_millis"];
    let [p50, p95] = ["p50", "p95"].map(|name| delays[name].as_u64().unwrap());
    assert!(
        (2_000..2_010).contains(&p50) && (4_000..4_010).contains(&p95),
        "{delays}"
    );
    // The mistake shows where its reading was labelled, four seconds ago, and its cell has the reading.
    assert_eq!(after["timeline"]["bins"][0], json!([0, 4, 1, 0, [2, 2]]));
    let cell: Value = serde_json::from_str(&bench.viewer.cell(0, 1)).unwrap();
    assert_eq!(cell["readings"][0]["seq"], 1);
    assert_eq!(cell["readings"].as_array().unwrap().len(), 1);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_truth_counts_once_and_only_for_a_reading_that_was_labelled() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(5, &[(1.0, None), (2.0, Some(0))]));
    // Of a reading before, one that brought its own, one of no class, one of another numbering; the third is taken; twice.
    truth_of(&mut bench, 4, 0);
    truth_of(&mut bench, 6, 1);
    truth_of(&mut bench, 5, 7);
    truth_in(&mut bench, 2, 5, 0);
    truth_of(&mut bench, 5, 0);
    truth_of(&mut bench, 5, 1);
    let snapshot = bench.snapshot();
    assert_eq!(counts(&snapshot), [1, 1, 0, 0, 0, 5]);
    assert_eq!(snapshot["confusion"], json!([[2, 0], [0, 0]]));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_truth_that_overtakes_its_readings_labelling_waits_for_it() {
    let mut bench = Bench::subscribed();
    bench
        .viewer
        .binary(batch(0, &[(1.0, None), (9.0, None)]), bench.now());
    truth_of(&mut bench, 1, 1);
    assert_eq!(counts(&bench.snapshot()), [0; 6]);
    while bench.work_once() {}
    let snapshot = bench.snapshot();
    assert_eq!(counts(&snapshot), [0, 1, 1, 0, 0, 0]);
    assert_eq!(snapshot["accuracy"], json!(1.0));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_reading_that_the_model_may_know_is_not_scored_by_a_late_truth_either() {
    let mut trained = schema();
    trained.replay = None;
    trained.model.as_mut().unwrap().trained_until = Some(2);
    let mut bench = Bench::subscribed_to(trained);
    bench.receive(batch(0, &[(1.0, None), (9.0, Some(1)), (8.0, None)]));
    for seq in 0..3 {
        truth_of(&mut bench, seq, 0);
    }
    let snapshot = bench.snapshot();
    assert_eq!(counts(&snapshot), [0, 1, 0, 0, 2, 2]);
    assert_eq!(
        snapshot["accuracy"],
        json!(0.0),
        "only reading 2 counts, and was called high"
    );
    assert_eq!(rows(&snapshot)[1..], [(Value::Null, false), (Value::Null, false)]);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_baselines_guess_from_what_was_known_when_the_reading_came() {
    let mut bench = Bench::subscribed();
    // All three come before the first truth, so neither baseline had anything to go by.
    bench.receive(batch(0, &[(9.0, None), (9.0, None), (9.0, None)]));
    for seq in 0..3 {
        truth_of(&mut bench, seq, 1);
    }
    let blind = bench.snapshot();
    assert_eq!(
        (&blind["baseline_no_change"], &blind["baseline_majority"]),
        (&json!(0.0), &json!(0.0))
    );
    bench.receive(batch(3, &[(9.0, None)]));
    truth_of(&mut bench, 3, 1);
    assert_eq!(bench.snapshot()["baseline_no_change"], json!(0.25));
}

#[wasm_bindgen_test(unsupported = test)]
fn another_model_and_a_further_class_go_on_waiting_and_other_classes_begin_afresh() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(0, &[(1.0, None), (1.0, None), (1.0, None)]));
    let mut revised = schema();
    revised.revision = 2;
    bench.say(&protocol::ServerMessage::Schema(revised.clone()));
    truth_of(&mut bench, 0, 0);
    truth_in(&mut bench, 2, 1, 0);
    assert_eq!(counts(&bench.snapshot())[1..3], [2, 1]);
    revised.revision = 3;
    revised.classes.push("higher".to_owned());
    bench.say(&protocol::ServerMessage::Schema(revised.clone()));
    truth_in(&mut bench, 3, 2, 2);
    let snapshot = bench.snapshot();
    assert_eq!(counts(&snapshot)[1..3], [3, 0]);
    assert_eq!(snapshot["confusion"], json!([[2, 0, 0], [0, 0, 0], [1, 0, 0]]));
    revised.revision = 4;
    revised.classes[2] = "highest".to_owned();
    bench.say(&protocol::ServerMessage::Schema(revised));
    truth_in(&mut bench, 3, 1, 0);
    assert_eq!(counts(&bench.snapshot()), [0, 0, 0, 0, 0, 1]);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_reconnection_keeps_what_waits() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(0, &[(1.0, None)]));
    let now = bench.now();
    bench.viewer.session.closed("", now);
    bench.tick_for(2e6);
    bench.greet("first");
    truth_of(&mut bench, 0, 0);
    assert_eq!(counts(&bench.snapshot())[1], 1);
    bench.receive(lows(1, 3));
    bench.say(&status(SourceState::Playing, 4, 4));
    assert_eq!(counts(&bench.snapshot()), [3, 1, 0, 0, 0, 0]);
}
