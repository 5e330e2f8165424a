//! Where training rows come from: anything that can say the value of a row's feature.

/// A table of `n_rows × n_features` numbers, however it is stored.
pub trait Rows {
    /// How many rows.
    fn n_rows(&self) -> usize;
    /// How many features each row has.
    fn n_features(&self) -> usize;
    /// The value of `feature` in `row`; both are in range.
    fn value(&self, row: usize, feature: usize) -> f64;
}

/// A row-major slice, `n_rows × n_features`.
#[derive(Debug, Clone, Copy)]
pub struct RowMajor<'a> {
    values: &'a [f64],
    n_features: usize,
}

impl<'a> RowMajor<'a> {
    /// Views `values` as rows of `n_features`; a last, incomplete row is left out.
    #[must_use]
    pub fn new(values: &'a [f64], n_features: usize) -> Self {
        Self { values, n_features }
    }
}

impl Rows for RowMajor<'_> {
    fn n_rows(&self) -> usize {
        self.values.len().checked_div(self.n_features).unwrap_or(0)
    }

    fn n_features(&self) -> usize {
        self.n_features
    }

    fn value(&self, row: usize, feature: usize) -> f64 {
        self.values[row * self.n_features + feature]
    }
}
