//! JSON text as [`Value`]s.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::SensorError;
use super::error::quoted;
use super::value::{Budget, Value, first_duplicate};

/// Reads `text`, which has to be exactly one JSON value.
pub(super) fn read<'a>(text: &'a str, budget: &mut Budget) -> Result<Value<'a>, SensorError> {
    let state = State {
        budget: RefCell::new(budget),
        refused: RefCell::new(None),
    };
    let mut json = serde_json::Deserializer::from_str(text);
    let value = Seed(&state)
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    value.map_err(|error| match state.refused.take() {
        Some(refused) => refused,
        None => malformed(&error, text),
    })
}

struct State<'b> {
    budget: RefCell<&'b mut Budget>,
    /// Our own error, which serde's cannot hold.
    refused: RefCell<Option<SensorError>>,
}

impl State<'_> {
    /// Notes our error and gives serde one to stop at.
    fn refuse<T, E: serde::de::Error>(&self, result: Result<T, SensorError>) -> Result<T, E> {
        result.map_err(|error| {
            *self.refused.borrow_mut() = Some(error);
            E::custom("refused")
        })
    }
}

#[derive(Clone, Copy)]
struct Seed<'s>(&'s State<'s>);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        self.0.refuse(self.0.budget.borrow_mut().value())?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value<'de>, A::Error> {
        self.0.refuse(self.0.budget.borrow_mut().enter())?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(self)? {
            values.push(value);
        }
        self.0.budget.borrow_mut().leave();
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        self.0.refuse(self.0.budget.borrow_mut().enter())?;
        let mut fields: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        while let Some(name) = entries.next_key_seed(Key)? {
            fields.push((name, entries.next_value_seed(self)?));
        }
        self.0.budget.borrow_mut().leave();
        if let Some(name) = first_duplicate(fields.iter().map(|(name, _)| &**name)) {
            let name = quoted(name);
            return self.0.refuse(Err(SensorError::DuplicateName { name }));
        }
        Ok(Value::Object(fields))
    }
}

/// Reads a key without a copy where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

fn malformed(error: &serde_json::Error, text: &str) -> SensorError {
    let (line, column) = (error.line(), error.column());
    let reason = error.to_string();
    // serde_json ends its text with the position, which has its own fields here.
    let reason = reason
        .rsplit_once(" at line ")
        .map_or(reason.as_str(), |(reason, _)| reason);
    let at_error = text
        .lines()
        .nth(line.saturating_sub(1))
        .and_then(|text| text.get(column.saturating_sub(1)..))
        .unwrap_or("");
    // What Python's json and C's printf write for a value that JSON cannot say.
    let is_not_finite = ["NaN", "nan", "Infinity", "-Infinity", "Inf", "inf", "-inf"]
        .iter()
        .any(|word| at_error.starts_with(word.trim_start_matches('-')));
    let reason = match is_not_finite {
        true => "JSON has no NaN or infinity; send null for a missing value".to_owned(),
        false => quoted(reason),
    };
    SensorError::MalformedJson { line, column, reason }
}
