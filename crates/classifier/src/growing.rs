//! Training rows on their way in: taken chunk by chunk, kept in pieces as narrow as their rows allow.
//!
//! What form a column will take is known when its last row is in. Until then each [`piece`] of rows is kept for itself,
//! constant, as bits, decimals, f32 or f64, whichever is the first to lose nothing, and [`Facts`] are kept of the whole
//! column. No piece is wider than the column's final form but for bits, an eighth of a byte each, where all members of a
//! group share one: while rows come in, they take little more than the finished columns, and nothing is ever widened in
//! place. Pieces are cut by row
//! number, so how the rows were divided into chunks leaves no trace.

use std::ops::Range;

use crate::compact::{Decimal, MAX_DECIMALS, POWERS_OF_TEN, scaled_exactly};
use crate::{FitError, Rows};

/// Most rows of a piece. Rows of Covertype's width then pass through the cache once. Not tuned.
const MAX_PIECE: usize = 1024;
/// The pieces of all columns are full at once: of wide rows they are shorter, so that this takes milliseconds.
const MAX_VALUES: usize = 1 << 18;

/// Rows of a piece where there are `n_features`: whole words of bits.
fn piece(n_features: usize) -> usize {
    let n_words = MAX_VALUES / 64 / n_features.max(1);
    64 * n_words.clamp(1, MAX_PIECE / 64)
}

/// Rows that are all in, or still coming.
#[derive(Debug)]
pub(crate) struct Growing {
    n_rows: usize,
    /// Rows of a piece.
    piece: usize,
    columns: Vec<GrowingColumn>,
}

/// One feature.
#[derive(Debug, Default)]
pub(crate) struct GrowingColumn {
    /// What holds for all of its values; `None` before the first.
    pub(crate) facts: Option<Facts>,
    /// Whole pieces, and the last one once all rows are in.
    pub(crate) pieces: Vec<Piece>,
    /// Rows of each but the last one.
    pub(crate) piece: usize,
    /// Values that do not fill a piece yet.
    pending: Vec<f64>,
    /// Whether no value is kept, as no distance depends on it.
    is_ignored: bool,
}

/// What holds for all values so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// All are 0 or 1.
    pub(crate) is_binary: bool,
    /// All are exact in f32.
    pub(crate) is_single: bool,
    /// The power of ten that makes each of them an integer, if one does.
    n_decimals: Option<usize>,
}

/// Values of consecutive rows.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The same throughout.
    Constant(f64),
    /// 0 or 1, the first row's in the lowest bit.
    Bits(Box<[u64]>),
    /// Decimals.
    Short(Decimal, Box<[i16]>),
    /// Exact in f32.
    Single(Box<[f32]>),
    /// Anything.
    Double(Box<[f64]>),
}

