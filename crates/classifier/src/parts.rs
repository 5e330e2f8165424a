//! The columns that add to distances one by one, and how far each is spread.

use crate::compact::Columns;
use crate::measure::Measure;
use crate::pace::Pace;
use crate::sorting::falling;

/// What it takes to see how a column is spread, of a row.
pub(crate) const SPREAD_UNITS: usize = 2;

/// A column that adds to distances by itself: neither constant, nor in a group, nor ignored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Short(usize),
    Single(usize),
    Double(usize),
}

impl Part {
    /// All of them, in the order in which boxes and leaves have them.
    pub(crate) fn all(columns: &Columns) -> Vec<Self> {
        let mut parts = Vec::new();
        parts.extend((0..columns.shorts.len()).map(Self::Short));
        parts.extend((0..columns.singles.len()).map(Self::Single));
        parts.extend((0..columns.doubles.len()).map(Self::Double));
        parts
    }

    /// Among the columns of its form.
    pub(crate) fn idx(self) -> usize {
        match self {
            Self::Short(idx) | Self::Single(idx) | Self::Double(idx) => idx,
        }
    }
}

/// All parts of `columns` with their standard deviations after preparation and weighting, the largest first.
pub(crate) async fn by_falling_spread(columns: &Columns, measure: &Measure, pace: &Pace) -> Vec<(f64, Part)> {
    let n_rows = columns.n_rows;
    let mut parts = Vec::new();
    for (idx, (decimal, column)) in columns.shorts.iter().enumerate() {
        let deviation = deviation(column.values[..n_rows].iter().map(|&u| u.into()));
        parts.push((
            deviation / decimal.divisor * measure.stretch(column.feature),
            Part::Short(idx),
        ));
        pace.spend(SPREAD_UNITS * n_rows).await;
    }
    for (idx, column) in columns.singles.iter().enumerate() {
        let deviation = deviation(column.values[..n_rows].iter().map(|&value| value.into()));
        parts.push((deviation * measure.stretch(column.feature), Part::Single(idx)));
        pace.spend(SPREAD_UNITS * n_rows).await;
    }
    for (idx, column) in columns.doubles.iter().enumerate() {
        let deviation = deviation(column.values[..n_rows].iter().copied());
        parts.push((deviation * measure.stretch(column.feature), Part::Double(idx)));
        pace.spend(SPREAD_UNITS * n_rows).await;
    }
    let places = falling(parts.iter().map(|(deviation, _)| *deviation));
    let mut sorted = Vec::with_capacity(parts.len());
    for place in places {
        sorted.push(parts[place]);
    }
    sorted
}

/// Standard deviation; only the order of columns hangs on it, so a plain two-pass sum will do.
fn deviation(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt()
}
