//! How often each class was predicted for each true class.
//!
//! Only pairs that occurred are kept, so that memory follows what was seen and not the square of the number of classes:
//! a stream may announce tens of thousands of classes, and a page has to survive that.

use std::collections::BTreeMap;

/// Counts by true and predicted class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfusionMatrix {
    n_classes: usize,
    counts: BTreeMap<(u32, u32), u64>,
}

impl ConfusionMatrix {
    /// An empty matrix of `n_classes` × `n_classes`.
    #[must_use]
    pub fn new(n_classes: usize) -> Self {
        Self {
            n_classes,
            counts: BTreeMap::new(),
        }
    }

    /// There are now so many classes; those before keep their ids and counts. With fewer than before, nothing changes.
    pub fn grow(&mut self, n_classes: usize) {
        self.n_classes = self.n_classes.max(n_classes);
    }

    /// Rows, and columns.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Counts one reading; nothing for a class that does not exist. Returns whether it was counted.
    pub fn record(&mut self, true_label: u32, predicted: u32) -> bool {
        let exist = [true_label, predicted]
            .iter()
            .all(|&class| (class as usize) < self.n_classes);
        if exist {
            *self.counts.entry((true_label, predicted)).or_insert(0) += 1;
        }
        exist
    }

    /// How often `predicted` was said of readings of the class `true_label`.
    #[must_use]
    pub fn count(&self, true_label: u32, predicted: u32) -> u64 {
        self.counts.get(&(true_label, predicted)).copied().unwrap_or(0)
    }

    /// Every pair seen, as (true class, predicted class, count), by true class, then predicted class.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u64)> + '_ {
        self.counts
            .iter()
            .map(|(&(true_label, predicted), &count)| (true_label, predicted, count))
    }

    /// The whole matrix, `n_classes` rows of true classes by `n_classes` columns of predicted classes.
    ///
    /// Allocates the square of `n_classes`; for many classes use [`ConfusionMatrix::iter`].
    #[must_use]
    pub fn to_rows(&self) -> Vec<Vec<u64>> {
        let mut rows = vec![vec![0; self.n_classes]; self.n_classes];
        for (true_label, predicted, count) in self.iter() {
            rows[true_label as usize][predicted as usize] = count;
        }
        rows
    }
}
