//! The scan engine: looks at every row, but at most rows only through two narrow columns.
//!
//! O(n·d) time in the worst case, no allocation. Beside the columns it holds those of f64 rounded to f32, 4 bytes a number.
//!
//! Rows are taken in blocks and in ascending order, so a later row counts only if it is strictly nearer. A block is first
//! held against the *windows*: a row nearer than the k-th best so far must lie, in each short column, within that distance
//! of the query. That is asked of the two most spread short columns and then of two more: eight rows a SIMD instruction,
//! no multiplication; of Covertype's blocks few are left. These add up distances a few columns at a time, most spread
//! first, and are given up as soon as no row can win. One-hot groups come last: whatever the query holds, all members
//! together cost a row one of n + 1 amounts, which are put into a table first.
//!
//! Which arithmetic does the adding up depends on data and query, never the answer:
//! - [`integer`]: raw whole numbers and Euclidean distance; every sum is exact in i32, so is every comparison.
//! - [`filtered`]: f32 sums with a proven error bound (`filter.rs`) rule rows out, the rest is recomputed in f64.
//! - neither, where a number is too large for f32: every row is recomputed in f64.

mod filtered;
pub(crate) mod integer;

use std::mem::discriminant;
use std::ops::Range;

use kernels::{BLOCK, N_TOGETHER, N_WINDOWS, Nearest, Window};

use crate::compact::Columns;
use crate::filter::Filter;
use crate::measure::Measure;
use crate::pace::Pace;
use crate::parts::Part;
use crate::question::Question;

/// What it takes to round a double column, of a row.
pub(crate) const ROUNDING_UNITS: usize = 1;

/// A short column that has a window.
#[derive(Debug, Clone, Copy)]
struct Windowed {
    /// Among the short columns.
    idx: usize,
    /// In scan order.
    place: usize,
}

/// How the columns of one training set are scanned.
#[derive(Debug)]
struct Layout {
    /// All parts, by falling spread after preparation and weighting.
    order: Vec<Part>,
    /// Places in `order` of neighbouring columns of one form, which are added up before a block may be given up.
    runs: Vec<Range<usize>>,
    /// The short columns that have a window, the first repeated if there are fewer.
    windowed: Option<[Windowed; N_WINDOWS]>,
    /// Each double column less its origin and rounded: half the bytes, and twice the rows to a SIMD register.
    rounded: Vec<Vec<f32>>,
}

/// The scan of one training set, and room for what a query needs.
#[derive(Debug)]
pub(crate) struct Scan {
    layout: Layout,
    /// Whether [`integer`] applies to queries of whole numbers.
    is_integer: bool,
    integer: integer::Scratch,
    filter: Filter,
}

impl Scan {
    /// `parts` are the columns [by falling spread](crate::parts::by_falling_spread).
    pub(crate) async fn new(
        columns: &Columns,
        measure: &Measure,
        parts: &[(f64, Part)],
        pace: &Pace,
    ) -> Self {
        let mut rounded = Vec::with_capacity(columns.doubles.len());
        for column in &columns.doubles {
            let origin = column.origin();
            let less_origin = |value: &f64| (value - origin) as f32;
            rounded.push(column.values.iter().map(less_origin).collect());
            pace.spend(ROUNDING_UNITS * columns.n_rows).await;
        }
        let order: Vec<Part> = parts.iter().map(|(_, part)| *part).collect();
        let mut shorts = order.iter().enumerate().filter_map(|(place, part)| match part {
            Part::Short(idx) => Some(Windowed { idx: *idx, place }),
            Part::Single(_) | Part::Double(_) => None,
        });
        let first = shorts.next();
        let windowed = first.map(|first| {
            let mut windowed = [first; N_WINDOWS];
            for (windowed, short) in windowed[1..].iter_mut().zip(shorts) {
                *windowed = short;
            }
            windowed
        });
        Self {
            is_integer: integer::applies_to(columns, measure),
            integer: integer::Scratch::new(columns),
            filter: Filter::new(columns, measure, &order),
            layout: Layout {
                runs: runs(&order),
                order,
                windowed,
                rounded,
            },
        }
    }

    /// Whether queries of whole numbers are answered in integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.is_integer
    }

    /// Fills `nearest`, which is empty.
    pub(crate) fn nearest(&mut self, question: &Question<'_>, nearest: &mut Nearest) {
        if self.is_integer && self.integer.prepare(question) {
            self.integer.scan(question.columns, &self.layout, nearest);
        } else if self.filter.prepare(question) {
            self.filter.scan(question, &self.layout, nearest);
        } else {
            for row in 0..question.columns.n_rows {
                nearest.offer(question.distance(row), row as u64);
            }
        }
    }

    /// Memory held beside the columns.
    pub(crate) fn n_bytes(&self) -> usize {
        let rounded = self.layout.rounded.iter();
        rounded.map(|column| size_of_val(&column[..])).sum::<usize>()
            + size_of_val(&self.layout.order[..])
            + size_of_val(&self.layout.runs[..])
            + self.integer.n_bytes()
            + self.filter.n_bytes()
    }
}

/// Where the columns of `order` are of one form, up to [`N_TOGETHER`].
fn runs(order: &[Part]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, part) in order.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if run.len() < N_TOGETHER && discriminant(&order[run.start]) == discriminant(part) => {
                run.end += 1;
            }
            _ => runs.push(place..place + 1),
        }
    }
    runs
}

impl Layout {
    /// The next block from `from` on of which some row may be in all windows, if there are any.
    fn next_block(
        &self,
        columns: &Columns,
        windows: Option<&[Window; N_WINDOWS]>,
        from: usize,
    ) -> Option<usize> {
        let (Some(windowed), Some(windows)) = (self.windowed, windows) else {
            return (from < columns.n_rows.div_ceil(BLOCK)).then_some(from);
        };
        let values = |of: Windowed| columns.shorts[of.idx].1.values.as_chunks().0;
        kernels::next_in_windows(windowed.map(values), windows, from)
    }
}

/// The windows, or `None` if one is empty.
fn all_windows(
    windowed: [Windowed; N_WINDOWS],
    window: impl Fn(Windowed) -> Option<Window>,
) -> Option<[Window; N_WINDOWS]> {
    let [a, b, c, d] = windowed.map(window);
    Some([a?, b?, c?, d?])
}
