//! The bytes on the socket: message types, encoding, decoding and the protocol's version.
//!
//! `runnel.v1` on `/live` carries JSON text messages both ways; readings may travel in binary batches instead,
//! each feature in the narrowest type that keeps the schema's values exactly. The reference is docs/protocol.md.
//! What sensors may send is another matter, read by the module `sensor` of the feature of this name;
//! its reference is docs/sensors.md.
#![forbid(unsafe_code)]

mod batch;
mod decode;
mod ingest;
mod message;
mod number_type;
mod record;
#[cfg(feature = "sensor")]
pub mod sensor;

pub use batch::{BatchError, BatchHeader, BatchWriter, ReadingBatch};
pub use decode::DecodeError;
pub use ingest::*;
pub use message::*;
pub use record::{Record, RecordHead, RecordLayout};

/// The WebSocket subprotocol of `/live`.
pub const SUBPROTOCOL: &str = "runnel.v1";

/// The protocol's version, as `hello` states it.
pub const VERSION: u32 = 1;

/// Most bytes of a message from a viewer. A larger one is answered by closing with WebSocket code 1009.
pub const MAX_VIEWER_MESSAGE_BYTES: usize = 64 * 1024;

/// Most bytes of a message from the server, text or binary; a server splits batches to keep to it.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 1024 * 1024;
