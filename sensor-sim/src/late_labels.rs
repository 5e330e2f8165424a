//! True classes that came after their readings, on their way to viewers: [`LateLabels`].

use std::collections::VecDeque;

/// Late labels kept for viewers that are slow to take them; past it the oldest are lost to them. Not tuned.
const MAX_LATE_LABELS: usize = 4_096;

/// One late label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LateLabel {
    pub(crate) seq: u64,
    pub(crate) true_label: u32,
    /// The revision whose classes are meant.
    pub(crate) revision: u32,
}

/// The newest late labels of a channel. Viewers are positions in it, as they are in the ring.
#[derive(Debug, Default)]
pub(crate) struct LateLabels {
    labels: VecDeque<LateLabel>,
    /// Position of the oldest one kept.
    first: u64,
}

impl LateLabels {
    /// The position after the newest.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.labels.len() as u64
    }

    pub(crate) fn push(&mut self, label: LateLabel) {
        self.labels.push_back(label);
        if self.labels.len() > MAX_LATE_LABELS {
            self.labels.pop_front();
            self.first += 1;
        }
    }

    /// Those from position `from` on, and how many before them were lost.
    pub(crate) fn since(&self, from: u64) -> (impl Iterator<Item = &LateLabel>, u64) {
        let n_lost = self.first.saturating_sub(from);
        let start = (from.max(self.first).min(self.end()) - self.first) as usize;
        (self.labels.range(start..), n_lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_the_rest_is_counted() {
        let mut labels = LateLabels::default();
        let n = MAX_LATE_LABELS as u64 + 10;
        for seq in 0..n {
            labels.push(LateLabel {
                seq,
                true_label: 0,
                revision: 1,
            });
        }
        assert_eq!(labels.end(), n);
        let (newest, n_lost) = labels.since(n - 2);
        assert_eq!(
            (newest.map(|label| label.seq).collect(), n_lost),
            (vec![n - 2, n - 1], 0)
        );
        let (mut kept, n_lost) = labels.since(3);
        assert_eq!((kept.next().map(|label| label.seq), n_lost), (Some(10), 7));
        assert_eq!(labels.since(n).0.count(), 0);
    }
}
