//! `/ingest` over real sockets: sensors come, send, and are seen on `/live`.

use futures::SinkExt as _;
use protocol::{IngestMessage, ServerMessage, SourceState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::sensor::{Sensor, early_viewer, names, next_schema, next_status, post_ok, sensors_only};
use crate::support::{TestServer, within_limit};

#[tokio::test]
async fn a_posted_reading_is_a_channel_at_once() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    let ack = post_ok(&server, "curl1", r#"{"temp":21.5,"hum":40}"#).await;
    assert_eq!((ack.accepted, ack.next_seq), (1, 1));
    let schema = next_schema(&mut viewer).await;
    assert_eq!(
        (schema.source.as_str(), schema.channel, schema.revision),
        ("curl1", 1, 1)
    );
    assert_eq!(names(&schema), ["temp", "hum"]);
    assert!(schema.replay.is_none() && schema.model.is_none() && !schema.sensor_time);
    let status = next_status(&mut viewer, |status| status.channel == 1).await;
    assert_eq!((status.state, status.next_seq), (SourceState::Live, 1));
    assert!(status.message.unwrap().contains("no model has these features"));

    let resume = viewer.resume_at(0);
    viewer.subscribe(|request| request.resume = resume).await;
    post_ok(&server, "curl1", "{\"temp\":22,\"hum\":41}\n{\"hum\":42}\n").await;
    let mut got = Vec::new();
    while got.len() < 3 {
        if let ServerMessage::Reading(reading) = viewer.next().await {
            got.push((reading.seq, reading.features));
        }
    }
    assert_eq!(got[0], (0, vec![21.5, 40.0]));
    assert_eq!(got[1], (1, vec![22.0, 41.0]));
    assert!(
        got[2].1[0].is_nan() && got[2].1[1] == 42.0,
        "what is missing is missing, not guessed"
    );
    let health = server.health().await;
    assert_eq!(health["channels"][0]["source"], "curl1");
    assert_eq!(health["channels"][0]["n_produced"], 3);
}

#[tokio::test]
async fn a_websocket_is_greeted_and_its_subprotocol_echoed() {
    let server = TestServer::start(sensors_only()).await;
    let mut plain = Sensor::connect(&server, "py1", &[]).await.unwrap();
    let IngestMessage::Hello(hello) = plain.next().await else {
        panic!("expected hello");
    };
    assert_eq!((hello.source.as_str(), hello.next_seq), ("py1", 0));
    // A library for ESP32 offers `arduino` and refuses an answer without it; another says that it is a page.
    let mut esp = Sensor::connect(&server, "py1?ack=1", &[("sec-websocket-protocol", "arduino,x")])
        .await
        .unwrap();
    esp.next().await;
    let page = ("origin", "https://github.com/gilmaimon/TinyWebsockets");
    let mut tiny = Sensor::connect(&server, "py1", &[page]).await.unwrap();
    tiny.next().await;
    plain.send(r#"{"a":1}"#).await;
    // Two connections feed one source.
    loop {
        esp.send(r#"{"a":2}"#).await;
        let IngestMessage::Ack(ack) = esp.next().await else {
            continue;
        };
        if ack.next_seq >= 4 {
            break;
        }
    }
    let mut sensor = Sensor::connect(&server, "py2", &[]).await.unwrap();
    sensor.next().await;
    for _ in 0..3 {
        sensor.send("[1,2]").await;
    }
    let IngestMessage::Format(format) = sensor.next().await else {
        panic!("expected the format");
    };
    assert_eq!(format.format, "json-array");
    sensor.send(r#"{"a":1}"#).await;
    let IngestMessage::Err(error) = sensor.next().await else {
        panic!("expected an error");
    };
    assert_eq!(error.code, "format-changed");
    assert_eq!(server.health().await["n_sensors"], 4);
    drop(sensor);
    within_limit(async { while server.health().await["n_sensors"] != 3 {} }).await;
}

#[tokio::test]
async fn another_feature_is_another_revision_before_its_first_reading() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "s", r#"{"a":0}"#).await;
    let first = next_schema(&mut viewer).await;
    assert_eq!((first.revision, names(&first)), (1, vec!["a"]));
    let resume = viewer.resume_at(1);
    viewer
        .subscribe(|request| {
            request.encoding = protocol::Encoding::Binary;
            request.resume = resume;
        })
        .await;
    // One message, three shapes: features, then a class, then a time stamp.
    let body =
        "{\"a\":1}\n{\"a\":2,\"b\":3}\n{\"a\":4,\"label\":\"x\"}\n{\"a\":5,\"t\":1795250400}\n{\"a\":6}\n";
    post_ok(&server, "s", body).await;
    let (mut layout, mut revision) = (protocol::RecordLayout::of_schema(&first), 1);
    let mut got = Vec::new();
    while got.len() < 5 {
        match viewer.next_message().await {
            Message::Text(text) => {
                if let ServerMessage::Schema(schema) = ServerMessage::from_json(&text).unwrap() {
                    assert!(schema.revision > revision);
                    (layout, revision) = (protocol::RecordLayout::of_schema(&schema), schema.revision);
                }
            }
            Message::Binary(bytes) => {
                let batch = protocol::ReadingBatch::decode(&bytes, &layout).unwrap();
                assert_eq!(
                    batch.header().revision,
                    revision,
                    "a batch is of one revision, announced before it"
                );
                for record in batch.readings() {
                    let mut features = Vec::new();
                    let head = record.read(&mut features);
                    got.push((revision, features.len(), head.true_label, head.sensor_micros));
                }
            }
            other => panic!("{other:?}"),
        }
    }
    let time = Some(1_795_250_400_000_000);
    assert_eq!(
        got,
        [
            (1, 1, None, None),
            (2, 2, None, None),
            (3, 2, Some(0), None),
            (4, 2, None, time),
            (4, 2, None, None)
        ]
    );
}

#[tokio::test]
async fn labels_that_come_later_join_their_readings() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "s", "{\"a\":0,\"id\":\"x\"}\n{\"a\":1,\"id\":\"y\"}").await;
    next_schema(&mut viewer).await;
    let resume = viewer.resume_at(0);
    viewer.subscribe(|request| request.resume = resume).await;
    assert_eq!(viewer.take(2).await, [0, 1]);
    let ack = post_ok(
        &server,
        "s",
        "{\"id\":\"y\",\"label\":\"up\"}\n{\"id\":\"z\",\"label\":\"up\"}",
    )
    .await;
    assert_eq!((ack.accepted, ack.labels, ack.unknown), (0, 1, 1));
    let label = loop {
        if let ServerMessage::Label(label) = viewer.next().await {
            break label;
        }
    };
    assert_eq!((label.seq, label.true_label), (1, 0));
    // Who comes later gets the label with the reading.
    let mut late = server.viewer().await;
    assert_eq!(late.schema.as_ref().unwrap().classes, ["up"]);
    let resume = late.resume_at(0);
    late.subscribe(|request| request.resume = resume).await;
    let mut labels = Vec::new();
    while labels.len() < 2 {
        if let ServerMessage::Reading(reading) = late.next().await {
            labels.push(reading.true_label);
        }
    }
    // Though it was published before the class was known.
    assert_eq!(labels, [None, Some(0)]);
}

#[tokio::test]
async fn a_further_class_is_told_before_its_label_and_readings_from_before_go_by_it_too() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "s", r#"{"a":0,"id":"x","label":"down"}"#).await;
    assert_eq!(next_schema(&mut viewer).await.revision, 1);
    let resume = viewer.resume_at(0);
    viewer.subscribe(|request| request.resume = resume).await;
    assert_eq!(viewer.take(1).await, [0]);
    // A reading, and at once the label that is new with it.
    post_ok(
        &server,
        "s",
        "{\"a\":1,\"id\":\"y\"}\n{\"id\":\"y\",\"label\":\"up\"}",
    )
    .await;
    // It comes with its reading, or after it: always after its class.
    let mut classes = Vec::new();
    loop {
        match viewer.next().await {
            ServerMessage::Schema(schema) => classes = schema.classes,
            ServerMessage::Reading(reading) => {
                assert_eq!(reading.seq, 1);
                if let Some(true_label) = reading.true_label {
                    assert_eq!(
                        (true_label, &*classes),
                        (1, &["down".to_owned(), "up".to_owned()][..])
                    );
                    break;
                }
            }
            ServerMessage::Label(label) => {
                assert_eq!((label.seq, label.true_label, label.revision), (1, 1, 2));
                assert_eq!(classes, ["down", "up"]);
                break;
            }
            _ => {}
        }
    }

    // Who resumes among the readings from before is not told of their schema: the newest says the same of them.
    let mut late = server.viewer().await;
    assert_eq!(late.schema.as_ref().unwrap().revision, 2);
    let resume = late.resume_at(0);
    late.subscribe(|request| request.resume = resume).await;
    let mut seqs = Vec::new();
    while seqs.len() < 2 {
        match late.next().await {
            ServerMessage::Reading(reading) => seqs.push(reading.seq),
            ServerMessage::Schema(schema) => panic!("revision {}", schema.revision),
            _ => {}
        }
    }
    assert_eq!(seqs, [0, 1]);
}

