//! The packets of MQTT that a subscriber needs, in versions 3.1.1 and 5: made, taken from the stream, understood.
//!
//! A subscriber sends five kinds of packet and gets five, so this is smaller than what the client libraries bring along,
//! and the same code serves both versions. What a broker sends is not trusted: a packet costs no more memory than a
//! message may have, however long it says it is, and nonsense is an error.
//!
//! Source: MQTT Version 3.1.1 and MQTT Version 5.0, OASIS Standards.

use std::io;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest beginning of a PUBLISH before its properties: topic with length, packet identifier.
const MAX_PUBLISH_HEAD: usize = 2 + 65_535 + 2;

/// Room for a message's properties (content type, user properties) beside topic and payload.
const PROPERTIES_ROOM: usize = 64 * 1024;

/// PINGREQ.
pub(super) const PING: [u8; 2] = [0xc0, 0];

/// DISCONNECT, whose short form means the same in both versions: a normal end.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

/// The identifier of the only SUBSCRIBE of a connection.
pub(super) const SUBSCRIBE_ID: u16 = 1;

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V311,
    V5,
}

impl Version {
    /// What CONNECT calls it.
    const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V311 => "MQTT 3.1.1",
            Self::V5 => "MQTT 5",
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::V311 => Self::V5,
            Self::V5 => Self::V311,
        }
    }
}

/// CONNECT with a session that ends with the connection. `keep_alive_secs` is the longest silence the broker has to bear.
pub(super) fn connect(
    version: Version,
    client_id: &str,
    keep_alive_secs: u16,
    login: Option<(&str, Option<&str>)>,
) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, "MQTT");
    body.push(version.level());
    let mut flags = 0b0000_0010; // A clean start.
    if let Some((_, password)) = login {
        flags |= 0b1000_0000;
        flags |= u8::from(password.is_some()) << 6;
    }
    body.push(flags);
    body.extend(keep_alive_secs.to_be_bytes());
    if version == Version::V5 {
        body.push(0); // No properties: the defaults are what is wanted.
    }
    put_text(&mut body, client_id);
    if let Some((user, password)) = login {
        put_text(&mut body, user);
        if let Some(password) = password {
            put_text(&mut body, password);
        }
    }
    packet(0x10, &body)
}

/// SUBSCRIBE to one filter, with at most QoS 1.
pub(super) fn subscribe(version: Version, filter: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(SUBSCRIBE_ID.to_be_bytes());
    if version == Version::V5 {
        body.push(0);
    }
    put_text(&mut body, filter);
    body.push(1);
    packet(0x82, &body)
}

/// Adds PUBACK to what is to be sent.
pub(super) fn put_ack(packet_id: u16, out: &mut Vec<u8>) {
    out.extend([0x40, 2]);
    out.extend(packet_id.to_be_bytes());
}

/// Adds a text with its length; what is longer was refused when the address was read.
fn put_text(body: &mut Vec<u8>, text: &str) {
    let n_bytes = u16::try_from(text.len()).expect("checked when the address was read");
    body.extend(n_bytes.to_be_bytes());
    body.extend(text.as_bytes());
}

fn packet(kind_and_flags: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind_and_flags];
    let mut rest = body.len();
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        packet.push(low | if rest > 0 { 0x80 } else { 0 });
        if rest == 0 {
            break;
        }
    }
    packet.extend(body);
    packet
}

/// What a broker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    ConnAck {
        /// 0: welcome.
        code: u8,
        /// Why not, in the broker's words.
        reason: Option<String>,
        /// What the broker wants instead of the keep-alive that was asked for.
        keep_alive_secs: Option<u16>,
    },
    SubAck {
        /// Below 0x80: the QoS granted.
        code: u8,
        reason: Option<String>,
    },
    Publish(Publish),
    PingResp,
    Disconnect {
        code: u8,
        reason: Option<String>,
    },
}

