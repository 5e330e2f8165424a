//! The bytes on the socket: message types, encoding, decoding and the protocol's version.
//!
//! `runnel.v1` on `/live` carries JSON text messages both ways; readings may travel in binary batches instead,
//! each feature in the narrowest type that keeps the schema's values exactly. The reference is docs/protocol.md.
#![forbid(unsafe_code)]

mod batch;
mod message;

pub use batch::{BatchError, BatchHeader, BatchWriter, ReadingBatch, RecordLayout};
pub use message::*;

/// The WebSocket subprotocol of `/live`.
pub const SUBPROTOCOL: &str = "runnel.v1";

/// The protocol's version, as `hello` states it.
pub const VERSION: u32 = 1;
