//! The attacks: each goes on until it is told to stop, and counts what came of it.
//!
//! They use what anybody on the same machine could: sockets and bytes. What a server should answer is checked, not only
//! that it survives.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::idle::health;
use crate::wire::{self, Inbox, websocket_frame, websocket_head, websocket_next, websocket_payload};

/// Who is attacked, and for how long.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) port: u16,
    /// Set by the attack when it is at its height.
    pub(crate) at_height: AtomicBool,
    /// Set when it is to end.
    pub(crate) stop: AtomicBool,
}

impl Target {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            at_height: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        }
    }

    fn is_at_height(&self) {
        self.at_height.store(true, Ordering::Relaxed);
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// One kind of attack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    pub(crate) about: &'static str,
    /// Arguments of the server that the attack is about.
    pub(crate) server_args: &'static [&'static str],
    /// Whether the server asks for [`crate::wire::TOKEN`].
    pub(crate) is_guarded: bool,
    pub(crate) run: fn(&Target) -> Result<Value>,
}

/// Connections of the attacks that hold many: more than the server serves HTTP to at a time, which are 1,024.
const N_HELD: usize = 1_100;

/// With fewer connections it goes on after this long: the system, or the server, may not let in more.
const FILL_LIMIT: Duration = Duration::from_secs(15);

/// The rate limit that is flooded, and how many times over.
const FLOODED_RATE: u64 = 1_000;
const FLOOD_FACTOR: u64 = 100;

/// Malformed messages of each format.
const N_MALFORMED: usize = 10_000;

/// All attacks.
pub(crate) const ATTACKS: [Attack; 10] = [
    Attack {
        id: "slow-handshake",
        about: "1,100 connections that send their request's head a byte a second",
        server_args: &[],
        is_guarded: false,
        run: slow_handshake,
    },
    Attack {
        id: "half-open",
        about: "1,100 connections that never send a byte",
        server_args: &[],
        is_guarded: false,
        run: half_open,
    },
    Attack {
        id: "unfinished-frames",
        about: "1,000 WebSockets, each in the middle of a frame of 60 KiB for ever",
        server_args: &[],
        is_guarded: false,
        run: unfinished_frames,
    },
    Attack {
        id: "flood",
        about: "a source with 100 times the readings it may send (1,000/s)",
        server_args: &["--max-rate", "1000"],
        is_guarded: false,
        run: flood,
    },
    Attack {
        id: "oversized",
        about: "frames that say to hold 2^62 bytes, messages over the limit in one frame and in 1,000, over and over",
        server_args: &[],
        is_guarded: false,
        run: oversized,
    },
    Attack {
        id: "fragments",
        about: "messages in fragments of one byte, pings between them",
        server_args: &[],
        is_guarded: false,
        run: fragments,
    },
    Attack {
        id: "malformed",
        about: "10,000 malformed messages of each of the nine formats, again and again",
        server_args: &[],
        is_guarded: false,
        run: malformed,
    },
    Attack {
        id: "strangers",
        about: "WebSockets and posts from foreign pages, requests under foreign names, paths out of the page's folder",
        server_args: &[],
        is_guarded: false,
        run: strangers,
    },
    Attack {
        id: "wrong-tokens",
        about: "posts and WebSockets with a wrong token, and 200 WebSockets that show none",
        server_args: &[],
        is_guarded: true,
        run: wrong_tokens,
    },
    Attack {
        id: "bombs",
        about: "bodies of 1 MiB: JSON and CBOR nested without end, lengths of 2^60, a quarter of a million values, gzip",
        server_args: &[],
        is_guarded: false,
        run: bombs,
    },
];

fn slow_handshake(target: &Target) -> Result<Value> {
    hold(target, |tcp| tcp.write_all(b"G").is_ok())
}

fn half_open(target: &Target) -> Result<Value> {
    hold(target, |_| true)
}

/// Keeps [`N_HELD`] connections, does something with each once a second, and replaces those that the server cut.
fn hold(target: &Target, mut poke: impl FnMut(&mut TcpStream) -> bool) -> Result<Value> {
    let (mut held, mut n_opened, mut n_cut) = (Vec::new(), 0_u64, 0_u64);
    let (started, mut poked_at) = (Instant::now(), Instant::now());
    while target.goes_on() {
        if started.elapsed() > FILL_LIMIT {
            target.is_at_height();
        }
        if held.len() < N_HELD {
            // It may have to wait: the system keeps no more than some for a server that takes none at the moment.
            let address = ([127, 0, 0, 1], target.port).into();
            if let Ok(tcp) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
                tcp.set_nonblocking(true)?;
                held.push(tcp);
                n_opened += 1;
            }
        } else {
            target.is_at_height();
            thread::sleep(Duration::from_millis(10));
        }
        if poked_at.elapsed() >= Duration::from_secs(1) {
            poked_at = Instant::now();
            held.retain_mut(|tcp| {
                let is_held = poke(tcp) && is_open(tcp);
                n_cut += u64::from(!is_held);
                is_held
            });
        }
    }
    Ok(json!({ "opened": n_opened, "cut_by_the_server": n_cut }))
}