impl Growing {
    /// No rows; features whose weight is 0 are checked but not kept.
    pub(crate) fn new(n_features: usize, feature_weights: &[f64]) -> Self {
        let piece = piece(n_features);
        let mut columns = Vec::with_capacity(n_features);
        for feature in 0..n_features {
            columns.push(GrowingColumn {
                is_ignored: feature_weights.get(feature) == Some(&0.0),
                piece,
                ..GrowingColumn::default()
            });
        }
        Self {
            n_rows: 0,
            piece,
            columns,
        }
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn n_features(&self) -> usize {
        self.columns.len()
    }

    /// What a row takes at least in the finished columns, whatever rows are still to come: forms only widen.
    pub(crate) fn min_bytes_per_row(&self) -> usize {
        let mut n_bytes = 0;
        for column in &self.columns {
            n_bytes += match &column.facts {
                None => 0,
                // A group has one byte for up to 255 of them.
                Some(facts) if facts.is_binary || facts.min == facts.max => 0,
                Some(facts) if facts.n_decimals.is_some() => size_of::<i16>(),
                Some(facts) if facts.is_single => size_of::<f32>(),
                Some(_) => size_of::<f64>(),
            };
        }
        n_bytes
    }

    /// Takes the rows of a chunk, or none of them if there is an error.
    pub(crate) fn push(&mut self, rows: &impl Rows) -> Result<(), FitError> {
        if rows.n_features() != self.n_features() {
            return Err(FitError::FeatureCount {
                expected: self.n_features(),
                actual: rows.n_features(),
            });
        }
        let n_rows = self.n_rows + rows.n_rows();
        if u32::try_from(n_rows).is_err() {
            return Err(FitError::TooManyRows { n_rows });
        }
        for row in 0..rows.n_rows() {
            let is_not_finite = |feature: &usize| !rows.value(row, *feature).is_finite();
            if let Some(feature) = (0..self.n_features()).find(is_not_finite) {
                return Err(FitError::NotFinite {
                    row: self.n_rows + row,
                    feature,
                    value: rows.value(row, feature),
                });
            }
        }
        let piece = self.piece;
        let mut start = 0;
        while start < rows.n_rows() {
            let n_room = piece - self.n_rows % piece;
            let end = rows.n_rows().min(start + n_room);
            for (feature, column) in self.columns.iter_mut().enumerate() {
                if !column.is_ignored {
                    column
                        .pending
                        .extend((start..end).map(|row| rows.value(row, feature)));
                    if end - start == n_room {
                        column.complete_piece();
                    }
                }
            }
            self.n_rows += end - start;
            start = end;
        }
        Ok(())
    }

    /// All rows are in: each feature's column, `None` where it is ignored.
    pub(crate) fn into_columns(self) -> impl ExactSizeIterator<Item = Option<GrowingColumn>> {
        self.columns.into_iter().map(|mut column| {
            column.complete_piece();
            column.pending = Vec::new();
            (!column.is_ignored).then_some(column)
        })
    }
}

impl GrowingColumn {
    /// Compresses what is pending.
    fn complete_piece(&mut self) {
        let Some(&first) = self.pending.first() else {
            return;
        };
        let facts = self.facts.get_or_insert(Facts {
            min: first,
            max: first,
            is_binary: true,
            is_single: true,
            n_decimals: Some(0),
        });
        self.pieces.push(facts.compress(&self.pending));
        self.pending.clear();
    }
}

impl Facts {
    /// The decimals that hold the column, if some do: then they hold each of its values, because a decimal of one power
    /// is one of the next as long as the product stays small, which the ends of the range show.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        decimal(self.min, self.max, self.n_decimals?)
    }

    /// Takes note of the next values and stores them.
    fn compress(&mut self, values: &[f64]) -> Piece {
        let (mut min, mut max) = (values[0], values[0]);
        for &value in values {
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
        }
        self.min = if min < self.min { min } else { self.min };
        self.max = if max > self.max { max } else { self.max };
        let distinct = if min == max { &values[..1] } else { values };
        if distinct.iter().all(|value| *value == 0.0 || *value == 1.0) {
            return if min == max {
                Piece::Constant(values[0])
            } else {
                bits(values)
            };
        }
        self.is_binary = false;
        let is_single = distinct.iter().all(|value| f64::from(*value as f32) == *value);
        self.is_single &= is_single;
        self.n_decimals = self.n_decimals.and_then(|n| n_decimals(n, distinct));
        if min == max {
            return Piece::Constant(values[0]);
        }
        if let Some(decimal) = self.n_decimals.and_then(|n| decimal(min, max, n)) {
            let shorts = values.iter().map(|value| decimal.short(*value));
            Piece::Short(decimal, shorts.collect())
        } else if is_single {
            Piece::Single(values.iter().map(|value| *value as f32).collect())
        } else {
            Piece::Double(values.into())
        }
    }
}

