//! What happens to readings: labels, statistics, gaps, latency, acknowledgements, slow viewers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{
    Gap, GapCause, NumberType, Pace, Replay, Schema, ServerMessage, SourceState, Stats, ViewerMessage,
};
use serde_json::{Value, json};
use support::{Bench, START, batch, batch_of, lows, schema, status};
use viewer::page::Start;

fn gap(from: u64, until: u64, cause: GapCause) -> ServerMessage {
    ServerMessage::Gap(Gap {
        channel: 3,
        from,
        until,
        cause,
    })
}

fn acks(bench: &mut Bench) -> Vec<u64> {
    let acks = bench.take_sent().into_iter().filter_map(|message| match message {
        ViewerMessage::Ack(ack) => Some(ack.next_seq),
        _ => None,
    });
    acks.collect()
}

#[test]
fn every_reading_is_labelled_and_scored() {
    let mut bench = Bench::subscribed();
    bench.receive(batch(
        0,
        &[(1.0, Some(0)), (9.0, Some(1)), (2.0, Some(1)), (8.0, None)],
    ));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "live");
    assert_eq!(snapshot["labelled"], 4);
    assert_eq!(snapshot["n_without_true_label"], 1);
    assert_eq!(snapshot["accuracy"], json!(2.0 / 3.0));
    assert_eq!(snapshot["confusion"], json!([[1, 0], [1, 1]]));
    assert_eq!(snapshot["features_now"], json!([8.0]));
    assert_eq!(snapshot["features_recent"], json!([[1.0, 9.0, 2.0, 8.0]]));
    assert_eq!(snapshot["timeline"]["bins"], json!([[0, 4, 1, 0, [2, 2]]]));
    let last = &snapshot["last"][0];
    let expected = json!([3, 1, null, [0.0, 1.0], 2.0]);
    let fields = ["seq", "predicted", "true_label", "shares", "distance"];
    assert_eq!(
        Value::from_iter(fields.map(|field| last[field].clone())),
        expected
    );
    assert_eq!(snapshot["now"]["seq"], 3);
}

#[test]
fn the_snapshot_has_every_documented_field() {
    let readme = include_str!("../README.md");
    let section = readme
        .split("## The snapshot")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let documented = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| line.split('|').nth(1).unwrap().split(','))
        .map(|name| name.trim().trim_matches('`').to_owned());
    let mut documented: Vec<String> = documented.filter(|name| !name.contains('.')).collect();
    documented.sort();
    let snapshot = Bench::subscribed().snapshot();
    let fields: Vec<String> = snapshot.as_object().unwrap().keys().cloned().collect();
    let mut fields: Vec<String> = fields.into_iter().filter(|name| name != "type").collect();
    fields.sort();
    assert_eq!(documented, fields);
}

#[test]
fn a_snapshot_before_anything_has_every_field_too() {
    let mut bench = Bench::new();
    let before = bench.snapshot();
    let after = Bench::subscribed().snapshot();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    assert_eq!(
        (&before["accuracy"], &before["kappa_t"], &before["clock"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
}

#[test]
fn each_message_is_acknowledged() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    bench.receive(lows(0, 1));
    bench.receive(lows(1, 9));
    assert_eq!(acks(&mut bench), [1, 10]);
}

#[test]
fn a_long_message_is_acknowledged_on_the_way() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    bench.receive(lows(0, 512));
    let acks = acks(&mut bench);
    assert!(acks.len() >= 4, "{acks:?}");
    assert!(acks.is_sorted() && acks.last() == Some(&512), "{acks:?}");
}

#[test]
fn long_work_is_cut_into_slices_without_losing_order() {
    let mut bench = Bench::subscribed();
    bench.step = 1_000.0;
    bench.viewer.binary(lows(0, 100), bench.now());
    bench
        .viewer
        .text(&gap(100, 120, GapCause::SlowViewer).to_json(), bench.now());
    bench.viewer.binary(lows(120, 5), bench.now());
    let mut n_slices = 1;
    while bench.work_once() {
        n_slices += 1;
        assert_eq!(
            bench.state() == "live",
            bench.viewer.sequence().gaps().total == 0,
            "behind only after the gap"
        );
    }
    assert!(n_slices >= 100 / 8, "{n_slices}");
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["gaps"]["slow-viewer"]),
        (&105.into(), &20.into())
    );
    assert_eq!(snapshot["gaps"]["unexplained"], 0);
}