/// A message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publish {
    /// The topic's bytes, which are UTF-8.
    topic: Bytes,
    /// Kept by the broker from before the subscription.
    pub(super) is_retained: bool,
    /// With QoS 1: wants an acknowledgement.
    pub(super) packet_id: Option<u16>,
    /// `None`: larger than messages may be, and thrown away.
    pub(super) payload: Option<Bytes>,
}

impl Publish {
    pub(super) fn topic(&self) -> &str {
        std::str::from_utf8(&self.topic).expect("checked when the packet was read")
    }
}

/// Why the connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum PacketError {
    #[error("the broker hung up")]
    Ended,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the broker sent what is not MQTT: {0}")]
    Malformed(&'static str),
}

/// Takes packets from a stream.
#[derive(Debug)]
pub(super) struct Packets<R> {
    stream: R,
    version: Version,
    buffer: BytesMut,
    /// Bytes of a packet that was too large, still to be thrown away.
    n_to_skip: usize,
    /// Larger packets are kept only as far as the topic.
    max_body: usize,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    /// Payloads of up to `max_payload` bytes are kept whole.
    pub(super) fn new(stream: R, version: Version, max_payload: usize) -> Self {
        Self {
            stream,
            version,
            buffer: BytesMut::with_capacity(16 * 1024),
            n_to_skip: 0,
            max_body: max_payload + MAX_PUBLISH_HEAD + PROPERTIES_ROOM,
        }
    }

    /// The next packet. Can be called off at any point without losing anything.
    pub(super) async fn next(&mut self) -> Result<Packet, PacketError> {
        loop {
            if let Some(packet) = self.buffered()? {
                return Ok(packet);
            }
            self.buffer.reserve(4 * 1024);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(PacketError::Ended);
            }
        }
    }

    /// The next packet, if it has arrived already.
    pub(super) fn buffered(&mut self) -> Result<Option<Packet>, PacketError> {
        let n_skipped = self.n_to_skip.min(self.buffer.len());
        self.buffer.advance(n_skipped);
        self.n_to_skip -= n_skipped;
        let Some((head, n_head, n_body)) = fixed_header(&self.buffer)? else {
            return Ok(None);
        };
        let is_too_large = n_body > self.max_body;
        let n_kept = if is_too_large { MAX_PUBLISH_HEAD } else { n_body };
        if self.buffer.len() < n_head + n_kept {
            return Ok(None);
        }
        self.buffer.advance(n_head);
        let body = self.buffer.split_to(n_kept).freeze();
        self.n_to_skip = n_body - n_kept;
        understood(self.version, head, body, is_too_large).map(Some)
    }
}

