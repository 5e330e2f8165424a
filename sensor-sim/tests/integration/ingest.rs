//! `/ingest` over real sockets: sensors come, send, and are seen on `/live`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::process::Stdio;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use protocol::{IngestAck, IngestMessage, Schema, ServerMessage, SourceState, Status};
use sensor_sim::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{TestServer, Viewer, config, dataset, within_limit};

fn sensors_only() -> Config {
    Config::without_replay()
}

fn limited(limits: Limits) -> Config {
    Config {
        limits,
        ..sensors_only()
    }
}

/// A sensor's WebSocket.
struct Sensor(WebSocketStream<TcpStream>);

impl Sensor {
    /// Connects; status and text if it is refused.
    async fn connect(
        server: &TestServer,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{}/ingest/{path}", server.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(server.address).await.unwrap();
        match within_limit(tokio_tungstenite::client_async(request, tcp)).await {
            Ok((socket, response)) => {
                let offered = headers.iter().find(|(name, _)| *name == "sec-websocket-protocol");
                assert_eq!(
                    response
                        .headers()
                        .get("sec-websocket-protocol")
                        .map(|value| value.to_str().unwrap()),
                    offered.map(|(_, value)| value.split(',').next().unwrap())
                );
                Ok(Self(socket))
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, pings left out.
    async fn next(&mut self) -> IngestMessage {
        loop {
            match within_limit(self.0.next()).await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            match within_limit(self.0.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.unwrap().code.into(),
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

/// Posts a body; status and answer.
async fn post(server: &TestServer, path: &str, headers: &str, body: &str) -> (u16, String) {
    let (head, body) = server
        .http_with(&format!("POST /ingest/{path}"), headers, body.as_bytes())
        .await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

async fn post_ok(server: &TestServer, path: &str, body: &str) -> IngestAck {
    let (status, answer) = post(server, path, "", body).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// A viewer of a server that has no channel yet.
async fn early_viewer(server: &TestServer) -> Viewer {
    let mut viewer = server.handshake(&[]).await.unwrap();
    let ServerMessage::Hello(hello) = viewer.next().await else {
        panic!("expected hello");
    };
    viewer.session = hello.session;
    viewer
}

async fn next_schema(viewer: &mut Viewer) -> Schema {
    loop {
        if let ServerMessage::Schema(schema) = viewer.next().await {
            return schema;
        }
    }
}

fn names(schema: &Schema) -> Vec<&str> {
    schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect()
}

async fn next_status(viewer: &mut Viewer, wanted: impl Fn(&Status) -> bool) -> Status {
    loop {
        if let ServerMessage::Status(status) = viewer.next().await
            && wanted(&status)
        {
            return status;
        }
    }
}

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
    // The common library for ESP32 offers `arduino` and refuses an answer without it.
    let mut esp = Sensor::connect(&server, "py1?ack=1", &[("sec-websocket-protocol", "arduino,x")])
        .await
        .unwrap();
    esp.next().await;
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
    assert_eq!(server.health().await["n_sensors"], 3);
    drop(sensor);
    within_limit(async { while server.health().await["n_sensors"] != 2 {} }).await;
}

#[tokio::test]
async fn another_feature_is_another_revision_before_its_first_reading() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "s", r#"{"a":0}"#).await;
    let first = next_schema(&mut viewer).await;
    assert_eq!((first.revision, names(&first)), (1, vec!["a"]));
    viewer
        .subscribe(|request| request.encoding = protocol::Encoding::Binary)
        .await;
    next_status(&mut viewer, |_| true).await;
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
    // The readings are of the revision before the class was known: there it has no number.
    assert_eq!(labels, [None, None]);
}

#[tokio::test]
async fn a_model_with_the_same_features_labels_a_sensor_in_any_order() {
    let server = TestServer::start(config()).await;
    // The replay's features, in another order.
    post_ok(
        &server,
        "mine",
        r#"{"double":0.3,"single":1.5,"long":3000009,"short":-47,"label":"blue"}"#,
    )
    .await;
    let mut viewer = server.viewer().await;
    let schema = next_schema(&mut viewer).await;
    assert_eq!((schema.channel, schema.source.as_str()), (2, "mine"));
    assert_eq!(names(&schema), ["short", "long", "single", "double"]);
    assert_eq!(schema.classes, dataset().classes);
    let model = schema.model.unwrap();
    assert_eq!((model.url.as_str(), model.trained_until), ("/model/2", None));
    let (_, replays) = server.http("GET /model/1", "").await;
    let (_, ours) = server.http("GET /model/2", "").await;
    assert!(!ours.is_empty() && ours == replays);
    let status = next_status(&mut viewer, |status| status.channel == 2).await;
    assert_eq!(status.message, None);
    let resume = viewer.resume_at(0);
    viewer
        .subscribe(|request| {
            request.channel = 2;
            request.resume = resume;
        })
        .await;
    let reading = loop {
        if let ServerMessage::Reading(reading) = viewer.next().await {
            break reading;
        }
    };
    assert_eq!(
        (reading.channel, reading.features, reading.true_label),
        (2, vec![-47.0, 3_000_009.0, 1.5, 0.3], Some(2))
    );

    // One feature more: no model, and the reason.
    post_ok(
        &server,
        "more",
        r#"{"double":0.3,"single":1.5,"long":3000009,"short":-47,"extra":1}"#,
    )
    .await;
    let schema = next_schema(&mut viewer).await;
    assert!(schema.source == "more" && schema.model.is_none());
    let status = next_status(&mut viewer, |status| status.channel == 3).await;
    assert!(status.message.unwrap().contains("the model does not know extra"));
    assert_eq!(
        post(&server, "small", "", r#"{"a":1}"#).await.0,
        409,
        "the replay's own name"
    );
}

/// Readings of an oven that is cold or hot.
fn labelled_lines(numbers: std::ops::Range<u32>) -> String {
    numbers
        .map(|n| {
            let (temp, label) = if n % 2 == 0 { (20, "cold") } else { (80, "hot") };
            format!(
                "{{\"temp\":{},\"hum\":{n},\"label\":\"{label}\"}}\n",
                temp + n % 5
            )
        })
        .collect()
}

#[tokio::test]
async fn a_burst_is_learnt_from_whole_though_nothing_comes_after_it() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "oven", &labelled_lines(0..20)).await;
    // Too soon after the first training for another one, which is made up for later.
    post_ok(&server, "oven", &labelled_lines(20..500)).await;
    while next_schema(&mut viewer)
        .await
        .model
        .is_none_or(|model| model.trained_until != Some(500))
    {}
}

#[tokio::test]
async fn a_model_is_trained_from_the_labelled_readings_and_never_scored_on_them() {
    let server = TestServer::start(sensors_only()).await;
    let mut viewer = early_viewer(&server).await;
    post_ok(&server, "oven", &labelled_lines(0..40)).await;
    let schema = loop {
        let schema = next_schema(&mut viewer).await;
        if schema.model.is_some() {
            break schema;
        }
    };
    let model = schema.model.unwrap();
    assert_eq!(model.trained_until, Some(40));
    assert_eq!(schema.next_seq, 40);
    assert_eq!(schema.classes, ["cold", "hot"]);
    let (_, bytes) = server.http(&format!("GET {}", model.url), "").await;
    assert_eq!(bytes.len() as u64, model.n_bytes);
    let (mut knn, metadata) = classifier::Knn::from_bytes(&bytes).unwrap();
    assert_eq!(metadata.feature_names, ["temp", "hum"]);
    assert_eq!(knn.predict(&[82.0, 20.0]).unwrap(), 1);
    let (head, _) = server.http("GET /model/1?sha256=0123", "").await;
    assert!(head.starts_with("http/1.1 410"), "{head}");
}

#[tokio::test]
async fn a_model_file_is_served_to_the_source_that_has_its_features() {
    let replaying = TestServer::start(config()).await;
    let (_, bytes) = replaying.http("GET /model/1", "").await;
    let path = std::env::temp_dir().join(format!("sensor-sim-model-{}.safetensors", std::process::id()));
    std::fs::write(&path, &bytes).unwrap();
    let server = TestServer::start(Config {
        model: Some(path.clone()),
        ..sensors_only()
    })
    .await;
    std::fs::remove_file(&path).unwrap();
    post_ok(&server, "a", r#"{"short":1,"long":2,"single":3,"double":4}"#).await;
    let viewer = server.viewer().await;
    assert_eq!(viewer.schema.unwrap().model.unwrap().n_bytes, bytes.len() as u64);
}

#[tokio::test]
async fn nonsense_is_answered_and_takes_nothing() {
    let server = TestServer::start(sensors_only()).await;
    for (path, headers, body, status, part) in [
        ("s", "", "", 400, "empty"),
        ("s", "", "{\"a\":", 400, "JSON"),
        ("s", "", "{\"a\":1}\n{\"a\":\"x1\",\"b\":\"2\"}", 400, "line 2"),
        ("s?format=xml", "", "{\"a\":1}", 400, "json-object"),
        ("s?speed=1", "", "{\"a\":1}", 400, "?format="),
        ("s%20t", "", "{\"a\":1}", 404, "source name"),
        ("..%2f..%2fetc", "", "{\"a\":1}", 404, "source name"),
        ("..", "", "{\"a\":1}", 404, ""),
        (&"x".repeat(65), "", "{\"a\":1}", 404, "source name"),
        ("s", "Origin: https://example.org\r\n", "{\"a\":1}", 403, "Origin"),
        ("s", "Host: example.org\r\n", "{\"a\":1}", 421, "only as"),
    ] {
        let (actual, answer) = post(&server, path, headers, body).await;
        assert_eq!(actual, status, "{path} {body}: {answer}");
        assert!(answer.contains(part), "{path} {body}: {answer}");
    }
    let refused = Sensor::connect(&server, "s", &[("origin", "https://example.org")]).await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(403));
    let (head, body) = server.http("GET /ingest/s", "").await;
    assert!(head.starts_with("http/1.1 426"), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("curl -d"));
    assert_eq!(server.health().await["channels"], serde_json::json!([]));
    let own = format!("Origin: http://{}\r\n", server.address);
    assert_eq!(
        post(&server, "s", &own, "{\"a\":1}").await.0,
        200,
        "a page from here may"
    );
}

#[tokio::test]
async fn a_sensor_over_its_rate_is_told_and_slowed_and_loses_nothing() {
    let server = TestServer::start(limited(Limits {
        rate: NonZeroU32::new(50).unwrap(),
        ..Limits::default()
    }))
    .await;
    let lines = "{\"a\":1}\n".repeat(100);
    assert_eq!(post_ok(&server, "posted", &lines).await.accepted, 100);
    let (head, _) = server
        .http_with("POST /ingest/posted", "", lines.as_bytes())
        .await;
    assert!(
        head.starts_with("http/1.1 429") && head.contains("retry-after: 1"),
        "{head}"
    );
    assert_eq!(
        post_ok(&server, "other", "{\"a\":1}").await.accepted,
        1,
        "others are not touched"
    );

    let mut sensor = Sensor::connect(&server, "flood", &[]).await.unwrap();
    sensor.next().await;
    let began = std::time::Instant::now();
    for _ in 0..100 {
        sensor.send("{\"a\":1}").await;
    }
    let error = loop {
        if let IngestMessage::Err(error) = sensor.next().await {
            break error;
        }
    };
    assert_eq!(error.code, "too-fast");
    within_limit(async { while server.health().await["channels"][2]["n_produced"] != 100 {} }).await;
    // 50 at once, the other 50 at 50 a second.
    assert!(
        began.elapsed() >= Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn sizes_and_numbers_are_bounded() {
    let server = TestServer::start(limited(Limits {
        message_bytes: 1_024,
        post_bytes: 2_048,
        features: 3,
        sources: NonZeroUsize::new(2).unwrap(),
        sensors: NonZeroUsize::new(1).unwrap(),
        viewers: NonZeroUsize::new(1).unwrap(),
        ..Limits::default()
    }))
    .await;
    let (status, answer) = post(&server, "a", "", &" ".repeat(3_000)).await;
    assert!(
        status == 413 && answer.contains("2048 bytes"),
        "{status} {answer}"
    );
    let chunked = "Transfer-Encoding: chunked\r\n";
    let body = format!("bb8\r\n{}\r\n0\r\n\r\n", " ".repeat(3_000));
    let (head, _) = server.http_raw("POST /ingest/a", chunked, body.as_bytes()).await;
    assert!(head.starts_with("http/1.1 413"), "{head}");
    let (status, answer) = post(&server, "a", "", r#"{"a":1,"b":2,"c":3,"d":4}"#).await;
    assert!(status == 400 && answer.contains("at most 3 features"), "{answer}");

    let mut sensor = Sensor::connect(&server, "b", &[]).await.unwrap();
    sensor.next().await;
    let refused = Sensor::connect(&server, "b", &[]).await.err().unwrap();
    assert!(
        refused.0 == 503 && refused.1.contains("--max-sensors"),
        "{refused:?}"
    );
    post_ok(&server, "a", r#"{"a":1}"#).await;
    let (status, answer) = post(&server, "c", "", r#"{"a":1}"#).await;
    assert!(status == 503 && answer.contains("--max-sources"), "{answer}");
    sensor.send(&" ".repeat(2_000)).await;
    assert_eq!(sensor.close_code().await, 1009);

    let _viewer = server.viewer().await;
    let refused = server.handshake(&[]).await.err().unwrap();
    assert!(
        refused.0 == 503 && refused.1.contains("--max-viewers"),
        "{refused:?}"
    );
    let huge = format!("X-Huge: {}\r\n", "x".repeat(20_000));
    let (head, _) = server.http("GET /healthz", &huge).await;
    assert!(head.starts_with("http/1.1 431"), "{head}");
}

#[tokio::test]
async fn slow_and_silent_clients_are_cut_and_abandoned_sources_forgotten() {
    let server = TestServer::start(limited(Limits {
        handshake: Duration::from_millis(300),
        silence: Duration::from_millis(600),
        forget_after: Duration::from_millis(1),
        ..Limits::default()
    }))
    .await;
    // Half a head, then nothing.
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127")
        .await
        .unwrap();
    let mut answer = Vec::new();
    within_limit(slow.read_to_end(&mut answer)).await.unwrap();
    // Half a body, then nothing.
    let head = format!(
        "POST /ingest/half HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n{{",
        server.address
    );
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    within_limit(half.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    // A sensor that reads nothing answers no ping.
    let mut viewer = early_viewer(&server).await;
    let mut sensor = Sensor::connect(&server, "gone", &[]).await.unwrap();
    sensor.send("{\"a\":1}").await;
    assert_eq!(next_schema(&mut viewer).await.source, "gone");
    within_limit(async { while server.health().await["n_sensors"] != 0 {} }).await;
    next_status(&mut viewer, |status| status.state == SourceState::Gone).await;
    assert_eq!(server.health().await["channels"], serde_json::json!([]));
    assert_eq!(
        server.health().await["n_produced"],
        1,
        "what was is still counted"
    );
    // The name may come again, under another number.
    post_ok(&server, "gone", "{\"a\":1}").await;
    assert_eq!(next_schema(&mut viewer).await.channel, 2);
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
async fn curl_posts_readings() {
    let server = TestServer::start(sensors_only()).await;
    let url = format!("http://{}/ingest/curl1", server.address);
    let output = tokio::process::Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail-with-body",
            "-d",
            r#"{"temp":21.5,"hum":40}"#,
            &url,
        ])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("curl is there");
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{answer}");
    assert_eq!(
        answer,
        "{\"accepted\":1,\"labels\":0,\"unknown\":0,\"next_seq\":1}\n"
    );
}
