//! What becomes of an MQTT connection's messages: each topic with readings is a source. [`Topics`].

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use protocol::sensor::{SensorDecoder, SensorEvent};
use tokio::time::Instant;

use super::naming::{lone_number, source_name};
use super::packets::Publish;
use crate::bridges::BridgeStatus;
use crate::bridges::intake::Intake;
use crate::ingest;
use crate::server::Server;

/// What is known of the topics.
#[derive(Debug)]
pub(super) struct Topics {
    pub(super) intake: Intake,
    /// By topic; of those alone that had readings, about as many as there may be sources.
    feeds: HashMap<String, Feed>,
}

/// A topic that is a source.
#[derive(Debug)]
struct Feed {
    source: String,
    decoder: SensorDecoder,
    last_reading_at: Option<Instant>,
}

impl Topics {
    pub(super) fn new(status: &Arc<BridgeStatus>, server: &Arc<Server>) -> Self {
        Self {
            intake: Intake::new(status, server),
            feeds: HashMap::new(),
        }
    }

    /// Takes a message's readings.
    pub(super) fn message(&mut self, publish: &Publish) {
        let (topic, intake) = (publish.topic(), &mut self.intake);
        intake.received();
        if publish.is_retained {
            intake.status.n_retained.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let limits = &intake.server.limits;
        let Some(payload) = &publish.payload else {
            let reason = format!(
                "expected at most {} bytes (--max-message-kib)",
                limits.message_bytes
            );
            return intake.refused(topic, &reason);
        };
        if payload.is_empty() {
            return; // It has cleared what the broker kept.
        }
        let now = Instant::now();
        if !self.feeds.contains_key(topic) {
            if self.feeds.len() >= limits.sources.get() {
                // What is left after this has sources of its own, so there are not many.
                let forget_after = limits.forget_after;
                self.feeds.retain(|_, feed| feed.is_fresh(now, forget_after));
            }
            self.feeds
                .insert(topic.to_owned(), Feed::new(topic, &intake.server));
        }
        let feed = self.feeds.get_mut(topic).expect("inserted if it was not there");
        if let Err(reason) = feed.take(topic, payload, intake, now) {
            intake.refused(topic, &reason);
        }
        // Words alone make no source: with a filter like `#` most topics would be one.
        if feed.last_reading_at.is_none() {
            self.feeds.remove(topic);
        }
    }
}

impl Feed {
    fn new(topic: &str, server: &Server) -> Self {
        Self {
            source: source_name(topic),
            decoder: ingest::decoder(&server.limits, None, server.limits.message_bytes),
            last_reading_at: None,
        }
    }

    fn is_fresh(&self, now: Instant, forget_after: std::time::Duration) -> bool {
        self.last_reading_at
            .is_some_and(|then| now.saturating_duration_since(then) < forget_after)
    }

    /// Takes a message, or says why not.
    fn take(&mut self, topic: &str, payload: &[u8], intake: &mut Intake, now: Instant) -> Result<(), String> {
        let arrived_micros = intake.server.clock.now_micros();
        let number = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| lone_number(topic, text));
        let events = match number {
            Some(event) => vec![event],
            None => {
                let is_binary = ingest::looks_binary(payload);
                ingest::decode(&mut self.decoder, payload, is_binary, arrived_micros)
                    .map_err(|error| error.to_string())?
            }
        };
        let is_reading = |event: &SensorEvent| matches!(event, SensorEvent::Reading(_));
        if events.is_empty() || self.last_reading_at.is_none() && !events.iter().any(is_reading) {
            return Ok(()); // A text, a header, or labels for what has not come yet.
        }
        let source = intake
            .server
            .sources
            .open(&self.source, now)
            .map_err(|error| error.to_string())?;
        if !source.wait(now).is_zero() {
            // One connection serves all topics: to wait for one would hold back the others.
            return Err(intake.server.limits.too_fast());
        }
        let taken = intake.take(&source, &events, arrived_micros, topic);
        if taken.n_readings > 0 {
            self.last_reading_at = Some(now);
        }
        Ok(())
    }
}
