//! What the page asks, and the answers that are no snapshot. README.md documents the messages.

use protocol::Auth;
use serde::{Deserialize, Serialize};

use crate::kept::KeptReading;
use crate::session::Control;

/// A message from the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Connect.
    Start(Start),
    /// Answer with a snapshot.
    Snapshot,
    /// Follow another source; everything begins afresh.
    Follow {
        /// Its name.
        source: String,
    },
    /// Pass a wish on to the server.
    Control(Control),
    /// Answer with the neighbours of a kept reading.
    Neighbours {
        /// Its sequence number.
        seq: u64,
    },
    /// Answer with the kept readings of a cell of the confusion matrix.
    Cell {
        /// The cell's row.
        true_label: u32,
        /// The cell's column.
        predicted: u32,
    },
}

/// All fields that a message may have. One flat type is read by a tenth of the code that an enum with a tag takes.
#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "type")]
    kind: String,
    url: Option<String>,
    source: Option<String>,
    slow_factor: Option<f64>,
    token: Option<String>,
    op: Option<String>,
    position: Option<f64>,
    factor: Option<f64>,
    seq: Option<u64>,
    true_label: Option<u32>,
    predicted: Option<u32>,
}

impl Request {
    /// Reads a message's JSON text.
    ///
    /// # Errors
    ///
    /// A sentence for the page's developer: not JSON, or a message that is not known or lacks a field.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let fields: Fields = serde_json::from_str(text).map_err(|error| error.to_string())?;
        fields
            .request()
            .ok_or_else(|| format!("not a message to this worker: {text}"))
    }
}

impl Fields {
    fn request(self) -> Option<Request> {
        Some(match self.kind.as_str() {
            "start" => Request::Start(Start {
                url: self.url?,
                source: self.source,
                slow_factor: self.slow_factor,
                token: self.token.map(|token| Auth { token }),
            }),
            "follow" => Request::Follow { source: self.source? },
            "snapshot" => Request::Snapshot,
            "control" => Request::Control(match self.op?.as_str() {
                "play" => Control::Play,
                "pause" => Control::Pause,
                // A slider may give a fraction of a row; the cast takes whole rows and saturates at 0.
                "seek" => Control::Seek(self.position? as u64),
                "speed" => Control::Speed(self.factor?),
                _ => return None,
            }),
            "neighbours" => Request::Neighbours { seq: self.seq? },
            "cell" => Request::Cell {
                true_label: self.true_label?,
                predicted: self.predicted?,
            },
            _ => return None,
        })
    }
}

/// Where to connect, and how to run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Start {
    /// Address of the socket, `ws://…/live` or `wss://…/live`.
    pub url: String,
    /// Name of the source to follow; the first one announced if absent.
    pub source: Option<String>,
    /// Makes classification so many times slower, to show what a slow device does; 1 if absent.
    pub slow_factor: Option<f64>,
    /// The read token, for a server that asks for one.
    pub token: Option<Auth>,
}

/// A message to the page.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Answer<'a> {
    /// Answers `neighbours`.
    Neighbours {
        /// The reading asked for.
        seq: u64,
        /// Nearest first; empty if the reading is not kept any more.
        neighbours: Vec<NeighbourRow>,
        /// The reading's features.
        features: &'a [f64],
        /// The share of the votes that each class got.
        shares: &'a [f64],
    },
    /// Answers `cell`.
    Cell {
        /// The cell's row.
        true_label: u32,
        /// The cell's column.
        predicted: u32,
        /// Newest first.
        readings: Vec<ReadingRow<'a>>,
    },
}

/// A neighbour, with what the page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NeighbourRow {
    /// Row in the training set.
    pub row: u32,
    /// Distance by the model's metric.
    pub distance: f64,
    /// Its class.
    pub class: u32,
}

/// A labelled reading, with what the page shows of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadingRow<'a> {
    /// Its sequence number.
    pub seq: u64,
    /// The class with most votes.
    pub predicted: u32,
    /// The class that the source gave, if it did.
    pub true_label: Option<u32>,
    /// Whether the true label may still come and will be scored.
    pub is_awaited: bool,
    /// The share of the votes that each class got.
    pub shares: &'a [f64],
    /// End-to-end latency; `null` while the server's clock is not known.
    pub latency_micros: f64,
    /// Distance of the nearest neighbour.
    pub distance: f64,
}

impl<'a> From<KeptReading<'a>> for ReadingRow<'a> {
    fn from(reading: KeptReading<'a>) -> Self {
        let KeptReading { labelled, shares, .. } = reading;
        Self {
            seq: labelled.seq,
            predicted: labelled.predicted,
            true_label: labelled.true_label,
            is_awaited: labelled.is_awaited,
            shares,
            latency_micros: labelled.latency_micros,
            distance: labelled.distance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Request {
        Request::from_json(text).unwrap()
    }

    #[test]
    fn requests_are_read_as_the_page_sends_them() {
        let start = Start {
            url: "ws://localhost/live".to_owned(),
            source: None,
            slow_factor: Some(10.0),
            token: Some(Auth {
                token: "abc".to_owned(),
            }),
        };
        let text = r#"{"type":"start","url":"ws://localhost/live","slow_factor":10,"token":"abc"}"#;
        assert_eq!(request(text), Request::Start(start));
        assert_eq!(request(r#"{"type":"snapshot"}"#), Request::Snapshot);
        assert_eq!(
            request(r#"{"type":"neighbours","seq":7}"#),
            Request::Neighbours { seq: 7 }
        );
    }

    #[test]
    fn controls_are_checked() {
        let check = |text, control| assert_eq!(request(text), Request::Control(control), "{text}");
        check(r#"{"type":"control","op":"pause"}"#, Control::Pause);
        check(
            r#"{"type":"control","op":"seek","position":12.7}"#,
            Control::Seek(12),
        );
        check(
            r#"{"type":"control","op":"seek","position":-1}"#,
            Control::Seek(0),
        );
        check(
            r#"{"type":"control","op":"speed","factor":2}"#,
            Control::Speed(2.0),
        );
    }

    #[test]
    fn messages_that_are_none_are_named() {
        let senseless = [
            "",
            r#"{"type":"control","op":"speed"}"#,
            r#"{"type":"control","op":"stop"}"#,
            r#"{"type":"start"}"#,
            r#"{"type":"dance"}"#,
            r#"{"type":"neighbours","seq":-1}"#,
        ];
        for text in senseless {
            assert!(Request::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_latency_that_is_not_known_is_null() {
        let row = ReadingRow {
            seq: 1,
            predicted: 0,
            true_label: None,
            is_awaited: true,
            shares: &[1.0],
            latency_micros: f64::NAN,
            distance: 0.5,
        };
        let text = serde_json::to_string(&row).unwrap();
        assert!(text.contains(r#""latency_micros":null"#), "{text}");
    }
}
