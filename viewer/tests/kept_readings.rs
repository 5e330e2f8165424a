//! What can be asked of readings that were kept: their neighbours, and those of a cell of the confusion matrix.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::{Value, json};
use support::{Bench, batch, lows};

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_kept_reading_has_neighbours_and_an_old_one_has_none() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 1));
    bench.receive(batch(1, &[(9.0, Some(0))]));
    let answer = parse(&bench.viewer.neighbours(1));
    let expected = json!({"type": "neighbours", "seq": 1, "neighbours": [{"row": 1, "distance": 1.0, "class": 1}],
        "features": [9.0], "shares": [0.0, 1.0]});
    assert_eq!(answer, expected);
    assert_eq!(parse(&bench.viewer.neighbours(77))["neighbours"], json!([]));
}

#[test]
fn a_cell_has_its_newest_readings() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(0, &[(9.0, Some(0)), (1.0, Some(0)), (8.0, Some(0))]));
    let answer = parse(&bench.viewer.cell(0, 1));
    let seqs: Vec<_> = answer["readings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reading| &reading["seq"])
        .collect();
    assert_eq!(
        (&answer["type"], seqs),
        (&"cell".into(), vec![&json!(2), &json!(0)])
    );
}

#[test]
fn a_rare_cell_has_its_readings_long_after() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(0, &[(9.0, Some(0)), (8.0, Some(0))]));
    for message in 0..10 {
        bench.receive(lows(2 + message * 100, 100));
    }
    let answer = parse(&bench.viewer.cell(0, 1));
    let readings = answer["readings"].as_array().unwrap();
    assert_eq!((&readings[0]["seq"], &readings[1]["seq"]), (&json!(1), &json!(0)));
    assert!(readings[0]["latency_micros"].is_number(), "{answer}");
    assert_eq!(parse(&bench.viewer.neighbours(0))["neighbours"][0]["row"], 1);
    let common = parse(&bench.viewer.cell(0, 0));
    assert_eq!(common["readings"].as_array().unwrap().len(), 256);
}
