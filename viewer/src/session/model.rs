//! From a schema to readings: which model a session needs, whether the one in memory is it, and the subscription.

use protocol::{Encoding, Model, Policy, Resume, Schema, Subscribe, ViewerMessage};

use super::{Action, Connection, Session};
use crate::credit::{CREDIT, QUEUE};

/// Wait before a model that could not be fetched is asked for again.
const MODEL_RETRY_MICROS: f64 = 5_000_000.0;

/// The model of the followed channel.
#[derive(Debug, Clone, PartialEq)]
pub enum ModelState {
    /// No schema yet, or one without a model.
    Absent,
    /// Being fetched.
    Loading(Model),
    /// In use.
    Ready(Model),
    /// Loaded, but not for these features or classes: the sentence says what differs.
    Mismatch(Model, String),
    /// Could not be loaded, the sentence says why; asked for again at the time given.
    Failed(Model, String, Option<f64>),
}

/// The model in memory: what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModel {
    /// SHA-256 of its file, as the schema named it.
    pub sha256: String,
    /// Its features, in order.
    pub feature_names: Vec<String>,
    /// Its classes, in order.
    pub class_names: Vec<String>,
}

impl Session {
    /// A model is loaded.
    pub fn model_ready(&mut self, loaded: LoadedModel) {
        if self.fetching.as_ref() == Some(&loaded.sha256) {
            self.fetching = None;
        }
        self.loaded = Some(loaded);
        // If this is not the newest model, the newest has learnt from more: its bound holds for both.
        let wanted = self.schema.as_ref().and_then(|schema| schema.model.as_ref());
        self.trained_until = wanted.and_then(|model| model.trained_until).unwrap_or(0);
        self.follow();
    }

    /// The model with this hash could not be fetched, which may pass.
    pub fn model_not_fetched(&mut self, sha256: &str, reason: String, now: f64) {
        self.model_failed(sha256, reason, Some(now + MODEL_RETRY_MICROS));
    }

    /// The model with this hash came and is of no use.
    pub fn model_not_usable(&mut self, sha256: &str, reason: String) {
        self.model_failed(sha256, reason, None);
    }

    fn model_failed(&mut self, sha256: &str, reason: String, retry_at: Option<f64>) {
        if let ModelState::Loading(model) = &self.model
            && model.sha256 == sha256
        {
            self.model = ModelState::Failed(model.clone(), reason, retry_at);
        }
    }

    /// Takes the next step towards readings: fetch the model, or subscribe.
    pub(super) fn follow(&mut self) {
        let Some(schema) = &self.schema else {
            return;
        };
        let Some(wanted) = &schema.model else {
            if self.subscribed && self.labels() {
                self.received_until = None;
                self.unsubscribe();
            }
            self.model = ModelState::Absent;
            self.fetching = None;
            self.subscribe(); // For the values.
            return;
        };
        let wanted = wanted.clone();
        let loaded = self
            .loaded
            .as_ref()
            .filter(|loaded| loaded.sha256 == wanted.sha256);
        if let Some(loaded) = loaded {
            if let Some(reason) = mismatch(loaded, schema) {
                self.unsubscribe();
                self.model = ModelState::Mismatch(wanted, reason);
            } else {
                self.model = ModelState::Ready(wanted);
                self.subscribe();
            }
            return;
        }
        let fits = self
            .loaded
            .as_ref()
            .is_some_and(|loaded| mismatch(loaded, schema).is_none());
        if self.subscribed && self.labels() && wanted.trained_until.is_some() && fits {
            // The next of a line of models that are trained from the stream: the one before labels until it is here.
            if self.fetching.as_ref() != Some(&wanted.sha256) {
                self.fetching = Some(wanted.sha256.clone());
                self.actions.push_back(Action::FetchModel(wanted));
            }
            return;
        }
        match &self.model {
            ModelState::Loading(model) | ModelState::Failed(model, ..) if model.sha256 == wanted.sha256 => {}
            _ => {
                // Values without labels flow on until the first model is here.
                if self.labels() {
                    self.unsubscribe();
                }
                // The caller lets go of it when it fetches another.
                self.loaded = None;
                self.model = ModelState::Loading(wanted.clone());
                self.actions.push_back(Action::FetchModel(wanted));
            }
        }
    }

    /// Stops readings. Version 1 has no message for it, but a new connection has none until it asks.
    fn unsubscribe(&mut self) {
        if self.subscribed {
            self.subscribed = false;
            self.actions.push_back(Action::Disconnect);
            self.connection = Connection::Lost {
                retry_at: self.heard_at,
                reason: "the stream or its model changed".to_owned(),
            };
        }
    }

    pub(super) fn subscribe(&mut self) {
        let (Connection::Open, Some(schema), Some(hello)) = (&self.connection, &self.schema, &self.hello)
        else {
            return;
        };
        if self.subscribed {
            return;
        }
        let subscribe = Subscribe {
            channel: schema.channel,
            encoding: Encoding::Binary,
            policy: Policy::DropOldest,
            queue: Some(QUEUE),
            credit: Some(CREDIT),
            resume: self.received_until.map(|next_seq| Resume {
                session: hello.session.clone(),
                next_seq,
            }),
        };
        self.subscribed = true;
        self.stats = None; // The next ones count from here on.
        self.n_announced_skips = 0;
        self.send(ViewerMessage::Subscribe(subscribe));
    }
}

/// How a model and a schema differ, in one sentence; `None` if the model is for these readings.
fn mismatch(model: &LoadedModel, schema: &Schema) -> Option<String> {
    let features: Vec<&str> = schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect();
    // A stream may have met classes that its model has never seen; those that it knows have to be the first.
    let n_known = model.class_names.len().max(1).min(schema.classes.len());
    let classes: Vec<&str> = schema.classes[..n_known].iter().map(String::as_str).collect();
    difference("feature", &model.feature_names, &features)
        .or_else(|| difference("class", &model.class_names, &classes))
}

fn difference(what: &str, model: &[String], stream: &[&str]) -> Option<String> {
    let (n_model, n_stream) = (model.len(), stream.len());
    if n_model != n_stream {
        let plural = if what == "class" { "classes" } else { "features" };
        return Some(format!(
            "The model has {n_model} {plural}, the stream {n_stream}."
        ));
    }
    let idx = model.iter().zip(stream).position(|(a, b)| a != b)?;
    let (number, in_model, in_stream) = (idx + 1, &model[idx], stream[idx]);
    Some(format!(
        "The model's {what} {number} is “{in_model}”, the stream's is “{in_stream}”."
    ))
}

/// Whether two schemas have the same features in the same order.
pub(super) fn same_names(a: &Schema, b: &Schema) -> bool {
    let names = |schema: &Schema| -> Vec<String> {
        schema
            .features
            .iter()
            .map(|feature| feature.name.clone())
            .collect()
    };
    names(a) == names(b)
}