#[test]
fn gaps_count_by_cause_and_show_on_the_time_line() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 1));
    bench.say(&gap(1, 11, GapCause::HistoryLost));
    bench.receive(lows(11, 1));
    bench.receive(lows(15, 1));
    let snapshot = bench.snapshot();
    let expected = json!({"slow-viewer": 0, "history-lost": 10, "latest": 0, "reconnect": 0, "unexplained": 3, "not-classified": 0, "no-model": 0, "total": 13});
    assert_eq!(snapshot["gaps"], expected);
    assert_eq!(snapshot["timeline"]["bins"], json!([[0, 3, 0, 13, [3, 0]]]));
}

#[test]
fn a_truncated_batch_is_counted_and_the_stream_goes_on() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    bench.receive(lows(0, 5));
    let mut truncated = lows(5, 5);
    truncated.truncate(40);
    bench.receive(truncated);
    bench.receive(vec![1, 2, 3]);
    bench.receive(lows(10, 5));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["errors"]["n_malformed"]),
        (&10.into(), &2.into())
    );
    assert_eq!(snapshot["gaps"]["unexplained"], 5);
    assert_eq!(acks(&mut bench).last(), Some(&15));
}

#[test]
fn truncated_batches_do_not_use_up_the_credit() {
    let mut bench = Bench::subscribed();
    bench.step = 100_000.0; // So slow that few readings are wanted in flight.
    bench.receive(lows(0, 20));
    bench.take_actions();
    let mut truncated = lows(20, 504);
    truncated.pop();
    bench.receive(truncated);
    assert!(!acks(&mut bench).is_empty());
}

#[test]
fn readings_for_another_channel_or_revision_are_not_labelled() {
    let mut bench = Bench::subscribed();
    let mut other_channel = lows(0, 1);
    other_channel[2] = 9;
    bench.receive(other_channel);
    let mut other_revision = lows(0, 1);
    other_revision[4] = 9;
    bench.receive(other_revision);
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["errors"]["n_ignored"]),
        (&0.into(), &1.into())
    );
    assert_eq!(snapshot["errors"]["n_malformed"], 1);
}

#[test]
fn repeated_readings_are_labelled_once() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 10));
    bench.receive(lows(5, 10));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["gaps"]["total"]),
        (&15.into(), &0.into())
    );
}

#[test]
fn latency_is_cut_by_cause() {
    let mut bench = Bench::subscribed();
    let layout = protocol::RecordLayout::of_schema(&support::schema());
    let sent = bench.now() as u64;
    let mut record = Vec::new();
    layout.encode_record(sent, Some(0), &[1.0], &mut record).unwrap();
    let mut writer = protocol::BatchWriter::new(&layout, 3, 1, 0);
    writer.push(&record).unwrap();
    let bytes = writer.finish(sent + 100);
    bench.pass(300.0);
    bench.viewer.binary(bytes, bench.now());
    bench.pass(40.0);
    bench.step = 7.0;
    bench.work_once();
    bench.pass(1e6);
    let latency = bench.snapshot()["latency_micros"].clone();
    let p50 = |stage: &str| latency[stage]["p50"].as_i64().unwrap();
    // Half a microsecond is lost to the clock offset's round trip in the set-up at most.
    for (stage, expected) in [
        ("server", 100),
        ("network", 200),
        ("wait", 47),
        ("classify", 7),
        ("end_to_end", 354),
    ] {
        assert!((p50(stage) - expected).abs() <= 1, "{stage}: {latency}");
    }
    assert_eq!(latency["end_to_end"]["n"], 1);
}