/// First byte, length of the header, and length of what follows; `None` if more has to arrive first.
fn fixed_header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, PacketError> {
    let Some((&head, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    match variable_int(rest) {
        Ok((n_body, n_digits)) => Ok(Some((head, 1 + n_digits, n_body))),
        Err(Incomplete) if rest.len() < 4 => Ok(None),
        Err(Incomplete) => Err(PacketError::Malformed("a length of more than four bytes")),
    }
}

#[derive(Debug)]
struct Incomplete;

/// A number of one to four bytes, the lowest seven bits first, and how many bytes it took.
fn variable_int(bytes: &[u8]) -> Result<(usize, usize), Incomplete> {
    let mut value = 0;
    for (idx, &byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * idx);
        if byte & 0x80 == 0 {
            return Ok((value, idx + 1));
        }
    }
    Err(Incomplete)
}

fn understood(version: Version, head: u8, body: Bytes, is_too_large: bool) -> Result<Packet, PacketError> {
    let kind = head >> 4;
    if is_too_large && kind != 3 {
        return Err(PacketError::Malformed(
            "a packet too large to be anything but a message",
        ));
    }
    let mut fields = Fields(body);
    match kind {
        2 => {
            fields.u8()?;
            let code = fields.u8()?;
            let said = fields.properties(version)?;
            Ok(Packet::ConnAck {
                code,
                reason: said.reason,
                keep_alive_secs: said.keep_alive_secs,
            })
        }
        3 => publish(version, head, fields, is_too_large).map(Packet::Publish),
        9 => {
            if fields.u16()? != SUBSCRIBE_ID {
                return Err(PacketError::Malformed(
                    "an answer to a subscription that was not sent",
                ));
            }
            let said = fields.properties(version)?;
            Ok(Packet::SubAck {
                code: fields.u8()?,
                reason: said.reason,
            })
        }
        13 => Ok(Packet::PingResp),
        14 => {
            // In version 5 both may be left out.
            let code = fields.u8().unwrap_or(0);
            let reason = fields.properties(version)?.reason;
            Ok(Packet::Disconnect { code, reason })
        }
        _ => Err(PacketError::Malformed("a packet that no subscriber gets")),
    }
}

fn publish(
    version: Version,
    head: u8,
    mut fields: Fields,
    is_too_large: bool,
) -> Result<Publish, PacketError> {
    let topic = fields.bytes()?;
    if std::str::from_utf8(&topic).is_err() || topic.is_empty() {
        return Err(PacketError::Malformed("a topic that is empty or not UTF-8"));
    }
    let packet_id = match (head >> 1) & 3 {
        0 => None,
        1 => Some(fields.u16()?),
        _ => {
            return Err(PacketError::Malformed(
                "a message with a QoS above the one granted",
            ));
        }
    };
    let payload = if is_too_large {
        None
    } else {
        fields.properties(version)?;
        Some(fields.0)
    };
    Ok(Publish {
        topic,
        is_retained: head & 1 == 1,
        packet_id,
        payload,
    })
}

/// What is left of a packet's body.
struct Fields(Bytes);

/// The properties of MQTT 5 that matter here.
#[derive(Debug, Default)]
struct Said {
    reason: Option<String>,
    keep_alive_secs: Option<u16>,
}

impl Fields {
    fn take(&mut self, n: usize) -> Result<Bytes, PacketError> {
        if self.0.len() < n {
            return Err(PacketError::Malformed("a packet shorter than its fields"));
        }
        Ok(self.0.split_to(n))
    }

    fn u8(&mut self) -> Result<u8, PacketError> {
        Ok(self.take(1)?[0])
    }

    fn u16(&mut self) -> Result<u16, PacketError> {
        Ok(self.take(2)?.get_u16())
    }

    /// Bytes with their length before them.
    fn bytes(&mut self) -> Result<Bytes, PacketError> {
        let n = self.u16()?;
        self.take(usize::from(n))
    }

    /// The properties that version 5 has here; none if the packet ends before them.
    fn properties(&mut self, version: Version) -> Result<Said, PacketError> {
        let mut said = Said::default();
        if version == Version::V311 || self.0.is_empty() {
            return Ok(said);
        }
        let (n, n_digits) = variable_int(&self.0)
            .map_err(|Incomplete| PacketError::Malformed("properties without a length"))?;
        self.take(n_digits)?;
        let mut properties = Self(self.take(n)?);
        while !properties.0.is_empty() {
            match properties.u8()? {
                0x13 => said.keep_alive_secs = Some(properties.u16()?),
                0x1f => said.reason = Some(String::from_utf8_lossy(&properties.bytes()?).into_owned()),
                0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => drop(properties.take(1)?),
                0x21..=0x23 => drop(properties.take(2)?),
                0x02 | 0x11 | 0x18 | 0x27 => drop(properties.take(4)?),
                0x0b => {
                    let (_, n_digits) = variable_int(&properties.0)
                        .map_err(|Incomplete| PacketError::Malformed("a property cut short"))?;
                    properties.take(n_digits)?;
                }
                0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | 0x1c => drop(properties.bytes()?),
                0x26 => {
                    properties.bytes()?;
                    properties.bytes()?;
                }
                _ => return Err(PacketError::Malformed("a property that MQTT 5 does not have")),
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests;
