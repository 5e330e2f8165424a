//! Readings lost to one viewer, told to the log at most once in a while.

use std::time::Duration;

use protocol::GapCause;
use tokio::time::Instant;

/// A viewer that goes on losing readings is told of this often.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What was lost and not yet told.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    n_untold: u64,
    last_told: Option<Instant>,
}

impl Losses {
    /// Counts; what a viewer skips because it asked for the newest alone is no loss.
    pub(crate) fn add(&mut self, cause: GapCause, n: u64) {
        if cause != GapCause::Latest {
            self.n_untold += n;
        }
    }

    /// How many to tell of now, if it is time.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let may_tell = self
            .last_told
            .is_none_or(|then| now.saturating_duration_since(then) >= WARN_INTERVAL);
        let n = may_tell.then(|| self.take_rest())?;
        if n.is_some() {
            self.last_told = Some(now);
        }
        n
    }

    /// How many were never told of.
    pub(crate) fn take_rest(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.n_untold)).filter(|&n| n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_told_once_in_a_while_and_none_is_forgotten() {
        let start = Instant::now();
        let mut losses = Losses::default();
        assert_eq!(losses.take_due(start), None);
        losses.add(GapCause::Latest, 5);
        assert_eq!(losses.take_due(start), None);
        losses.add(GapCause::SlowViewer, 3);
        assert_eq!(losses.take_due(start), Some(3));
        losses.add(GapCause::SlowViewer, 4);
        losses.add(GapCause::HistoryLost, 2);
        assert_eq!(losses.take_due(start + WARN_INTERVAL / 2), None);
        assert_eq!(losses.take_due(start + WARN_INTERVAL), Some(6));
        losses.add(GapCause::SlowViewer, 1);
        assert_eq!(losses.take_rest(), Some(1));
        assert_eq!(losses.take_rest(), None);
    }
}