#[test]
fn latency_across_clocks_waits_for_the_offset() {
    let mut bench = Bench::new();
    bench.say(&support::hello("first"));
    bench.say(&ServerMessage::Schema(support::schema()));
    bench.load();
    bench.receive(lows(0, 3));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["latency_micros"]["network"]["n"], 0);
    assert_eq!(snapshot["latency_micros"]["classify"]["n"], 3);
    assert_eq!(snapshot["last"][0]["latency_micros"], Value::Null);
}

#[test]
fn a_slow_viewer_is_behind_and_says_how_far() {
    let mut bench = Bench::subscribed();
    bench.pass(2e6);
    bench.receive(lows(0, 8)); // Sent two seconds ago.
    bench.say(&ServerMessage::Stats(Stats {
        channel: 3,
        n_produced: 2_000,
        n_delivered: 8,
        n_in_flight: 0,
        n_queued: 512,
        n_dropped: Default::default(),
        rate: 1_000.0,
    }));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["state"], &snapshot["n_lagging"]),
        (&"behind".into(), &1_992.into())
    );
    let message = snapshot["message"].as_str().unwrap();
    assert!(
        message.contains("1,992 readings (2.0 s) behind; nothing was skipped"),
        "{message}"
    );
    bench.say(&gap(8, 1_900, GapCause::SlowViewer));
    bench.work_once();
    let message = bench.snapshot()["message"].to_string();
    assert!(
        message.contains("slower than the stream: 1,892 readings were skipped so far"),
        "{message}"
    );
}

#[test]
fn readings_that_the_server_gave_up_count_before_their_gap_comes_and_once() {
    let stats = |n_produced, n_dropped| {
        ServerMessage::Stats(Stats {
            channel: 3,
            n_produced,
            n_delivered: 512,
            n_in_flight: 504,
            n_queued: 512,
            n_dropped: [(GapCause::SlowViewer, n_dropped)].into(),
            rate: 1_000.0,
        })
    };
    let counts = |bench: &mut Bench| {
        let snapshot = bench.snapshot();
        let gaps = &snapshot["gaps"];
        [&gaps["slow-viewer"], &gaps["total"], &snapshot["n_lagging"]].map(|n| n.as_u64().unwrap())
    };
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 8));
    bench.say(&stats(2_000, 1_400));
    assert_eq!(counts(&mut bench), [1_400, 1_400, 592]);
    // The gap waits for its turn, then is counted.
    bench.say(&gap(8, 1_408, GapCause::SlowViewer));
    assert_eq!(counts(&mut bench), [1_400, 1_400, 592]);
    bench.work_once();
    assert_eq!(counts(&mut bench), [1_400, 1_400, 592]);
    bench.receive(lows(1_408, 8));
    assert_eq!(counts(&mut bench), [1_400, 1_400, 584]);
    bench.say(&stats(3_000, 2_200));
    assert_eq!(counts(&mut bench), [2_200, 2_200, 784]);
    // Another subscription of the same session counts from 0.
    bench.viewer.session.closed("cut", bench.now());
    bench.tick_for(10e6);
    bench.greet("first");
    bench.say(&stats(3_000, 0));
    assert_eq!(counts(&mut bench), [1_400, 1_400, 1_584]);
}

#[test]
fn a_gap_past_the_last_stats_hides_no_reading_that_waits() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 8));
    bench.viewer.binary(lows(8, 500), bench.now());
    bench.say(&gap(508, 3_000, GapCause::SlowViewer));
    assert_eq!(bench.snapshot()["n_lagging"], 500);
}

#[test]
fn skipping_makes_behind_for_a_while_only() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 8));
    bench.say(&gap(8, 20, GapCause::SlowViewer));
    bench.receive(lows(20, 1));
    assert_eq!(bench.state(), "behind");
    bench.pass(2.1e6);
    assert_eq!(bench.state(), "live");
}

