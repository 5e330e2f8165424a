//! docs/asyncapi.yaml is valid, and says of every message what the code does, no more and no less.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use protocol::sensor::{SensorDecoder, SensorFormat};
use protocol::{ServerMessage, ViewerMessage};
use serde_json::Value;

use crate::clients::{CLIENTS, NODE_PATH, node};
use crate::sensor::{Sensor, sensors_only};
use crate::support::{TestServer, config};

const DOCUMENT: &str = include_str!("../../../docs/asyncapi.yaml");

/// Its examples are what the code writes, by tests of crates/protocol.
const REFERENCE: &str = include_str!("../../../docs/protocol.md");

/// A message under its name in the document: who sends or gets it, and its `op`.
fn named(side: &str, json: &str) -> (String, Value) {
    let value: Value = serde_json::from_str(json).unwrap();
    (format!("{side}-{}", value["op"].as_str().unwrap()), value)
}

/// The examples of the reference, and the golden files, which have every field.
fn written_messages() -> Vec<(String, Value)> {
    let mut messages = Vec::new();
    for side in ["server", "viewer", "sensor"] {
        let fence = format!("```json {side}\n");
        for block in REFERENCE.split(&fence).skip(1) {
            let lines = block.split("\n```").next().unwrap().lines();
            messages.extend(lines.map(|line| named(side, line)));
        }
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/protocol/tests/golden");
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".json") {
            let side = name.split('-').next().unwrap();
            messages.push(named(side, &std::fs::read_to_string(&path).unwrap()));
        }
    }
    messages
}

/// What real servers say to a viewer and to sensors.
async fn sent_messages() -> Vec<(String, Value)> {
    let mut messages = Vec::new();
    let server = TestServer::start(config()).await;
    let mut viewer = server.viewer().await;
    viewer.subscribe(|request| request.credit = Some(3)).await;
    viewer
        .send_text(r#"{"op":"ping","viewer_sent_micros":0.5}"#)
        .await;
    viewer.send_text(r#"{"op":"play","channel":9}"#).await;
    let mut wanted = BTreeSet::from(["status", "reading", "pong", "err"]);
    while !wanted.is_empty() {
        let message = viewer.next().await;
        wanted.remove(message.op());
        messages.push(named("server", &message.to_json()));
    }
    let server = TestServer::start(sensors_only()).await;
    let mut sensor = Sensor::connect(&server, "s?ack=1", &[]).await.unwrap();
    for text in [r#"{"a":1,"label":"x","t":5}"#, "{\"a\":2}", "{\"a\":3}", "[1]"] {
        sensor.send(text).await;
    }
    // A greeting, three acknowledgements, the format, and an error.
    for _ in 0..6 {
        messages.push(named("sensor", &sensor.next().await.to_json()));
    }
    let viewer = server.viewer().await;
    messages.push(named(
        "server",
        &ServerMessage::Schema(viewer.schema.unwrap()).to_json(),
    ));
    let (_, body) = server
        .http_with("POST /ingest/p", "", b"{\"id\":1,\"label\":\"x\"}")
        .await;
    messages.push(("taken".to_owned(), serde_json::from_slice(&body).unwrap()));
    messages
}

#[tokio::test]
async fn the_document_is_valid_and_complete() {
    let Some(node) = node() else { return };
    let mut messages = written_messages();
    messages.extend(sent_messages().await);
    let mut child = Command::new(node)
        .args(["asyncapi.mjs", "../../../docs/asyncapi.yaml"])
        .current_dir(CLIENTS)
        .env("NODE_PATH", NODE_PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&serde_json::to_vec(&messages).unwrap()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let checked: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(checked["problems"], serde_json::json!([]));
    assert_eq!(
        checked["unused"],
        serde_json::json!([]),
        "properties that no message has"
    );

    let names: BTreeSet<&str> = checked["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let server = ServerMessage::OPS.iter().map(|op| format!("server-{op}"));
    let viewer = ViewerMessage::OPS.iter().map(|op| format!("viewer-{op}"));
    let sensor = ["hello", "format", "ack", "err"].map(|op| format!("sensor-{op}"));
    let formats = SensorFormat::ALL.iter().map(|format| format.name().to_owned());
    let of_code: BTreeSet<String> = server
        .chain(viewer)
        .chain(sensor)
        .chain(formats)
        .chain(["server-batch", "taken"].map(str::to_owned))
        .collect();
    assert_eq!(names, of_code.iter().map(String::as_str).collect());

    let examples = checked["examples"].as_array().unwrap();
    assert!(examples.len() >= 10);
    for example in examples {
        let text = example[1]
            .as_str()
            .map_or_else(|| example[1].to_string(), str::to_owned);
        let mut decoder = SensorDecoder::default();
        let events = decoder.text(&text, 1_705_314_602_000_000).unwrap();
        assert!(!events.is_empty(), "{text}");
        // A label alone says nothing of its source's format.
        let format = decoder.format().unwrap_or(SensorFormat::JsonObject);
        assert_eq!(format.name(), example[0], "{text}");
    }
}

#[tokio::test]
async fn the_server_shows_the_document() {
    let server = TestServer::start(sensors_only()).await;
    let (head, body) = server.http("GET /asyncapi.yaml", "").await;
    assert!(head.contains("content-type: application/yaml"), "{head}");
    assert_eq!(body, DOCUMENT.as_bytes());
}
