//! `/live` over a real socket: what viewers get, at their own pace and under their control.

use std::sync::Arc;

use crate::support::{CHANNEL, Got, N_STREAM, RUSH, TestServer, config, dataset, reading, within_limit};
use classifier::Preparation;
use datasets::{Column, Dataset};
use futures::StreamExt as _;
use protocol::{Encoding, GapCause, Policy, ServerMessage, SourceState, ViewerMessage};
use sensor_sim::{Config, Pace, RecordedTimes, Start};

#[tokio::test]
async fn viewers_are_greeted_with_session_and_schema() {
    let server = TestServer::start(config()).await;
    let viewer = server.viewer().await;
    let schema = viewer.schema.unwrap();
    assert_eq!(
        (schema.channel, schema.revision, schema.source.as_str()),
        (CHANNEL, 1, "small")
    );
    assert_eq!(schema.classes, dataset().classes);
    let types: Vec<&str> = schema
        .features
        .iter()
        .map(|feature| feature.number_type.name())
        .collect();
    assert_eq!(types, ["i16", "i32", "f32", "f64"]);
    assert_eq!(
        (schema.features[0].min, schema.features[0].max),
        (Some(-50.0), Some(49.0))
    );
    let replay = schema.replay.unwrap();
    assert_eq!(
        (replay.n_rows, replay.order.as_str(), replay.pace, replay.rate),
        (N_STREAM, "file", protocol::Pace::Max, None)
    );
    assert_eq!((replay.n_twins, replay.command), (Some(0), None));
    let model = schema.model.unwrap();
    assert_eq!(model.url, "/model/1");
    // A second viewer meets the same session.
    assert_eq!(server.viewer().await.session, viewer.session);
}

#[tokio::test]
async fn json_and_binary_carry_the_very_same_readings_in_stream_order() {
    let server = TestServer::start(config()).await;
    let (mut json, mut binary) = (server.viewer().await, server.viewer().await);
    // Subscribing to a replay starts it: the second viewer resumes at the first reading.
    json.subscribe(|_| {}).await;
    binary
        .subscribe({
            let resume = json.resume_at(0);
            |request| {
                request.encoding = Encoding::Binary;
                request.resume = resume;
            }
        })
        .await;
    let expected: Vec<Got> = (0..N_STREAM).map(reading).collect();
    assert_eq!(json.collect(0, N_STREAM).await, expected);
    assert_eq!(binary.collect(0, N_STREAM).await, expected);
    let ended = json.status(|status| status.state == SourceState::Ended).await;
    assert_eq!((ended.position, ended.next_seq), (Some(N_STREAM), N_STREAM));
}

#[tokio::test]
async fn a_looping_replay_starts_over_with_new_sequence_numbers() {
    let server = TestServer::start(Config {
        looping: true,
        ..config()
    })
    .await;
    let mut viewer = server.viewer().await;
    viewer
        .subscribe(|request| request.encoding = Encoding::Binary)
        .await;
    let got = viewer.collect(0, 3 * N_STREAM).await;
    let expected: Vec<Got> = (0..got.len() as u64).map(reading).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn never_more_than_the_credit_is_in_flight() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.credit = Some(3)).await;
    assert_eq!(viewer.take(3).await, [0, 1, 2]);
    assert!(viewer.readings_before_pong().await.is_empty());
    viewer.acknowledge(2).await;
    assert_eq!(viewer.take(2).await, [3, 4]);
    assert!(viewer.readings_before_pong().await.is_empty());
}

/// Lets a viewer with a credit of 1 miss a whole rush, then collects the rest.
async fn rest_after_a_rush(policy: Policy, queue: u32, history_bytes: usize) -> Vec<Got> {
    let server = TestServer::start(Config {
        pace: RUSH,
        history_bytes,
        ..config()
    })
    .await;
    let mut viewer = server.viewer().await;
    viewer
        .subscribe(|request| {
            request.policy = policy;
            request.queue = Some(queue);
            request.credit = Some(1);
        })
        .await;
    // The rush does not wait for credit.
    server.ended().await;
    let got = viewer.collect(0, N_STREAM).await;
    let dropped: u64 = got
        .iter()
        .map(|got| {
            if let Got::Gap { from, until, .. } = got {
                until - from
            } else {
                0
            }
        })
        .sum();
    drop(viewer);
    let summary = server.stop().await;
    assert_eq!(summary.n_dropped.values().sum::<u64>(), dropped);
    assert_eq!(summary.n_delivered + dropped, N_STREAM);
    got
}

