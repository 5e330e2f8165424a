//! JSON text to messages and back, with errors that a person at the other end can act on.
//!
//! Decoding takes two passes over the text: one for `op` that skips everything else, one that fills the message's
//! type. So an error names the message and the field, nothing is built for fields that nobody asked for, and numbers
//! go straight from text to their type (an `f64` comes back bit for bit, see serde_json's `float_roundtrip`).

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{ErrorMessage, Ping, ServerMessage, ViewerMessage};

/// Most characters of the sender's own text that an error repeats.
const MAX_QUOTED_CHARS: usize = 160;

/// Why a text is not a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON, or not a JSON object.
    #[error("not a JSON object: {reason} (line {line}, column {column})")]
    Malformed {
        /// Line of the text, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 where a line ended too early.
        column: usize,
        /// What the parser met.
        reason: String,
    },
    /// A JSON object without a text in `op`.
    #[error("expected a text in `op`, one of {}: {reason}", known.join(", "))]
    MissingOp {
        /// What the parser met.
        reason: String,
        /// The values that `op` can have.
        known: &'static [&'static str],
    },
    /// An `op` of another version or kind. A viewer ignores it, so that servers can say more one day.
    #[error("unknown op `{op}`; known are {}", known.join(", "))]
    UnknownOp {
        /// What came, cut if very long.
        op: String,
        /// The values that `op` can have.
        known: &'static [&'static str],
    },
    /// A field that is missing, of the wrong type or out of its range.
    #[error("bad field `{field}` of `{op}`: {reason}")]
    BadField {
        /// The message.
        op: &'static str,
        /// The field, with a path if it is deeper, e.g. `features[2].type`.
        field: String,
        /// What was expected and what came.
        reason: String,
    },
}

impl DecodeError {
    /// The `code` of the `err` message that answers such a text: `malformed`, `unknown-op` or `bad-value`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } | Self::MissingOp { .. } => "malformed",
            Self::UnknownOp { .. } => "unknown-op",
            Self::BadField { .. } => "bad-value",
        }
    }
}

impl From<&DecodeError> for ErrorMessage {
    fn from(error: &DecodeError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
        }
    }
}

impl ServerMessage {
    /// The values of `op` that a server sends.
    pub const OPS: &'static [&'static str] = &[
        "hello", "schema", "reading", "gap", "stats", "pong", "status", "label", "err",
    ];

    /// This message's `op`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Schema(_) => "schema",
            Self::Reading(_) => "reading",
            Self::Gap(_) => "gap",
            Self::Stats(_) => "stats",
            Self::Pong(_) => "pong",
            Self::Status(_) => "status",
            Self::Label(_) => "label",
            Self::Err(_) => "err",
        }
    }

    /// The message as one line of JSON, `op` first.
    ///
    /// JSON has no infinities and no NaN: such a number becomes `null`, which only [`crate::Reading::features`] takes
    /// back, as NaN.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    /// Decodes a text message from a server and checks its numbers.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; a viewer ignores [`DecodeError::UnknownOp`].
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        let op = op_of(text, Self::OPS)?;
        let message = match op {
            "hello" => Self::Hello(fields(op, text)?),
            "schema" => Self::Schema(fields(op, text)?),
            "reading" => Self::Reading(fields(op, text)?),
            "gap" => Self::Gap(fields(op, text)?),
            "stats" => Self::Stats(fields(op, text)?),
            "pong" => Self::Pong(fields(op, text)?),
            "status" => Self::Status(fields(op, text)?),
            "label" => Self::Label(fields(op, text)?),
            _ => Self::Err(fields(op, text)?),
        };
        message.validate()?;
        Ok(message)
    }

    /// Checks what the types alone do not say: ranges the right way round, speeds above zero.
    ///
    /// # Errors
    ///
    /// [`DecodeError::BadField`] for the first field that makes no sense.
    pub fn validate(&self) -> Result<(), DecodeError> {
        let check = |sense: bool, field: &str, reason: std::fmt::Arguments<'_>| {
            check(sense, self.op(), field, reason)
        };
        match self {
            Self::Schema(schema) => {
                check(
                    schema.revision >= 1,
                    "revision",
                    format_args!("expected at least 1, got 0"),
                )?;
                let (oldest, next) = (schema.oldest_seq, schema.next_seq);
                check(
                    oldest <= next,
                    "oldest_seq",
                    format_args!("{oldest} is after next_seq {next}"),
                )?;
                for (idx, feature) in schema.features.iter().enumerate() {
                    if let (Some(min), Some(max)) = (feature.min, feature.max) {
                        let field = format!("features[{idx}].min");
                        check(min <= max, &field, format_args!("{min} is not at most max {max}"))?;
                    }
                }
                match schema.replay.as_ref().and_then(|replay| replay.rate) {
                    Some(rate) => check(
                        rate.is_finite() && rate > 0.0,
                        "replay.rate",
                        format_args!("expected a number above 0, got {rate}"),
                    ),
                    None => Ok(()),
                }
            }
            Self::Gap(gap) => {
                let (from, until) = (gap.from, gap.until);
                check(
                    from < until,
                    "until",
                    format_args!("expected more than from {from}, got {until}"),
                )
            }
            Self::Stats(stats) => {
                let rate = stats.rate;
                check(
                    rate.is_finite() && rate >= 0.0,
                    "rate",
                    format_args!("expected a number from 0, got {rate}"),
                )
            }
            Self::Pong(pong) => check_time(self.op(), pong.viewer_sent_micros),
            Self::Status(status) => status
                .speed
                .map_or(Ok(()), |speed| check_speed(self.op(), "speed", speed)),
            Self::Hello(_) | Self::Reading(_) | Self::Label(_) | Self::Err(_) => Ok(()),
        }
    }
}

