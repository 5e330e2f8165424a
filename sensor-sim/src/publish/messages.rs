//! What a published source says: lines from stdin as they are, or rows of a data set as JSON.

use std::collections::VecDeque;
use std::io::{self, BufRead};
use std::thread;

use anyhow::{Context as _, Result};
use datasets::Dataset;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

/// Lines that are read ahead of the socket.
const N_AHEAD: usize = 256;

/// What is sent at a time.
#[derive(Debug, PartialEq)]
pub(super) struct Outgoing {
    pub(super) text: String,
    /// A label for a reading that was sent before: no reading of its own.
    pub(super) is_late_label: bool,
}

impl Outgoing {
    fn reading(text: String) -> Self {
        Self {
            text,
            is_late_label: false,
        }
    }
}

/// The messages of a source, in order.
#[derive(Debug)]
pub(super) enum Messages {
    Lines(mpsc::Receiver<io::Result<String>>),
    Rows(Box<Rows>),
}

impl Messages {
    /// Reads lines in a thread of their own, which waits while the socket does. Not `tokio::io::stdin`: a read of that
    /// cannot be called off, and the program would wait for one more line when it is to end.
    pub(super) fn lines(input: impl BufRead + Send + 'static) -> Self {
        let (lines, received) = mpsc::channel(N_AHEAD);
        thread::spawn(move || {
            for line in input.lines() {
                let is_end = line.is_err();
                if lines.blocking_send(line).is_err() || is_end {
                    return;
                }
            }
        });
        Self::Lines(received)
    }

    /// The next message; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Outgoing>> {
        match self {
            Self::Lines(lines) => loop {
                match lines.recv().await {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(error).context("reading stdin"),
                    Some(Ok(line)) if line.trim().is_empty() => {}
                    Some(Ok(line)) => return Ok(Some(Outgoing::reading(line))),
                }
            },
            Self::Rows(rows) => Ok(rows.next()),
        }
    }
}

/// Rows of a data set as JSON objects, each with its true label, or with the labels some readings behind.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) dataset: Dataset,
    /// Which rows, in order.
    pub(super) rows: Vec<u32>,
    pub(super) looping: bool,
    /// How many readings later a label comes; with 0 it comes with its reading.
    pub(super) label_delay: usize,
    /// Readings sent.
    n_sent: u64,
    /// Number and class of readings whose labels are still to be sent.
    unlabelled: VecDeque<(u64, u32)>,
}

impl Rows {
    pub(super) fn new(dataset: Dataset, rows: Vec<u32>, looping: bool, label_delay: usize) -> Self {
        Self {
            dataset,
            rows,
            looping,
            label_delay,
            n_sent: 0,
            unlabelled: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Option<Outgoing> {
        let is_over = self.rows.is_empty() || (!self.looping && self.n_sent >= self.rows.len() as u64);
        if self.unlabelled.len() > self.label_delay || (is_over && !self.unlabelled.is_empty()) {
            let (id, class) = self.unlabelled.pop_front()?;
            return Some(Outgoing {
                text: json!({ "id": id, "label": self.class(class) }).to_string(),
                is_late_label: true,
            });
        }
        if is_over {
            return None;
        }
        let row = self.rows[(self.n_sent % self.rows.len() as u64) as usize] as usize;
        let mut object: Map<String, Value> = self
            .dataset
            .features
            .iter()
            .enumerate()
            .map(|(idx, feature)| (feature.name.clone(), json!(self.dataset.value(row, idx))))
            .collect();
        let class = self.dataset.labels[row];
        if self.label_delay == 0 {
            object.insert("label".to_owned(), json!(self.class(class)));
        } else {
            object.insert("id".to_owned(), json!(self.n_sent));
            self.unlabelled.push_back((self.n_sent, class));
        }
        self.n_sent += 1;
        Some(Outgoing::reading(Value::Object(object).to_string()))
    }

    fn class(&self, class: u32) -> &str {
        &self.dataset.classes[class as usize]
    }
}

#[cfg(test)]
mod tests {
    use datasets::{Column, FeatureInfo};

    use super::*;

    fn rows(looping: bool, label_delay: usize) -> Rows {
        let dataset = Dataset {
            name: "test".to_owned(),
            features: vec![FeatureInfo::unitless("a"), FeatureInfo::unitless("b")],
            columns: vec![
                Column::narrowest(vec![1.0, 2.0, 3.0]),
                Column::narrowest(vec![0.5, 0.25, 0.125]),
            ],
            labels: vec![1, 0, 1],
            classes: vec!["calm".to_owned(), "windy".to_owned()],
            times_micros: None,
        };
        Rows::new(dataset, vec![2, 0], looping, label_delay)
    }

    #[test]
    fn rows_carry_their_label() {
        let mut rows = rows(false, 0);
        assert_eq!(
            rows.next(),
            Some(Outgoing::reading(
                r#"{"a":3.0,"b":0.125,"label":"windy"}"#.to_owned()
            ))
        );
        assert_eq!(
            rows.next(),
            Some(Outgoing::reading(
                r#"{"a":1.0,"b":0.5,"label":"windy"}"#.to_owned()
            ))
        );
        assert_eq!(rows.next(), None);
    }

    #[test]
    fn labels_follow_their_readings() {
        let mut rows = rows(false, 1);
        let all = std::iter::from_fn(|| rows.next());
        let all: Vec<(String, bool)> = all.map(|one| (one.text, one.is_late_label)).collect();
        let expected = [
            (r#"{"a":3.0,"b":0.125,"id":0}"#.to_owned(), false),
            (r#"{"a":1.0,"b":0.5,"id":1}"#.to_owned(), false),
            (r#"{"id":0,"label":"windy"}"#.to_owned(), true),
            (r#"{"id":1,"label":"windy"}"#.to_owned(), true),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_loop_has_no_end() {
        let mut rows = rows(true, 0);
        assert_eq!(std::iter::from_fn(|| rows.next()).take(7).count(), 7);
    }

    #[tokio::test]
    async fn lines_are_taken_as_they_are_but_for_empty_ones() {
        let mut messages = Messages::lines(io::Cursor::new("a:1\n\n  \n2,3\r\n{}"));
        let mut all = Vec::new();
        while let Some(message) = messages.next().await.unwrap() {
            all.push(message.text);
        }
        assert_eq!(all, ["a:1", "2,3", "{}"]);
        let mut messages = Messages::lines(io::Cursor::new(b"a:1\n\xff\n"));
        let first = messages.next().await.unwrap();
        assert_eq!(first, Some(Outgoing::reading("a:1".to_owned())));
        assert!(messages.next().await.is_err());
    }
}
