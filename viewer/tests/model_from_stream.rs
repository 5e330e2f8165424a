//! A stream that has no model at first, and gets one after the other, trained from its own readings.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{ServerMessage, ViewerMessage};
use support::{Bench, SHA256, batch_of, hello, lows, schema, subscribe, trained_schema};
use viewer::session::Action;

#[test]
fn a_model_trained_from_the_stream_is_never_scored_on_what_it_has_seen() {
    let mut bench = Bench::subscribed_to(trained_schema(SHA256, 6));
    bench.receive(lows(0, 10));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["labelled"], 10);
    assert_eq!(snapshot["n_without_true_label"], 6);
}

#[test]
fn the_next_trained_model_takes_over_without_a_gap() {
    let mut bench = Bench::subscribed_to(trained_schema(SHA256, 2));
    bench.receive(lows(2, 2));
    bench.viewer.session.not_classified("no number".to_owned());
    bench.take_actions();
    let mut next = trained_schema("beef", 4);
    // A class that no model knows yet, the first ones as before.
    next.revision = 2;
    next.classes.push("middling".to_owned());
    bench.say(&ServerMessage::Schema(next.clone()));
    let actions = bench.take_actions();
    assert!(
        matches!(&actions[..], [Action::FetchModel(model)] if model.sha256 == "beef"),
        "{actions:?}"
    );
    // Meanwhile the model before goes on, and so do the counts.
    let two_lows = |first_seq| batch_of(&next, first_seq, &[(1.0, Some(0)); 2]);
    bench.receive(two_lows(4));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["errors"]["last"]),
        (&4.into(), &"no number".into())
    );
    assert_eq!(snapshot["last"][3]["shares"].as_array().unwrap().len(), 3);
    bench
        .viewer
        .model_file("beef", &support::model_file(), &|| support::START);
    bench.receive(two_lows(6));
    let snapshot = bench.snapshot();
    assert_eq!(
        (
            &snapshot["labelled"],
            &snapshot["gaps"]["total"],
            &snapshot["state"]
        ),
        (&6.into(), &0.into(), &"live".into())
    );
}

#[test]
fn a_stream_without_a_model_shows_its_values_until_its_model_labels_them() {
    let mut bench = Bench::new();
    bench.say(&hello("first"));
    let mut bare = schema();
    bare.model = None;
    bench.say(&ServerMessage::Schema(bare.clone()));
    assert_eq!(bench.take_sent(), [subscribe(None)]);
    bench.receive(lows(0, 512));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "no-model");
    assert_eq!(
        (&snapshot["received"], &snapshot["labelled"]),
        (&512.into(), &0.into())
    );
    assert_eq!(
        (
            &snapshot["gaps"]["no-model"],
            &snapshot["gaps"]["total"],
            &snapshot["n_lagging"]
        ),
        (&512.into(), &512.into(), &0.into())
    );
    assert!(snapshot["received_per_sec"].as_f64().unwrap() > 0.0);
    assert!(
        snapshot["accuracy"].is_null() && snapshot["now"].is_null(),
        "{snapshot}"
    );
    assert_eq!(snapshot["latency_micros"]["end_to_end"]["n"], 0);
    assert_eq!(snapshot["last"], serde_json::json!([]));
    let recent = snapshot["features_recent"][0].as_array().unwrap();
    assert_eq!(recent.len(), 48);
    assert_eq!(Some(&snapshot["features_now"][0]), recent.last());
    let acknowledged = bench.take_sent();
    assert!(
        matches!(acknowledged.last(), Some(ViewerMessage::Ack(ack)) if ack.next_seq == 512),
        "the server may send on: {acknowledged:?}"
    );

    // The model comes, and another before it is here: values flow on over the same connection.
    for sha256 in ["beef", SHA256] {
        bench.say(&ServerMessage::Schema(trained_schema(sha256, 0)));
        let actions = bench.take_actions();
        assert!(
            matches!(&actions[..], [Action::FetchModel(model)] if model.sha256 == sha256),
            "{actions:?}"
        );
    }
    bench.receive(lows(512, 8));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "loading");
    assert_eq!(
        (&snapshot["received"], &snapshot["labelled"]),
        (&520.into(), &0.into())
    );
    bench.load();
    assert_eq!(bench.state(), "waiting");
    bench.pass(1e6); // Percentiles are kept for a while.
    bench.receive(lows(520, 10));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "live");
    assert_eq!(
        (&snapshot["received"], &snapshot["labelled"]),
        (&530.into(), &10.into())
    );
    assert_eq!(
        (&snapshot["gaps"]["no-model"], &snapshot["gaps"]["total"]),
        (&520.into(), &520.into()),
        "each reading has a label or a cause"
    );
    assert_eq!(snapshot["latency_micros"]["classify"]["n"], 10);
    assert_eq!(snapshot["features_recent"][0].as_array().unwrap().len(), 48);

    // And goes: what was counted is over, the values go on over a new connection.
    bench.take_actions();
    bench.say(&ServerMessage::Schema(bare.clone()));
    assert_eq!(bench.take_actions(), [Action::Disconnect]);
    bench.tick_for(100_000.0);
    bench.say(&hello("first"));
    bench.say(&ServerMessage::Schema(bare));
    assert_eq!(bench.take_sent(), [subscribe(None)]);
    bench.receive(lows(530, 3));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["received"], &snapshot["labelled"]),
        (&3.into(), &0.into())
    );
    assert_eq!(snapshot["gaps"]["total"], 3);
}
