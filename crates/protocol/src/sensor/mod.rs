//! What real sensors send, as readings: JSON, NDJSON, CSV, `name:value` lines, SenML, CBOR, CloudEvents, binary frames.
//!
//! [`SensorDecoder`] finds the format of a source's messages, keeps to it once it is sure, and returns readings;
//! [`SourceSchema`] turns readings into rows of one width. Both compute only: the time of arrival comes as a number.
//! The reference, with examples of every format, is docs/sensors.md.
//!
//! ```
//! use protocol::sensor::{SensorDecoder, SensorEvent, SourceSchema};
//!
//! let mut decoder = SensorDecoder::default();
//! let mut schema = SourceSchema::default();
//! let message = r#"{"imu":{"ax":0.5,"ay":null},"label":"walking"}"#;
//! for event in decoder.text(message, 1_700_000_000_000_000)? {
//!     let SensorEvent::Reading(reading) = event else { continue };
//!     let accepted = schema.accept(&reading)?;
//!     assert_eq!(accepted.row[0], 0.5);
//!     assert!(accepted.row[1].is_nan() && accepted.is_new_revision);
//!     assert_eq!(accepted.true_label, Some(0));
//! }
//! assert_eq!(schema.names().collect::<Vec<_>>(), ["imu.ax", "imu.ay"]);
//! assert_eq!(schema.classes(), ["walking"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cbor;
mod csv;
mod decoder;
mod error;
mod groups;
mod json;
mod label_value;
mod native;
mod objects;
mod reading;
mod schema;
mod senml;
mod time;
mod value;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use decoder::{DecoderOptions, SensorDecoder};
pub use error::SensorError;
pub use schema::{Accepted, SchemaError, SourceSchema};
pub use time::BootClock;

/// What a message holds: readings and labels of earlier readings, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum SensorEvent {
    /// A reading.
    Reading(SensorReading),
    /// The true label of a reading that was sent before.
    Label(LateLabel),
}

/// One reading as its source sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorReading {
    /// Names and values in order of appearance; at least one, no name twice. NaN is a missing value; none is infinite.
    pub features: Vec<(Arc<str>, f64)>,
    /// Units, where the source says them, each after the position in `features` of what is measured in it.
    pub units: Vec<(usize, String)>,
    /// When it was taken, if the source says so; otherwise the time of arrival is the best there is.
    pub time: Option<SensorTime>,
    /// Its true label, if the source knows it.
    pub true_label: Option<String>,
    /// What the source calls it (`id`, else the number under `seq` as text), so that a label may come later.
    pub id: Option<String>,
}

/// The true label of a reading that was sent before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateLabel {
    /// Which reading.
    pub target: LabelTarget,
    /// Its true label.
    pub true_label: String,
}

/// Which reading a [`LateLabel`] belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelTarget {
    /// The number under `seq`: the source's own if its readings have a `seq` (their [`SensorReading::id`] is then this
    /// number as text), otherwise the one that the server gave.
    Seq(u64),
    /// The reading with this [`SensorReading::id`].
    Id(String),
}

/// When a reading was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SensorTime {
    /// Microseconds since the Unix epoch.
    pub micros: u64,
    /// How it was said.
    pub kind: TimeKind,
}

/// How a source says times. A number counts from the Unix epoch if in one of four units it is then at most 30 days before,
/// or a day after, its arrival; any other number counts from the device's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeKind {
    /// Seconds, perhaps with a fraction.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Nanoseconds, rounded to microseconds.
    Nanos,
    /// A date and time of ISO 8601. Without a zone it is taken in the one in which it is nearest to its arrival.
    Iso8601,
    /// Since the device started, in a unit that is found out; aligned to arrival by the message that took least time.
    SinceBoot,
    /// Relative to the message's arrival: SenML's small numbers.
    SinceArrival,
}

/// The formats that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SensorFormat {
    /// JSON objects: one, one a line (NDJSON), or an array of them.
    JsonObject,
    /// JSON arrays of numbers: one, one a line, or an array of them.
    JsonArray,
    /// Rows of numbers between commas, semicolons, tabs or spaces.
    Csv,
    /// `name:value` pairs, as for the Arduino plotter, and Teleplot's `>name:value`.
    LabelValue,
    /// SenML of RFC 8428 as JSON.
    SenmlJson,
    /// SenML of RFC 8428 as CBOR.
    SenmlCbor,
    /// Maps and arrays in CBOR, RFC 8949.
    Cbor,
    /// CloudEvents 1.0 in structured mode.
    CloudEvents,
    /// Runnel's own frames of numbers.
    Native,
}

impl SensorFormat {
    /// Every format, in the order of their declaration.
    pub const ALL: [Self; 9] = [
        Self::JsonObject,
        Self::JsonArray,
        Self::Csv,
        Self::LabelValue,
        Self::SenmlJson,
        Self::SenmlCbor,
        Self::Cbor,
        Self::CloudEvents,
        Self::Native,
    ];

    /// Its name in options and messages, such as `json-object`; [`str::parse`] reads it again.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JsonObject => "json-object",
            Self::JsonArray => "json-array",
            Self::Csv => "csv",
            Self::LabelValue => "label-value",
            Self::SenmlJson => "senml-json",
            Self::SenmlCbor => "senml-cbor",
            Self::Cbor => "cbor",
            Self::CloudEvents => "cloud-events",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for SensorFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SensorFormat {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat {
            name: error::quoted(name),
        })
    }
}

/// A name that is no [`SensorFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown format `{name}`; known are json-object, json-array, csv, label-value, senml-json, senml-cbor, cbor, \
     cloud-events, native"
)]
pub struct UnknownFormat {
    /// The name.
    pub name: String,
}
