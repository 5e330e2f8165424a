//! What sensors and viewers may cost: [`Limits`], and the [`TokenBucket`] that holds a source to its rate.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use tokio::time::Instant;

/// Bounds that keep one client from harming the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most bytes of a sensor's WebSocket message.
    pub message_bytes: usize,
    /// Most bytes of a posted body.
    pub post_bytes: usize,
    /// Most features of a sensor's reading.
    pub features: usize,
    /// Readings a second of one source, all its connections together; as many may come at once.
    pub rate: NonZeroU32,
    /// Most sources that are known at a time.
    pub sources: NonZeroUsize,
    /// Most sensors connected at a time.
    pub sensors: NonZeroUsize,
    /// Most viewers connected at a time.
    pub viewers: NonZeroUsize,
    /// Most connections that speak plain HTTP at a time; a newcomer gets the place of the oldest that has asked for nothing
    /// yet. A WebSocket counts until its handshake is over.
    pub connections: NonZeroUsize,
    /// Most WebSockets that have still to show their token; a newcomer gets the place of the oldest.
    pub strangers: NonZeroUsize,
    /// A request's head has to be complete within this time, a posted body too.
    pub handshake: Duration,
    /// A sensor that sends nothing at all, not even pongs, for this long is gone; it is pinged at a third of it.
    pub silence: Duration,
    /// A source that has had no reading for this long and no connection is forgotten.
    pub forget_after: Duration,
    /// Bytes of readings kept for viewers, for each source.
    pub history_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        use crate::config::defaults;
        Self {
            message_bytes: defaults::MESSAGE_KIB as usize * 1024,
            post_bytes: defaults::POST_KIB as usize * 1024,
            features: defaults::FEATURES as usize,
            rate: defaults::SOURCE_RATE,
            sources: defaults::SOURCES,
            sensors: defaults::SENSORS,
            viewers: defaults::VIEWERS,
            connections: defaults::CONNECTIONS,
            strangers: defaults::STRANGERS,
            handshake: Duration::from_secs(defaults::HANDSHAKE_SECS),
            silence: Duration::from_secs(defaults::SILENCE_SECS),
            forget_after: Duration::from_secs(defaults::FORGET_SECS),
            history_bytes: defaults::SOURCE_HISTORY_MIB as usize * 1024 * 1024,
        }
    }
}

impl Limits {
    /// Why a source has to wait.
    pub(crate) fn too_fast(&self) -> String {
        format!(
            "more than {} readings a second (--max-rate); whenever a source's features or classes change, each of them \
             counts as a reading",
            self.rate
        )
    }
}

/// Lets a second's worth of readings through at once, and no more than the rate in the long run. What comes in one
/// message is never cut: it may leave a debt, which has to be waited off before the next.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_sec: f64,
    /// Below 0: a debt.
    tokens: f64,
    filled_at: Instant,
}

impl TokenBucket {
    pub(crate) fn new(per_sec: NonZeroU32, now: Instant) -> Self {
        let per_sec = f64::from(per_sec.get());
        Self {
            per_sec,
            tokens: per_sec,
            filled_at: now,
        }
    }

    /// Takes the tokens of `n` readings.
    pub(crate) fn take(&mut self, n: usize, now: Instant) {
        self.fill(now);
        self.tokens -= n as f64;
    }

    /// How long to wait until there is no debt.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        self.fill(now);
        Duration::from_secs_f64((-self.tokens).max(0.0) / self.per_sec)
    }

    fn fill(&mut self, now: Instant) {
        let secs = now.saturating_duration_since(self.filled_at).as_secs_f64();
        self.filled_at = now;
        self.tokens = (self.tokens + secs * self.per_sec).min(self.per_sec);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_a_second_passes_and_a_debt_is_waited_off() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(NonZeroU32::new(100).unwrap(), start);
        bucket.take(100, start);
        assert_eq!(bucket.wait(start), Duration::ZERO);
        bucket.take(50, start);
        assert_eq!(bucket.wait(start), Duration::from_millis(500));
        assert_eq!(
            bucket.wait(start + Duration::from_millis(300)),
            Duration::from_millis(200)
        );
        let later = start + Duration::from_secs(60);
        bucket.take(100, later);
        assert_eq!(
            bucket.wait(later),
            Duration::ZERO,
            "a long rest fills no more than a second's worth"
        );
        bucket.take(1, later);
        assert_eq!(bucket.wait(later), Duration::from_millis(10));
    }
}
