//! The four protocols by hand, as far as a load needs them: handshake, one message out, the next message in.
//!
//! By hand, so that every server is driven by the very same code: what is sent is encoded beforehand, and sending is a
//! copy into one buffer and a `write`.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// What messages are sent to and received from: a source, a topic, a subject.
pub(crate) const TOPIC: &str = "load";

/// What a server of ours that asks for a token to publish is given; sent to all of them.
pub(crate) const TOKEN: &str = "the-token-of-the-load";

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    WebSocket,
    Http,
    Mqtt,
    /// To a broker, from which sensor-sim fetches them.
    MqttBridge,
    Nats,
}

/// An answer that takes longer than this is a failure: three times as long as a server waits for a slow handshake.
const PATIENCE: Duration = Duration::from_secs(30);

/// Masks our frames; any key is as good for a server that has to take it off again.
const MASK: [u8; 4] = [0x5a, 0xc3, 0x17, 0x88];

/// A WebSocket frame from a client: masked, whole.
pub(crate) fn websocket_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = websocket_head(0x80 | opcode, payload.len() as u64);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// The head of a client's frame that says to be this long; `first` holds FIN, reserved bits and opcode.
pub(crate) fn websocket_head(first: u8, n_bytes: u64) -> Vec<u8> {
    let mut head = vec![first];
    match n_bytes {
        0..126 => head.push(0x80 | n_bytes as u8),
        126..0x1_0000 => {
            head.push(0x80 | 126);
            head.extend((n_bytes as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(n_bytes.to_be_bytes());
        }
    }
    head.extend(MASK);
    head
}

/// What an HTTP client sends for one message.
pub(crate) fn http_request(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// MQTT 3.1.1: a packet of this first byte.
fn mqtt_packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut rest: usize = parts.iter().map(|part| part.len()).sum();
    let mut packet = vec![first];
    loop {
        let more = if rest > 127 { 0x80 } else { 0 };
        packet.push((rest % 128) as u8 | more);
        rest /= 128;
        if rest == 0 {
            break;
        }
    }
    packet.extend(parts.concat());
    packet
}

fn mqtt_text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// One message as it is sent over `wire`.
pub(crate) fn encode(wire: Wire, payload: &[u8], is_text: bool) -> Vec<u8> {
    match wire {
        Wire::WebSocket => websocket_frame(if is_text { 1 } else { 2 }, payload),
        Wire::Http => http_request(
            &format!("/ingest/{TOPIC}"),
            if is_text {
                "application/json"
            } else {
                "application/octet-stream"
            },
            payload,
        ),
        Wire::Mqtt | Wire::MqttBridge => mqtt_packet(0x30, &[&mqtt_text(TOPIC), payload]),
        Wire::Nats => [
            format!("PUB {TOPIC} {}\r\n", payload.len()).as_bytes(),
            payload,
            b"\r\n",
        ]
        .concat(),
    }
}

/// A connection to a port of this machine, for short messages.
pub(crate) fn dial(port: u16) -> Result<TcpStream> {
    let tcp =
        TcpStream::connect(("127.0.0.1", port)).with_context(|| format!("connecting to port {port}"))?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    Ok(tcp)
}

/// A connection over which messages can be sent. `name` has to be another one for each connection of MQTT.
pub(crate) fn open_publisher(wire: Wire, port: u16, name: &str) -> Result<Inbox> {
    match wire {
        Wire::WebSocket => open_websocket(port, &format!("/ingest/{TOPIC}")),
        Wire::Http => Ok(Inbox::new(dial(port)?)),
        Wire::Mqtt | Wire::MqttBridge => open_mqtt(port, name),
        Wire::Nats => open_nats(port),
    }
}

/// The client's half of a WebSocket handshake.
pub(crate) fn open_websocket(port: u16, path: &str) -> Result<Inbox> {
    let mut inbox = Inbox::new(dial(port)?);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {TOKEN}\r\n\r\n"
    );
    inbox.tcp.write_all(request.as_bytes())?;
    let (status, body) = inbox.http_answer()?;
    ensure!(
        status == 101,
        "expected a WebSocket at {path}, got {status}: {body}"
    );
    Ok(inbox)
}

fn open_mqtt(port: u16, name: &str) -> Result<Inbox> {
    let mut inbox = Inbox::new(dial(port)?);
    // Protocol level 4, clean session, no keep-alive.
    let head = [mqtt_text("MQTT"), vec![4, 2, 0, 0]].concat();
    inbox
        .tcp
        .write_all(&mqtt_packet(0x10, &[&head, &mqtt_text(name)]))?;
    let answer = inbox.next(mqtt_next)?;
    ensure!(
        answer == [0x20, 2, 0, 0],
        "expected an accepting CONNACK, got {answer:?}"
    );
    Ok(inbox)
}

fn open_nats(port: u16) -> Result<Inbox> {
    let mut inbox = Inbox::new(dial(port)?);
    let info = inbox.next(nats_next)?;
    ensure!(info.starts_with(b"INFO "), "expected INFO from a nats-server");
    inbox
        .tcp
        .write_all(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n")?;
    while inbox.next(nats_next)? != b"PONG" {}
    Ok(inbox)
}

/// A subscription to [`TOPIC`] at a broker.
pub(crate) fn open_subscriber(wire: Wire, port: u16) -> Result<Inbox> {
    match wire {
        Wire::Mqtt => {
            let mut inbox = open_mqtt(port, "subscriber")?;
            inbox
                .tcp
                .write_all(&mqtt_packet(0x82, &[&[0, 1], &mqtt_text(TOPIC), &[0]]))?;
            let answer = inbox.next(mqtt_next)?;
            ensure!(
                answer == [0x90, 3, 0, 1, 0],
                "expected an accepting SUBACK, got {answer:?}"
            );
            Ok(inbox)
        }
        Wire::Nats => {
            let mut inbox = open_nats(port)?;
            inbox
                .tcp
                .write_all(format!("SUB {TOPIC} 1\r\nPING\r\n").as_bytes())?;
            while inbox.next(nats_next)? != b"PONG" {}
            Ok(inbox)
        }
        Wire::WebSocket | Wire::Http | Wire::MqttBridge => bail!("no broker speaks {wire:?} here"),
    }
}

/// Where in `bytes` the next message is, which ends where it ends; `None` if it is not all there yet.
pub(crate) type Next = fn(&[u8]) -> Result<Option<Place>>;

/// What of a message is of interest, and where the message ends.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    content: Range<usize>,
    end: usize,
}

impl Place {
    /// A message whose interesting part is its end.
    fn whole(content: Range<usize>) -> Self {
        let end = content.end;
        Self { content, end }
    }
}

/// A WebSocket frame from a server, which masks nothing; see [`websocket_payload`].
pub(crate) fn websocket_next(bytes: &[u8]) -> Result<Option<Place>> {
    let end = websocket_lengths(bytes).map(|(head, n_bytes)| head + n_bytes);
    Ok(end
        .filter(|&end| bytes.len() >= end)
        .map(|end| Place::whole(0..end)))
}

fn websocket_lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let short = *bytes.get(1)? & 0x7f;
    Some(match short {
        126 => (
            4,
            usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        short => (2, usize::from(short)),
    })
}

/// Opcode and payload of a whole frame.
pub(crate) fn websocket_payload(frame: &[u8]) -> (u8, &[u8]) {
    let head = websocket_lengths(frame).map_or(0, |(head, _)| head);
    (frame[0] & 0x0f, &frame[head..])
}

/// An MQTT packet; of PUBLISH (QoS 0) only what was published.
pub(crate) fn mqtt_next(bytes: &[u8]) -> Result<Option<Place>> {
    let (mut length, mut at) = (0_usize, 1);
    loop {
        let Some(&byte) = bytes.get(at) else {
            return Ok(None);
        };
        ensure!(at <= 4, "an MQTT packet says to be longer than there are");
        length |= usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let end = at + length;
    if bytes.len() < end {
        return Ok(None);
    }
    if bytes[0] & 0xf0 == 0x30 {
        let topic = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        return Ok(Some(Place::whole(at + 2 + topic..end)));
    }
    Ok(Some(Place::whole(0..end)))
}

/// A message or a line of NATS; of MSG only the payload.
pub(crate) fn nats_next(bytes: &[u8]) -> Result<Option<Place>> {
    let Some(line_end) = bytes.iter().position(|&byte| byte == b'\n') else {
        return Ok(None);
    };
    let line = bytes[..line_end].trim_ascii_end();
    let start = line_end + 1;
    if !line.starts_with(b"MSG ") {
        return Ok(Some(Place {
            content: 0..line.len(),
            end: start,
        }));
    }
    let n_bytes = line.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    let n_bytes: usize = std::str::from_utf8(n_bytes)?
        .parse()
        .context("MSG without a length")?;
    let content = start..start + n_bytes;
    let end = content.end + 2;
    Ok((bytes.len() >= end).then_some(Place { content, end }))
}

/// A connection and what has been read from it but not looked at.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) tcp: TcpStream,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Inbox {
    pub(crate) fn new(tcp: TcpStream) -> Self {
        Self {
            tcp,
            bytes: vec![0; 256 * 1024],
            start: 0,
            end: 0,
        }
    }

    /// Reads what is there, waiting for a first byte. 0 is the end.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.bytes.len() {
            self.bytes.resize(2 * self.bytes.len(), 0);
        }
        let n = self.tcp.read(&mut self.bytes[self.end..])?;
        self.end += n;
        Ok(n)
    }

    /// Drops what was read.
    pub(crate) fn forget(&mut self) {
        self.start = self.end;
    }

    /// The next message that is there already.
    pub(crate) fn take(&mut self, next: Next) -> Result<Option<&[u8]>> {
        let from = self.start;
        let Some(place) = next(&self.bytes[from..self.end])? else {
            return Ok(None);
        };
        self.start += place.end;
        Ok(Some(
            &self.bytes[from + place.content.start..from + place.content.end],
        ))
    }

    /// The next message, waited for.
    pub(crate) fn next(&mut self, next: Next) -> Result<Vec<u8>> {
        loop {
            if let Some(message) = self.take(next)? {
                return Ok(message.to_vec());
            }
            ensure!(
                self.fill().context("waiting for an answer")? > 0,
                "the server closed the connection"
            );
        }
    }

    /// Status and body of an HTTP answer.
    pub(crate) fn http_answer(&mut self) -> Result<(u16, String)> {
        loop {
            if let Some((n_bytes, answer)) = http_answer(&self.bytes[self.start..self.end])? {
                self.start += n_bytes;
                return Ok(answer);
            }
            ensure!(
                self.fill().context("waiting for an answer")? > 0,
                "the server closed the connection"
            );
        }
    }
}

fn http_answer(bytes: &[u8]) -> Result<Option<(usize, (u16, String))>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head]).context("an HTTP answer that is no text")?;
    let status = text.get(9..12).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("expected an HTTP answer, got {text}"))?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let end = head + 4 + length.unwrap_or(0);
    if bytes.len() < end {
        return Ok(None);
    }
    let body = String::from_utf8_lossy(&bytes[head + 4..end]).into_owned();
    Ok(Some((end, (status, body))))
}
