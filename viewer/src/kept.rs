//! The last readings with what was made of them: [`Kept`], and the last of each cell of the confusion matrix: [`KeptByCell`].
//!
//! One ring for the list of readings, the recent course of the features and the questions about single readings; a
//! small one for each cell, since a rare mistake would be gone from the first within a second. Memory is fixed by the
//! numbers of features and classes; keeping a reading copies it and allocates nothing, but for the first of a cell.

use std::collections::BTreeMap;

use crate::widen::widened;

/// Readings kept: enough for someone to click one at 1,000 readings/s after holding the replay, or within a quarter
/// second before.
pub const N_KEPT: usize = 256;

/// Readings kept of each cell besides: enough to see whether they are alike.
const N_KEPT_BY_CELL: usize = 4;

/// Cells of which readings are kept take no more memory than this; later ones keep none. Arbitrary, not tuned: all 49
/// cells of seven classes and 54 features take a tenth of a megabyte.
const MAX_CELL_BYTES: usize = 16_000_000;

/// What is known of a labelled reading besides its features and class shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labelled {
    /// Its sequence number.
    pub seq: u64,
    /// The class with most votes.
    pub predicted: u32,
    /// The class that the source gave, if it did.
    pub true_label: Option<u32>,
    /// Whether the true label may still come and will be scored.
    pub is_awaited: bool,
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

/// The last readings, up to a fixed number.
#[derive(Debug)]
pub struct Kept {
    n_features: usize,
    n_classes: usize,
    n_kept: usize,
    labelled: Vec<Labelled>,
    /// `n_kept × n_features`.
    features: Box<[f64]>,
    /// `n_kept × n_classes`.
    shares: Box<[f64]>,
    /// Where the next reading goes once the ring is full.
    next: usize,
}

impl Kept {
    /// Room for `n_kept` readings of this shape, [`N_KEPT`] for those of a whole stream.
    ///
    /// # Panics
    ///
    /// If `n_kept` is 0.
    #[must_use]
    pub fn new(n_kept: usize, n_features: usize, n_classes: usize) -> Self {
        assert!(n_kept > 0, "a ring has a place");
        Self {
            n_features,
            n_classes,
            n_kept,
            labelled: Vec::with_capacity(n_kept),
            features: vec![0.0; n_kept * n_features].into_boxed_slice(),
            shares: vec![0.0; n_kept * n_classes].into_boxed_slice(),
            next: 0,
        }
    }

    /// There are now so many classes, of which the readings kept gave those that are new no vote. With fewer than before,
    /// nothing changes.
    pub fn grow(&mut self, n_classes: usize) {
        if n_classes > self.n_classes {
            self.shares = widened(&self.shares, self.n_kept, self.n_classes, n_classes);
            self.n_classes = n_classes;
        }
    }

    /// Keeps a reading in place of the oldest.
    ///
    /// # Panics
    ///
    /// Unless `features` and `shares` have as many values as there are features and classes.
    pub fn push(&mut self, labelled: Labelled, features: &[f64], shares: &[f64]) {
        let place = self.next;
        if self.labelled.len() < self.n_kept {
            self.labelled.push(labelled);
        } else {
            self.labelled[place] = labelled;
        }
        self.features[place * self.n_features..][..self.n_features].copy_from_slice(features);
        self.shares[place * self.n_classes..][..self.n_classes].copy_from_slice(shares);
        self.next = (place + 1) % self.n_kept;
    }

    /// Sets the latency of the `age`-th newest reading, 0 being the newest.
    pub fn set_latency(&mut self, age: usize, latency_micros: f64) {
        if age < self.labelled.len() {
            let place = self.place(age);
            self.labelled[place].latency_micros = latency_micros;
        }
    }

    /// Sets the true label of a reading, and returns it if it is kept. Sequence numbers have to have risen.
    pub fn set_truth(&mut self, seq: u64, true_label: u32) -> Option<KeptReading<'_>> {
        let seq_of = |age: &usize| self.labelled[self.place(*age)].seq;
        let age = (0..self.labelled.len())
            .take_while(|age| seq_of(age) >= seq)
            .last()?;
        let place = self.place(age);
        let labelled = &mut self.labelled[place];
        if labelled.seq != seq {
            return None;
        }
        labelled.true_label = Some(true_label);
        labelled.is_awaited = false;
        self.get(age)
    }

    /// The kept readings, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = KeptReading<'_>> {
        (0..self.labelled.len()).filter_map(|age| self.get(age))
    }

    /// The `age`-th newest reading, 0 being the newest.
    #[must_use]
    pub fn get(&self, age: usize) -> Option<KeptReading<'_>> {
        if age >= self.labelled.len() {
            return None;
        }
        let place = self.place(age);
        Some(KeptReading {
            labelled: self.labelled[place],
            features: &self.features[place * self.n_features..][..self.n_features],
            shares: &self.shares[place * self.n_classes..][..self.n_classes],
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
        (self.next + self.n_kept - 1 - age) % self.n_kept
    }
}

/// The last few readings of each cell of the confusion matrix.
#[derive(Debug)]
pub struct KeptByCell {
    n_features: usize,
    n_classes: usize,
    n_most_classes: usize,
    /// By true and predicted class.
    cells: BTreeMap<(u32, u32), Kept>,
}

impl KeptByCell {
    /// Room for readings of this shape; none if there are more than `n_most_classes` classes, as nobody is shown cells then.
    #[must_use]
    pub fn new(n_features: usize, n_classes: usize, n_most_classes: usize) -> Self {
        Self {
            n_features,
            n_classes,
            n_most_classes,
            cells: BTreeMap::new(),
        }
    }