impl Piece {
    /// Writes the values of `n_rows`, in place of what is there.
    pub(crate) fn write(&self, values: &mut Vec<f64>, n_rows: usize) {
        values.clear();
        match self {
            Self::Constant(value) => values.resize(n_rows, *value),
            Self::Bits(words) => values.extend((0..n_rows).map(|row| {
                let is_set = words[row / 64] >> (row % 64) & 1 == 1;
                f64::from(u8::from(is_set))
            })),
            Self::Short(decimal, shorts) => values.extend(shorts.iter().map(|u| decimal.value(*u))),
            Self::Single(singles) => values.extend(singles.iter().map(|value| f64::from(*value))),
            Self::Double(doubles) => values.extend_from_slice(doubles),
        }
    }

    /// Adds shorts as those of `decimal`, which holds all of them; false if the piece is of another form.
    pub(crate) fn extend_shorts(&self, to: &mut Vec<i16>, decimal: Decimal) -> bool {
        let Self::Short(narrow, shorts) = self else {
            return false;
        };
        // Integers all the way, without the division that a value would take.
        let factor = decimal.divisor / narrow.divisor;
        let shift = narrow.base * factor - decimal.base;
        to.extend(shorts.iter().map(|u| (f64::from(*u) * factor + shift) as i16));
        true
    }

    /// Whether `is_fine` says so of all `rows` of the piece that hold 1, of a column that is 0 or 1 everywhere.
    pub(crate) fn all_ones(&self, mut rows: Range<usize>, is_fine: &mut dyn FnMut(usize) -> bool) -> bool {
        match self {
            Self::Constant(value) => *value != 1.0 || rows.all(is_fine),
            Self::Bits(words) => {
                for (nth, word) in words.iter().enumerate() {
                    let mut rest = *word;
                    while rest != 0 {
                        if !is_fine(rows.start + 64 * nth + rest.trailing_zeros() as usize) {
                            return false;
                        }
                        rest &= rest - 1;
                    }
                }
                true
            }
            Self::Short(..) | Self::Single(_) | Self::Double(_) => true,
        }
    }
}

fn bits(values: &[f64]) -> Piece {
    let mut words = vec![0; values.len().div_ceil(64)];
    for (at, value) in values.iter().enumerate() {
        words[at / 64] |= u64::from(*value == 1.0) << (at % 64);
    }
    Piece::Bits(words.into())
}

/// The power of ten from `n` on that makes integers of all `values`.
fn n_decimals(mut n: usize, values: &[f64]) -> Option<usize> {
    for &value in values {
        // What is a decimal of one power is one of the next as well: the power only ever rises.
        while scaled_exactly(value, POWERS_OF_TEN[n]).is_none() {
            n += 1;
            if n > MAX_DECIMALS {
                return None;
            }
        }
    }
    Some(n)
}

/// Decimals of `n` digits from `min` on, if they reach up to `max`.
fn decimal(min: f64, max: f64, n: usize) -> Option<Decimal> {
    let divisor = POWERS_OF_TEN[n];
    let base = scaled_exactly(min, divisor)?;
    let range = scaled_exactly(max, divisor)? - base;
    (range <= f64::from(i16::MAX)).then_some(Decimal { base, divisor })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowMajor;

    /// A row of 3000 features used to fill the pieces of all of them, three million values.
    #[test]
    fn no_row_fills_more_than_fits_in_a_slice() {
        for n_features in [1, 54, 300, 3000] {
            let mut rows = Growing::new(n_features, &[]);
            let n_pending =
                |rows: &Growing| -> usize { rows.columns.iter().map(|column| column.pending.len()).sum() };
            for row in 0..1100 {
                let n_before = n_pending(&rows);
                let values = vec![f64::from(row).sqrt(); n_features];
                rows.push(&RowMajor::new(&values, n_features))
                    .expect("a valid row");
                let n_filled = n_before + n_features - n_pending(&rows);
                assert!(
                    n_filled <= MAX_VALUES,
                    "{n_filled} values of {n_features} features"
                );
            }
            assert!(n_pending(&rows) < 1100 * n_features, "some are full");
        }
    }
}
