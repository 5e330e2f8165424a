//! The k nearest rows seen so far, in whatever order rows are offered.

/// A row and its distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Squared Euclidean distance, or the sum of absolute differences; not NaN.
    pub dist: f64,
    /// The row.
    pub row: u64,
}

/// At most k candidates, sorted by (distance, row). k is at most 256: shifting a short array beats a heap.
#[derive(Debug)]
pub struct Nearest {
    k: usize,
    found: Vec<Candidate>,
}

impl Nearest {
    /// Room for `k` rows, at least one, which is the only allocation.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self {
            k,
            found: Vec::with_capacity(k),
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// The distance that a row may not exceed to be kept, and has to be under if it comes after the row that is the
    /// k-th now; infinity while there are fewer than k.
    #[must_use]
    pub fn bound(&self) -> f64 {
        match self.found.last() {
            Some(last) if self.is_full() => last.dist,
            _ => f64::INFINITY,
        }
    }

    /// Whether there are k.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.len() == self.k
    }

    /// Whether a row could be kept that is not nearer than `dist` and does not come before `first`.
    #[inline(never)]
    #[must_use]
    pub fn admits(&self, dist: f64, first: u64) -> bool {
        match self.found.last() {
            Some(last) if self.is_full() => dist < last.dist || (dist == last.dist && first < last.row),
            _ => true,
        }
    }

    /// Keeps `row` if it is among the k nearest by (distance, row); says whether it was kept.
    #[inline(never)]
    pub fn offer(&mut self, dist: f64, row: u64) -> bool {
        debug_assert!(!dist.is_nan());
        let comes_before = |other: &Candidate| other.dist < dist || (other.dist == dist && other.row < row);
        if self.is_full() {
            if self.found.last().is_some_and(comes_before) {
                return false;
            }
            self.found.pop();
        }
        let place = self.found.partition_point(comes_before);
        self.found.insert(place, Candidate { dist, row });
        true
    }

    /// Takes over `candidates`: the k nearest, already in order.
    pub fn set(&mut self, candidates: &[Candidate]) {
        self.found.clear();
        self.found.extend_from_slice(candidates);
    }

    /// The nearest so far, by (distance, row) ascending.
    #[must_use]
    pub fn found(&self) -> &[Candidate] {
        &self.found
    }

    /// The row from which on none can be kept, as there are k before it at no distance: `u64::MAX` if there are not.
    #[must_use]
    pub fn settled_row(&self) -> u64 {
        match self.found.last() {
            Some(last) if last.dist == 0.0 && self.is_full() => last.row,
            _ => u64::MAX,
        }
    }
}