#[tokio::test]
async fn bytes_are_taken_as_text_is() {
    let server = TestServer::start(sensors_only()).await;
    // CBOR: {"a": 1, "b": 1.5}.
    let cbor = b"\xa2\x61a\x01\x61b\xf9\x3e\x00";
    let (head, _) = server.http_with("POST /ingest/posted", "", cbor).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut sensor = Sensor::connect(&server, "sent?ack=1", &[]).await.unwrap();
    sensor.next().await;
    sensor.0.send(Message::binary(cbor.to_vec())).await.unwrap();
    let IngestMessage::Ack(ack) = sensor.next().await else {
        panic!("expected an ack");
    };
    assert_eq!(ack.accepted, 1);
    let health = server.health().await;
    for channel in health["channels"].as_array().unwrap() {
        assert_eq!(channel["n_features"], 2);
    }
}

#[tokio::test]
async fn a_header_may_go_ahead_of_its_rows_on_a_websocket() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    let mut sensor = Sensor::connect(&server, "s?ack=1", &[]).await.unwrap();
    sensor.next().await;
    for (line, n) in [("temp,hum", 0), ("21.5,40", 1)] {
        sensor.send(line).await;
        let IngestMessage::Ack(ack) = sensor.next().await else {
            panic!("expected an ack");
        };
        assert_eq!(ack.accepted, n, "{line}");
    }
    assert_eq!(names(&next_schema(&mut viewer).await), ["temp", "hum"]);
}

