//! One viewer's place in a channel, as numbers: what it gets next, what it gives up and why, what is in flight.
//!
//! Nothing is silently lost: every sequence number from the first one on is either delivered or part of exactly one gap.

use std::collections::VecDeque;
use std::ops::Range;

use protocol::{GapCause, Policy};

/// Of so many readings that a resumed viewer takes, it has to take one more than come in the same time, or it loses some.
/// Not tuned: a viewer a third faster than its stream loses nothing, one that is no faster is back at its queue after
/// taking four times what it had missed.
const CATCH_UP_SHARE: u64 = 4;

/// Where a viewer is, and by which rules it moves.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The next sequence number to deliver.
    next_seq: u64,
    policy: Policy,
    /// Most readings that may wait, for `drop-oldest`.
    queue: u64,
    /// How many readings a viewer that resumed may still take before no more than `queue` may wait; for each
    /// [`CATCH_UP_SHARE`] of them one more may. Never grows.
    n_catching_up: u64,
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
            n_catching_up: head.saturating_sub(next_seq).saturating_mul(CATCH_UP_SHARE),
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
                // What was missed before the start may wait beside the queue: less as it is taken, and never again as
                // much as it once was.
                let n_waiting = self.n_waiting(head).saturating_mul(CATCH_UP_SHARE);
                self.n_catching_up = self.n_catching_up.min(n_waiting);
                let most = self.queue + self.n_catching_up.div_ceil(CATCH_UP_SHARE);
                self.skip_to(head.saturating_sub(most), GapCause::SlowViewer)
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
        // A `head` read before the ring moved on may be behind.
        head.saturating_sub(self.next_seq)
    }

    pub(crate) fn n_in_flight(&self) -> u64 {
        self.in_flight.n
    }

    /// The next `n` readings went out.
    pub(crate) fn deliver(&mut self, n: u64) {
        let delivered = self.next_seq..self.next_seq + n;
        self.next_seq = delivered.end;
        self.n_catching_up = self.n_catching_up.saturating_sub(n);
        self.is_new = false;
        if self.credit.is_some() {
            self.in_flight.add(delivered);
        }
    }

    /// Everything below `next_seq` is done with; `false`, and nothing changes, if that was not yet delivered. Going back
    /// has no effect.
    #[must_use]
    pub(crate) fn acknowledge(&mut self, next_seq: u64) -> bool {
        let is_possible = next_seq <= self.next_seq;
        if is_possible {
            self.in_flight.remove_below(next_seq);
        }
        is_possible
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

    /// Takes `n_taken` readings for each `n_published` until the queue of 4 holds what waits. Returns the readings lost,
    /// those taken, and those that wait at the end.
    fn work_off(cursor: &mut Cursor, mut head: u64, n_published: u64, n_taken: u64) -> (u64, u64, u64) {
        let (mut n_lost, mut n_delivered) = (0, 0);
        for _ in 0..10_000 {
            head += n_published;
            n_lost += gaps(cursor, 0, head)
                .into_iter()
                .map(|(gap, _)| gap.end - gap.start)
                .sum::<u64>();
            let n = n_taken.min(cursor.n_deliverable(head));
            cursor.deliver(n);
            n_delivered += n;
            if cursor.n_waiting(head) <= 4 {
                break;
            }
        }
        (n_lost, n_delivered, cursor.n_waiting(head))
    }

    #[test]
    fn a_resumed_viewer_that_is_fast_enough_loses_nothing() {
        let mut cursor = Cursor::new(0, 1_000, Policy::DropOldest, 4, None);
        let (n_lost, _, n_waiting) = work_off(&mut cursor, 1_000, 3, 4);
        assert_eq!(n_lost, 0);
        assert!(n_waiting <= 4);
        // It may not fall back again: no further than its queue and the little that still waited.
        assert_eq!(gaps(&mut cursor, 0, 10_000).len(), 1);
        assert!(cursor.n_waiting(10_000) <= 2 * 4);
    }

    #[test]
    fn a_resumed_viewer_that_is_slow_is_soon_no_later_than_its_queue() {
        for (n_published, n_taken) in [(4, 4), (4, 1), (40, 1)] {
            let mut cursor = Cursor::new(0, 1_000, Policy::DropOldest, 4, None);
            let (n_lost, n_delivered, n_waiting) = work_off(&mut cursor, 1_000, n_published, n_taken);
            assert!(n_lost > 0 && n_waiting <= 4, "{n_lost} lost, {n_waiting} wait");
            assert!(n_delivered <= 1_000 * CATCH_UP_SHARE + n_taken, "{n_delivered}");
        }
    }

    #[test]
    fn a_lossless_viewer_keeps_its_backlog() {
        let mut cursor = Cursor::new(0, 1_000, Policy::Lossless, 4, None);
        cursor.deliver(500);
        assert_eq!(gaps(&mut cursor, 0, 100_000), []);
    }

    #[test]
    fn a_head_read_too_early_leaves_nothing_to_deliver() {
        let mut cursor = Cursor::new(0, 0, Policy::DropOldest, 4, None);
        cursor.deliver(3);
        assert_eq!((cursor.n_waiting(2), cursor.n_deliverable(2)), (0, 0));
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
        assert_eq!(cursor.n_in_flight(), 1, "what is refused is not applied");
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
                    prop_assert!(cursor.n_waiting(head) <= queue + 4 - start);
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
