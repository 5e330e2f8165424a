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

/// How the numbers of a column come from the values of its feature: `value·divisor - base`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Units {
    pub(crate) feature: usize,
    pub(crate) base: f64,
    pub(crate) divisor: f64,
}

impl Units {
    /// What turns differences of a column's numbers into prepared and weighted ones.
    pub(crate) fn factor(self, measure: &Measure) -> f64 {
        measure.stretch(self.feature) / self.divisor
    }
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

    /// Of doubles, those of the numbers that are rounded for the filter.
    pub(crate) fn units(self, columns: &Columns) -> Units {
        let (feature, base, divisor) = match self {
            Self::Short(idx) => {
                let (decimal, column) = &columns.shorts[idx];
                (column.feature, decimal.base, decimal.divisor)
            }
            Self::Single(idx) => (columns.singles[idx].feature, 0.0, 1.0),
            Self::Double(idx) => (columns.doubles[idx].feature, columns.doubles[idx].origin(), 1.0),
        };
        Units {
            feature,
            base,
            divisor,
        }
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
    for part in Part::all(columns) {
        let deviation = match part {
            Part::Short(idx) => deviation(columns.shorts[idx].1.values[..n_rows].iter().map(|&u| u.into())),
            Part::Single(idx) => deviation(
                columns.singles[idx].values[..n_rows]
                    .iter()
                    .map(|&value| value.into()),
            ),
            Part::Double(idx) => deviation(columns.doubles[idx].values[..n_rows].iter().copied()),
        };
        parts.push((deviation * part.units(columns).factor(measure), part));
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
