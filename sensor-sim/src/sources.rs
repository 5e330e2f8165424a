//! All sources that sensors feed, by name: [`Sources`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use classifier::{KnnOptions, ModelMetadata};
use protocol::Status;
use protocol::sensor::SensorEvent;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::announcement::Announcement;
use crate::candidates::Candidate;
use crate::channel::{Channel, lock};
use crate::channels::Channels;
use crate::learner::Lesson;
use crate::limits::Limits;
use crate::source::{Source, SourceUser, Surroundings, TakeError, Taken};

/// Longest name of a source.
pub(crate) const MAX_NAME_BYTES: usize = 64;

/// Why a source cannot be fed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(
        "expected a source name of 1 to 64 ASCII letters, digits, dots, dashes or underscores, not of dots alone"
    )]
    BadName,
    #[error("{name} is the name of the replay; choose another one")]
    IsReplay { name: String },
    #[error(
        "{max} sources are known, as many as may be (--max-sources); an abandoned one is forgotten after a while"
    )]
    TooMany { max: usize },
}

/// The sources.
#[derive(Debug)]
pub(crate) struct Sources {
    by_name: Mutex<BTreeMap<String, Arc<Source>>>,
    channels: Arc<Channels>,
    candidates: Vec<Candidate>,
    /// For models that are trained from readings.
    options: KnnOptions,
    limits: Limits,
    /// One training at a time: it takes a core for up to a second, and labelling the streams comes first.
    training: Arc<Semaphore>,
}

impl Sources {
    pub(crate) fn new(
        channels: Arc<Channels>,
        candidates: Vec<Candidate>,
        options: KnnOptions,
        limits: Limits,
    ) -> Self {
        Self {
            by_name: Mutex::default(),
            channels,
            candidates,
            options,
            limits,
            training: Arc::new(Semaphore::new(1)),
        }
    }

    /// The source of this name, made now if there is none.
    ///
    /// # Errors
    ///
    /// [`SourceError`].
    pub(crate) fn open(&self, name: &str, now: Instant) -> Result<SourceUser, SourceError> {
        if !is_name(name) {
            return Err(SourceError::BadName);
        }
        let mut by_name = lock(&self.by_name);
        if let Some(source) = by_name.get(name) {
            return Ok(source.enter());
        }
        let channels = self.channels.all();
        if channels.iter().any(|channel| channel.source() == name) {
            return Err(SourceError::IsReplay {
                name: name.to_owned(),
            });
        }
        let max = self.limits.sources.get();
        if by_name.len() >= max {
            return Err(SourceError::TooMany { max });
        }
        let source = Arc::new(Source::new(name, self.limits.rate, self.limits.features, now));
        by_name.insert(name.to_owned(), Arc::clone(&source));
        info!(source = name, "a new source");
        Ok(source.enter())
    }

    /// Hands what a message held to its source, and trains if it is time for that.
    ///
    /// # Errors
    ///
    /// [`TakeError`], with what was taken before it.
    pub(crate) fn take(
        &self,
        source: &Arc<Source>,
        events: &[SensorEvent],
        arrived_micros: u64,
        now: Instant,
    ) -> (Result<(), TakeError>, Taken) {
        let make_channel = |name: &str, announcement: Announcement, status: Status| {
            self.channels.add(|id| {
                let status = Status {
                    channel: id,
                    ..status
                };
                let changes = self.channels.changes().clone();
                // Commands have nobody who would follow them: without a receiver they are refused.
                let (channel, _) =
                    Channel::new(name, announcement, status, self.limits.history_bytes, changes);
                channel
            })
        };
        let around = Surroundings {
            candidates: &self.candidates,
            make_channel: &make_channel,
        };
        let (result, taken, lesson) = source.take(events, arrived_micros, now, around);
        if let Some((lesson, metadata)) = lesson {
            self.train(Arc::clone(source), lesson, metadata);
        }
        (result, taken)
    }

    fn train(&self, source: Arc<Source>, lesson: Lesson, metadata: ModelMetadata) {
        let (options, training) = (self.options.clone(), Arc::clone(&self.training));
        tokio::spawn(async move {
            let Ok(seat) = training.acquire_owned().await else {
                return;
            };
            let trained = spawn_blocking(move || {
                let file = lesson.train(&options, &metadata);
                (lesson, file)
            });
            match trained.await {
                Ok((lesson, result)) => {
                    match &result {
                        Ok(file) => info!(source = source.name, "{}", file.description),
                        Err(error) => {
                            warn!(source = source.name, %error, "no model could be trained from the labelled readings");
                        }
                    }
                    source.learned(&lesson, result);
                }
                // A panic has said so itself; the source goes on without training.
                Err(error) => warn!(source = source.name, %error, "training failed"),
            }
            drop(seat);
        });
    }

    /// Notices sources that have fallen silent, trains where that is due, and forgets abandoned ones.
    pub(crate) fn tend(&self, now: Instant) {
        let mut by_name = lock(&self.by_name);
        by_name.retain(|name, source| {
            if let Some((lesson, metadata)) = source.lesson(now) {
                self.train(Arc::clone(source), lesson, metadata);
            }
            let is_forgotten = source.tend(now, self.limits.forget_after);
            if is_forgotten {
                info!(source = name.as_str(), "source forgotten: nobody feeds it");
                if let Some(channel) = source.channel() {
                    self.channels.forget(channel);
                }
            }
            !is_forgotten
        });
    }
}

/// Whether a source may be called so.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name.bytes().any(|byte| byte != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "py1", "boiler-2.north_wing", "...a", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "ä", "a%2e", "a\n", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