#[tokio::test]
async fn slow_viewer_loses_oldest_readings_and_is_told() {
    let got = rest_after_a_rush(Policy::DropOldest, 4, 1 << 20).await;
    let causes: Vec<GapCause> = got
        .iter()
        .filter_map(|got| {
            if let Got::Gap { cause, .. } = got {
                Some(*cause)
            } else {
                None
            }
        })
        .collect();
    assert!(
        !causes.is_empty() && causes.iter().all(|cause| *cause == GapCause::SlowViewer),
        "{causes:?}"
    );
    let last: Vec<Got> = (N_STREAM - 4..N_STREAM).map(reading).collect();
    assert!(got.ends_with(&last), "{got:?}");
}

#[tokio::test]
async fn latest_viewer_gets_the_newest_reading_alone() {
    let got = rest_after_a_rush(Policy::Latest, 4, 1 << 20).await;
    assert_eq!(got.last(), Some(&reading(N_STREAM - 1)));
    let is_latest = |got: &Got| {
        matches!(
            got,
            Got::Gap {
                cause: GapCause::Latest,
                ..
            }
        )
    };
    assert!(got.iter().any(is_latest), "{got:?}");
}

#[tokio::test]
async fn lossless_viewer_is_late_but_never_wrong() {
    let got = rest_after_a_rush(Policy::Lossless, 4, 1 << 20).await;
    let expected: Vec<Got> = (0..N_STREAM).map(reading).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn lossless_viewer_loses_what_history_no_longer_holds() {
    let got = rest_after_a_rush(Policy::Lossless, 4, 2_000).await;
    let is_lost = |got: &Got| {
        matches!(
            got,
            Got::Gap {
                cause: GapCause::HistoryLost,
                ..
            }
        )
    };
    assert!(got.iter().any(is_lost), "{got:?}");
    assert_eq!(got.last(), Some(&reading(N_STREAM - 1)));
}

#[tokio::test]
async fn a_viewer_resumes_where_it_left() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.credit = Some(10)).await;
    viewer.collect(0, 25).await;
    let resume = viewer.resume_at(25);
    drop(viewer);
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.resume = resume).await;
    let expected: Vec<Got> = (25..N_STREAM).map(reading).collect();
    assert_eq!(viewer.collect(25, N_STREAM).await, expected);
}

#[tokio::test]
async fn a_viewer_that_comes_too_late_is_told_what_is_lost() {
    let server = TestServer::start(Config {
        pace: RUSH,
        start: Start::Now,
        history_bytes: 2_000,
        ..config()
    })
    .await;
    let mut viewer = server.viewer().await;
    server.ended().await;
    let resume = viewer.resume_at(0);
    viewer.subscribe(|request| request.resume = resume).await;
    let got = viewer.collect(0, N_STREAM).await;
    let Got::Gap {
        from: 0,
        until,
        cause: GapCause::HistoryLost,
    } = got[0]
    else {
        panic!("expected a gap first, got {got:?}");
    };
    let held: Vec<Got> = (until..N_STREAM).map(reading).collect();
    assert_eq!(got[1..], held);
}

#[tokio::test]
async fn an_impossible_resume_is_an_error_and_goes_on_with_the_next_reading() {
    let server = TestServer::start(Config {
        looping: true,
        ..config()
    })
    .await;
    let viewer = server.viewer().await;
    let beyond = viewer.resume_at(1_000);
    let mut foreign = viewer.resume_at(0);
    foreign.as_mut().unwrap().session = "another".to_owned();
    for (resume, code) in [(beyond, "bad-value"), (foreign, "not-possible")] {
        let mut viewer = server.viewer().await;
        let next_seq = viewer.schema.as_ref().unwrap().next_seq;
        viewer
            .subscribe(|request| {
                request.resume = resume;
                request.credit = Some(1);
            })
            .await;
        assert_eq!(viewer.next_error().await, code);
        assert_eq!(viewer.collect(next_seq, next_seq + 1).await.len(), 1);
    }
}

#[tokio::test]
async fn a_second_subscription_replaces_the_first() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.credit = Some(2)).await;
    // Not acknowledged, so that the first subscription sends no more.
    viewer.take(2).await;
    let resume = viewer.resume_at(0);
    viewer
        .subscribe(|request| {
            request.encoding = Encoding::Binary;
            request.resume = resume;
        })
        .await;
    let expected: Vec<Got> = (0..N_STREAM).map(reading).collect();
    assert_eq!(viewer.collect(0, N_STREAM).await, expected);
}