/// As MicroPython's `requests` does, and a sketch that writes its request by hand.
#[tokio::test]
async fn http_1_0_is_enough() {
    let server = TestServer::start(sensors_only()).await;
    let body = "{\"light\": 21034, \"t\": 5120}";
    let request = format!(
        "POST /ingest/mpy1 HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.address,
        body.len()
    );
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    within_limit(socket.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert!(answer.contains("\"accepted\":1"), "{answer}");
}

#[tokio::test]
async fn a_clock_since_boot_goes_on_from_request_to_request() {
    let server = TestServer::start(sensors_only()).await;
    // The device took both readings at once; the second was on its way for longer.
    for _ in 0..2 {
        post_ok(&server, "s", r#"{"a":1,"t":5000}"#).await;
    }
    let mut viewer = server.viewer().await;
    let resume = viewer.resume_at(0);
    viewer.subscribe(|request| request.resume = resume).await;
    let mut times = Vec::new();
    while times.len() < 2 {
        if let ServerMessage::Reading(reading) = viewer.next().await {
            times.push((reading.sent_micros, reading.sensor_micros.unwrap()));
        }
    }
    let (arrived, taken) = (times[1].0 - times[0].0, times[1].1 - times[0].1);
    assert!(taken < arrived / 2, "{times:?}");
}

#[tokio::test]
async fn units_are_announced() {
    let server = TestServer::start(sensors_only()).await;
    post_ok(
        &server,
        "s",
        r#"[{"n":"temp","u":"Cel","v":21.5},{"n":"count","v":3}]"#,
    )
    .await;
    let features = server.viewer().await.schema.unwrap().features;
    assert_eq!(
        (features[0].unit.as_deref(), features[1].unit.as_deref()),
        (Some("Cel"), None)
    );
}

#[tokio::test]
async fn a_label_waits_for_its_class_while_a_schema_waits_for_the_readings_before_it() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "s", r#"{"a":0,"id":"x"}"#).await;
    let mut revision = next_schema(&mut viewer).await.revision;
    let resume = viewer.resume_at(0);
    viewer
        .subscribe(|request| {
            request.resume = resume;
            request.credit = Some(1);
        })
        .await;
    assert_eq!(viewer.take(1).await, [0]);
    // The second reading waits for credit. The class of the first is new; the time stamp is another layout.
    post_ok(&server, "s", r#"{"a":1}"#).await;
    post_ok(
        &server,
        "s",
        "{\"id\":\"x\",\"label\":\"up\"}\n{\"a\":2,\"t\":1795250400}",
    )
    .await;
    viewer.acknowledge(1).await;
    let (mut seqs, mut label) = (Vec::new(), None);
    while seqs.len() < 2 || label.is_none() {
        match viewer.next().await {
            ServerMessage::Schema(schema) => revision = schema.revision,
            ServerMessage::Reading(reading) => {
                seqs.push(reading.seq);
                viewer.acknowledge(reading.seq + 1).await;
            }
            ServerMessage::Label(late) => {
                assert!(late.revision <= revision, "{late:?} after revision {revision}");
                assert_eq!((late.seq, late.true_label), (0, 0));
                label = Some(late);
            }
            _ => {}
        }
    }
    assert_eq!((seqs, revision), (vec![1, 2], 3));
}
