//! Every JSON text message of `runnel.v1`; `op` says which one it is.
//!
//! Times are microseconds since the Unix epoch on the server's clock, which never runs backwards within a session,
//! unless a field says otherwise. Sequence numbers count per channel from 0 and are never reused within a session.
//! Unknown fields are ignored, so that version 1 can grow.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are made and taken apart one at a time, and never kept in numbers"
)]
pub enum ServerMessage {
    /// First message of a connection.
    Hello(Hello),
    /// What a channel carries; sent after `hello` for each channel, and again when it changes.
    Schema(Schema),
    /// One reading, for subscriptions with JSON encoding.
    Reading(Reading),
    /// Readings that this viewer will not get.
    Gap(Gap),
    /// Counts, once a second.
    Stats(Stats),
    /// Answer to `ping`.
    Pong(Pong),
    /// State of a channel's source.
    Status(Status),
    /// The true class of a reading that went out before it was known.
    Label(Label),
    /// Something the viewer sent was not understood or not possible; the connection stays open.
    Err(ErrorMessage),
}

/// What a viewer sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum ViewerMessage {
    /// Shows the token, as the first message, where the server asks for one; sensors send it too.
    Auth(Auth),
    /// Starts a channel's readings; a second one for the channel replaces the first.
    Subscribe(Subscribe),
    /// Gives credit back: every reading below a sequence number has been labelled or given up.
    Ack(Ack),
    /// Asks for the server's time.
    Ping(Ping),
    /// Lets a replay go on.
    Play(ChannelOnly),
    /// Holds a replay.
    Pause(ChannelOnly),
    /// Moves a replay to another row of its stream.
    Seek(Seek),
    /// Changes a replay's speed.
    Speed(Speed),
}

/// First message of a connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol's version, [`crate::VERSION`].
    pub version: u32,
    /// Name and version of the server's software.
    pub server: String,
    /// Names this run of the server; sequence numbers mean nothing across sessions.
    pub session: String,
    /// The server's time.
    pub now_micros: u64,
    /// What this server can do: `binary`, `replay-control`.
    pub capabilities: Vec<String>,
}

/// What a channel carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The channel that all other messages name.
    pub channel: u16,
    /// Name of the source.
    pub source: String,
    /// Counts up from 1 when features, classes or the model change.
    pub revision: u32,
    /// The features of a reading, in order.
    pub features: Vec<Feature>,
    /// Class names; a class id is a position in this list. A later revision only ever appends to it, unless it also
    /// has other features.
    pub classes: Vec<String>,
    /// Whether readings carry the time that the sensor itself gave them, beside the server's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub sensor_time: bool,
    /// Oldest sequence number that can still be had.
    pub oldest_seq: u64,
    /// The sequence number that the next reading will get.
    pub next_seq: u64,
    /// How the stream is replayed; absent for live sensors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The model served for this channel, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Model>,
}

/// One feature of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its unit, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// How it travels in binary batches.
    #[serde(rename = "type")]
    pub number_type: NumberType,
    /// Smallest value known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Largest value known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

/// How a feature travels in binary batches, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberType {
    /// 16-bit two's complement.
    I16,
    /// 32-bit two's complement.
    I32,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

/// How a stream is replayed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Name of the data set.
    pub dataset: String,
    /// `shuffled` or `file`.
    pub order: String,
    /// Seed of the shuffle and split.
    pub seed: u64,
    /// Rows in one pass.
    pub n_rows: u64,
    /// Whether it starts again at the end.
    pub looping: bool,
    /// What says when a reading is sent; [`Pace::Rate`] where absent.
    #[serde(default)]
    pub pace: Pace,
    /// Readings per second asked for; only with [`Pace::Rate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// How many times faster than recorded; only with [`Pace::Recorded`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Rows of one pass whose features, every one of them, also occur in a row that trained the model; where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_twins: Option<u64>,
    /// Command line that gives the same stream and the same model again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What says when a reading of a replay is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// A fixed rate.
    #[default]
    Rate,
    /// The data set's own time stamps.
    Recorded,
    /// As fast as the slowest viewer takes them.
    Max,
}

/// The model served for a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Where to fetch it, relative to the server's origin.
    pub url: String,
    /// Size of the file in bytes, before any transfer encoding.
    pub n_bytes: u64,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// One line for people, e.g. `kNN, k = 5, Euclidean, raw, 464,809 rows`.
    pub description: String,
    /// Only with a model trained from the stream itself: readings below this sequence number may have trained it, so
    /// what it makes of them says nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_until: Option<u64>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// One reading as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Its channel.
    pub channel: u16,
    /// Its sequence number.
    pub seq: u64,
    /// When it was sent: by the replay, or by a sensor and then as its arrival at the server. Always by the server's
    /// clock, so that latencies can be taken from it.
    pub sent_micros: u64,
    /// When it was measured by the sensor's own account, in microseconds since the Unix epoch; only where the schema's
    /// `sensor_time` is set and the reading carried one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensor_micros: Option<u64>,
    /// Its features in the schema's order; NaN for a value that is missing, which JSON writes as `null`.
    #[serde(deserialize_with = "null_as_nan")]
    pub features: Vec<f64>,
    /// Its true class, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_label: Option<u32>,
}