impl ViewerMessage {
    /// The values of `op` that a viewer sends.
    pub const OPS: &'static [&'static str] = &[
        "auth",
        "subscribe",
        "ack",
        "ping",
        "play",
        "pause",
        "seek",
        "speed",
    ];

    /// This message's `op`.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Auth(_) => "auth",
            Self::Subscribe(_) => "subscribe",
            Self::Ack(_) => "ack",
            Self::Ping(_) => "ping",
            Self::Play(_) => "play",
            Self::Pause(_) => "pause",
            Self::Seek(_) => "seek",
            Self::Speed(_) => "speed",
        }
    }

    /// The message as one line of JSON, `op` first.
    #[must_use]
    pub fn to_json(&self) -> String {
        to_json(self)
    }

    /// Decodes a text message from a viewer and checks its numbers.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; a server answers it with [`ErrorMessage`]`::from(&error)` and keeps the connection.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        let op = op_of(text, Self::OPS)?;
        let message = match op {
            "auth" => Self::Auth(fields(op, text)?),
            "subscribe" => Self::Subscribe(fields(op, text)?),
            "ack" => Self::Ack(fields(op, text)?),
            "ping" => Self::Ping(fields(op, text)?),
            "play" => Self::Play(fields(op, text)?),
            "pause" => Self::Pause(fields(op, text)?),
            "seek" => Self::Seek(fields(op, text)?),
            _ => Self::Speed(fields(op, text)?),
        };
        message.validate()?;
        Ok(message)
    }

    /// Checks what the types alone do not say: room for at least one reading, a speed above zero.
    ///
    /// # Errors
    ///
    /// [`DecodeError::BadField`] for the first field that makes no sense.
    pub fn validate(&self) -> Result<(), DecodeError> {
        match self {
            Self::Subscribe(subscribe) => {
                let at_least_one = |field, value| {
                    check(
                        value != Some(0),
                        self.op(),
                        field,
                        format_args!("expected at least 1, got 0"),
                    )
                };
                at_least_one("queue", subscribe.queue)?;
                at_least_one("credit", subscribe.credit)
            }
            Self::Ping(Ping { viewer_sent_micros }) => check_time(self.op(), *viewer_sent_micros),
            Self::Speed(speed) => check_speed(self.op(), "factor", speed.factor),
            Self::Auth(_) | Self::Ack(_) | Self::Play(_) | Self::Pause(_) | Self::Seek(_) => Ok(()),
        }
    }
}

