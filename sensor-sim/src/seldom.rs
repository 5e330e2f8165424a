//! What is said at most once in a while, and counted meanwhile: [`Seldom`].

use std::time::Duration;

use tokio::time::Instant;

/// Decides whether it is time to say something again.
#[derive(Debug)]
pub(crate) struct Seldom {
    interval: Duration,
    said_at: Option<Instant>,
    n_unsaid: u64,
}

impl Seldom {
    pub(crate) fn every(interval: Duration) -> Self {
        Self {
            interval,
            said_at: None,
            n_unsaid: 0,
        }
    }

    /// How many occurrences went unsaid since the last that was said, if this one is to be said.
    pub(crate) fn say(&mut self, now: Instant) -> Option<u64> {
        let is_too_soon = self
            .said_at
            .is_some_and(|then| now.saturating_duration_since(then) < self.interval);
        if is_too_soon {
            self.n_unsaid += 1;
            return None;
        }
        self.said_at = Some(now);
        Some(std::mem::take(&mut self.n_unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_soon_is_counted() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut seldom = Seldom::every(second);
        assert_eq!(seldom.say(start), Some(0));
        assert_eq!(seldom.say(start), None);
        assert_eq!(seldom.say(start + second / 2), None);
        assert_eq!(seldom.say(start + second), Some(2));
        assert_eq!(seldom.say(start + 3 * second), Some(0));
    }
}