    /// There are now so many classes; with fewer than before, nothing changes. What takes too much memory then, goes.
    pub fn grow(&mut self, n_classes: usize) {
        self.n_classes = self.n_classes.max(n_classes);
        while self.cells.len() > self.n_most_cells() {
            self.cells.pop_last();
        }
        for kept in self.cells.values_mut() {
            kept.grow(n_classes);
        }
    }

    fn n_most_cells(&self) -> usize {
        if self.n_classes > self.n_most_classes {
            return 0;
        }
        let n_values = self.n_features + self.n_classes;
        MAX_CELL_BYTES / (N_KEPT_BY_CELL * (size_of::<Labelled>() + n_values * size_of::<f64>()))
    }

    /// Keeps a reading in place of the oldest of its cell; not one without a true label.
    pub fn push(&mut self, reading: KeptReading<'_>) {
        let Some(true_label) = reading.labelled.true_label else {
            return;
        };
        if true_label as usize >= self.n_classes {
            return;
        }
        let key = (true_label, reading.labelled.predicted);
        if self.cells.len() >= self.n_most_cells() && !self.cells.contains_key(&key) {
            return;
        }
        let (n_features, n_classes) = (self.n_features, self.n_classes);
        self.cells
            .entry(key)
            .or_insert_with(|| Kept::new(N_KEPT_BY_CELL, n_features, n_classes))
            .push(reading.labelled, reading.features, reading.shares);
    }

    /// The kept readings of a cell, newest first.
    pub fn newest_first(&self, true_label: u32, predicted: u32) -> impl Iterator<Item = KeptReading<'_>> {
        self.cells
            .get(&(true_label, predicted))
            .into_iter()
            .flat_map(Kept::newest_first)
    }

    /// All kept readings, cell by cell.
    pub fn iter(&self) -> impl Iterator<Item = KeptReading<'_>> {
        self.cells.values().flat_map(Kept::newest_first)
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
            is_awaited: false,
            distance: 0.0,
            latency_micros: f64::NAN,
        }
    }

    fn seqs(kept: &Kept) -> Vec<u64> {
        kept.newest_first().map(|reading| reading.labelled.seq).collect()
    }

    #[test]
    fn newest_come_first_before_and_after_the_ring_is_full() {
        let mut kept = Kept::new(N_KEPT, 1, 1);
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
        let mut kept = Kept::new(N_KEPT, 0, 0);
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

    #[test]
    fn the_truth_finds_its_reading_while_it_is_kept() {
        let mut kept = Kept::new(4, 0, 0);
        for seq in [1, 2, 3, 5, 8] {
            kept.push(labelled(seq), &[], &[]);
        }
        let mut truth_of = |seq| {
            let reading = kept.set_truth(seq, 6)?;
            assert_eq!(reading.labelled.true_label, Some(6));
            Some(reading.labelled.seq)
        };
        assert_eq!(
            [0, 1, 2, 4, 5, 8, 9].map(&mut truth_of),
            [None, None, Some(2), None, Some(5), Some(8), None]
        );
    }

    #[test]
    fn readings_stay_when_classes_are_added_with_no_vote_for_those() {
        let mut kept = Kept::new(2, 1, 2);
        for seq in 0..3 {
            kept.push(labelled(seq), &[seq as f64], &[0.25, 0.75]);
        }
        kept.grow(3);
        kept.grow(2);
        kept.push(labelled(3), &[3.0], &[0.0, 0.0, 1.0]);
        let shares: Vec<_> = kept
            .newest_first()
            .map(|reading| (reading.features[0], reading.shares))
            .collect();
        assert_eq!(
            shares,
            [(3.0, &[0.0, 0.0, 1.0][..]), (2.0, &[0.25, 0.75, 0.0][..])]
        );
    }

    fn keep(cells: &mut KeptByCell, seq: u64, true_label: Option<u32>, predicted: u32) {
        let labelled = Labelled {
            true_label,
            predicted,
            ..labelled(seq)
        };
        cells.push(KeptReading {
            labelled,
            features: &[seq as f64],
            shares: &[1.0, 0.0],
        });
    }

    #[test]
    fn cells_keep_their_readings_until_there_are_too_many_classes() {
        let mut cells = KeptByCell::new(1, 2, 3);
        keep(&mut cells, 7, Some(1), 0);
        cells.grow(3);
        let seqs_and_shares: Vec<_> = cells
            .newest_first(1, 0)
            .map(|reading| (reading.labelled.seq, reading.shares.len()))
            .collect();
        assert_eq!(seqs_and_shares, [(7, 3)]);
        cells.grow(4);
        assert_eq!(cells.iter().count(), 0);
    }

    #[test]
    fn a_rare_cell_keeps_its_readings() {
        let mut cells = KeptByCell::new(1, 2, 64);
        keep(&mut cells, 0, Some(1), 0);
        for seq in 1..10_000 {
            keep(&mut cells, seq, Some(0), 0);
        }
        keep(&mut cells, 10_000, None, 0);
        keep(&mut cells, 10_001, Some(7), 0);
        let seqs = |true_label| -> Vec<u64> {
            let kept = cells.newest_first(true_label, 0);
            kept.map(|reading| reading.labelled.seq).collect()
        };
        assert_eq!((seqs(1), seqs(0)), (vec![0], vec![9_999, 9_998, 9_997, 9_996]));
        assert_eq!(cells.iter().count(), 5);
    }

    #[test]
    fn cells_are_kept_within_bounds() {
        let mut too_many_classes = KeptByCell::new(1, 2, 1);
        keep(&mut too_many_classes, 0, Some(1), 0);
        assert_eq!(too_many_classes.iter().count(), 0);
        assert!(KeptByCell::new(4_096, 64, 64).n_most_cells() < 64 * 64);
    }
}
