//! From named values to a reading: nested names joined, reserved words taken out, everything checked.

use std::sync::Arc;

use super::error::quoted;
use super::time::RawTime;
use super::value::{Value, first_duplicate};
use super::{LabelTarget, LateLabel, SensorError, SensorEvent, SensorReading, SensorTime};

/// Longest name of a feature, in bytes. Arbitrary; a bound, as nesting repeats the outer names in every inner one.
pub(super) const MAX_NAME_BYTES: usize = 256;

/// Longest label or id, in bytes. Arbitrary.
const MAX_TEXT_BYTES: usize = 256;

/// Names of texts that were ignored, kept to be shown; there may be more of them.
const MAX_IGNORED_NAMES: usize = 16;

/// A word that names no feature, if its value is a text or number and it stands at the top of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserved {
    Time,
    TrueLabel,
    Id,
    Seq,
}

impl Reserved {
    /// What a name is reserved for. Upper or lower case does not matter for words; the letters `t` and `y` are
    /// reserved in lower case only, since `T` is a temperature, and `y` is an axis where there is an `x`.
    pub(super) fn of(name: &str, is_x_beside: bool) -> Option<Self> {
        let is = |word: &str| name.eq_ignore_ascii_case(word);
        match name {
            "t" => Some(Self::Time),
            "y" => (!is_x_beside).then_some(Self::TrueLabel),
            _ if is("ts") || is("time") || is("timestamp") => Some(Self::Time),
            _ if is("label") || is("class") || is("target") => Some(Self::TrueLabel),
            _ if is("id") => Some(Self::Id),
            _ if is("seq") => Some(Self::Seq),
            _ => None,
        }
    }
}

/// Texts that are neither features nor reserved.
#[derive(Debug, Clone, Default)]
pub(super) struct Ignored {
    pub(super) n: u64,
    pub(super) names: Vec<String>,
}

impl Ignored {
    pub(super) fn add(&mut self, name: &str) {
        self.n += 1;
        self.note(name);
    }

    /// Keeps a name, if there is room for another.
    pub(super) fn note(&mut self, name: &str) {
        if self.names.len() < MAX_IGNORED_NAMES && !self.names.iter().any(|known| *known == quoted(name)) {
            self.names.push(quoted(name));
        }
    }
}

/// A reading in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) features: Vec<(Arc<str>, f64)>,
    units: Vec<(usize, String)>,
    pub(super) time: Option<RawTime>,
    time_name: String,
    label: Option<(String, String)>,
    pub(super) id: Option<String>,
    seq: Option<u64>,
    /// Whether the source says that this is a label for an earlier reading: `"op":"y"`.
    is_late_label: bool,
}

/// Fills a [`Draft`].
pub(super) struct Drafting<'m> {
    pub(super) max_features: usize,
    pub(super) ignored: &'m mut Ignored,
    pub(super) draft: Draft,
    /// Names that the features probably have, in this order: those are shared instead of copied.
    likely: Likely<'m>,
    /// The name so far, of nested values.
    path: String,
    is_nested: bool,
}

/// The names of an earlier reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Likely<'m> {
    /// Of the reading before, in the same message.
    Features(&'m [(Arc<str>, f64)]),
    /// Of the last reading of an earlier message.
    Names(&'m [Arc<str>]),
}

impl<'m> Likely<'m> {
    fn len(self) -> usize {
        match self {
            Self::Features(features) => features.len(),
            Self::Names(names) => names.len(),
        }
    }

    fn get(self, idx: usize) -> Option<&'m Arc<str>> {
        match self {
            Self::Features(features) => features.get(idx).map(|(name, _)| name),
            Self::Names(names) => names.get(idx),
        }
    }
}

impl<'m> Drafting<'m> {
    pub(super) fn new(max_features: usize, ignored: &'m mut Ignored, likely: Likely<'m>) -> Self {
        Self {
            max_features,
            ignored,
            draft: Draft {
                features: Vec::with_capacity(likely.len()),
                ..Draft::default()
            },
            likely,
            path: String::new(),
            is_nested: false,
        }
    }