#[test]
fn a_stream_as_fast_as_its_viewers_is_not_behind_for_being_full() {
    let state = |pace| {
        let mut bench = Bench::subscribed_to(replayed(|replay| Replay {
            pace,
            rate: None,
            ..replay
        }));
        bench.pass(5e6);
        bench.receive(lows(0, 8));
        bench.say(&status(SourceState::Playing, 8, 500));
        bench.state()
    };
    assert_eq!(state(Pace::Max), "live");
    assert_eq!(
        state(Pace::Recorded),
        "behind",
        "recorded times do not wait for anyone"
    );
    assert_eq!(state(Pace::Rate), "live", "a server that does not say its pace");
}

/// The schema with its replay changed.
fn replayed(change: impl Fn(Replay) -> Replay) -> Schema {
    let mut schema = schema();
    schema.replay = schema.replay.map(change);
    schema
}

#[test]
fn the_replays_own_words_are_passed_on() {
    let mut bench = Bench::subscribed_to(replayed(|replay| Replay {
        pace: Pace::Recorded,
        rate: None,
        speed: Some(60.0),
        n_twins: Some(29),
        command: Some("sensor-sim --dataset toy --rate recorded".to_owned()),
        ..replay
    }));
    let source = bench.snapshot()["source"].clone();
    let fields = ["pace", "rate", "recorded_speed", "n_twins", "command", "pass"];
    let expected = json!([
        "recorded",
        null,
        60.0,
        29,
        "sensor-sim --dataset toy --rate recorded",
        null
    ]);
    assert_eq!(
        Value::from_iter(fields.map(|field| source[field].clone())),
        expected
    );
}

#[test]
fn a_replay_that_starts_again_is_no_new_evidence() {
    let mut bench = Bench::subscribed_to(replayed(|replay| Replay {
        n_rows: 50,
        looping: true,
        ..replay
    }));
    let pass: Vec<_> = (0..50).map(|row| (1.0, Some(u32::from(row >= 40)))).collect();
    bench.receive(batch(0, &pass));
    let once = bench.snapshot();
    assert_eq!(
        once["source"]["pass"], 2,
        "the next row is the first of the second pass"
    );
    bench.receive(batch(50, &pass));
    bench.receive(batch(100, &pass));
    let thrice = bench.snapshot();
    assert_eq!(
        (&thrice["labelled"], &thrice["source"]["pass"]),
        (&150.into(), &4.into())
    );
    assert_eq!(once["accuracy"], thrice["accuracy"]);
    for interval in ["accuracy_interval", "accuracy_windowed_interval"] {
        assert_eq!(once[interval], thrice[interval]);
    }
}

#[test]
fn a_replay_that_is_moved_back_is_no_new_evidence() {
    let mut bench = Bench::subscribed_to(replayed(|replay| Replay {
        n_rows: 1_000,
        looping: true,
        ..replay
    }));
    let rows: Vec<_> = (0..50).map(|row| (1.0, Some(u32::from(row >= 40)))).collect();
    bench.receive(batch(0, &rows));
    let once = bench.snapshot();
    for restart in 1..8 {
        bench.say(&status(SourceState::Playing, 0, 50 * restart));
        bench.receive(batch(50 * restart, &rows));
    }
    let often = bench.snapshot();
    assert_eq!(often["labelled"], 400);
    assert_eq!(once["accuracy"], often["accuracy"]);
    for interval in ["accuracy_interval", "accuracy_windowed_interval"] {
        assert_eq!(once[interval], often[interval]);
    }
}

#[test]
fn many_classes_have_a_list_of_mistakes_instead_of_a_matrix() {
    let mut bench = Bench::new();
    let mut wide = schema();
    wide.classes = (0..65).map(|class| class.to_string()).collect();
    bench.say(&support::hello("first"));
    assert_eq!(bench.snapshot()["confusion"], json!([]), "not known yet");
    bench.say(&ServerMessage::Schema(wide));
    assert_eq!(bench.snapshot()["confusion"], Value::Null);
    let mut bench = Bench::subscribed();
    bench.receive(batch(
        0,
        &[(9.0, Some(0)), (1.0, Some(1)), (9.0, Some(0)), (1.0, Some(0))],
    ));
    bench.pass(1e6);
    let mistakes = bench.snapshot()["most_frequent_mistakes"].clone();
    assert_eq!(mistakes, json!([[0, 1, 2], [1, 0, 1]]));
}

