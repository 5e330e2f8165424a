//! What bridges do with messages: hand what they hold to its source, count, and say at most once in a while why a message
//! was not taken. [`Intake`].

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::sensor::SensorEvent;
use tokio::time::Instant;
use tracing::warn;

use super::BridgeStatus;
use crate::seldom::Seldom;
use crate::server::Server;
use crate::source::{Source, Taken};

/// How often a bridge says why a message was not taken. With a filter like `#` that may be most messages.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Most characters of a topic in the log.
const MAX_SHOWN_CHARS: usize = 100;

/// What both kinds of bridge need.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) server: Arc<Server>,
    pub(super) status: Arc<BridgeStatus>,
    refusals: Seldom,
}

impl Intake {
    pub(super) fn new(status: &Arc<BridgeStatus>, server: &Arc<Server>) -> Self {
        Self {
            server: Arc::clone(server),
            status: Arc::clone(status),
            refusals: Seldom::every(TELL_INTERVAL),
        }
    }

    /// A message has come.
    pub(super) fn received(&self) {
        self.status.n_messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Hands a message's readings and labels to the source. `from` is the message's topic or source, for the log.
    pub(super) fn take(
        &mut self,
        source: &Arc<Source>,
        events: &[SensorEvent],
        arrived_micros: u64,
        from: &str,
    ) -> Taken {
        let (result, taken) = self
            .server
            .sources
            .take(source, events, arrived_micros, Instant::now());
        self.status
            .n_readings
            .fetch_add(taken.n_readings, Ordering::Relaxed);
        match result {
            Err(error) => self.refused(from, &error),
            Ok(()) if taken.n_unknown > 0 => {
                self.refused(from, &"labels are for readings that are not known")
            }
            Ok(()) => {}
        }
        taken
    }

    /// A message was not taken, or not whole.
    pub(super) fn refused(&mut self, from: &str, reason: &dyn std::fmt::Display) {
        self.status.n_refused.fetch_add(1, Ordering::Relaxed);
        let Some(n_unsaid) = self.refusals.say(Instant::now()) else {
            return;
        };
        let from: String = from.chars().take(MAX_SHOWN_CHARS).collect();
        let others = match n_unsaid {
            0 => String::new(),
            n => format!(" (nor were {n} others since the last such line)"),
        };
        warn!(
            bridge = self.status.name,
            from, "a message was not taken: {reason}{others}"
        );
    }
}

/// What another program says, fit for a line of the log.
pub(super) fn shown(text: &str) -> String {
    let text: String = text.trim().chars().take(200).collect();
    text.escape_debug().to_string()
}