/// Whether the other end has not closed; what it says is read and forgotten.
fn is_open(tcp: &mut TcpStream) -> bool {
    let mut bytes = [0; 512];
    match tcp.read(&mut bytes) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

fn rest(target: &Target, duration: Duration) {
    let until = Instant::now() + duration;
    while target.goes_on() && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
}

fn unfinished_frames(target: &Target) -> Result<Value> {
    let mut held = Vec::new();
    for idx in 0..1_000 {
        let mut socket = wire::open_websocket(target.port, &format!("/ingest/unfinished-{}", idx % 50))?;
        let mut bytes = websocket_head(0x81, 60 * 1024);
        bytes.extend([b'x'; 100]);
        socket.tcp.write_all(&bytes)?;
        held.push(socket.tcp);
    }
    target.is_at_height();
    rest(target, Duration::MAX / 4);
    Ok(json!({ "connections": held.len() }))
}

fn flood(target: &Target) -> Result<Value> {
    target.is_at_height();
    let mut socket = wire::open_websocket(target.port, "/ingest/flood")?;
    let line = b"{\"a\":1,\"b\":2}\n";
    let n_each = 100;
    let message = websocket_frame(1, &line.repeat(n_each));
    socket.tcp.set_write_timeout(Some(Duration::from_millis(50)))?;
    crate::throughput::drain(&socket)?;
    let (mut n_offered, mut n_sent, started) = (0_u64, 0_usize, Instant::now());
    while target.goes_on() {
        let due = (started.elapsed().as_secs_f64() * (FLOODED_RATE * FLOOD_FACTOR) as f64) as u64;
        n_offered = n_offered.max(due);
        if (n_sent / message.len() * n_each) as u64 >= due {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        // Part of a message may have gone when the socket was full; the next write goes on there.
        match socket.tcp.write(&message[n_sent % message.len()..]) {
            Ok(n) => n_sent += n,
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let secs = started.elapsed().as_secs_f64();
    let report = health(target.port)?;
    let channels = report["channels"].as_array().into_iter().flatten();
    let taken = channels
        .filter(|channel| channel["source"] == "flood")
        .find_map(|channel| channel["n_produced"].as_u64());
    let taken = taken.unwrap_or(0) as f64;
    // A second's worth may come at once, and the last message is taken whole.
    let most = FLOODED_RATE as f64 * (secs + 2.0) + n_each as f64;
    ensure!(
        taken <= most,
        "{taken} readings were taken in {secs:.1} s, more than {most:.0}"
    );
    Ok(json!({ "offered_per_sec": n_offered as f64 / secs, "taken_per_sec": taken / secs }))
}

fn oversized(target: &Target) -> Result<Value> {
    target.is_at_height();
    let mut n_closed = 0_u64;
    // tungstenite's limit is on payloads: one byte over, whole and in pieces.
    let over = vec![b'x'; 64 * 1024 + 1];
    let mut pieces = Vec::new();
    for (idx, piece) in over.chunks(66).enumerate() {
        let opcode = if idx == 0 { 1 } else { 0 };
        let mut frame = websocket_frame(opcode, piece);
        // No piece is the last.
        frame[0] &= 0x7f;
        pieces.extend(frame);
    }
    let messages = [
        websocket_head(0x82, 1 << 62),
        websocket_head(0x81, u64::from(u32::MAX)),
        websocket_frame(1, &over),
        pieces,
    ];
    'attack: loop {
        for message in &messages {
            if !target.goes_on() {
                break 'attack;
            }
            let mut socket = wire::open_websocket(target.port, "/ingest/oversized")?;
            // The server may close before it has read everything.
            let _ = socket.tcp.write_all(message);
            let code = close_code(&mut socket)?;
            ensure!(
                code.is_none_or(|code| code == 1009),
                "expected close code 1009, got {code:?}"
            );
            n_closed += 1;
        }
    }
    Ok(json!({ "closed_with_1009_or_reset": n_closed }))
}

/// The code of the server's closing frame; `None` if the connection was reset before it was read.
fn close_code(socket: &mut Inbox) -> Result<Option<u16>> {
    loop {
        let Ok(frame) = socket.next(websocket_next) else {
            return Ok(None);
        };
        if let (8, payload) = websocket_payload(&frame) {
            return Ok(payload.first_chunk().map(|code| u16::from_be_bytes(*code)));
        }
    }
}

fn fragments(target: &Target) -> Result<Value> {
    target.is_at_height();
    let reading = b"{\"temperature\":21.5,\"humidity\":40}";
    let mut message = Vec::new();
    for (idx, byte) in reading.iter().enumerate() {
        let mut frame = websocket_frame(if idx == 0 { 1 } else { 0 }, &[*byte]);
        if idx + 1 < reading.len() {
            frame[0] &= 0x7f;
        }
        message.extend(frame);
        message.extend(websocket_frame(9, b"?"));
    }
    let mut socket = wire::open_websocket(target.port, "/ingest/fragments")?;
    let (mut n_messages, mut n_fragments) = (0_u64, 0_u64);
    let mut watch = Inbox::new(socket.tcp.try_clone()?);
    let reader = thread::spawn(move || {
        let mut n_pongs = 0_u64;
        loop {
            while let Ok(Some(frame)) = watch.take(websocket_next) {
                n_pongs += u64::from(websocket_payload(frame).0 == 10);
            }
            if !watch.fill().is_ok_and(|n| n > 0) {
                return n_pongs;
            }
        }
    });
    while target.goes_on() {
        socket.tcp.write_all(&message)?;
        n_messages += 1;
        n_fragments += reading.len() as u64;
    }
    socket
        .tcp
        .write_all(&websocket_frame(8, &1000_u16.to_be_bytes()))?;
    let _ = socket.fill();
    drop(socket);
    let n_pongs = reader.join().unwrap_or(0);
    Ok(json!({ "messages": n_messages, "fragments": n_fragments, "pings_answered": n_pongs }))
}

/// One good message of each format, by its name in `?format=`.
const SAMPLES: [(&str, &[u8]); 9] = [
    ("json-object", b"{\"temp\":21.5,\"hum\":[1,null,{\"a\":true}],\"t\":1705314600.5,\"label\":\"up\"}"),
    ("json-array", b"[[1,2.5,null,true],[1,2,3,4]]"),
    ("csv", b"temp,hum,label\n21.5,40,ok\n\"22\",41,ok"),
    ("label-value", b">a:1705314600000:1;1705314601000:2|g\n>b:3"),
    ("senml-json", b"[{\"bn\":\"u:\",\"bt\":1.7053146e9,\"n\":\"v\",\"v\":120.1},{\"n\":\"c\",\"t\":-5,\"v\":1.2}]"),
    ("senml-cbor", b"\x82\xa2\x00\x61a\x02\x01\xa2\x00\x61b\x02\x05"),
    ("cbor", b"\xa3\x64temp\xf9\x4d\x60\x61t\xc1\x1a\x65\xa5\x0a\xa8\x65label\x62up"),
    ("cloud-events", b"{\"specversion\":\"1.0\",\"type\":\"r\",\"source\":\"/\",\"id\":\"1\",\"data\":{\"a\":1,\"y\":\"up\"}}"),
    ("native", b"\x02\x0e\x01\x00\x40\xda\x61\x4e\xc5\x60\x06\x00\x01\x00\x00\x00\x00\xbf"),
];

fn malformed(target: &Target) -> Result<Value> {
    target.is_at_height();
    let mut n_messages = 0;
    // Splitmix64, seeded with a constant: the same attack each time.
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)) as usize
    };
    // All formats once at the least, and then again and again.
    for (idx, (format, sample)) in SAMPLES.into_iter().cycle().enumerate() {
        if idx >= SAMPLES.len() && !target.goes_on() {
            break;
        }
        let source = format!("malformed-{format}");
        let mut socket =
            wire::open_websocket(target.port, &format!("/ingest/{source}?format={format}&ack=1"))?;
        socket.next(websocket_next)?;
        let messages: Vec<u8> = (0..N_MALFORMED)
            .flat_map(|_| {
                // Cut, and a byte changed: most is not to be understood, and what is must be taken.
                let mut bytes = sample[..1 + random() % (sample.len() - 1)].to_vec();
                let at = random() % bytes.len();
                bytes[at] = random() as u8;
                websocket_frame(2, &bytes)
            })
            .collect();
        // With the answer to a ping after them they all have been read.
        let mut out = socket.tcp.try_clone()?;
        let writer = thread::spawn(move || out.write_all(&[messages, websocket_frame(9, b"")].concat()));
        while websocket_payload(&socket.next(websocket_next)?).0 != 10 {}
        writer.join().map_err(|_| anyhow!("the writer panicked"))??;
        // After all that, a good message in a connection of its own is taken.
        let mut poster = Inbox::new(wire::dial(target.port)?);
        let path = format!("/ingest/good-{format}?format={format}");
        poster
            .tcp
            .write_all(&wire::http_request(&path, "application/octet-stream", sample))?;
        let (status, body) = poster.http_answer()?;
        ensure!(
            status == 200,
            "{format}: a good message was refused with {status}: {body}"
        );
        n_messages += N_MALFORMED;
    }
    Ok(json!({ "messages": n_messages }))
}