#[test]
fn a_reading_that_the_classifier_refuses_is_missed_and_says_why() {
    let mut schema = schema();
    schema.features[0].number_type = NumberType::F64;
    let mut bench = Bench::subscribed_to(schema.clone());
    bench.receive(batch_of(
        &schema,
        0,
        &[(1.0, Some(0)), (f64::NAN, Some(0)), (2.0, Some(0))],
    ));
    let snapshot = bench.snapshot();
    let gaps = &snapshot["gaps"];
    assert_eq!(
        (&snapshot["labelled"], &gaps["not-classified"], &gaps["total"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(snapshot["errors"]["n_not_classified"], 1);
    let name = &schema.features[0].name;
    let expected = format!("a reading has no value of `{name}`");
    assert_eq!(snapshot["errors"]["last"], expected);
    let message = snapshot["message"].as_str().unwrap();
    assert!(message.contains("refused 1"), "{message}");
}

#[test]
fn a_slow_viewer_acknowledges_late() {
    let mut bench = Bench::subscribed();
    bench.step = 20_000.0; // 10 readings fill the time wanted in flight.
    bench.take_actions();
    for message in 0..100 {
        bench.receive(lows(message * 8, 8));
    }
    let last = *acks(&mut bench).last().unwrap();
    assert!((800 - 512..=800 - 490).contains(&last), "{last}");
}

#[test]
fn the_slow_factor_makes_classification_slower() {
    let classify = |slow_factor| {
        let mut bench = Bench::with(Start {
            url: "ws://127.0.0.1/live".to_owned(),
            slow_factor,
            ..Start::default()
        });
        bench.greet("first");
        bench.load();
        bench.step = 10.0;
        bench.receive(lows(0, 1));
        bench.snapshot()["latency_micros"]["classify"]["max"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((classify(None), classify(Some(10.0))), (10, 100));
}

#[test]
fn states_of_the_replay() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 100));
    bench.say(&status(SourceState::Paused, 100, 100));
    assert_eq!(bench.state(), "paused");
    bench.say(&status(SourceState::Ended, 100, 103));
    assert_eq!(bench.state(), "live", "three readings are still to come");
    bench.receive(lows(100, 3));
    assert_eq!(bench.state(), "ended");
    assert_eq!(bench.snapshot()["source"]["position"], 100);
}

#[test]
fn the_position_follows_the_labels() {
    let mut bench = Bench::subscribed();
    bench.say(&status(SourceState::Playing, 10, 0));
    bench.receive(lows(0, 5));
    assert_eq!(bench.snapshot()["source"]["position"], 15);
}

#[test]
fn a_server_that_ignores_the_credit_is_left() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    for message in 0..5 {
        bench.viewer.binary(lows(message * 500, 500), bench.now());
    }
    assert_eq!(bench.state(), "disconnected");
    assert!(!bench.work_once(), "what was too much is dropped");
    bench.tick_for(300_000.0);
    bench.take_actions();
    bench.greet("first");
    let sent = bench.take_sent();
    assert!(
        matches!(&sent[..], [ViewerMessage::Subscribe(subscribe)] if subscribe.resume.as_ref().is_some_and(|resume| resume.next_seq == 0)),
        "{sent:?}"
    );
}

#[test]
fn the_accuracys_history_has_a_point_each_quarter_second() {
    let mut bench = Bench::subscribed();
    for second in 0..3 {
        bench.receive(lows(second, 1));
        bench.pass(1e6);
    }
    let history = bench.snapshot()["accuracy_history"].clone();
    let (lower, upper) = evaluation::wilson_interval(3, 3, evaluation::Z_95).unwrap();
    assert_eq!(history[2], json!([3, 1.0, 2.0 / 3.0, 2.0 / 3.0, lower, upper]));
    assert!(bench.now() > START);
}
