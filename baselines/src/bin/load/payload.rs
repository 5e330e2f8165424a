//! What is sent: rows of Wine, each as a JSON object with the set's own feature names.

use anyhow::{Context as _, Result};
use datasets::Lookup;

/// Rows that are sent over and over: a multiple of [`BATCH`].
const N_ROWS: usize = 960;

/// Readings of one message where several are put into one.
pub(crate) const BATCH: usize = 64;

/// How readings are put into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON object.
    Single,
    /// [`BATCH`] JSON objects, one a line.
    Lines,
    /// [`BATCH`] readings as a binary frame of 64-bit floats.
    Frame,
}

/// Messages that are sent over and over, and the rows that are in them.
#[derive(Debug, Clone)]
pub(crate) struct Payloads {
    pub(crate) rows: Vec<Vec<f64>>,
    pub(crate) messages: Vec<Vec<u8>>,
    /// Readings of each message.
    pub(crate) n_each: usize,
    pub(crate) is_text: bool,
}

impl Payloads {
    /// Wine's first rows in this form.
    ///
    /// # Errors
    ///
    /// If the data set cannot be read.
    pub(crate) fn of_wine(form: Form) -> Result<Self> {
        let wine = datasets::load("wine", &Lookup::only(vec![])).context("loading Wine")?;
        let rows: Vec<Vec<f64>> = (0..N_ROWS)
            .map(|row| {
                let mut features = Vec::new();
                wine.row_into(row, &mut features);
                features
            })
            .collect();
        let names: Vec<&str> = wine.features.iter().map(|info| info.name.as_str()).collect();
        let n_each = if form == Form::Single { 1 } else { BATCH };
        let messages = rows.chunks(n_each).map(|rows| match form {
            Form::Single | Form::Lines => lines(&names, rows),
            Form::Frame => frame(rows),
        });
        Ok(Self {
            messages: messages.collect(),
            rows,
            n_each,
            is_text: form != Form::Frame,
        })
    }

    /// Bytes of a message, on average.
    pub(crate) fn mean_bytes(&self) -> f64 {
        let n_bytes: usize = self.messages.iter().map(Vec::len).sum();
        n_bytes as f64 / self.messages.len() as f64
    }
}

fn lines(names: &[&str], rows: &[Vec<f64>]) -> Vec<u8> {
    let line = |row: &Vec<f64>| {
        let fields: Vec<String> = names
            .iter()
            .zip(row)
            .map(|(name, value)| format!("\"{name}\":{value}"))
            .collect();
        format!("{{{}}}", fields.join(","))
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n").into_bytes()
}

/// As docs/sensors.md has it: kind 2, `f64`, neither time nor class.
fn frame(rows: &[Vec<f64>]) -> Vec<u8> {
    let n_features = rows[0].len() as u16;
    let mut bytes = vec![2, 3];
    bytes.extend(n_features.to_le_bytes());
    for value in rows.iter().flatten() {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}
