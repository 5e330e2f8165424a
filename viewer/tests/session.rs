//! The conversation with the server: connecting, loading, resuming, and everything that may go wrong on the way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use protocol::{ErrorMessage, Resume, ServerMessage, SourceState, ViewerMessage};
use support::{Bench, SHA256, hello, lows, schema, status, subscribe, trained_schema};
use viewer::page::Start;
use viewer::session::{Action, Control};

fn resume_at(session: &str, next_seq: u64) -> Option<Resume> {
    let session = session.to_owned();
    Some(Resume { session, next_seq })
}

fn n_pings(actions: &[Action]) -> usize {
    let is_ping = |action: &&Action| matches!(action, Action::Send(ViewerMessage::Ping(_)));
    actions.iter().filter(is_ping).count()
}

#[test]
fn nothing_is_subscribed_before_the_model_is_there() {
    let mut bench = Bench::new();
    assert_eq!(bench.state(), "connecting");
    bench.greet("first");
    assert_eq!(bench.take_sent(), []);
    assert_eq!(bench.state(), "loading");
    bench.viewer.model_progress(10);
    assert_eq!(bench.snapshot()["model"]["n_loaded_bytes"], 10);
    bench.load();
    assert_eq!(bench.take_sent(), [subscribe(None)]);
    assert_eq!(bench.state(), "waiting");
}

#[test]
fn the_model_is_fetched_once() {
    let mut bench = Bench::new();
    bench.greet("first");
    bench.say(&ServerMessage::Schema(schema()));
    let fetched = bench
        .take_actions()
        .iter()
        .filter(|action| matches!(action, Action::FetchModel(_)))
        .count();
    assert_eq!(fetched, 1);
}

#[test]
fn eight_pings_at_the_start_then_one_a_second() {
    let mut bench = Bench::new();
    bench.say(&hello("first"));
    bench.tick_for(700_000.0);
    assert_eq!(n_pings(&bench.take_actions()), 8);
    for _ in 0..5 {
        bench.say(&status(SourceState::Playing, 0, 0)); // Any message keeps the connection alive.
        bench.tick_for(1_000_000.0);
    }
    assert_eq!(n_pings(&bench.take_actions()), 5);
}

#[test]
fn a_lost_connection_is_made_again_and_goes_on_where_it_was() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 10));
    bench.take_actions();
    bench.viewer.session.closed("", bench.now());
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "disconnected");
    let millis = snapshot["retry_in_millis"].as_f64().unwrap();
    assert!((100.0..=250.0).contains(&millis), "{millis}");
    bench.tick_for(300_000.0);
    assert_eq!(bench.take_actions(), [Action::Connect]);
    bench.greet("first");
    assert_eq!(bench.take_sent(), [subscribe(resume_at("first", 10))]);
    bench.receive(lows(10, 5));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["n_reconnects"]),
        (&15.into(), &1.into())
    );
    assert_eq!(snapshot["gaps"]["total"], 0);
}

#[test]
fn readings_labelled_while_disconnected_are_not_asked_for_again() {
    let mut bench = Bench::subscribed();
    bench.viewer.binary(lows(0, 10), bench.now());
    bench.viewer.session.closed("", bench.now());
    while bench.work_once() {}
    bench.tick_for(300_000.0);
    bench.take_actions();
    bench.greet("first");
    assert_eq!(bench.take_sent(), [subscribe(resume_at("first", 10))]);
    assert_eq!(bench.snapshot()["labelled"], 10);
}

#[test]
fn readings_not_yet_labelled_are_asked_for_again() {
    let mut bench = Bench::subscribed();
    bench.step = 1_000.0;
    bench.viewer.binary(lows(0, 100), bench.now());
    bench.work_once();
    let labelled = bench.snapshot()["labelled"].as_u64().unwrap();
    assert!((1..100).contains(&labelled), "{labelled}");
    bench.viewer.session.closed("", bench.now());
    bench.tick_for(300_000.0);
    bench.take_actions();
    bench.greet("first");
    assert_eq!(bench.take_sent(), [subscribe(resume_at("first", labelled))]);
    assert!(
        !bench.work_once(),
        "what was received over the old connection is dropped"
    );
    bench.receive(lows(labelled, 100 - labelled as usize));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["gaps"]["total"]),
        (&100.into(), &0.into())
    );
}

