//! What JSON and CBOR have in common: one tree of values, read from either under the same limits.
//!
//! A tree is read whole before anything of it is used, so a message counts as a whole or not at all. Its size is bounded
//! by [`Limits`] while it grows: nothing is allocated for a length that a sender only announces.

use std::borrow::Cow;
use std::collections::HashSet;

use super::SensorError;

/// Bounds on what one message may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Deepest nesting of objects and arrays.
    pub(super) max_depth: usize,
    /// Values of one message: numbers, texts, arrays and objects together.
    pub(super) max_values: usize,
}

/// One value of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    /// CBOR's integers are within ±2^64.
    Integer(i128),
    /// May be NaN or infinite in CBOR.
    Float(f64),
    Text(Cow<'a, str>),
    /// A CBOR byte string; nothing reads its content.
    Bytes,
    Array(Vec<Value<'a>>),
    /// Keys in order of appearance, no two the same.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// The field of an object; `None` for everything else.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields
                .iter()
                .find_map(|(name, value)| (name == key).then_some(value)),
            _ => None,
        }
    }

    /// Takes a field out of an object.
    pub(super) fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let Self::Object(fields) = self else { return None };
        let position = fields.iter().position(|(name, _)| name == key)?;
        Some(fields.remove(position).1)
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number as the nearest f64, which is the number itself but for integers beyond 2^53.
    pub(super) fn as_number(&self) -> Option<f64> {
        match *self {
            Self::Integer(integer) => Some(integer as f64),
            Self::Float(float) => Some(float),
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// What it is, for errors.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Text(text) => format!("the text `{}`", super::error::quoted(text)),
            Self::Bytes => "a byte string".to_owned(),
            Self::Array(values) => format!("an array of {}", values.len()),
            Self::Object(fields) => format!("an object of {}", fields.len()),
        }
    }
}

/// Counts what a message holds while it is read.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    depth: usize,
    n_values: usize,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            depth: 0,
            n_values: 0,
        }
    }

    /// Counts one value.
    pub(super) fn value(&mut self) -> Result<(), SensorError> {
        self.n_values += 1;
        if self.n_values > self.limits.max_values {
            return Err(SensorError::TooManyValues {
                max: self.limits.max_values,
            });
        }
        Ok(())
    }

    /// Goes into an object or array; [`Budget::leave`] comes out of it.
    pub(super) fn enter(&mut self) -> Result<(), SensorError> {
        self.depth += 1;
        if self.depth > self.limits.max_depth {
            return Err(SensorError::TooDeep {
                max: self.limits.max_depth,
            });
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }
}

/// The first name that occurs a second time.
pub(super) fn first_duplicate<'n>(names: impl ExactSizeIterator<Item = &'n str> + Clone) -> Option<&'n str> {
    // Few names, the usual case, are compared without an allocation; 12 is arbitrary, not tuned.
    if names.len() <= 12 {
        let is_repeated =
            |&(idx, name): &(usize, &'n str)| names.clone().take(idx).any(|earlier| earlier == name);
        return names.clone().enumerate().find(is_repeated).map(|(_, name)| name);
    }
    let mut seen = HashSet::with_capacity(names.len());
    let mut names = names;
    names.find(|&name| !seen.insert(name))
}
