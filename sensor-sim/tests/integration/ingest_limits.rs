//! What `/ingest` refuses, slows down or cuts: nonsense, floods, sizes, silence.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use protocol::{IngestMessage, SourceState};
use sensor_sim::Limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::sensor::{Sensor, early_viewer, limited, next_schema, next_status, post, post_ok, sensors_only};
use crate::support::{TestServer, within_limit};

#[tokio::test]
async fn nonsense_is_answered_and_takes_nothing() {
    let server = TestServer::start(sensors_only()).await;
    for (path, headers, body, status, part) in [
        ("s", "", "", 400, "empty"),
        ("s", "", "{\"a\":", 400, "JSON"),
        ("s", "", "hello", 400, "words alone"),
        ("s", "", "temp,hum\n", 400, "together with its rows"),
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
    for origin in ["https://example.org", "https://github.com", "file://", "null"] {
        let refused = Sensor::connect(&server, "s", &[("origin", origin)]).await;
        assert_eq!(refused.err().map(|(status, _)| status), Some(403), "{origin}");
    }
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
    // A debt of 19 seconds.
    let lines = "{\"a\":1}\n".repeat(1_000);
    assert_eq!(post_ok(&server, "posted", &lines).await.accepted, 1_000);
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
        // Long enough for whoever does not dawdle on a busy machine.
        handshake: Duration::from_secs(1),
        silence: Duration::from_secs(2),
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
