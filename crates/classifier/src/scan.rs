//! The scan engine: looks at every row, but at most rows only through two narrow columns.
//!
//! O(n·d) time in the worst case, no allocation. Rows are taken in blocks and in ascending order. A block is first
//! held against the *windows*: a row nearer than the k-th best so far must lie, in each of the two most spread
//! short columns, within that distance of the query. Eight rows a SIMD instruction, no multiplication, and on real
//! data most blocks end there. Blocks that remain add up distances column by column, most spread first, and are
//! given up as soon as no row can win; one-hot groups come last, as one look into a table of costs.
//!
//! Which arithmetic does the adding up depends on data and query, never the answer:
//! - [`integer`]: raw whole numbers and Euclidean distance; every sum is exact in i32, so is every comparison.
//! - [`filtered`]: f32 sums with a proven error bound rule rows out, the rest is recomputed in f64.
//! - neither, where a number is too large for f32: every row is recomputed in f64.

mod filtered;
mod integer;
mod kernels;

use crate::compact::{Columns, Feature};
use crate::nearest::Nearest;
use crate::{Metric, Rows as _, Scaling};

/// A column that is looked at block by block.
#[derive(Debug, Clone, Copy)]
enum Part {
    Short(usize),
    Single(usize),
    Double(usize),
}

/// How the columns of one training set are scanned, and room for what a query needs.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Every column that is not constant or in a group, by falling spread after preparation.
    order: Vec<Part>,
    /// The short columns that have a window, twice the same one if there is only one.
    windowed: Option<[usize; 2]>,
    /// Whether [`integer`] applies to queries of whole numbers.
    is_integer: bool,
    integer: integer::Scratch,
    filtered: filtered::Scratch,
}

/// What stays the same during one query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) scaling: Option<&'a Scaling>,
    pub(crate) metric: Metric,
    /// The query point, as given.
    pub(crate) query: &'a [f64],
    /// The query point, prepared.
    pub(crate) prepared: &'a [f64],
}

impl Question<'_> {
    /// Squared (Manhattan: plain) distance to `row` by the definition: in f64, in feature order.
    fn distance(&self, row: usize) -> f64 {
        let mut sum = 0.0;
        for (feature, query) in self.prepared.iter().enumerate() {
            let value = self.columns.value(row, feature);
            let prepared = self
                .scaling
                .map_or(value, |scaling| scaling.prepare(feature, value));
            sum += self.measure(prepared - query);
        }
        sum
    }

    /// What one difference adds to a distance.
    fn measure(&self, difference: f64) -> f64 {
        match self.metric {
            Metric::Euclidean => difference * difference,
            Metric::Manhattan => difference.abs(),
        }
    }

    /// What `feature` adds to the distance of a row where it has `value`.
    fn cost(&self, feature: usize, value: f64) -> f64 {
        let prepared = self
            .scaling
            .map_or(value, |scaling| scaling.prepare(feature, value));
        self.measure(prepared - self.prepared[feature])
    }
}

impl Scan {
    pub(crate) fn new(columns: &Columns, scaling: Option<&Scaling>, metric: Metric) -> Self {
        let scale = |feature: usize| scaling.map_or(1.0, |scaling| scaling.scale[feature].abs());
        let n_rows = columns.n_rows;
        let mut order = Vec::new();
        for (idx, (decimal, column)) in columns.shorts.iter().enumerate() {
            let deviation = deviation(column.values[..n_rows].iter().map(|&u| u.into()));
            order.push((
                deviation / decimal.divisor / scale(column.feature),
                Part::Short(idx),
            ));
        }
        for (idx, column) in columns.singles.iter().enumerate() {
            let deviation = deviation(column.values[..n_rows].iter().map(|&value| value.into()));
            order.push((deviation / scale(column.feature), Part::Single(idx)));
        }
        for (idx, column) in columns.doubles.iter().enumerate() {
            let deviation = deviation(column.values[..n_rows].iter().copied());
            order.push((deviation / scale(column.feature), Part::Double(idx)));
        }
        // Stable, so that equal spreads stay in feature order on every platform.
        order.sort_by(|a, b| b.0.total_cmp(&a.0));
        let order: Vec<Part> = order.into_iter().map(|(_, part)| part).collect();
        let mut shorts = order.iter().filter_map(|part| match part {
            Part::Short(idx) => Some(*idx),
            Part::Single(_) | Part::Double(_) => None,
        });
        let first = shorts.next();
        let second = shorts.next();
        Self {
            windowed: first.map(|first| [first, second.unwrap_or(first)]),
            is_integer: metric == Metric::Euclidean && scaling.is_none() && integer::applies_to(columns),
            integer: integer::Scratch::new(columns),
            filtered: filtered::Scratch::new(columns, order.len()),
            order,
        }
    }

    /// Whether queries of whole numbers are answered in integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.is_integer
    }

    /// Fills `nearest`, which is empty.
    pub(crate) fn nearest(&mut self, question: &Question<'_>, nearest: &mut Nearest) {
        if self.is_integer && self.integer.prepare(question) {
            self.integer
                .scan(question.columns, &self.order, self.windowed, nearest);
        } else if self.filtered.prepare(question, &self.order) {
            match question.metric {
                Metric::Euclidean => {
                    self.filtered
                        .scan::<true>(question, &self.order, self.windowed, nearest)
                }
                Metric::Manhattan => {
                    self.filtered
                        .scan::<false>(question, &self.order, self.windowed, nearest)
                }
            }
        } else {
            for row in 0..question.columns.n_rows {
                nearest.offer(question.distance(row), row);
            }
        }
    }

    /// Memory held for queries.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of_val(&self.order[..]) + self.integer.n_bytes() + self.filtered.n_bytes()
    }
}

/// Where each group's costs begin in one table for all, and how long that is; `n + 1` codes for `n` members.
fn table_starts(columns: &Columns) -> (Vec<usize>, usize) {
    let mut end = 0;
    let starts = columns.groups.iter().map(|group| {
        let start = end;
        end += group.members.len() + 1;
        start
    });
    (starts.collect(), end)
}

/// The constant features with their values.
fn constants(columns: &Columns) -> impl Iterator<Item = (usize, f64)> + '_ {
    columns
        .features
        .iter()
        .enumerate()
        .filter_map(|(feature, form)| match form {
            Feature::Constant(value) => Some((feature, *value)),
            _ => None,
        })
}

/// Standard deviation; only the order of columns hangs on it, so a plain two-pass sum will do.
fn deviation(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt()
}