/// Reads numbers, of which each may be `null`.
fn null_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(values
        .into_iter()
        .map(|value| value.unwrap_or(f64::NAN))
        .collect())
}

/// Readings `from..until` that this viewer will not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The channel.
    pub channel: u16,
    /// First sequence number missing.
    pub from: u64,
    /// First sequence number after the gap.
    pub until: u64,
    /// Why.
    pub cause: GapCause,
}

/// Why readings are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The viewer's queue was full: it takes readings more slowly than they come.
    SlowViewer,
    /// The viewer asked for readings that the server no longer holds.
    HistoryLost,
    /// The viewer's policy is `latest`: older ones were skipped as asked.
    Latest,
}

/// Counts for one subscription, since it began; sent once a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The channel.
    pub channel: u16,
    /// Readings that the source has produced in this session.
    pub n_produced: u64,
    /// Readings handed to this viewer's socket.
    pub n_delivered: u64,
    /// Delivered and not yet acknowledged.
    pub n_in_flight: u64,
    /// Waiting for this viewer.
    pub n_queued: u64,
    /// Given up for this viewer, by cause.
    pub n_dropped: std::collections::BTreeMap<GapCause, u64>,
    /// Readings per second that the source produced in the last second.
    pub rate: f64,
}

/// Asks for the server's time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ping {
    /// The viewer's time in microseconds, on any clock of its own.
    pub viewer_sent_micros: f64,
}

/// Answer to `ping`: the four time stamps of NTP less the last, which the viewer takes itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pong {
    /// Copied from the `ping`.
    pub viewer_sent_micros: f64,
    /// When the server read the `ping`.
    pub server_received_micros: u64,
    /// When the server wrote this answer.
    pub server_sent_micros: u64,
}

/// State of a channel's source; sent after a subscription and whenever it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The channel.
    pub channel: u16,
    /// What the source is doing.
    pub state: SourceState,
    /// Row of the stream that comes next, `0..n_rows`; only of a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The sequence number that comes next.
    pub next_seq: u64,
    /// How fast it goes, 1 being the rate or speed that the server was started with; only of a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// For people: why no model labels this source, or what it lacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a source is doing: a replay the first four, sensors the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceState {
    /// For its first viewer.
    Waiting,
    /// Readings flow.
    Playing,
    /// Held by a viewer.
    Paused,
    /// The last row was sent; `seek` or `play` starts again.
    Ended,
    /// Sensors send.
    Live,
    /// Sensors have sent nothing for some seconds.
    Silent,
    /// Forgotten after a long silence: the channel carries no more readings, and its number is not used again.
    Gone,
}

/// The true class of a reading that went out before it was known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The channel.
    pub channel: u16,
    /// The schema's revision whose classes are meant.
    pub revision: u32,
    /// The reading's sequence number.
    pub seq: u64,
    /// Its true class.
    pub true_label: u32,
}

/// What went wrong with a viewer's message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorMessage {
    /// For programs: `malformed`, `unknown-op`, `unknown-channel`, `not-subscribed`, `bad-value`, `not-possible`, `too-large`,
    /// `auth-required`.
    pub code: String,
    /// For people: what was expected, what came, what to do.
    pub message: String,
}

/// Shows a token. Its `Debug` does not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// The token.
    pub token: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").finish_non_exhaustive()
    }
}

/// Starts a channel's readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribe {
    /// The channel.
    pub channel: u16,
    /// How readings travel.
    #[serde(default)]
    pub encoding: Encoding,
    /// What happens when the viewer is slower than the stream.
    #[serde(default)]
    pub policy: Policy,
    /// Most readings that may wait for this viewer; the server's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<u32>,
    /// Most readings delivered and not acknowledged; absent: only the socket holds the server back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<u32>,
    /// Where to go on; absent: with the next reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// A point to go on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The session of the `hello` in which the viewer got its last reading.
    pub session: String,
    /// First sequence number wanted.
    pub next_seq: u64,
}

/// How readings travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// One JSON text message a reading.
    #[default]
    Json,
    /// Batches of fixed-size records.
    Binary,
}

/// What happens when a viewer is slower than the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The oldest waiting readings are given up, and counted.
    #[default]
    DropOldest,
    /// Only the newest reading is kept.
    Latest,
    /// Nothing is given up while the server's history holds it: a slow viewer is late, never wrong.
    Lossless,
}

/// Gives credit back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The channel.
    pub channel: u16,
    /// Every reading below this sequence number is done with.
    pub next_seq: u64,
}

/// A message that names a channel and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelOnly {
    /// The channel.
    pub channel: u16,
}

/// Moves a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seek {
    /// The channel.
    pub channel: u16,
    /// Row of the stream that shall come next, `0..n_rows`.
    pub position: u64,
}

/// Changes a replay's speed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// The channel.
    pub channel: u16,
    /// 1 is the rate that the server was started with; above 0.
    pub factor: f64,
}
