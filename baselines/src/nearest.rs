//! The k smallest (squared distance, row) seen so far, and the class that they vote for.

/// At most k candidates in ascending order; rows have to be offered in ascending order.
#[derive(Debug, Clone)]
pub(crate) struct Nearest {
    k: usize,
    candidates: Vec<(f64, u32)>,
}

impl Nearest {
    pub(crate) fn new(k: usize) -> Self {
        let candidates = Vec::with_capacity(k + 1);
        Self { k, candidates }
    }

    pub(crate) fn clear(&mut self) {
        self.candidates.clear();
    }

    /// What a distance must stay below to be kept.
    pub(crate) fn bound(&self) -> f64 {
        if self.candidates.len() < self.k {
            f64::INFINITY
        } else {
            self.candidates[self.k - 1].0
        }
    }

    /// Keeps `row` if it is nearer than the k-th so far; of equal distances the earlier row stays in front.
    pub(crate) fn offer(&mut self, dist_sq: f64, row: u32) {
        if dist_sq < self.bound() {
            let place = self.candidates.partition_point(|&(kept, _)| kept <= dist_sq);
            self.candidates.insert(place, (dist_sq, row));
            self.candidates.truncate(self.k);
        }
    }

    /// Nearest first.
    pub(crate) fn rows(&self) -> impl Iterator<Item = u32> {
        self.candidates.iter().map(|&(_, row)| row)
    }
}

/// The class with most votes among `rows`; equal votes go to the smallest class.
pub(crate) fn vote(rows: &[u32], labels: &[u32], votes: &mut [u32]) -> u32 {
    votes.fill(0);
    for &row in rows {
        votes[labels[row as usize] as usize] += 1;
    }
    let mut winner = 0;
    for (class, &n_votes) in votes.iter().enumerate() {
        if n_votes > votes[winner] {
            winner = class;
        }
    }
    winner as u32
}
