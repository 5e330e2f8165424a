//! What a bridge is doing, for reports: [`BridgeStatus`].

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::channel::lock;

/// The state of a bridge; its task writes, reports read.
#[derive(Debug)]
pub(crate) struct BridgeStatus {
    /// Its address, without user and password.
    pub(crate) name: String,
    state: Mutex<State>,
    /// Messages received, whatever became of them.
    pub(super) n_messages: AtomicU64,
    /// Readings taken.
    pub(super) n_readings: AtomicU64,
    /// Messages of which something was not taken; the log says why.
    pub(super) n_refused: AtomicU64,
    /// Messages that the broker had kept from before, and that are not readings of now.
    pub(super) n_retained: AtomicU64,
}

#[derive(Debug)]
enum State {
    Connecting,
    Connected,
    /// Why not.
    Lost(String),
}

impl BridgeStatus {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            state: Mutex::new(State::Connecting),
            n_messages: AtomicU64::new(0),
            n_readings: AtomicU64::new(0),
            n_refused: AtomicU64::new(0),
            n_retained: AtomicU64::new(0),
        }
    }

    pub(super) fn connected(&self) {
        *lock(&self.state) = State::Connected;
    }

    pub(super) fn lost(&self, reason: &str) {
        *lock(&self.state) = State::Lost(reason.to_owned());
    }

    /// For `/healthz`.
    pub(crate) fn report(&self) -> Value {
        let (state, reason) = match &*lock(&self.state) {
            State::Connecting => ("connecting", None),
            State::Connected => ("connected", None),
            State::Lost(reason) => ("lost", Some(reason.clone())),
        };
        json!({
            "address": self.name,
            "state": state,
            "message": reason,
            "n_messages": self.n_messages.load(Ordering::Relaxed),
            "n_readings": self.n_readings.load(Ordering::Relaxed),
            "n_refused": self.n_refused.load(Ordering::Relaxed),
            "n_retained": self.n_retained.load(Ordering::Relaxed),
        })
    }
}
