//! What somebody would send who means harm: it is refused, nothing panics, and others are served meanwhile.
//!
//! The same at full size, with memory and latencies measured: `cargo xtask bench attack`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use crate::support::{TestServer, within_limit};
use futures::{SinkExt as _, StreamExt as _};
use sensor_sim::{Config, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Connections held at a time; more would run into the limit of open files that many systems start with.
const N_HELD: usize = 100;

async fn sensors_only(limits: Limits) -> TestServer {
    TestServer::start(Config {
        limits,
        ..Config::without_replay()
    })
    .await
}

/// A sensor that has been greeted.
async fn sensor(server: &TestServer, path: &str) -> WebSocketStream<TcpStream> {
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let url = format!("ws://{}/ingest/{path}", server.address);
    let (mut socket, _) = within_limit(tokio_tungstenite::client_async(url, tcp))
        .await
        .unwrap();
    let hello = within_limit(socket.next()).await.unwrap().unwrap();
    assert!(
        hello.to_text().unwrap().starts_with("{\"op\":\"hello\""),
        "{hello}"
    );
    socket
}

/// The next message that says something.
async fn next(socket: &mut WebSocketStream<TcpStream>) -> Message {
    loop {
        let message = within_limit(socket.next()).await.unwrap().unwrap();
        if !message.is_ping() && !message.is_pong() {
            return message;
        }
    }
}

/// Posts a body; the status, and the answer.
async fn post(server: &TestServer, path: &str, body: &[u8]) -> (String, String) {
    let (head, answer) = server.http_with(&format!("POST /ingest/{path}"), "", body).await;
    let status = head.split(' ').nth(1).unwrap().to_owned();
    (status, String::from_utf8(answer).unwrap())
}

/// A reading is taken: nobody who behaves notices anything.
async fn others_are_served(server: &TestServer) {
    let (status, answer) = post(server, "innocent", b"{\"a\":1}").await;
    assert_eq!(status, "200", "{answer}");
}

/// The head of a client's frame, its mask all zeros.
fn masked_head(first: u8, n_bytes: u16) -> Vec<u8> {
    let [high, low] = n_bytes.to_be_bytes();
    match n_bytes {
        0..126 => vec![first, 0x80 | low, 0, 0, 0, 0],
        _ => vec![first, 0x80 | 126, high, low, 0, 0, 0, 0],
    }
}

#[tokio::test]
async fn slow_handshakes_and_half_open_connections_are_cut_and_others_served_meanwhile() {
    let server = sensors_only(Limits {
        handshake: Duration::from_secs(2),
        ..Limits::default()
    })
    .await;
    let mut held = Vec::new();
    for idx in 0..N_HELD {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        if idx % 2 == 0 {
            tcp.write_all(b"GET /live HTTP/1.1\r\nHo").await.unwrap();
        }
        held.push(tcp);
    }
    others_are_served(&server).await;
    for mut tcp in held {
        let mut answer = Vec::new();
        // Whether it ends with an answer, without, or by a reset: it ends.
        let _ = within_limit(tcp.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(b"HTTP/1.1 101"));
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn connections_that_ask_for_nothing_give_their_places_to_newcomers() {
    let server = sensors_only(Limits {
        connections: NonZeroUsize::new(10).unwrap(),
        // Nobody goes because of this.
        handshake: Duration::from_secs(3_600),
        ..Limits::default()
    })
    .await;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let mut known = TcpStream::connect(server.address).await.unwrap();
    let mut answer = [0; 4_096];
    known.write_all(request.as_bytes()).await.unwrap();
    assert!(within_limit(known.read(&mut answer)).await.unwrap() > 0);
    let mut held = Vec::new();
    for idx in 0..N_HELD {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        let part: &[u8] = match idx % 3 {
            0 => b"GET / HTTP/1.1\r\n",
            1 => b"POST /ingest/slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7\r\n\r\n{",
            _ => b"",
        };
        // The server may have ended it already.
        let _ = tcp.write_all(part).await;
        held.push(tcp);
    }
    others_are_served(&server).await;
    for tcp in &mut held[..N_HELD - 10] {
        let mut answer = Vec::new();
        let _ = within_limit(tcp.read_to_end(&mut answer)).await;
        assert_eq!(answer, b"");
    }
    // Who has asked for something before is still there.
    known.write_all(request.as_bytes()).await.unwrap();
    assert!(within_limit(known.read(&mut answer)).await.unwrap() > 0);
    // Also when all places are held by those who have.
    let mut asked = Vec::new();
    for _ in 0..30 {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(request.as_bytes()).await.unwrap();
        assert!(within_limit(tcp.read(&mut answer)).await.unwrap() > 0);
        asked.push(tcp);
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn unfinished_frames_hold_nobody_up() {
    let server = sensors_only(Limits::default()).await;
    let mut held = Vec::new();
    for _ in 0..N_HELD {
        let mut socket = sensor(&server, "unfinished").await;
        let tcp = socket.get_mut();
        tcp.write_all(&masked_head(0x81, 60_000)).await.unwrap();
        tcp.write_all(&[b'x'; 100]).await.unwrap();
        held.push(socket);
    }
    others_are_served(&server).await;
    drop(held);
    within_limit(async { while server.health().await["n_sensors"] != 0 {} }).await;
}

#[tokio::test]
async fn a_message_is_bounded_however_it_is_cut() {
    let server = sensors_only(Limits {
        message_bytes: 1_000,
        ..Limits::default()
    })
    .await;
    let whole = [masked_head(0x81, 1_001), vec![b' '; 1_001]].concat();
    let pieces = |n: usize| {
        let piece = |idx: usize| {
            // The first is text, the others go on with it, none is the last.
            let first = if idx == 0 { 0x01 } else { 0x00 };
            [masked_head(first, 10), vec![b' '; 10]].concat()
        };
        (0..n).flat_map(piece).collect::<Vec<u8>>()
    };
    for bytes in [whole, pieces(101)] {
        let mut socket = sensor(&server, "s").await;
        socket.get_mut().write_all(&bytes).await.unwrap();
        let Message::Close(Some(close)) = next(&mut socket).await else {
            panic!("expected a closing frame");
        };
        assert_eq!(u16::from(close.code), 1009);
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn fragments_of_one_byte_with_pings_between_are_one_message() {
    let server = sensors_only(Limits::default()).await;
    let mut socket = sensor(&server, "s?ack=1").await;
    let reading = "{\"temperatur·\":21.5}".as_bytes();
    for (idx, byte) in reading.iter().enumerate() {
        let is_last = idx + 1 == reading.len();
        let first = u8::from(is_last) << 7 | u8::from(idx == 0);
        let frame = [masked_head(first, 1), vec![*byte], masked_head(0x89, 0)].concat();
        socket.get_mut().write_all(&frame).await.unwrap();
    }
    assert_eq!(
        next(&mut socket).await.to_text().unwrap(),
        r#"{"op":"ack","accepted":1,"labels":0,"unknown":0,"next_seq":1}"#
    );
}

#[tokio::test]
async fn malformed_messages_of_every_format_are_refused_and_good_ones_taken_after_them() {
    let server = sensors_only(Limits::default()).await;
    let samples: [(&str, &[u8]); 9] = [
        ("json-object", b"{\"temp\":21.5,\"label\":\"up\"}"),
        ("json-array", b"[[1,2.5],[3,4]]"),
        ("csv", b"1,2\n3,4"),
        ("label-value", b">a:1\n>b:2"),
        ("senml-json", b"[{\"n\":\"v\",\"v\":120.1}]"),
        ("senml-cbor", b"\x81\xa2\x00\x61a\x02\x01"),
        ("cbor", b"\xa2\x61a\x01\x61b\xf9\x3e\x00"),
        (
            "cloud-events",
            b"{\"specversion\":\"1.0\",\"type\":\"r\",\"source\":\"/\",\"id\":\"1\",\"data\":{\"a\":1}}",
        ),
        ("native", b"\x02\x00\x02\x00\x01\x00\xfe\xff"),
    ];
    for (format, sample) in samples {
        let mut socket = sensor(&server, &format!("{format}?format={format}&ack=1")).await;
        // No format takes this: not text, not JSON, not CBOR, not a frame.
        for _ in 0..200 {
            socket.send(Message::binary(&b"\xff\x00\xff"[..])).await.unwrap();
            socket.send(Message::text("\"\u{0}{")).await.unwrap();
            socket.send(Message::binary(sample[..1].to_vec())).await.unwrap();
        }
        socket.send(Message::binary(sample.to_vec())).await.unwrap();
        let (mut n_errors, mut is_taken) = (0, false);
        while !is_taken {
            let answer = next(&mut socket).await;
            let text = answer.to_text().unwrap();
            n_errors += u32::from(text.starts_with("{\"op\":\"err\""));
            is_taken = text.starts_with("{\"op\":\"ack\"");
        }
        // Told once a second, not each time: answers must not be what the attacker gets out of it.
        assert!((1..30).contains(&n_errors), "{format}: {n_errors} errors");
    }
    others_are_served(&server).await;
}

#[tokio::test]
async fn a_flood_is_slowed_down_and_other_sources_are_not() {
    let server = sensors_only(Limits {
        rate: NonZeroU32::new(100).unwrap(),
        ..Limits::default()
    })
    .await;
    let mut socket = sensor(&server, "flood").await;
    let message = "{\"a\":1}\n".repeat(100);
    // As much as the socket takes: the server stops reading.
    while tokio::time::timeout(Duration::from_millis(200), socket.send(Message::text(&*message)))
        .await
        .is_ok_and(|sent| sent.is_ok())
    {}
    let channels = server.health().await["channels"].clone();
    let n_taken = channels[0]["n_produced"].as_u64().unwrap();
    assert!(n_taken > 0 && n_taken < 100_000, "{n_taken} readings taken");
    others_are_served(&server).await;
}

#[tokio::test]
async fn bombs_are_refused_before_they_unfold() {
    let server = sensors_only(Limits::default()).await;
    let n = 100_000;
    let flat = format!("[{}1]", "1,".repeat(300_000));
    let bodies: [(&str, Vec<u8>); 8] = [
        ("levels of JSON", vec![b'['; n]),
        ("levels of JSON objects", b"{\"a\":".repeat(n)),
        ("levels of CBOR arrays", vec![0x81; n]),
        ("levels of CBOR tags", vec![0xc1; n]),
        ("a CBOR array of 2^60", b"\x9b\x10\0\0\0\0\0\0\0".to_vec()),
        (
            "a CBOR text of 2^60 bytes",
            b"\xa1\x7b\x10\0\0\0\0\0\0\0a".to_vec(),
        ),
        ("more values than a message may hold", flat.into_bytes()),
        (
            "what gzip makes of zeros",
            [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &[0; 1000]].concat(),
        ),
    ];
    for (what, body) in bodies {
        let (status, answer) = post(&server, "bomb", &body).await;
        assert_eq!(status, "400", "{what}: {answer}");
        assert!(answer.len() < 1_000, "{what}: {answer}");
    }
    // Compression is not negotiated, so a message cannot grow behind the limit either.
    let mut request = format!("ws://{}/ingest/s", server.address)
        .into_client_request()
        .unwrap();
    let offer = HeaderValue::from_static("permessage-deflate");
    request.headers_mut().insert("sec-websocket-extensions", offer);
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let (_, response) = within_limit(tokio_tungstenite::client_async(request, tcp))
        .await
        .unwrap();
    assert_eq!(response.headers().get("sec-websocket-extensions"), None);
    others_are_served(&server).await;
}

#[tokio::test]
async fn no_path_leads_out_of_the_page() {
    let server = sensors_only(Limits::default()).await;
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/..%5c..%5cboot.ini",
        "//etc/passwd",
        "/%00",
        "/index.html%00.js",
        "/%ff%fe",
        "/ingest/%00",
        "/model/99999999999999999999",
        &format!("/{}", "a/".repeat(5_000)),
    ] {
        for method in ["GET", "POST"] {
            let (head, body) = server.http(&format!("{method} {path}"), "").await;
            let status = head.split(' ').nth(1).unwrap_or_default();
            assert!(
                ["400", "404", "405", "426"].contains(&status),
                "{method} {path}: {head}"
            );
            assert!(body.len() < 300, "{method} {path}");
        }
    }
    others_are_served(&server).await;
}