// Each subscription comes with fresh credit; kept readings added up to an overrun, and so to the next cut, for ever.
#[test]
fn repeated_cuts_neither_fill_the_inbox_nor_hammer_the_server() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 10));
    let mut waits = Vec::new();
    for _ in 0..12 {
        // A full credit arrives and is cut before any of it is labelled.
        bench.viewer.binary(lows(10, 512), bench.now());
        assert_ne!(
            bench.state(),
            "disconnected",
            "512 readings are within the credit"
        );
        bench.viewer.session.closed("", bench.now());
        waits.push(bench.snapshot()["retry_in_millis"].as_f64().unwrap());
        bench.tick_for(8_200_000.0);
        bench.take_actions();
        bench.greet("first");
        assert_eq!(bench.take_sent(), [subscribe(resume_at("first", 10))]);
    }
    assert!(waits[0] <= 250.0 && waits[11] > 4_000.0, "{waits:?}");
    bench.receive(lows(10, 512));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["gaps"]["total"]),
        (&522.into(), &0.into())
    );
    bench.viewer.session.closed("", bench.now());
    let millis = bench.snapshot()["retry_in_millis"].as_f64().unwrap();
    assert!(millis <= 250.0, "labels flowed again: {millis}");
}

#[test]
fn another_session_begins_afresh_and_says_so() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 10));
    bench.viewer.session.closed("", bench.now());
    bench.tick_for(300_000.0);
    bench.take_actions();
    bench.greet("second");
    assert_eq!(
        bench.take_sent(),
        [subscribe(None)],
        "the model is the same: no second download"
    );
    bench.receive(lows(700, 5));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["session"]),
        (&5.into(), &"second".into())
    );
    assert_eq!(snapshot["gaps"]["total"], 0);
    assert!(
        snapshot["message"].as_str().unwrap().contains("began afresh"),
        "{snapshot}"
    );
}

#[test]
fn waits_grow_while_the_server_is_away() {
    let mut bench = Bench::new();
    let mut waits = Vec::new();
    for _ in 0..8 {
        bench.viewer.session.closed("", bench.now());
        let snapshot = bench.snapshot();
        assert_eq!(snapshot["state"], "disconnected");
        waits.push(snapshot["retry_in_millis"].as_f64().unwrap());
        bench.tick_for(8_200_000.0);
        assert!(bench.take_actions().contains(&Action::Connect));
    }
    assert!(
        waits[0] <= 250.0 && waits[7] > 4_000.0 && waits[7] <= 8_000.0,
        "{waits:?}"
    );
}

#[test]
fn a_silent_server_is_given_up() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    bench.tick_for(10_500_000.0);
    let actions = bench.take_actions();
    assert!(actions.contains(&Action::Disconnect), "{actions:?}");
    assert!(actions.contains(&Action::Connect), "{actions:?}");
}

#[test]
fn our_own_sleep_is_not_the_servers_silence() {
    let mut bench = Bench::subscribed();
    bench.tick_for(200_000.0);
    bench.pass(3_600e6);
    bench.tick_for(200_000.0);
    assert!(!bench.take_actions().contains(&Action::Disconnect));
}

#[test]
fn a_later_protocol_is_refused_for_good() {
    let mut bench = Bench::new();
    let text = hello("first").to_json().replace("\"version\":1", "\"version\":2");
    bench.viewer.text(&text, bench.now());
    assert_eq!(bench.state(), "error");
    assert_eq!(bench.take_actions(), [Action::Disconnect]);
    bench.tick_for(20_000_000.0);
    assert_eq!(bench.take_actions(), []);
}

