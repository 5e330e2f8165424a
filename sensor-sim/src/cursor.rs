//! One viewer's place in a channel, as numbers: what it gets next, what it gives up and why, what is in flight.
//!
//! Nothing is silently lost: every sequence number from the first one on is either delivered or part of exactly one gap.

use std::collections::VecDeque;
use std::ops::Range;

use protocol::{GapCause, Policy};

/// Where a viewer is, and by which rules it moves.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The next sequence number to deliver.
    next_seq: u64,
    policy: Policy,
    /// Most readings that may wait, for `drop-oldest`.
    queue: u64,
    /// `queue`, or more while a viewer that resumed works off what it had missed; never grows.
    backlog: u64,
    /// Most readings delivered and not acknowledged.
    credit: Option<u64>,
    in_flight: InFlight,
    /// Whether nothing was delivered yet: what is missing then was lost before the viewer came.
    is_new: bool,
}

impl Cursor {
    /// Begins at `next_seq`, with `head` being the channel's next sequence number.
    pub(crate) fn new(next_seq: u64, head: u64, policy: Policy, queue: u64, credit: Option<u64>) -> Self {
        Self {
            next_seq,
            policy,
            queue,
            backlog: queue.max(head - next_seq),
            credit,
            in_flight: InFlight::default(),
            is_new: true,
        }
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Gives up what the policy does not keep of the ring's `oldest..head`. Each range is to be told to the viewer.
    pub(crate) fn give_up(
        &mut self,
        oldest: u64,
        head: u64,
    ) -> impl Iterator<Item = (Range<u64>, GapCause)> + use<> {
        let lost_cause = match self.policy {
            Policy::DropOldest if !self.is_new => GapCause::SlowViewer,
            Policy::Latest if !self.is_new => GapCause::Latest,
            _ => GapCause::HistoryLost,
        };
        let lost = self.skip_to(oldest, lost_cause);
        let skipped = match self.policy {
            Policy::DropOldest => {
                // Of what waited at the start nothing is given up; but the backlog only shrinks.
                self.backlog = self.queue.max(self.backlog.min(head - self.next_seq));
                self.skip_to(head.saturating_sub(self.backlog), GapCause::SlowViewer)
            }
            Policy::Latest => self.skip_to(head.saturating_sub(1), GapCause::Latest),
            Policy::Lossless => None,
        };
        lost.into_iter().chain(skipped)
    }

    /// How many readings may be delivered now.
    pub(crate) fn n_deliverable(&self, head: u64) -> u64 {
        self.n_waiting(head).min(self.credit_left())
    }

    /// Readings published and not yet delivered or given up.
    pub(crate) fn n_waiting(&self, head: u64) -> u64 {
        head - self.next_seq
    }

    pub(crate) fn n_in_flight(&self) -> u64 {
        self.in_flight.n
    }

    /// The next `n` readings went out.
    pub(crate) fn deliver(&mut self, n: u64) {
        let delivered = self.next_seq..self.next_seq + n;
        self.next_seq = delivered.end;
        self.is_new = false;
        if self.credit.is_some() {
            self.in_flight.add(delivered);
        }
    }

    /// Everything below `next_seq` is done with; `false` if that was not yet delivered. Going back has no effect.
    #[must_use]
    pub(crate) fn acknowledge(&mut self, next_seq: u64) -> bool {
        self.in_flight.remove_below(next_seq);
        next_seq <= self.next_seq
    }

    fn credit_left(&self) -> u64 {
        self.credit
            .map_or(u64::MAX, |credit| credit.saturating_sub(self.in_flight.n))
    }

    fn skip_to(&mut self, seq: u64, cause: GapCause) -> Option<(Range<u64>, GapCause)> {
        let skipped = self.next_seq..seq;
        (!skipped.is_empty()).then(|| {
            self.next_seq = seq;
            (skipped, cause)
        })
    }
}

/// Readings delivered and not acknowledged, as ranges: gaps lie between them. At most `credit` ranges.
#[derive(Debug, Default)]
struct InFlight {
    ranges: VecDeque<Range<u64>>,
    n: u64,
}

impl InFlight {
    fn add(&mut self, delivered: Range<u64>) {
        self.n += delivered.end - delivered.start;
        match self.ranges.back_mut() {
            Some(last) if last.end == delivered.start => last.end = delivered.end,
            _ => self.ranges.push_back(delivered),
        }
    }

