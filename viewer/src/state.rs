//! The one word and the one sentence that say how the viewer is: [`State`].

use protocol::{Pace as ReplayPace, SourceState};
use serde::Serialize;

use crate::session::{AfreshReason, Connection, ModelState, Session};

/// A viewer whose newest label is older than this is behind. Half a second is what a person sees as late, and what the
/// credit holds at 1,000 readings/s.
const BEHIND_MICROS: f64 = 500_000.0;

/// It has caught up when the newest label is younger than this: half, so that the state does not flicker.
const CAUGHT_UP_MICROS: f64 = BEHIND_MICROS / 2.0;

/// A viewer for which readings were skipped is behind for at least so long.
const SKIPPED_MICROS: f64 = 2e6;

/// How long counts that began afresh are spoken of.
const AFRESH_MICROS: f64 = 30e6;

/// How the viewer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Opening the connection, or waiting for the server's first messages.
    Connecting,
    /// Fetching or building the model.
    Loading,
    /// Subscribed, no reading yet.
    Waiting,
    /// Labelling what comes.
    Live,
    /// Labelling late, or not all.
    Behind,
    /// The replay is held.
    Paused,
    /// The replay's last row was labelled, or the source is gone.
    Ended,
    /// Sensors have sent nothing for some seconds.
    Silent,
    /// No connection; it is tried again.
    Disconnected,
    /// The stream has no model: its values are shown, nothing is labelled.
    NoModel,
    /// The model is for other features or classes.
    Mismatch,
    /// The server asks for a token that we do not have.
    Locked,
    /// It does not go on by itself, or only after some time.
    Error,
}

/// A state with its sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// One or two sentences for people.
    pub message: String,
    /// Time to the next try, where there is one.
    pub retry_in_micros: Option<f64>,
}

/// Whether the viewer keeps up with its stream.
#[derive(Debug, Default)]
pub struct Pace {
    is_behind: bool,
    skipped_at: Option<f64>,
}

/// What the state follows from besides the session.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Readings labelled.
    pub labelled: u64,
    /// Readings produced and neither labelled nor missing.
    pub n_lagging: u64,
    /// Readings skipped because we are too slow.
    pub n_skipped: u64,
    /// Readings that the classifier refused.
    pub n_refused: u64,
    /// Age of the newest labelled reading when it was labelled.
    pub newest_age_micros: Option<f64>,
    /// Bytes of the model that have come.
    pub n_loaded_bytes: u64,
}

impl Pace {
    /// Readings were given up because we were too slow.
    pub fn skipped(&mut self, now: f64) {
        self.skipped_at = Some(now);
    }

    /// Decides anew. `is_paced`: the stream has a rate of its own; one that goes as fast as its viewers take it is kept
    /// waiting by design, and whoever follows it is behind only if something is skipped.
    pub fn update(&mut self, progress: &Progress, is_paced: bool, now: f64) -> bool {
        let skips = self.skipped_at.is_some_and(|at| now - at < SKIPPED_MICROS);
        let limit = if self.is_behind {
            CAUGHT_UP_MICROS
        } else {
            BEHIND_MICROS
        };
        let is_late = progress.n_lagging > 0 && progress.newest_age_micros.is_some_and(|age| age > limit);
        self.is_behind = skips || (is_paced && is_late);
        self.is_behind
    }
}