    /// Takes an object's fields, reserved words included.
    pub(super) fn object(
        &mut self,
        fields: &[(std::borrow::Cow<'_, str>, Value<'_>)],
    ) -> Result<(), SensorError> {
        let is_x_beside = fields.iter().any(|(name, _)| name == "x");
        for (name, value) in fields {
            let is_scalar = !matches!(value, Value::Array(_) | Value::Object(_));
            match Reserved::of(name, is_x_beside) {
                Some(reserved) if is_scalar => self.reserved(reserved, name, value)?,
                _ if name == "op" && value.as_text() == Some("y") => self.draft.is_late_label = true,
                _ => self.nested(name, value)?,
            }
        }
        Ok(())
    }

    /// Takes an array's elements as the features `f1`, `f2` and so on.
    pub(super) fn positions(&mut self, values: &[Value<'_>]) -> Result<(), SensorError> {
        for (idx, value) in values.iter().enumerate() {
            self.nested(&format!("f{}", idx + 1), value)?;
        }
        Ok(())
    }

    /// Takes a value under a name that is not reserved; objects and arrays give one name for each number in them.
    pub(super) fn nested(&mut self, name: &str, value: &Value<'_>) -> Result<(), SensorError> {
        let outer = self.path.len();
        if outer > 0 {
            self.path.push('.');
            self.is_nested = true;
        }
        self.path.push_str(name);
        if self.path.len() > MAX_NAME_BYTES {
            return Err(SensorError::NameTooLong {
                max: MAX_NAME_BYTES,
                name: quoted(&self.path),
            });
        }
        match value {
            Value::Null => self.feature_at_path(f64::NAN)?,
            Value::Bool(value) => self.feature_at_path(f64::from(u8::from(*value)))?,
            Value::Integer(value) => self.feature_at_path(*value as f64)?,
            Value::Float(value) => self.feature_at_path(*value)?,
            Value::Text(text) if is_like_a_number(text) => {
                return Err(SensorError::NotANumber {
                    name: quoted(&self.path),
                    actual: quoted(text),
                    hint: "send numbers without quotes, and put no digits alone into a text",
                });
            }
            Value::Text(_) | Value::Bytes => self.ignored.add(&self.path),
            Value::Array(values) => {
                for (idx, value) in values.iter().enumerate() {
                    self.nested(&idx.to_string(), value)?;
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.nested(name, value)?;
                }
            }
        }
        self.path.truncate(outer);
        Ok(())
    }

    fn feature_at_path(&mut self, value: f64) -> Result<(), SensorError> {
        self.shared_feature(self.shared(&self.path), value)
    }

    /// Adds a feature; the caller sees to it that the name is short enough.
    pub(super) fn feature(&mut self, name: &str, value: f64) -> Result<(), SensorError> {
        self.shared_feature(self.shared(name), value)
    }

    /// The name of the next feature: shared with an earlier reading's if it is the same.
    fn shared(&self, name: &str) -> Arc<str> {
        match self.likely.get(self.draft.features.len()) {
            Some(known) if **known == *name => Arc::clone(known),
            _ => name.into(),
        }
    }

    /// Adds a feature of a name that the caller has for several readings.
    pub(super) fn shared_feature(&mut self, name: Arc<str>, value: f64) -> Result<(), SensorError> {
        if value.is_infinite() {
            return Err(SensorError::NotFinite {
                name: quoted(&name),
                actual: value,
            });
        }
        if self.draft.features.len() >= self.max_features {
            return Err(SensorError::TooManyFeatures {
                max: self.max_features,
            });
        }
        self.draft.features.push((name, value));
        Ok(())
    }

    /// Gives the newest feature its unit, if it has one; a unit longer than any name is none.
    pub(super) fn unit(&mut self, unit: Option<&str>) {
        let is_one = |unit: &&str| (1..=MAX_NAME_BYTES).contains(&unit.len());
        if let (Some(unit), Some(idx)) = (unit.filter(is_one), self.draft.features.len().checked_sub(1)) {
            self.draft.units.push((idx, unit.to_owned()));
        }
    }

    /// Takes the value of a reserved word.
    pub(super) fn reserved(
        &mut self,
        reserved: Reserved,
        name: &str,
        value: &Value<'_>,
    ) -> Result<(), SensorError> {
        let twice = |what, first: &str| {
            Err(SensorError::ReservedTwice {
                what,
                first: quoted(first),
                second: quoted(name),
            })
        };
        match reserved {
            Reserved::Time => {
                let Some(time) = RawTime::from_value(name, value)? else {
                    return Ok(());
                };
                if self.draft.time.is_some() {
                    return twice("time", &self.draft.time_name);
                }
                self.draft.time = Some(time);
                name.clone_into(&mut self.draft.time_name);
            }
            Reserved::TrueLabel => {
                let Some(label) = text_of(name, value)? else {
                    return Ok(());
                };
                if let Some((first, _)) = &self.draft.label {
                    return twice("true label", first);
                }
                self.draft.label = Some((name.to_owned(), label));
            }
            Reserved::Id => {
                let Some(id) = text_of(name, value)? else {
                    return Ok(());
                };
                if self.draft.id.is_some() {
                    return twice("id", "id");
                }
                self.draft.id = Some(id);
            }
            Reserved::Seq => {
                let Some(seq) = text_of(name, value)? else {
                    return Ok(());
                };
                if self.draft.seq.is_some() {
                    return twice("sequence number", "seq");
                }
                let seq = seq.parse().map_err(|_| SensorError::BadSeq {
                    name: quoted(name),
                    actual: value.describe(),
                })?;
                self.draft.seq = Some(seq);
            }
        }
        Ok(())
    }

    /// Ends the reading.
    pub(super) fn finish(self) -> Result<Draft, SensorError> {
        let draft = self.draft;
        // The keys of one object differ already.
        if self.is_nested
            && let Some(name) = first_duplicate(draft.features.iter().map(|(name, _)| &**name))
        {
            let name = quoted(name);
            return Err(SensorError::DuplicateName { name });
        }
        if draft.features.is_empty() {
            let is_label = draft.label.is_some();
            let hint = match draft.id.is_some() || draft.seq.is_some() {
                true if is_label => return Ok(draft),
                false if is_label => {
                    "; a label for an earlier reading comes with that reading's `id` or `seq`"
                }
                _ => "; texts, and what `t`, `y`, `id` and the like name, are none",
            };
            return Err(SensorError::NoFeatures { hint });
        }
        Ok(draft)
    }
}

impl Draft {
    /// Whether this is a label for an earlier reading: it is said to be, or there is nothing else in it.
    pub(super) fn is_label(&self) -> bool {
        let is_meant = self.is_late_label || self.features.is_empty();
        is_meant && self.label.is_some() && (self.id.is_some() || self.seq.is_some())
    }

