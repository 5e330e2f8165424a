//! What the server answers sensors on `/ingest`; what they send is in their own formats.

use serde::{Deserialize, Serialize};

use crate::ErrorMessage;

/// What the server sends over a sensor's WebSocket; `op` says which one it is. A sensor need not read any of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum IngestMessage {
    /// First message of a connection.
    Hello(IngestHello),
    /// The format that this connection's messages are held to from now on.
    Format(IngestFormat),
    /// A message was taken whole; only with `?ack=1`.
    Ack(IngestAck),
    /// A message was not taken, or not whole. At most one a second; the connection stays open.
    Err(ErrorMessage),
}

/// First message of a sensor's connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestHello {
    /// Name and version of the server's software.
    pub server: String,
    /// Names this run of the server.
    pub session: String,
    /// The source that is fed.
    pub source: String,
    /// The sequence number that its next reading will get.
    pub next_seq: u64,
    /// Most bytes of a message.
    pub max_message_bytes: u64,
    /// Most readings a second.
    pub max_rate: u32,
}

/// The format that a connection's messages are held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestFormat {
    /// Its name, as `?format=` takes it.
    pub format: String,
}

/// What a message, or the body of a `POST`, came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestAck {
    /// Readings taken.
    pub accepted: u64,
    /// Labels that found the reading they belong to.
    pub labels: u64,
    /// Labels whose reading is not known, or not any more.
    pub unknown: u64,
    /// The sequence number after the newest reading of the source.
    pub next_seq: u64,
}

impl IngestAck {
    /// As the answer to a `POST`: one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers are JSON")
    }
}

impl IngestMessage {
    /// The message as one line of JSON, `op` first.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("messages have text keys and no failing serializer")
    }
}