#[test]
fn unknown_messages_are_ignored_and_counted() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    bench.viewer.text(r#"{"op":"forecast","rain":true}"#, bench.now());
    bench.viewer.text("{nonsense", bench.now());
    bench.receive(lows(0, 3));
    let errors = &bench.snapshot()["errors"];
    assert_eq!(
        (&errors["n_ignored"], &errors["n_malformed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(bench.state(), "live");
}

#[test]
fn the_servers_complaint_is_kept() {
    let mut bench = Bench::subscribed();
    bench.say(&ServerMessage::Err(ErrorMessage {
        code: "not-possible".to_owned(),
        message: "this stream is live".to_owned(),
    }));
    assert_eq!(bench.snapshot()["errors"]["last"], "this stream is live");
}

#[test]
fn a_model_for_other_features_is_a_mismatch_that_says_which() {
    let mut bench = Bench::new();
    bench.say(&hello("first"));
    let mut schema = schema();
    schema.features[0].name = "depth".to_owned();
    bench.say(&ServerMessage::Schema(schema));
    bench.load();
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "mismatch");
    let message = snapshot["message"].as_str().unwrap();
    assert!(
        message.contains("“height”") && message.contains("“depth”"),
        "{message}"
    );
    assert_eq!(bench.take_sent(), []);
}

#[test]
fn a_model_that_is_none_is_an_error() {
    let mut bench = Bench::new();
    bench.greet("first");
    bench
        .viewer
        .model_file(SHA256, b"not a model", &|| support::START);
    assert_eq!(bench.state(), "error");
    bench.take_actions();
    bench.tick_for(9_000_000.0);
    let is_fetch = |action: &Action| matches!(action, Action::FetchModel(_));
    assert!(
        !bench.take_actions().iter().any(is_fetch),
        "the same bytes would come again"
    );
}

#[test]
fn a_model_that_did_not_come_is_asked_for_again() {
    let mut bench = Bench::new();
    bench.greet("first");
    bench.take_actions();
    let now = bench.now();
    bench
        .viewer
        .session
        .model_not_fetched(SHA256, "the server answered 503".to_owned(), now);
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["state"], &snapshot["retry_in_millis"]),
        (&"error".into(), &5_000.into())
    );
    bench.tick_for(5_100_000.0);
    let actions = bench.take_actions();
    assert!(
        actions
            .iter()
            .any(|action| matches!(action, Action::FetchModel(_))),
        "{actions:?}"
    );
    bench.load();
    assert!(bench.viewer.session.is_subscribed());
}

#[test]
fn another_model_is_loaded_over_a_new_connection_and_misses_nothing() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 4));
    bench.viewer.binary(lows(4, 4), bench.now());
    bench.take_actions();
    let mut other = schema();
    other.model.as_mut().unwrap().sha256 = "beef".to_owned();
    bench.say(&ServerMessage::Schema(other.clone()));
    let actions = bench.take_actions();
    assert_eq!(actions[0], Action::Disconnect);
    assert!(
        matches!(&actions[1], Action::FetchModel(model) if model.sha256 == "beef"),
        "{actions:?}"
    );
    bench.tick_for(100_000.0);
    bench.say(&hello("first"));
    bench.say(&ServerMessage::Schema(other));
    assert_eq!(bench.take_sent(), [], "the model is still on its way");
    bench
        .viewer
        .model_file("beef", &support::model_file(), &|| support::START);
    assert_eq!(bench.take_sent(), [subscribe(resume_at("first", 4))]);
    bench.receive(lows(4, 4));
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["labelled"], &snapshot["gaps"]["total"]),
        (&8.into(), &0.into())
    );
}

#[test]
fn only_the_wanted_source_is_followed() {
    let mut bench = Bench::with(Start {
        url: "ws://127.0.0.1/live".to_owned(),
        source: Some("toy".to_owned()),
        ..Start::default()
    });
    bench.say(&hello("first"));
    let mut other = schema();
    other.source = "other".to_owned();
    other.channel = 1;
    bench.say(&ServerMessage::Schema(other));
    assert_eq!(bench.state(), "connecting");
    bench.say(&ServerMessage::Schema(schema()));
    bench.load();
    assert_eq!(bench.snapshot()["source"]["name"], "toy");
}

#[test]
fn a_stream_too_wide_to_keep_is_refused() {
    let mut bench = Bench::new();
    bench.say(&hello("first"));
    let mut wide = schema();
    wide.classes = (0..70_000).map(|class| class.to_string()).collect();
    bench.say(&ServerMessage::Schema(wide));
    assert_eq!(bench.state(), "error");
}