    /// The event; `time` is what its time turned out to mean.
    pub(super) fn into_event(self, time: Option<SensorTime>) -> SensorEvent {
        let is_label = self.is_label();
        let Self { label, id, seq, .. } = self;
        let true_label = label.map(|(_, label)| label);
        if is_label && let Some(true_label) = true_label {
            let target = match id {
                Some(id) => LabelTarget::Id(id),
                None => LabelTarget::Seq(seq.unwrap_or_default()),
            };
            return SensorEvent::Label(LateLabel { target, true_label });
        }
        SensorEvent::Reading(SensorReading {
            features: self.features,
            units: self.units,
            time,
            true_label,
            id: id.or_else(|| seq.map(|seq| seq.to_string())),
        })
    }
}

/// A label or id as text: `3` and `3.0` are the same, `3`. `None` for null and for an empty text.
fn text_of(name: &str, value: &Value<'_>) -> Result<Option<String>, SensorError> {
    let bad = || SensorError::BadReserved {
        name: quoted(name),
        actual: value.describe(),
    };
    let text = match value {
        Value::Null => return Ok(None),
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => return Ok(None),
        Value::Float(value) if value.is_finite() => value.to_string(),
        Value::Text(text) => text.trim().to_owned(),
        _ => return Err(bad()),
    };
    if text.len() > MAX_TEXT_BYTES {
        return Err(SensorError::TextTooLong {
            name: quoted(name),
            max: MAX_TEXT_BYTES,
            actual: text.len(),
        });
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Whether a text is a number that was put in quotes.
fn is_like_a_number(text: &str) -> bool {
    let text = text.trim();
    // Not `nan` and `inf`, which f64 would parse too.
    let starts_like_one = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    starts_like_one && text.parse::<f64>().is_ok_and(f64::is_finite)
}
