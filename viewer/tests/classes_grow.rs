//! A stream whose classes come one after the other: what was counted by the first ones goes on.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{Label, Schema, ServerMessage};
use serde_json::{Value, json};
use support::{Bench, batch_of, model_file_of, trained_schema};
use viewer::session::AfreshReason;
use wasm_bindgen_test::wasm_bindgen_test;

const CLASSES: [&str; 5] = ["low", "high", "higher", "steep", "peak"];

/// Readings between two new classes.
const N_EACH: u64 = 300;

const N_BATCH: u64 = 50;

/// With the first `n_classes`, and a model of those before the last of them, of both while there are two.
fn schema_of(n_classes: usize) -> Schema {
    let mut schema = trained_schema(&sha256_of(n_classes), N_EACH * (n_classes as u64 - 2));
    schema.revision = n_classes as u32;
    schema.classes = CLASSES[..n_classes]
        .iter()
        .map(|&class| class.to_owned())
        .collect();
    schema
}

fn sha256_of(n_classes: usize) -> String {
    format!("{n_classes:064x}")
}

struct Played {
    seq: u64,
    height: f64,
    true_label: u32,
    /// Whether the label comes with the reading.
    is_at_once: bool,
}

/// The reading `seq` of a stream that has so many classes by then.
fn reading(seq: u64, n_classes: usize) -> Played {
    let random = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Played {
        seq,
        height: (random % (10 * n_classes as u64)) as f64,
        true_label: ((random >> 8) % n_classes as u64) as u32,
        is_at_once: !seq.is_multiple_of(3),
    }
}

/// Plays the whole stream to a viewer that is told of it by `schema_of`; returns its last snapshot, and the true and the
/// predicted class of each reading in the order in which they are to be scored.
fn play(schema_of: impl Fn(usize) -> Schema) -> (Value, Vec<(u32, u32)>) {
    let mut bench = Bench::new();
    let mut scored = Vec::new();
    let mut seq = 0;
    for n_classes in 2..=CLASSES.len() {
        let schema = schema_of(n_classes);
        if n_classes == 2 {
            bench.greet_with("first", schema.clone());
        } else {
            bench.say(&ServerMessage::Schema(schema.clone()));
        }
        let now = bench.now();
        let known = &CLASSES[..(n_classes - 1).max(2)];
        bench
            .viewer
            .model_file(&sha256_of(n_classes), &model_file_of(known), &|| now);
        bench.take_actions();
        for _ in 0..N_EACH / N_BATCH {
            let readings: Vec<Played> = (seq..seq + N_BATCH).map(|seq| reading(seq, n_classes)).collect();
            let sent: Vec<_> = readings
                .iter()
                .map(|reading| (reading.height, reading.is_at_once.then_some(reading.true_label)))
                .collect();
            bench.receive(batch_of(&schema, seq, &sent));
            bench.pass(400_000.0);
            let (at_once, late): (Vec<&Played>, Vec<_>) =
                readings.iter().partition(|reading| reading.is_at_once);
            for reading in &late {
                bench.say(&ServerMessage::Label(Label {
                    channel: 3,
                    revision: schema.revision,
                    seq: reading.seq,
                    true_label: reading.true_label,
                }));
            }
            for reading in at_once.into_iter().chain(late) {
                // Equally near ones: the first, as its row comes first.
                let nearest = (0..known.len() as u32)
                    .min_by_key(|&class| (reading.height as i64 - 10 * i64::from(class)).abs());
                scored.push((reading.true_label, nearest.unwrap()));
            }
            seq += N_BATCH;
        }
    }
    bench.pass(1e6);
    (bench.snapshot(), scored)
}

#[wasm_bindgen_test(unsupported = test)]
fn all_counts_are_those_of_a_stream_that_had_all_classes_from_its_start() {
    let (grown, scored) = play(schema_of);
    let n = N_EACH * (CLASSES.len() as u64 - 1);
    assert_eq!((&grown["labelled"], scored.len() as u64), (&n.into(), n));
    let mut confusion = vec![vec![0; CLASSES.len()]; CLASSES.len()];
    for &(true_label, predicted) in &scored {
        confusion[true_label as usize][predicted as usize] += 1;
    }
    assert_eq!(grown["confusion"], json!(confusion));
    let n_right = scored
        .iter()
        .filter(|(true_label, predicted)| true_label == predicted)
        .count();
    assert_eq!(grown["accuracy"], json!(n_right as f64 / n as f64));
    assert_eq!(grown["latency_micros"]["classify"]["n"], n);

    // The rest, accuracy's history, time line, baselines and kept readings too.
    let (at_once, _) = play(|n_classes| Schema {
        classes: CLASSES.map(str::to_owned).to_vec(),
        ..schema_of(n_classes)
    });
    assert_eq!(grown, at_once);
}

#[wasm_bindgen_test(unsupported = test)]
fn other_classes_and_features_begin_afresh() {
    let check = |reason, change: &dyn Fn(&mut Schema)| {
        let mut schema = schema_of(3);
        let mut bench = Bench::new();
        bench.greet_with("first", schema.clone());
        let file = model_file_of(&CLASSES[..2]);
        let now = bench.now();
        bench.viewer.model_file(&sha256_of(3), &file, &|| now);
        bench.receive(batch_of(&schema, N_EACH, &[(1.0, Some(0)); 5]));
        assert_eq!(bench.snapshot()["labelled"], 5);
        schema.revision += 1;
        change(&mut schema);
        bench.say(&ServerMessage::Schema(schema));
        assert_eq!(
            bench.viewer.session.afresh().map(|(_, reason)| reason),
            Some(reason)
        );
        assert_eq!(bench.snapshot()["labelled"], 0, "{reason:?}");
    };
    check(AfreshReason::Classes, &|schema| schema.classes.swap(0, 1));
    check(AfreshReason::Classes, &|schema| {
        schema.classes.insert(0, "lowest".to_owned())
    });
    check(AfreshReason::Classes, &|schema| {
        schema.classes[2] = "top".to_owned()
    });
    check(AfreshReason::Classes, &|schema| schema.classes.truncate(2));
    check(AfreshReason::Features, &|schema| {
        schema.features[0].name = "width".to_owned();
        schema.classes.push("steep".to_owned());
    });
}

#[wasm_bindgen_test(unsupported = test)]
fn a_stream_whose_first_class_comes_late_goes_on_too() {
    let mut schema = schema_of(2);
    schema.model = None;
    schema.classes.clear();
    let mut bench = Bench::new();
    bench.greet_with("first", schema.clone());
    bench.receive(batch_of(&schema, 0, &[(1.0, None); 5]));
    schema.classes.push("low".to_owned());
    schema.revision += 1;
    bench.say(&ServerMessage::Schema(schema.clone()));
    bench.receive(batch_of(&schema, 5, &[(1.0, Some(0))]));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["received"], &snapshot["gaps"]["no-model"]),
        (&6.into(), &6.into())
    );
    assert_eq!(snapshot["confusion"], json!([[0]]));
}