#[test]
fn wishes_become_messages_and_senseless_ones_do_not() {
    let mut bench = Bench::subscribed();
    bench.take_actions();
    for control in [
        Control::Pause,
        Control::Seek(7),
        Control::Speed(-1.0),
        Control::Speed(2.0),
        Control::Play,
    ] {
        bench.viewer.session.control(control);
    }
    let ops: Vec<&str> = bench.take_sent().iter().map(ViewerMessage::op).collect();
    assert_eq!(ops, ["pause", "seek", "speed", "play"]);
    let mut bench = Bench::new();
    bench.viewer.session.control(Control::Play);
    assert_eq!(bench.take_sent(), [], "there is no channel yet");
}

#[test]
fn another_source_is_followed_afresh_over_a_new_connection() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 4));
    let mut sensor = trained_schema("beef", 0);
    (sensor.channel, sensor.source) = (5, "py1".to_owned());
    bench.say(&ServerMessage::Schema(sensor.clone()));
    let names: Vec<String> = bench.snapshot()["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| source["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["toy", "py1"]);
    bench.take_actions();
    bench.viewer.follow("toy".to_owned());
    assert_eq!(bench.take_actions(), [], "it is followed already");
    bench.viewer.follow("py1".to_owned());
    assert_eq!(bench.take_actions(), [Action::Disconnect]);
    bench.tick_for(100_000.0);
    bench.say(&hello("first"));
    bench.say(&ServerMessage::Schema(schema()));
    bench.say(&ServerMessage::Schema(sensor));
    bench
        .viewer
        .model_file("beef", &support::model_file(), &|| support::START);
    let sent = bench.take_sent();
    assert!(
        matches!(&sent[..], [ViewerMessage::Subscribe(wanted)] if wanted.channel == 5 && wanted.resume.is_none()),
        "{sent:?}"
    );
    let snapshot = bench.snapshot();
    assert_eq!(
        (&snapshot["source"]["name"], &snapshot["labelled"]),
        (&"py1".into(), &0.into())
    );
}

#[test]
fn a_source_without_a_model_says_what_it_lacks_and_stops_nothing() {
    let mut bench = Bench::subscribed();
    bench.receive(lows(0, 4));
    bench.take_sent();
    let mut bare = schema();
    (bare.model, bare.replay) = (None, None);
    bench.say(&ServerMessage::Schema(bare.clone()));
    let mut live = protocol::Status {
        channel: 3,
        state: SourceState::Live,
        position: None,
        next_seq: 4,
        speed: None,
        message: Some("no model has these features".to_owned()),
    };
    bench.tick_for(100_000.0);
    bench.say(&hello("first"));
    bench.say(&ServerMessage::Schema(bare));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "no-model");
    assert_eq!(
        snapshot["message"], "This source has no model, so its readings cannot be labelled.",
        "why is for the server to say, in the status that follows"
    );
    bench.say(&ServerMessage::Status(live.clone()));
    let snapshot = bench.snapshot();
    assert_eq!(snapshot["state"], "no-model");
    assert!(
        snapshot["message"]
            .as_str()
            .unwrap()
            .contains("no model has these features")
    );
    // A model comes: labelling begins with the next reading, not with those that nothing could label.
    bench.say(&ServerMessage::Schema(trained_schema(SHA256, 400)));
    bench.load();
    assert_eq!(bench.take_sent(), [subscribe(None)]);
    live.state = SourceState::Silent;
    bench.say(&ServerMessage::Status(live.clone()));
    assert_eq!(bench.state(), "silent");
    live.state = SourceState::Gone;
    bench.say(&ServerMessage::Status(live));
    assert_eq!(bench.state(), "ended");
    let mut back = trained_schema(SHA256, 0);
    back.channel = 9;
    bench.say(&ServerMessage::Schema(back));
    assert!(
        matches!(&bench.take_sent()[..], [ViewerMessage::Subscribe(wanted)] if wanted.channel == 9),
        "the source is back under another number"
    );
}
