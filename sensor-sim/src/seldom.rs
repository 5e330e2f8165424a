//! What is said only so often, and counted meanwhile: [`Seldom`].

use std::time::Duration;

use tokio::time::Instant;

/// Decides whether it is time to say something again.
#[derive(Debug)]
pub(crate) struct Seldom {
    interval: Duration,
    /// How often it may be said in an interval.
    max: u32,
    /// When the present interval began.
    since: Option<Instant>,
    n_said: u32,
    n_unsaid: u64,
}

impl Seldom {
    /// Once in an interval, which begins when it is said.
    pub(crate) fn every(interval: Duration) -> Self {
        Self::up_to(1, interval)
    }

    /// At most `max` times in an interval, which begins with the first of them.
    pub(crate) fn up_to(max: u32, interval: Duration) -> Self {
        Self {
            interval,
            max,
            since: None,
            n_said: 0,
            n_unsaid: 0,
        }
    }

    /// How many occurrences went unsaid since the last that was said, if this one is to be said.
    pub(crate) fn say(&mut self, now: Instant) -> Option<u64> {
        let is_new = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= self.interval);
        if is_new {
            self.since = Some(now);
            self.n_said = 0;
        }
        if self.n_said >= self.max {
            self.n_unsaid += 1;
            return None;
        }
        self.n_said += 1;
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
