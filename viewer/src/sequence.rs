//! Which readings are missing, and why: [`Sequence`] follows the sequence numbers of one session.
//!
//! Every sequence number between the first reading seen and the newest is either labelled or counted here under one
//! cause, and none is counted twice, whatever the server announces.

use protocol::{Gap, GapCause};
use serde::Serialize;

/// Readings missed, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Gaps {
    /// The server gave them up because we were too slow.
    pub slow_viewer: u64,
    /// We came back too late: the server no longer held them.
    pub history_lost: u64,
    /// Skipped as asked, by the policy `latest`.
    pub latest: u64,
    /// Missing between two connections without the server giving a cause.
    pub reconnect: u64,
    /// Missing within a connection without the server saying so, or in a message that could not be read.
    pub unexplained: u64,
    /// Received, and refused by the classifier: a feature is not a number.
    pub not_classified: u64,
    /// Received while there was no model.
    pub no_model: u64,
    /// All of them.
    pub total: u64,
}

/// The sequence numbers seen on one channel in one session.
#[derive(Debug, Default)]
pub struct Sequence {
    /// The one that should come next; `None` until the first reading.
    next: Option<u64>,
    /// The server is known to have produced all readings below this one.
    produced_until: u64,
    /// Whether nothing has come since the last reconnection.
    reconnected: bool,
    gaps: Gaps,
}

impl Sequence {
    /// The next reading comes over a new connection.
    pub fn reconnected(&mut self) {
        self.reconnected = true;
    }

    /// The server says that it has produced all readings below `next_seq`.
    pub fn produced(&mut self, next_seq: u64) {
        self.produced_until = self.produced_until.max(next_seq);
    }

    /// The server's announcement of a gap. Returns how many readings are missing because of it.
    pub fn gap(&mut self, gap: &Gap) -> u64 {
        if gap.until <= gap.from {
            return 0;
        }
        let n_jumped = self.arrive_at(gap.from);
        let next = self.next.unwrap_or(gap.from);
        let n = gap.until.saturating_sub(next);
        let count = match gap.cause {
            GapCause::SlowViewer => &mut self.gaps.slow_viewer,
            GapCause::HistoryLost => &mut self.gaps.history_lost,
            GapCause::Latest => &mut self.gaps.latest,
        };
        *count += n;
        self.gaps.total += n;
        self.advance(next.max(gap.until));
        n_jumped + n
    }

    /// Readings from `first_seq` on are about to be labelled. Returns how many before them are missing.
    pub fn arrive_at(&mut self, first_seq: u64) -> u64 {
        let Some(next) = self.next else {
            return 0;
        };
        let n = first_seq.saturating_sub(next);
        if self.reconnected {
            self.gaps.reconnect += n;
        } else {
            self.gaps.unexplained += n;
        }
        self.gaps.total += n;
        self.advance(next.max(first_seq));
        n
    }

    /// The reading that came next gets no label: the classifier refuses it.
    pub fn not_classified(&mut self) {
        self.gaps.not_classified += 1;
        self.gaps.total += 1;
    }

    /// The reading that came next gets no label: there is no model yet.
    pub fn no_model(&mut self) {
        self.gaps.no_model += 1;
        self.gaps.total += 1;
    }

    /// All readings below `next_seq` are labelled, or counted as missing.
    pub fn advance(&mut self, next_seq: u64) {
        self.next = Some(self.next.unwrap_or(0).max(next_seq));
        self.reconnected = false;
        self.produced(next_seq);
    }

    /// The reading wanted next; `None` until the first one.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        self.next
    }

    /// Readings known to be produced and neither labelled nor missing.
    #[must_use]
    pub fn n_lagging(&self) -> u64 {
        self.next
            .map_or(0, |next| self.produced_until.saturating_sub(next))
    }

    /// What is missing.
    #[must_use]
    pub fn gaps(&self) -> Gaps {
        self.gaps
    }

    /// The same with `n_given_up` of those that lag: the server has given them up for our slowness, and its `gap` is
    /// still to come, or waits for its turn.
    #[must_use]
    pub fn gaps_with(&self, n_given_up: u64) -> Gaps {
        let n = n_given_up.min(self.n_lagging());
        Gaps {
            slow_viewer: self.gaps.slow_viewer + n,
            total: self.gaps.total + n,
            ..self.gaps
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: u64, until: u64, cause: GapCause) -> Gap {
        Gap {
            channel: 0,
            from,
            until,
            cause,
        }
    }

    #[test]
    fn a_stream_that_starts_late_has_no_gap() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.arrive_at(5_000), 0);
        sequence.advance(5_010);
        assert_eq!(sequence.arrive_at(5_010), 0);
        assert_eq!(sequence.gaps(), Gaps::default());
    }

    #[test]
    fn announced_gaps_count_under_the_servers_cause() {
        let mut sequence = Sequence::default();
        sequence.advance(10);
        assert_eq!(sequence.gap(&gap(10, 30, GapCause::SlowViewer)), 20);
        assert_eq!(sequence.arrive_at(30), 0);
        let gaps = sequence.gaps();
        assert_eq!((gaps.slow_viewer, gaps.unexplained, gaps.total), (20, 0, 20));
    }

    #[test]
    fn a_jump_without_a_word_is_unexplained() {
        let mut sequence = Sequence::default();
        sequence.advance(10);
        assert_eq!(sequence.arrive_at(13), 3);
        assert_eq!(sequence.gaps().unexplained, 3);
    }

    #[test]
    fn a_jump_right_after_a_reconnection_is_its_own_cause() {
        let mut sequence = Sequence::default();
        sequence.advance(10);
        sequence.reconnected();
        assert_eq!(sequence.arrive_at(13), 3);
        sequence.advance(20);
        assert_eq!(sequence.arrive_at(21), 1);
        let gaps = sequence.gaps();
        assert_eq!((gaps.reconnect, gaps.unexplained, gaps.total), (3, 1, 4));
    }

    #[test]
    fn a_reconnection_without_loss_counts_nothing() {
        let mut sequence = Sequence::default();
        sequence.advance(10);
        sequence.reconnected();
        assert_eq!(sequence.arrive_at(10), 0);
        assert_eq!(sequence.gaps().total, 0);
    }

    #[test]
    fn nothing_is_counted_twice() {
        let mut sequence = Sequence::default();
        sequence.advance(10);
        sequence.gap(&gap(10, 20, GapCause::HistoryLost));
        sequence.gap(&gap(10, 25, GapCause::SlowViewer));
        sequence.gap(&gap(9, 9, GapCause::SlowViewer));
        let gaps = sequence.gaps();
        assert_eq!((gaps.history_lost, gaps.slow_viewer, gaps.total), (10, 5, 15));
    }

    #[test]
    fn a_gap_before_the_first_reading_counts() {
        let mut sequence = Sequence::default();
        assert_eq!(sequence.gap(&gap(3, 7, GapCause::SlowViewer)), 4);
        assert_eq!(sequence.next(), Some(7));
    }

    #[test]
    fn lag_is_what_was_produced_and_not_labelled() {
        let mut sequence = Sequence::default();
        sequence.produced(100);
        assert_eq!(
            sequence.n_lagging(),
            0,
            "nothing is owed before the first reading"
        );
        sequence.advance(101);
        sequence.produced(150);
        assert_eq!(sequence.n_lagging(), 49);
    }
}