/// Requests that must be refused, and with what.
const STRANGERS: [(&str, u16); 14] = [
    (
        "GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        403,
    ),
    (
        "GET /ingest/x HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        403,
    ),
    (
        "POST /ingest/x HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        403,
    ),
    ("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
    (
        "GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        404,
    ),
    (
        "GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        404,
    ),
    (
        "GET /..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        404,
    ),
    ("GET /..%5c..%5cboot.ini HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
    ("GET /%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
    ("GET /index.html%00.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
    ("GET //etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 404),
    (
        "POST /ingest/..%2fx HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        404,
    ),
    (
        "POST /ingest/%00 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        404,
    ),
    (
        "GET /model/99999999999999999999 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        404,
    ),
];

fn strangers(target: &Target) -> Result<Value> {
    target.is_at_height();
    let mut n_refused = 0_u64;
    while target.goes_on() {
        for (request, expected) in STRANGERS {
            let mut inbox = Inbox::new(wire::dial(target.port)?);
            inbox.tcp.write_all(request.as_bytes())?;
            let (status, body) = inbox.http_answer()?;
            ensure!(
                status == expected,
                "expected {expected}, got {status}: {body} for {request}"
            );
            n_refused += 1;
        }
    }
    Ok(json!({ "refused": n_refused }))
}

fn wrong_tokens(target: &Target) -> Result<Value> {
    let handshake = |token: &str| {
        format!(
            "GET /ingest/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{token}\r\n"
        )
    };
    let wrong = "Authorization: Bearer this-is-not-the-token\r\n";
    let post =
        format!("POST /ingest/x HTTP/1.1\r\nHost: 127.0.0.1\r\n{wrong}Content-Length: 7\r\n\r\n{{\"a\":1}}");
    let ask = |request: &str| -> Result<(Inbox, u16)> {
        let mut inbox = Inbox::new(wire::dial(target.port)?);
        inbox.tcp.write_all(request.as_bytes())?;
        let (status, _) = inbox.http_answer()?;
        Ok((inbox, status))
    };
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(ask(&handshake(""))?.0.tcp);
    }
    target.is_at_height();
    let mut n_refused = 0_u64;
    while target.goes_on() {
        for request in [post.as_str(), &handshake(wrong)] {
            let (_, status) = ask(request)?;
            ensure!(status == 401, "expected 401 for a wrong token, got {status}");
        }
        let (mut socket, status) = ask(&handshake(""))?;
        ensure!(status == 101, "expected to be asked for the token, got {status}");
        let message = b"{\"op\":\"auth\",\"token\":\"this-is-not-the-token\"}";
        socket.tcp.write_all(&websocket_frame(1, message))?;
        let code = close_code(&mut socket)?;
        ensure!(
            code.is_none_or(|code| code == 4401),
            "expected close code 4401, got {code:?}"
        );
        n_refused += 3;
    }
    Ok(json!({ "refused": n_refused, "silent": silent.len() }))
}

fn bombs(target: &Target) -> Result<Value> {
    target.is_at_height();
    let million = 1 << 20;
    let flat: Vec<u8> = std::iter::once(b'[')
        .chain(b"1,".repeat(million / 2 - 2))
        .chain(*b"1]")
        .collect();
    let bodies: [(&str, Vec<u8>); 8] = [
        ("application/json", vec![b'['; million]),
        ("application/json", b"{\"a\":".repeat(million / 5)),
        ("application/json", flat),
        ("application/cbor", vec![0x81; million]),
        ("application/cbor", vec![0xc1; million]),
        // An array, and a text, of 2^60 elements.
        ("application/cbor", b"\x9b\x10\0\0\0\0\0\0\0".to_vec()),
        ("application/cbor", b"\xa1\x7b\x10\0\0\0\0\0\0\0a".to_vec()),
        // The head of a gzip file, as sent with Content-Encoding by some clients: it is not unpacked, so cannot unfold.
        (
            "application/octet-stream",
            [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &vec![0; million - 10]].concat(),
        ),
    ];
    let mut n_refused = 0_u64;
    while target.goes_on() {
        for (content_type, body) in &bodies {
            let mut inbox = Inbox::new(wire::dial(target.port)?);
            inbox
                .tcp
                .write_all(&wire::http_request("/ingest/bomb", content_type, body))?;
            let (status, answer) = inbox.http_answer()?;
            match status {
                400 | 413 => n_refused += 1,
                // Nonsense is counted against the source's rate, as readings are.
                429 => rest(target, Duration::from_millis(50)),
                _ => bail!("expected a refusal, got {status}: {answer}"),
            }
        }
    }
    Ok(json!({ "refused": n_refused }))
}