/// Says how a session stands.
#[must_use]
pub fn standing(session: &Session, progress: &Progress, pace: &mut Pace, now: f64) -> Standing {
    let say = |state, message: String| Standing {
        state,
        message,
        retry_in_micros: None,
    };
    match session.connection() {
        Connection::Idle | Connection::Connecting if session.last_hello().is_none() => {
            return say(State::Connecting, "Connecting to the server.".to_owned());
        }
        Connection::Idle | Connection::Connecting => {
            return say(
                State::Disconnected,
                "The connection was lost; connecting again.".to_owned(),
            );
        }
        Connection::Refused(reason) => return say(State::Error, reason.clone()),
        Connection::Locked(reason) => return say(State::Locked, reason.clone()),
        Connection::Lost { retry_at, reason } => {
            let retry_in_micros = (retry_at - now).max(0.0);
            let what = if session.last_hello().is_some() {
                "The connection to the server was lost"
            } else {
                "The server cannot be reached"
            };
            let reason = if reason.is_empty() {
                String::new()
            } else {
                format!(" ({reason})")
            };
            let secs = (retry_in_micros / 1e6).ceil();
            return Standing {
                state: State::Disconnected,
                message: format!("{what}{reason}; next try in {secs} s."),
                retry_in_micros: Some(retry_in_micros),
            };
        }
        Connection::Open => {}
    }
    if session.followed().is_none() {
        return say(
            State::Connecting,
            match session.wanted_source() {
                Some(name) => format!("Connected; the server has no source {name} yet."),
                None => "Connected; waiting for a first source: point a sensor at /ingest/NAME.".to_owned(),
            },
        );
    }
    match session.model() {
        ModelState::Absent => {
            let reason = session.status().and_then(|status| status.message.as_deref());
            let message = match reason {
                Some(reason) => format!("Readings of this source cannot be labelled: {reason}."),
                // The server's reason follows the schema in a message of its own.
                None => "This source has no model, so its readings cannot be labelled.".to_owned(),
            };
            say(State::NoModel, message)
        }
        ModelState::Loading(model) if progress.n_loaded_bytes >= model.n_bytes => say(
            State::Loading,
            "The model has come; building its index.".to_owned(),
        ),
        ModelState::Loading(model) => {
            let percent = 100 * progress.n_loaded_bytes / model.n_bytes.max(1);
            let megabytes = model.n_bytes as f64 / 1e6;
            say(
                State::Loading,
                format!("Loading the model: {percent} % of {megabytes:.1} MB."),
            )
        }
        ModelState::Mismatch(_, reason) => {
            let message = format!("{reason} Start the server with a model that was fitted to this stream.");
            say(State::Mismatch, message)
        }
        ModelState::Failed(_, reason, Some(retry_at)) => {
            let retry_in_micros = (retry_at - now).max(0.0);
            let secs = (retry_in_micros / 1e6).ceil();
            Standing {
                state: State::Error,
                message: format!("The model could not be loaded: {reason}. Next try in {secs} s."),
                retry_in_micros: Some(retry_in_micros),
            }
        }
        ModelState::Failed(_, reason, None) => {
            let message =
                format!("The model is of no use: {reason}. Restart the server, then reload this page.");
            say(State::Error, message)
        }
        ModelState::Ready(_) => flowing(session, progress, pace, now),
    }
}

/// How a session with readings stands.
fn flowing(session: &Session, progress: &Progress, pace: &mut Pace, now: f64) -> Standing {
    let Progress {
        labelled,
        n_lagging,
        n_skipped,
        n_refused,
        ..
    } = *progress;
    let is_paced = session
        .followed()
        .and_then(|schema| schema.replay.as_ref())
        .is_none_or(|replay| match replay.pace {
            ReplayPace::Rate => replay.rate.is_some(), // Servers that do not send a pace have no rate at the rate max.
            ReplayPace::Recorded => true,
            ReplayPace::Max => false,
        });
    let is_behind = pace.update(progress, is_paced, now);
    let replay = session.status().map(|status| status.state);
    let (state, mut message) = match replay {
        Some(SourceState::Paused) if n_lagging > 0 => (
            State::Paused,
            format!(
                "The replay is held; {} readings are still to be labelled.",
                thousands(n_lagging)
            ),
        ),
        Some(SourceState::Paused) => (
            State::Paused,
            "The replay is held; nothing is left to label.".to_owned(),
        ),
        Some(SourceState::Ended) if n_lagging == 0 => (
            State::Ended,
            "The replay's last row is labelled; play or seek to start again.".to_owned(),
        ),
        Some(SourceState::Gone) => (
            State::Ended,
            "This source is gone: nothing has fed it for a long time.".to_owned(),
        ),
        Some(SourceState::Silent) if n_lagging == 0 => (
            State::Silent,
            "The sensor has sent nothing for some seconds; what is shown is from before.".to_owned(),
        ),
        _ if is_behind => {
            let age = progress.newest_age_micros.unwrap_or(0.0) / 1e6;
            let message = match n_skipped {
                0 => format!(
                    "{} readings ({age:.1} s) behind; nothing was skipped.",
                    thousands(n_lagging)
                ),
                // How many wait changes with every message then, down to none, and says nothing.
                n => format!(
                    "This page is slower than the stream: {} readings were skipped so far, and labels come {age:.1} s late.",
                    thousands(n)
                ),
            };
            (State::Behind, message)
        }
        _ if labelled == 0 => (State::Waiting, "Ready; waiting for the first reading.".to_owned()),
        _ if n_refused > 0 => (
            State::Live,
            format!(
                "Readings are labelled as they arrive; the classifier refused {}.",
                thousands(n_refused)
            ),
        ),
        _ => (State::Live, "Every reading is labelled as it arrives.".to_owned()),
    };
    if let Some((at, reason)) = session.afresh()
        && now - at < AFRESH_MICROS
    {
        let reason = match reason {
            AfreshReason::Restarted => "The server was started again",
            AfreshReason::Classes => "The stream has other classes than before",
            AfreshReason::Features => "The stream has other features than before",
            AfreshReason::ModelGone => "The model before is gone",
        };
        message.push_str(&format!(" {reason}, so all counts began afresh."));
    }
    Standing {
        state,
        message,
        retry_in_micros: None,
    }
}

/// `184213` → `184,213`, as the page writes its own figures.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn counts_have_thousands_apart() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (184_213, "184,213"),
            (1_966_771, "1,966,771"),
        ];
        for (n, expected) in cases {
            assert_eq!(thousands(n), expected);
        }
    }
}
