//! True labels that come later than their readings: [`Truth`] keeps what was predicted until they come.
//!
//! What is scored is the prediction made when the reading came, by the model of that time, and it is scored when the
//! truth comes (`evaluation::Prequential` has the definition and its source). A reading that the model may have been
//! trained with is never scored, whenever its truth comes. Every labelled reading is in exactly one of [`TruthCounts`]'
//! first five counts.
//!
//! At most [`N_AWAITED`] readings are awaited, 40 bytes each, so 2.6 MB; past that the oldest is given up and
//! counted. A stream whose labels come with their readings takes none of it. O(log n) a truth, O(1) a reading.

use std::collections::VecDeque;

use evaluation::{Guesses, LatencyHistogram, LatencySummary};
use serde::Serialize;

/// Readings awaited: a minute at 1,000 readings/s, most of a day at one. Arbitrary, not tuned.
pub const N_AWAITED: usize = 65_536;

/// What was said of a reading whose truth is still to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Awaited {
    /// The class with most votes.
    pub predicted: u32,
    /// What the baselines said.
    pub guesses: Guesses,
    /// When it was labelled.
    pub labelled_at: f64,
}

/// Where the true labels of the labelled readings are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TruthCounts {
    /// Scored with the label that came with the reading.
    pub n_at_once: u64,
    /// Scored with a label that came later.
    pub n_late: u64,
    /// Without a label, which may still come.
    pub n_waiting: u64,
    /// Given up without a label, because too many later readings wait for theirs.
    pub n_given_up: u64,
    /// Never scored: the model may have been trained with their labels.
    pub n_not_scored: u64,
    /// Labels for readings that are not awaited: given up, labelled before, or never labelled here.
    pub n_unmatched: u64,
}

/// The readings whose truth is still to come.
#[derive(Debug)]
pub struct Truth {
    /// By rising sequence number; `None`: its truth came out of turn. The first is always `Some`.
    awaited: VecDeque<(u64, Option<Awaited>)>,
    counts: TruthCounts,
    /// From label to truth, in milliseconds, so that the histogram reaches a week instead of ten minutes.
    delays_millis: LatencyHistogram,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            awaited: VecDeque::new(),
            counts: TruthCounts::default(),
            delays_millis: LatencyHistogram::new(),
        }
    }
}

impl Truth {
    /// A reading was scored with the label that it brought.
    pub fn came_at_once(&mut self) {
        self.counts.n_at_once += 1;
    }

    /// A reading was labelled by a model that may know its truth.
    pub fn not_scored(&mut self) {
        self.counts.n_not_scored += 1;
    }

    /// A reading was labelled and brought no label. Sequence numbers have to rise.
    pub fn wait(&mut self, seq: u64, awaited: Awaited) {
        if self.awaited.len() == N_AWAITED {
            self.awaited.pop_front();
            self.counts.n_given_up += 1;
            self.counts.n_waiting -= 1;
            self.drop_settled();
        }
        self.awaited.push_back((seq, Some(awaited)));
        self.counts.n_waiting += 1;
    }

    /// A label came: what was said of its reading, or `None` if that is not awaited.
    pub fn came(&mut self, seq: u64, now: f64) -> Option<Awaited> {
        let found = self.awaited.binary_search_by_key(&seq, |&(seq, _)| seq);
        let Some(awaited) = found.ok().and_then(|idx| self.awaited[idx].1.take()) else {
            self.unmatched();
            return None;
        };
        self.drop_settled();
        self.counts.n_waiting -= 1;
        self.counts.n_late += 1;
        self.delays_millis.record((now - awaited.labelled_at) / 1e3);
        Some(awaited)
    }

    /// A label came that is for no reading here.
    pub fn unmatched(&mut self) {
        self.counts.n_unmatched += 1;
    }

    /// Where the true labels are.
    #[must_use]
    pub fn counts(&self) -> TruthCounts {
        self.counts
    }

    /// From label to truth, in milliseconds; `None` before the first late label.
    #[must_use]
    pub fn delays_millis(&self) -> Option<LatencySummary> {
        self.delays_millis.summary()
    }

    fn drop_settled(&mut self) {
        while self.awaited.front().is_some_and(|(_, awaited)| awaited.is_none()) {
            self.awaited.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(labelled_at: f64) -> Awaited {
        let guesses = Guesses {
            no_change: None,
            majority: None,
        };
        Awaited {
            predicted: 1,
            guesses,
            labelled_at,
        }
    }

    #[test]
    fn labels_find_their_readings_in_any_order_and_once() {
        let mut truth = Truth::default();
        for seq in [3, 4, 7, 9] {
            truth.wait(seq, awaited(seq as f64 * 1e6));
        }
        for (seq, is_found) in [
            (7, true),
            (3, true),
            (5, false),
            (7, false),
            (9, true),
            (3, false),
        ] {
            assert_eq!(truth.came(seq, 10e6).is_some(), is_found, "{seq}");
        }
        let counts = truth.counts();
        assert_eq!((counts.n_late, counts.n_waiting, counts.n_unmatched), (3, 1, 3));
        let delays = truth.delays_millis().unwrap();
        let is_near = |actual: u64, expected: u64| (expected..=expected + expected / 1_000).contains(&actual);
        assert!(
            delays.n == 3 && is_near(delays.p50, 3_000) && is_near(delays.max, 7_000),
            "{delays:?}"
        );
        assert_eq!(truth.awaited.front().unwrap().0, 4);
    }

    #[test]
    fn the_oldest_is_given_up_and_counted() {
        let mut truth = Truth::default();
        let n = N_AWAITED as u64;
        for seq in 0..n {
            truth.wait(seq, awaited(0.0));
        }
        assert!(truth.came(1, 1.0).is_some());
        for seq in n..n + 10 {
            truth.wait(seq, awaited(0.0));
        }
        let TruthCounts {
            n_late,
            n_waiting,
            n_given_up,
            ..
        } = truth.counts();
        // Reading 1 was settled: its place went without anything being given up.
        assert_eq!((n_late, n_given_up, n_waiting), (1, 9, n));
        assert!(truth.came(9, 1.0).is_none() && truth.came(10, 1.0).is_some());
        assert_eq!(size_of::<(u64, Option<Awaited>)>(), 40);
    }
}
