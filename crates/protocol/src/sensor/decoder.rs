//! The decoder of one source: finds the format, keeps to it, remembers what later messages depend on.

use std::borrow::Cow;
use std::sync::Arc;

use super::csv::{self, Table};
use super::objects::{self, Sink};
use super::reading::{Draft, Ignored};
use super::time::BootClock;
use super::value::{Budget, Limits, Value};
use super::{SensorError, SensorEvent, SensorFormat, cbor, json, label_value, native};

/// Messages of one format after which a source is held to it.
const PINNED_AFTER: u32 = 3;

/// Deepest nesting that is ever read; serde_json stops at 128.
const MAX_MAX_DEPTH: usize = 100;

/// How a [`SensorDecoder`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoderOptions {
    /// The format, where it is declared; otherwise it is found from the messages.
    pub format: Option<SensorFormat>,
    /// Most bytes of a message; 1 MiB.
    pub max_message_bytes: usize,
    /// Most features of a reading; 4,096.
    pub max_features: usize,
    /// Most values of a message, all its readings together; 262,144. A decoder needs some hundred bytes for each.
    pub max_values: usize,
    /// Deepest nesting of objects and arrays; 16. At most 100 whatever is set here.
    pub max_depth: usize,
}

impl Default for DecoderOptions {
    fn default() -> Self {
        Self {
            format: None,
            max_message_bytes: 1024 * 1024,
            max_features: 4096,
            max_values: 256 * 1024,
            max_depth: 16,
        }
    }
}

/// Decodes the messages of one source's connection, in order.
///
/// The format of the first message is found from its first characters and shape; after three messages in a row of one
/// format it is pinned, and a message of another is refused; only labels for earlier readings may come as JSON objects
/// whatever the format of the readings. Whatever a message holds counts as a whole: after an error
/// nothing of it was taken.
///
/// Never panics, and its memory is bounded by the options whatever is sent.
#[derive(Debug, Clone, Default)]
pub struct SensorDecoder {
    options: DecoderOptions,
    format: Option<SensorFormat>,
    /// Messages in a row of this format.
    n_consistent: u32,
    table: Table,
    clock: BootClock,
    ignored: Ignored,
    /// Of the last reading's features: most readings have the same, and share them.
    names: Vec<Arc<str>>,
}

/// What one message adds.
struct Message {
    drafts: Vec<Draft>,
    ignored: Ignored,
    format: Option<SensorFormat>,
    /// What CSV rows are known to be from now on, if this message has changed it.
    table: Option<Table>,
}

impl SensorDecoder {
    /// A decoder that has seen nothing yet.
    #[must_use]
    pub fn new(options: DecoderOptions) -> Self {
        let format = options.format;
        Self {
            options,
            format,
            ..Self::default()
        }
    }

    /// The same with the device's clock as an earlier decoder of its messages left it.
    #[must_use]
    pub fn with_clock(self, clock: BootClock) -> Self {
        Self { clock, ..self }
    }

    /// The device's clock, as the messages so far show it.
    #[must_use]
    pub fn clock(&self) -> BootClock {
        self.clock
    }

    /// The format found or declared; `None` before the first message.
    #[must_use]
    pub fn format(&self) -> Option<SensorFormat> {
        self.format
    }

