//! The session's clock: microseconds since the Unix epoch that never run backwards.
//!
//! The wall clock is read once, when the session starts; from there on the monotonic clock counts. A wall clock that is
//! set during a session moves no time stamp, and differences between two time stamps are true durations.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Says what time it is within one session; copies agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionClock {
    started_at: Instant,
    started_micros: u64,
}

impl SessionClock {
    /// Reads the wall clock and starts counting.
    #[must_use]
    pub(crate) fn start() -> Self {
        // A wall clock before 1970 counts as 1970: only differences matter to viewers.
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            started_at: Instant::now(),
            started_micros: whole_micros(since_epoch),
        }
    }

    /// Now, in microseconds since the Unix epoch.
    #[must_use]
    pub(crate) fn now_micros(&self) -> u64 {
        self.started_micros + whole_micros(self.started_at.elapsed())
    }

    /// How long the session has lasted.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.started_at.elapsed()
    }
}

fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn time_stamps_follow_the_monotonic_clock() {
        let clock = SessionClock::start();
        let before = clock.now_micros();
        tokio::time::advance(Duration::from_micros(1_500)).await;
        assert_eq!(clock.now_micros() - before, 1_500);
    }
}