fn to_json(message: &impl serde::Serialize) -> String {
    serde_json::to_string(message).expect("messages have text keys and no failing serializer")
}

/// Finds which of `known` a text is, reading no other field.
fn op_of(text: &str, known: &'static [&'static str]) -> Result<&'static str, DecodeError> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        op: Cow<'a, str>,
    }
    // serde would also read a struct from an array; messages are objects only.
    if !text.trim_start().starts_with('{') {
        // The parser's own message where there is no JSON at all, ours where there is another value.
        let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err();
        return Err(error.map_or_else(
            || DecodeError::Malformed {
                line: 1,
                column: 1,
                reason: "expected `{`".to_owned(),
            },
            |error| malformed(&error),
        ));
    }
    let Envelope { op } = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => DecodeError::MissingOp {
            reason: quoted(&error.to_string()),
            known,
        },
        _ => malformed(&error),
    })?;
    let found = known.iter().find(|&&candidate| candidate == op).copied();
    found.ok_or_else(|| DecodeError::UnknownOp {
        op: quoted(&op),
        known,
    })
}

/// Decodes the fields of a message whose `op` is known.
fn fields<T: DeserializeOwned>(op: &'static str, text: &str) -> Result<T, DecodeError> {
    let mut json = serde_json::Deserializer::from_str(text);
    // No `json.end()`: the first pass has seen the whole text.
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if !error.is_data() {
            return malformed(&error); // E.g. a number that no type holds: 1e999.
        }
        let reason = error.to_string();
        let field = match (path.as_str(), missing_field(&reason)) {
            (".", Some(name)) => name.to_owned(),
            (_, Some(name)) => format!("{path}.{name}"),
            (_, None) => path,
        };
        DecodeError::BadField {
            op,
            field: quoted(&field),
            reason: quoted(&reason),
        }
    })
}

/// The name in serde's "missing field `name`"; the path leads only to the object that lacks it.
fn missing_field(reason: &str) -> Option<&str> {
    Some(reason.strip_prefix("missing field `")?.split_once('`')?.0)
}

fn malformed(error: &serde_json::Error) -> DecodeError {
    let reason = error.to_string();
    // serde_json ends its text with the position, which has its own fields here.
    let reason = reason
        .rsplit_once(" at line ")
        .map_or(reason.as_str(), |(reason, _)| reason);
    DecodeError::Malformed {
        line: error.line(),
        column: error.column(),
        reason: quoted(reason),
    }
}

/// At most [`MAX_QUOTED_CHARS`] of a text that may hold anything that the sender wrote.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn check(
    sense: bool,
    op: &'static str,
    field: &str,
    reason: std::fmt::Arguments<'_>,
) -> Result<(), DecodeError> {
    if sense {
        return Ok(());
    }
    Err(DecodeError::BadField {
        op,
        field: field.to_owned(),
        reason: reason.to_string(),
    })
}

fn check_speed(op: &'static str, field: &str, factor: f64) -> Result<(), DecodeError> {
    let sense = factor.is_finite() && factor > 0.0;
    check(
        sense,
        op,
        field,
        format_args!("expected a number above 0, got {factor}"),
    )
}