    /// Whether messages of other formats are refused: it was declared, or three messages in a row had it.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.options.format.is_some() || self.n_consistent >= PINNED_AFTER
    }

    /// Texts so far that were neither labels, times nor ids and so were ignored, and the names of the first few.
    ///
    /// A sender should be told: a measurement that is sent as text is lost otherwise.
    #[must_use]
    pub fn ignored_texts(&self) -> (u64, &[String]) {
        (self.ignored.n, &self.ignored.names)
    }

    /// Decodes a text message or the text body of a request: one reading, or several.
    ///
    /// `arrived_micros` is when it arrived, in microseconds since the Unix epoch: times that are not absolute are
    /// understood by it. The answer is empty for a header alone, which says what the rows after it mean.
    ///
    /// # Errors
    ///
    /// [`SensorError`] for a message that is not understood whole.
    pub fn text(&mut self, message: &str, arrived_micros: u64) -> Result<Vec<SensorEvent>, SensorError> {
        self.check_length(message.len())?;
        // Windows puts a byte order mark before text files.
        let text = message.strip_prefix('\u{feff}').unwrap_or(message);
        let read = match text.trim_start().chars().next() {
            None => return Err(SensorError::Empty),
            Some('{' | '[') => self.json(text)?,
            Some(_) => self.lines(text)?,
        };
        self.commit(read, arrived_micros)
    }

    /// Decodes a binary message or the binary body of a request; text in it is read as [`SensorDecoder::text`] does.
    ///
    /// # Errors
    ///
    /// [`SensorError`] for a message that is not understood whole.
    pub fn binary(&mut self, message: &[u8], arrived_micros: u64) -> Result<Vec<SensorEvent>, SensorError> {
        self.check_length(message.len())?;
        let read = match message.first() {
            None => return Err(SensorError::Empty),
            Some(&native::KIND) => {
                let mut read = Message::new();
                read.format = Some(self.agree(None, SensorFormat::Native)?);
                let mut budget = Budget::new(self.limits());
                native::read(message, &mut budget, &mut read.sink(self))?;
                read
            }
            // Arrays, maps and tags, none of which UTF-8 begins with, but for tags that would begin a letter.
            Some(0x80..=0xdb) if std::str::from_utf8(message).is_err() => self.cbor(message)?,
            Some(_) => {
                let text = std::str::from_utf8(message).map_err(|error| {
                    let at = error.valid_up_to();
                    SensorError::UnknownBytes {
                        byte: message[at],
                        at,
                    }
                })?;
                let starts_as_text = !text.starts_with(|c: char| c.is_control() && !c.is_whitespace());
                if !starts_as_text {
                    let byte = message[0];
                    return Err(SensorError::UnknownBytes { byte, at: 0 });
                }
                return self.text(text, arrived_micros);
            }
        };
        self.commit(read, arrived_micros)
    }

    /// One CBOR item or several.
    fn cbor(&self, bytes: &[u8]) -> Result<Message, SensorError> {
        let mut message = Message::new();
        for value in cbor::read(bytes, &mut Budget::new(self.limits()))? {
            let found = objects::cbor_format_of(&value);
            self.value(value, found.ok_or(SensorFormat::Cbor), &mut message)?;
        }
        Ok(message)
    }

    fn check_length(&self, actual: usize) -> Result<(), SensorError> {
        let max = self.options.max_message_bytes;
        if actual > max {
            return Err(SensorError::TooLong { max, actual });
        }
        Ok(())
    }

    /// One JSON value, or one on each line.
    fn json(&self, text: &str) -> Result<Message, SensorError> {
        let mut budget = Budget::new(self.limits());
        let mut lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty());
        let (first, second) = (lines.next(), lines.next());
        let mut message = Message::new();
        // A first line that is a value by itself is one of several; else the lines are one value, written out nicely.
        let is_one_a_line = second.is_some()
            && first.is_some_and(|(_, line)| json::read(line, &mut Budget::new(self.limits())).is_ok());
        if !is_one_a_line {
            let value = json::read(text, &mut budget)?;
            let found = objects::format_of(&value);
            self.value(value, found.ok_or(SensorFormat::JsonObject), &mut message)?;
            return Ok(message);
        }
        for (idx, line) in first.into_iter().chain(second).chain(lines) {
            let value = json::read(line, &mut budget);
            let read = value.and_then(|value| {
                let found = objects::format_of(&value);
                self.value(value, found.ok_or(SensorFormat::JsonObject), &mut message)
            });
            read.map_err(|error| error.at_line(idx + 1))?;
        }
        Ok(message)
    }

    /// Lines of numbers, all of one format.
    fn lines(&self, text: &str) -> Result<Message, SensorError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(idx, line)| (idx + 1, line))
            .filter(|(_, line)| !line.trim().is_empty())
            .peekable();
        let is_label_value = lines.peek().is_some_and(|(_, line)| label_value::is_like(line));
        let found = match is_label_value {
            true => SensorFormat::LabelValue,
            false => SensorFormat::Csv,
        };
        let mut message = Message::new();
        message.format = Some(self.agree(None, found)?);
        let mut budget = Budget::new(self.limits());
        let mut sink = message.sink(self);
        if is_label_value {
            label_value::read(lines, &mut budget, &mut sink)?;
        } else {
            let mut table = Cow::Borrowed(&self.table);
            for (number, line) in lines {
                let read = csv::read(line, &mut table, &mut budget, &mut sink);
                read.map_err(|error| error.at_line(number))?;
            }
            if let Cow::Owned(table) = table {
                message.table = Some(table);
            }
        }
        Ok(message)
    }

    /// Takes a JSON value or CBOR item into the message, `found` to be in a format, or not even like one.
    fn value(
        &self,
        value: Value<'_>,
        found: Result<SensorFormat, SensorFormat>,
        message: &mut Message,
    ) -> Result<(), SensorError> {
        let found = found.map_err(|format| SensorError::Malformed {
            format,
            reason: format!("expected an object or array, got {}", value.describe()),
        })?;
        let format = self.agree(message.format, found)?;
        message.format = Some(format);
        objects::read(value, format, &mut message.sink(self))
    }

    /// The format to read by: an error if the message, or the source, is held to another.
    fn agree(&self, earlier: Option<SensorFormat>, found: SensorFormat) -> Result<SensorFormat, SensorError> {
        // Where a format is declared, what looks like one of its special cases is not taken for one.
        let found = match (self.options.format, found) {
            (Some(SensorFormat::JsonObject), SensorFormat::SenmlJson | SensorFormat::CloudEvents) => {
                SensorFormat::JsonObject
            }
            (Some(SensorFormat::Cbor), SensorFormat::SenmlCbor) => SensorFormat::Cbor,
            (_, found) => found,
        };
        // JSON objects may be late labels, which go with every format: `commit` sees.
        let may_be_labels = earlier.is_none() && found == SensorFormat::JsonObject;
        match earlier.or(self.held_to()) {
            Some(expected) if expected != found && !may_be_labels => Err(SensorError::FormatChanged {
                expected,
                actual: found,
            }),
            _ => Ok(found),
        }
    }

    fn held_to(&self) -> Option<SensorFormat> {
        self.format.filter(|_| self.is_pinned())
    }

    fn limits(&self) -> Limits {
        Limits {
            max_depth: self.options.max_depth.min(MAX_MAX_DEPTH),
            max_values: self.options.max_values,
        }
    }

    /// Takes what a message holds, unless it is not in the format that the source is held to.
    fn commit(&mut self, message: Message, arrived_micros: u64) -> Result<Vec<SensorEvent>, SensorError> {
        let are_labels = message.format == Some(SensorFormat::JsonObject)
            && !message.drafts.is_empty()
            && message.drafts.iter().all(Draft::is_label);
        if let (Some(expected), Some(actual), false) = (self.held_to(), message.format, are_labels)
            && expected != actual
        {
            return Err(SensorError::FormatChanged { expected, actual });
        }
        if self.format == message.format {
            self.n_consistent = self.n_consistent.saturating_add(1);
        } else if !are_labels {
            self.format = message.format;
            self.n_consistent = 1;
            self.table = Table::default();
        }
        if let Some(table) = message.table {
            self.table = table;
        }
        self.ignored.n += message.ignored.n;
        for name in &message.ignored.names {
            self.ignored.note(name);
        }
        if let Some(last) = message.drafts.iter().rfind(|draft| !draft.features.is_empty()) {
            let names = last.features.iter().map(|(name, _)| name);
            let are_known = names.len() == self.names.len()
                && names
                    .clone()
                    .zip(&self.names)
                    .all(|(name, known)| Arc::ptr_eq(name, known));
            if !are_known {
                self.names = names.cloned().collect();
            }
        }
        let times: Vec<_> = message.drafts.iter().map(|draft| draft.time).collect();
        let times = self.clock.resolve(&times, arrived_micros);
        let events = message.drafts.into_iter().zip(times);
        Ok(events.map(|(draft, time)| draft.into_event(time)).collect())
    }
}

impl Message {
    fn new() -> Self {
        Self {
            drafts: Vec::new(),
            ignored: Ignored::default(),
            format: None,
            table: None,
        }
    }

    fn sink<'m>(&'m mut self, decoder: &'m SensorDecoder) -> Sink<'m> {
        Sink {
            max_features: decoder.options.max_features,
            ignored: &mut self.ignored,
            drafts: &mut self.drafts,
            names: &decoder.names,
        }
    }
}
