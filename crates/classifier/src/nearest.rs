//! The k nearest rows seen so far, when rows are offered in ascending order.

/// A row and its distance: squared for Euclidean, plain for Manhattan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    /// Squared distance, or the sum of absolute differences.
    pub(crate) dist: f64,
    /// The row.
    pub(crate) row: u32,
}

/// At most k candidates, sorted by (distance, row). k is at most 255: shifting a short array beats a heap.
#[derive(Debug)]
pub(crate) struct Nearest {
    k: usize,
    found: Vec<Candidate>,
}

impl Nearest {
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

    /// The distance that a later row has to be under; infinity while there are fewer than k.
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

    /// Keeps `row` if it is among the k nearest; says whether it was kept. Rows have to come in ascending order,
    /// so that a row with an equal distance loses to those already here.
    pub(crate) fn offer(&mut self, dist: f64, row: usize) -> bool {
        debug_assert!(!dist.is_nan());
        if self.is_full() {
            if dist >= self.found[self.k - 1].dist {
                return false;
            }
            self.found.pop();
        }
        let place = self.found.partition_point(|other| other.dist <= dist);
        self.found.insert(
            place,
            Candidate {
                dist,
                row: row as u32,
            },
        );
        true
    }

    /// By (distance, row) ascending.
    pub(crate) fn as_slice(&self) -> &[Candidate] {
        &self.found
    }
}