#[tokio::test]
async fn control_acts_on_the_shared_replay_and_is_announced_to_all() {
    let slow = Config {
        pace: sensor_sim::Pace::Rate(1e-3),
        ..config()
    };
    let server = TestServer::start(slow).await;
    let (mut one, mut two) = (server.viewer().await, server.viewer().await);
    one.subscribe(|_| {}).await;
    one.status(|status| status.state == SourceState::Playing).await;
    two.status(|status| status.state == SourceState::Playing).await;

    one.send_text("{\"op\":\"pause\",\"channel\":1}").await;
    one.status(|status| status.state == SourceState::Paused).await;
    two.status(|status| status.state == SourceState::Paused).await;

    two.send_text("{\"op\":\"seek\",\"channel\":1,\"position\":70}")
        .await;
    let status = one.status(|status| status.position == Some(70)).await;
    assert_eq!(status.state, SourceState::Paused);

    two.send_text("{\"op\":\"speed\",\"channel\":1,\"factor\":1e8}")
        .await;
    one.status(|status| status.speed == Some(1e8)).await;
    two.send_text("{\"op\":\"play\",\"channel\":1}").await;
    let ended = one.status(|status| status.state == SourceState::Ended).await;
    let next_seq = ended.next_seq;
    assert!(
        (10..=11).contains(&next_seq),
        "rows 70..80, and the first one if it came before the pause: {next_seq}"
    );

    // Ended: pause is refused, seek plays again.
    one.send_text("{\"op\":\"pause\",\"channel\":1}").await;
    assert_eq!(one.next_error().await, "not-possible");
    one.send_text("{\"op\":\"seek\",\"channel\":1,\"position\":79}")
        .await;
    one.status(|status| status.state == SourceState::Ended && status.next_seq == next_seq + 1)
        .await;
}

#[tokio::test]
async fn impossible_control_is_refused() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    let mut check = async |text: &str, code: &str| {
        viewer.send_text(text).await;
        assert_eq!(viewer.next_error().await, code, "{text}");
    };
    check("{\"op\":\"seek\",\"channel\":1,\"position\":80}", "bad-value").await;
    check("{\"op\":\"speed\",\"channel\":1,\"factor\":2}", "not-possible").await;
    check("{\"op\":\"speed\",\"channel\":1,\"factor\":0}", "bad-value").await;
    check("{\"op\":\"play\",\"channel\":2}", "unknown-channel").await;
}

#[tokio::test]
async fn counts_come_by_themselves() {
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.credit = Some(7)).await;
    let counted = async {
        loop {
            let message = viewer.socket.next().await.unwrap().unwrap();
            if let Ok(text) = message.to_text()
                && let Ok(ServerMessage::Stats(stats)) = ServerMessage::from_json(text)
                // The first ones may be of the midst of it.
                && (stats.n_delivered, stats.n_produced) == (7, N_STREAM)
            {
                return stats;
            }
        }
    };
    let stats = within_limit(counted).await;
    assert_eq!((stats.n_in_flight, stats.n_queued), (7, N_STREAM - 7));
}

#[tokio::test]
async fn a_server_that_ends_says_goodbye() {
    let server = TestServer::start(config()).await;
    let (mut one, mut two) = (server.viewer().await, server.viewer().await);
    one.subscribe(|request| request.credit = Some(5)).await;
    one.collect(0, 5).await;
    let stopping = tokio::spawn(server.stop());
    for viewer in [&mut one, &mut two] {
        assert_eq!(u16::from(viewer.close_frame().await.unwrap().code), 1001);
    }
    let summary = within_limit(stopping).await.unwrap();
    assert_eq!(summary.n_viewers, 2);
    assert!(summary.n_delivered >= 5, "{summary}");
}

#[tokio::test]
async fn a_schema_tells_the_pace_and_the_command_line() {
    let times = RecordedTimes::new((0..80).map(|second| second * 1_000_000), 60.0).unwrap();
    let config = Config {
        data_arguments: ["--data", "my small.csv"].map(str::to_owned).to_vec(),
        pace: Pace::Recorded(times),
        preparation: Some(Preparation::Standard),
        ..config()
    };
    let server = TestServer::start(config).await;
    let replay = server.viewer().await.schema.unwrap().replay.unwrap();
    assert_eq!(
        (replay.pace, replay.rate, replay.speed),
        (protocol::Pace::Recorded, None, Some(60.0))
    );
    let expected = "sensor-sim --data 'my small.csv' --speed 60 --order file --seed 42 --split 20/80 \
                    --prepare standard --k 5 --metric euclidean --voting uniform";
    assert_eq!(replay.command.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_replay_that_fails_ends_the_server() {
    let mut broken = Dataset::clone(&dataset());
    // Enough values to train with, too few to stream.
    broken.columns[3] = Column::F64((0..50).map(f64::from).collect());
    let config = Config {
        dataset: Some(Arc::new(broken)),
        pace: RUSH,
        start: Start::Now,
        ..config()
    };
    let error = TestServer::start(config).await.ended_by_itself().await;
    assert!(error.to_string().contains("the replay failed"), "{error}");
}

#[tokio::test]
async fn messages_are_those_of_the_protocol_crate() {
    // A guard for the helper above: what it sends is what the protocol says.
    let text = ViewerMessage::Pause(protocol::ChannelOnly { channel: CHANNEL }).to_json();
    assert_eq!(text, "{\"op\":\"pause\",\"channel\":1}");
}