    fn remove_below(&mut self, seq: u64) {
        while let Some(first) = self.ranges.front_mut() {
            let done = seq.clamp(first.start, first.end);
            self.n -= done - first.start;
            first.start = done;
            if !first.is_empty() {
                break;
            }
            self.ranges.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gaps(cursor: &mut Cursor, oldest: u64, head: u64) -> Vec<(Range<u64>, GapCause)> {
        cursor.give_up(oldest, head).collect()
    }

    #[test]
    fn slow_viewer_loses_oldest_readings() {
        let mut cursor = Cursor::new(10, 10, Policy::DropOldest, 4, None);
        assert_eq!(gaps(&mut cursor, 0, 14), []);
        assert_eq!(gaps(&mut cursor, 0, 20), [(10..16, GapCause::SlowViewer)]);
        assert_eq!(cursor.n_deliverable(20), 4);
    }

    #[test]
    fn a_resumed_viewer_gets_its_backlog_whole_but_may_not_fall_further_back() {
        let mut cursor = Cursor::new(0, 100, Policy::DropOldest, 4, None);
        assert_eq!(gaps(&mut cursor, 0, 100), []);
        cursor.deliver(50);
        assert_eq!(gaps(&mut cursor, 0, 110), []);
        assert_eq!(gaps(&mut cursor, 0, 130), [(50..70, GapCause::SlowViewer)]);
        cursor.deliver(60);
        assert_eq!(gaps(&mut cursor, 0, 130), []);
        assert_eq!(gaps(&mut cursor, 0, 135), [(130..131, GapCause::SlowViewer)]);
    }

    #[test]
    fn what_the_ring_no_longer_holds_at_the_start_is_lost_history() {
        for policy in [Policy::DropOldest, Policy::Latest, Policy::Lossless] {
            let mut cursor = Cursor::new(0, 100, policy, 200, None);
            assert_eq!(
                gaps(&mut cursor, 60, 100)[0],
                (0..60, GapCause::HistoryLost),
                "{policy:?}"
            );
        }
    }

    #[test]
    fn latest_skips_to_the_newest() {
        let mut cursor = Cursor::new(0, 0, Policy::Latest, 200, None);
        assert_eq!(gaps(&mut cursor, 0, 5), [(0..4, GapCause::Latest)]);
        assert_eq!(cursor.n_deliverable(5), 1);
    }

    #[test]
    fn credit_counts_delivered_readings_not_gaps() {
        let mut cursor = Cursor::new(0, 0, Policy::DropOldest, 2, Some(3));
        cursor.deliver(2);
        assert_eq!(gaps(&mut cursor, 0, 10), [(2..8, GapCause::SlowViewer)]);
        assert_eq!(cursor.n_deliverable(10), 1);
        cursor.deliver(1);
        assert_eq!(cursor.n_deliverable(10), 0);
        assert!(cursor.acknowledge(5));
        assert_eq!((cursor.n_in_flight(), cursor.n_deliverable(10)), (1, 1));
        assert!(!cursor.acknowledge(11));
    }

    proptest! {
        #[test]
        fn every_reading_is_delivered_or_in_one_gap(
            policy in prop_oneof![Just(Policy::DropOldest), Just(Policy::Latest), Just(Policy::Lossless)],
            queue in 1_u64..6,
            credit in prop_oneof![Just(None), (1_u64..6).prop_map(Some)],
            start in 0_u64..4,
            steps in proptest::collection::vec((0_u64..8, 0_u64..8, 0_u64..8), 1..40),
        ) {
            let history = 12;
            let (mut head, mut expected) = (4, start);
            let mut cursor = Cursor::new(start, head, policy, queue, credit);
            for (n_published, n_taken, n_acknowledged) in steps {
                head += n_published;
                for (gap, _) in cursor.give_up(head.saturating_sub(history), head) {
                    prop_assert_eq!(gap.start, expected);
                    expected = gap.end;
                }
                if policy == Policy::DropOldest {
                    prop_assert!(cursor.n_waiting(head) <= queue.max(4));
                }
                let n = n_taken.min(cursor.n_deliverable(head));
                cursor.deliver(n);
                expected += n;
                prop_assert_eq!(cursor.next_seq(), expected);
                prop_assert!(cursor.n_in_flight() <= credit.unwrap_or(0));
                prop_assert!(cursor.acknowledge(expected.saturating_sub(n_acknowledged)));
            }
        }
    }
}