fn check_time(op: &'static str, micros: f64) -> Result<(), DecodeError> {
    let reason = format_args!("expected a finite number, got {micros}");
    check(micros.is_finite(), op, "viewer_sent_micros", reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChannelOnly, Speed};

    fn error_of(text: &str) -> DecodeError {
        ViewerMessage::from_json(text).expect_err(text)
    }

    #[test]
    fn errors_say_what_is_wrong_and_where() {
        let check = |text: &str, code: &str, expected: &str| {
            let error = error_of(text);
            assert_eq!(
                (error.code(), error.to_string().as_str()),
                (code, expected),
                "{text}"
            );
        };
        check(
            "",
            "malformed",
            "not a JSON object: EOF while parsing a value (line 1, column 0)",
        );
        check(
            "[1]",
            "malformed",
            "not a JSON object: expected `{` (line 1, column 1)",
        );
        check(
            r#"["ping",1]"#,
            "malformed",
            "not a JSON object: expected `{` (line 1, column 1)",
        );
        check(
            "{\"op\":\"ping\",\n nonsense}",
            "malformed",
            "not a JSON object: key must be a string (line 2, column 2)",
        );
        check(
            r#"{"op":"play","channel":0} x"#,
            "malformed",
            "not a JSON object: trailing characters (line 1, column 27)",
        );
        check(
            r#"{"op":"speed","channel":0,"factor":1e999}"#,
            "malformed",
            "not a JSON object: number out of range (line 1, column 40)",
        );
        check(
            r#"{"channel":0}"#,
            "malformed",
            "expected a text in `op`, one of auth, subscribe, ack, ping, play, pause, seek, speed: \
             missing field `op` at line 1 column 13",
        );
        check(
            r#"{"op":"stop","channel":0}"#,
            "unknown-op",
            "unknown op `stop`; known are auth, subscribe, ack, ping, play, pause, seek, speed",
        );
        check(
            r#"{"op":"play"}"#,
            "bad-value",
            "bad field `channel` of `play`: missing field `channel` at line 1 column 13",
        );
        check(
            r#"{"op":"play","channel":-1}"#,
            "bad-value",
            "bad field `channel` of `play`: invalid value: integer `-1`, expected u16 at line 1 column 25",
        );
        check(
            r#"{"op":"subscribe","channel":0,"resume":{"session":"s"}}"#,
            "bad-value",
            "bad field `resume.next_seq` of `subscribe`: missing field `next_seq` at line 1 column 54",
        );
        check(
            r#"{"op":"subscribe","channel":0,"policy":"hope"}"#,
            "bad-value",
            "bad field `policy` of `subscribe`: unknown variant `hope`, expected one of `drop-oldest`, `latest`, \
             `lossless` at line 1 column 45",
        );
        check(
            r#"{"op":"subscribe","channel":0,"credit":0}"#,
            "bad-value",
            "bad field `credit` of `subscribe`: expected at least 1, got 0",
        );
        check(
            r#"{"op":"speed","channel":0,"factor":-0.5}"#,
            "bad-value",
            "bad field `factor` of `speed`: expected a number above 0, got -0.5",
        );
    }

    #[test]
    fn long_texts_are_not_repeated_whole() {
        let text = format!(r#"{{"op":"{}"}}"#, "é".repeat(30_000));
        assert!(error_of(&text).to_string().len() < 600);
        let text = format!(r#"{{"op":"play","channel":"{}"}}"#, "é".repeat(30_000));
        assert!(error_of(&text).to_string().len() < 600);
    }

    #[test]
    fn unknown_fields_are_ignored_wherever_they_stand() {
        let text = r#" {"channel":3,"later":{"deep":[1,{"op":"ping"}]},"op":"play","more":null} "#;
        assert_eq!(
            ViewerMessage::from_json(text),
            Ok(ViewerMessage::Play(ChannelOnly { channel: 3 }))
        );
    }

    #[test]
    fn an_escaped_op_is_the_same_op() {
        let text = r#"{"op":"\u0070lay","channel":3}"#;
        assert_eq!(
            ViewerMessage::from_json(text),
            Ok(ViewerMessage::Play(ChannelOnly { channel: 3 }))
        );
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let deep = "[".repeat(60_000);
        assert_eq!(
            error_of(&format!(r#"{{"op":"play","x":{deep}"#)).code(),
            "malformed"
        );
        assert_eq!(error_of(&deep).code(), "malformed");
    }

    #[test]
    fn senseless_numbers_are_refused_before_sending_too() {
        for factor in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
            let message = ViewerMessage::Speed(Speed { channel: 0, factor });
            assert_eq!(message.validate().unwrap_err().code(), "bad-value", "{factor}");
        }
    }
}
