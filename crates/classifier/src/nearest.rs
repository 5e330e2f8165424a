//! The k nearest rows seen so far, in whatever order rows are offered.

use crate::{Metric, Neighbour};

/// A row and its distance: squared for Euclidean, plain for Manhattan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate<R = u32> {
    /// Squared distance, or the sum of absolute differences.
    pub(crate) dist: f64,
    /// The row.
    pub(crate) row: R,
}

/// At most k candidates, sorted by (distance, row). k is at most 255: shifting a short array beats a heap.
#[derive(Debug)]
pub(crate) struct Nearest<R = u32> {
    k: usize,
    found: Vec<Candidate<R>>,
}

impl<R: Copy + Ord> Nearest<R> {
    /// Room for `k` rows, which is the only allocation.
    pub(crate) fn new(k: usize) -> Self {
        Self {
            k,
            found: Vec::with_capacity(k),
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.found.clear();
    }

    /// The distance that a row may not exceed to be kept, and has to be under if it comes after the row that is the
    /// k-th now; infinity while there are fewer than k.
    pub(crate) fn bound(&self) -> f64 {
        if self.found.len() < self.k {
            f64::INFINITY
        } else {
            self.found[self.k - 1].dist
        }
    }

    /// Whether there are k.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() == self.k
    }

    /// Whether a row could be kept that is not nearer than `dist` and does not come before `first`.
    pub(crate) fn admits(&self, dist: f64, first: R) -> bool {
        match self.found.last() {
            Some(last) if self.is_full() => dist < last.dist || (dist == last.dist && first < last.row),
            _ => true,
        }
    }

    /// Keeps `row` if it is among the k nearest by (distance, row); says whether it was kept.
    pub(crate) fn offer(&mut self, dist: f64, row: R) -> bool {
        debug_assert!(!dist.is_nan());
        let comes_before =
            |other: &Candidate<R>| other.dist < dist || (other.dist == dist && other.row < row);
        if self.is_full() {
            if comes_before(&self.found[self.k - 1]) {
                return false;
            }
            self.found.pop();
        }
        let place = self.found.partition_point(comes_before);
        self.found.insert(place, Candidate { dist, row });
        true
    }

    /// Takes over `candidates`: the k nearest, already in order.
    #[cfg(feature = "textbook")]
    pub(crate) fn set(&mut self, candidates: &[Candidate<R>]) {
        self.found.clear();
        self.found.extend_from_slice(candidates);
    }

    /// Writes them to `neighbours`, by (distance, row) ascending.
    pub(crate) fn write(&self, metric: Metric, neighbours: &mut Vec<Neighbour<R>>) {
        neighbours.clear();
        neighbours.extend(self.found.iter().map(|candidate| Neighbour {
            row: candidate.row,
            distance: match metric {
                Metric::Euclidean => candidate.dist.sqrt(),
                Metric::Manhattan => candidate.dist,
            },
        }));
    }
}

impl Nearest {
    /// The row from which on none can be kept, as there are k before it at no distance: `u32::MAX` if there are not.
    pub(crate) fn settled_row(&self) -> u32 {
        match self.found.last() {
            Some(last) if last.dist == 0.0 && self.is_full() => last.row,
            _ => u32::MAX,
        }
    }
}
