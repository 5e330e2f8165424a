//! The last readings with what was made of them: [`Kept`].
//!
//! One ring for the list of readings, the recent course of the features and the questions about single readings.
//! Memory is fixed by the numbers of features and classes; keeping a reading copies it and allocates nothing.

/// Readings kept: enough for someone to click one at 1,000 readings/s after holding the replay, or within a quarter
/// second before.
pub const N_KEPT: usize = 256;

/// What is known of a labelled reading besides its features and class shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// Its sequence number.
    pub seq: u64,
    /// The class with most votes.
    pub predicted: u32,
    /// The class that the source gave, if it did.
    pub true_label: Option<u32>,
    /// Distance of the nearest neighbour by the model's metric.
    pub distance: f64,
    /// End-to-end latency; NaN while the server's clock is not known.
    pub latency_micros: f64,
}

/// A kept reading.
#[derive(Debug, Clone, Copy)]
pub struct KeptReading<'a> {
    /// What is known of it.
    pub labelled: Labelled,
    /// Its features, in the schema's order, as they came.
    pub features: &'a [f64],
    /// The share of the votes that each class got.
    pub shares: &'a [f64],
}

/// The last [`N_KEPT`] readings.
#[derive(Debug)]
pub struct Kept {
    n_features: usize,
    n_classes: usize,
    labelled: Vec<Labelled>,
    /// `N_KEPT × n_features`.
    features: Box<[f64]>,
    /// `N_KEPT × n_classes`.
    shares: Box<[f64]>,
    /// Where the next reading goes once the ring is full.
    next: usize,
}

impl Kept {
    /// Room for readings of this shape.
    #[must_use]
    pub fn new(n_features: usize, n_classes: usize) -> Self {
        Self {
            n_features,
            n_classes,
            labelled: Vec::with_capacity(N_KEPT),
            features: vec![0.0; N_KEPT * n_features].into_boxed_slice(),
            shares: vec![0.0; N_KEPT * n_classes].into_boxed_slice(),
            next: 0,
        }
    }

    /// Keeps a reading in place of the oldest.
    ///
    /// # Panics
    ///
    /// Unless `features` and `shares` have the lengths given to [`Kept::new`].
    pub fn push(&mut self, labelled: Labelled, features: &[f64], shares: &[f64]) {
        let place = self.next;
        if self.labelled.len() < N_KEPT {
            self.labelled.push(labelled);
        } else {
            self.labelled[place] = labelled;
        }
        self.features[place * self.n_features..][..self.n_features].copy_from_slice(features);
        self.shares[place * self.n_classes..][..self.n_classes].copy_from_slice(shares);
        self.next = (place + 1) % N_KEPT;
    }

    /// Sets the latency of the `age`-th newest reading, 0 being the newest.
    pub fn set_latency(&mut self, age: usize, latency_micros: f64) {
        if age < self.labelled.len() {
            let place = self.place(age);
            self.labelled[place].latency_micros = latency_micros;
        }
    }

    /// The kept readings, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = KeptReading<'_>> {
        (0..self.labelled.len()).map(|age| {
            let place = self.place(age);
            KeptReading {
                labelled: self.labelled[place],
                features: &self.features[place * self.n_features..][..self.n_features],
                shares: &self.shares[place * self.n_classes..][..self.n_classes],
            }
        })
    }

    /// How many are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labelled.len()
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labelled.is_empty()
    }

    fn place(&self, age: usize) -> usize {
        (self.next + N_KEPT - 1 - age) % N_KEPT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(seq: u64) -> Labelled {
        Labelled {
            seq,
            predicted: 0,
            true_label: None,
            distance: 0.0,
            latency_micros: f64::NAN,
        }
    }

    fn seqs(kept: &Kept) -> Vec<u64> {
        kept.newest_first().map(|reading| reading.labelled.seq).collect()
    }

    #[test]
    fn newest_come_first_before_and_after_the_ring_is_full() {
        let mut kept = Kept::new(1, 1);
        assert!(kept.is_empty());
        for seq in 0..3 {
            kept.push(labelled(seq), &[seq as f64], &[1.0]);
        }
        assert_eq!(seqs(&kept), [2, 1, 0]);
        for seq in 3..1_000 {
            kept.push(labelled(seq), &[seq as f64], &[1.0]);
        }
        assert_eq!(seqs(&kept), (744..1_000).rev().collect::<Vec<_>>());
        assert!(
            kept.newest_first()
                .all(|reading| reading.features == [reading.labelled.seq as f64])
        );
    }

    #[test]
    fn latency_is_set_by_age() {
        let mut kept = Kept::new(0, 0);
        for seq in 0..300 {
            kept.push(labelled(seq), &[], &[]);
        }
        kept.set_latency(2, 7.0);
        kept.set_latency(N_KEPT, 8.0);
        let with_latency: Vec<u64> = kept
            .newest_first()
            .filter(|reading| !reading.labelled.latency_micros.is_nan())
            .map(|reading| reading.labelled.seq)
            .collect();
        assert_eq!(with_latency, [297]);
    }
}
