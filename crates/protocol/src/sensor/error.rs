//! Why a message is refused.

use super::SensorFormat;

/// Longest excerpt of a message in an error, in characters.
const MAX_QUOTED_CHARS: usize = 60;

/// Why a message is refused; nothing of such a message was taken.
///
/// The texts are for the person who programs the sensor: what was expected, what came, where, and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum SensorError {
    #[error("expected a reading, got an empty message")]
    Empty,
    #[error(
        "expected at most {max} bytes a message, got {actual}; send fewer readings at once, or names that are shorter"
    )]
    TooLong { max: usize, actual: usize },
    #[error("expected at most {max} values a message; send fewer readings at once")]
    TooManyValues { max: usize },
    #[error("expected at most {max} features a reading")]
    TooManyFeatures { max: usize },
    #[error("expected at most {max} levels of nesting")]
    TooDeep { max: usize },
    #[error("expected a name of at most {max} bytes (nested names are joined by `.`), got `{name}`")]
    NameTooLong { max: usize, name: String },
    #[error(
        "expected text (JSON, CSV, `name:value`), CBOR or a Runnel frame, got byte {byte:#04x} at byte {at}; \
         text has to be UTF-8"
    )]
    UnknownBytes { byte: u8, at: usize },
    #[error("not JSON: {reason} (line {line}, column {column})")]
    MalformedJson {
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("not {format}: {reason} (at byte {at})")]
    MalformedBytes {
        format: SensorFormat,
        at: usize,
        reason: String,
    },
    #[error("not {format}: {reason}")]
    Malformed { format: SensorFormat, reason: String },
    #[error("`{name}` occurs twice; names have to differ, nested ones after they are joined by `.`")]
    DuplicateName { name: String },
    #[error(
        "`{first}` and `{second}` both say the {what}; send one of them, or rename the one that is a measurement"
    )]
    ReservedTwice {
        what: &'static str,
        first: String,
        second: String,
    },
    #[error("expected a number in `{name}`, got the text `{actual}`; {hint}")]
    NotANumber {
        name: String,
        actual: String,
        hint: &'static str,
    },
    #[error(
        "expected a finite number in `{name}`, got {actual}; for a missing value send null, or nan in lines of text"
    )]
    NotFinite { name: String, actual: f64 },
    #[error(
        "expected a time in `{name}` (seconds, milliseconds, microseconds or nanoseconds since 1970 or since the device \
         started, or ISO 8601), got {actual}; rename it if it is no time"
    )]
    BadTime { name: String, actual: String },
    #[error("expected a text or number in `{name}`, got {actual}")]
    BadReserved { name: String, actual: String },
    #[error("expected a whole number from 0 on in `{name}`, got {actual}")]
    BadSeq { name: String, actual: String },
    #[error("expected at most {max} bytes in `{name}`, got {actual}")]
    TextTooLong { name: String, max: usize, actual: usize },
    #[error("expected at least one number to be a feature{hint}")]
    NoFeatures { hint: &'static str },
    #[error("expected {expected} columns as before, got {actual}")]
    ColumnCount { expected: usize, actual: usize },
    #[error(
        "expected {expected} as before, got {actual}; open another connection, or another source, for another format"
    )]
    FormatChanged {
        expected: SensorFormat,
        actual: SensorFormat,
    },
    #[error("line {line}: {error}")]
    AtLine { line: usize, error: Box<SensorError> },
    #[error("element {element}: {error}")]
    AtElement { element: usize, error: Box<SensorError> },
}

impl SensorError {
    /// The kind of trouble, stable and short: `malformed`, `bad-value`, `too-large` or `format-changed`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty
            | Self::UnknownBytes { .. }
            | Self::MalformedJson { .. }
            | Self::MalformedBytes { .. }
            | Self::Malformed { .. }
            | Self::ColumnCount { .. } => "malformed",
            Self::TooLong { .. }
            | Self::TooManyValues { .. }
            | Self::TooManyFeatures { .. }
            | Self::TooDeep { .. }
            | Self::NameTooLong { .. }
            | Self::TextTooLong { .. } => "too-large",
            Self::DuplicateName { .. }
            | Self::ReservedTwice { .. }
            | Self::NotANumber { .. }
            | Self::NotFinite { .. }
            | Self::BadTime { .. }
            | Self::BadReserved { .. }
            | Self::BadSeq { .. }
            | Self::NoFeatures { .. } => "bad-value",
            Self::FormatChanged { .. } => "format-changed",
            Self::AtLine { error, .. } | Self::AtElement { error, .. } => error.code(),
        }
    }

    pub(super) fn at_line(self, line: usize) -> Self {
        let error = Box::new(self);
        Self::AtLine { line, error }
    }

    pub(super) fn at_element(self, element: usize) -> Self {
        let error = Box::new(self);
        Self::AtElement { element, error }
    }
}

/// At most [`MAX_QUOTED_CHARS`] of a text that may hold anything that the sender wrote.
pub(super) fn quoted(text: &str) -> String {
    let end = text.char_indices().nth(MAX_QUOTED_CHARS);
    let mut excerpt: String = text[..end.map_or(text.len(), |(end, _)| end)]
        .chars()
        // A log line or a terminal is no place for what a stranger's control characters do.
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if end.is_some() {
        excerpt.push('…');
    }
    excerpt
}
