//! In which order the tree holds the rows: near ones together, every leaf full.
//!
//! Rows are split at the column that is spread most, then each part again, down to leaves. The left part always gets
//! the largest power of two of leaves that leaves something for the right one. So all leaves but the last are full, and
//! four consecutive leaves from a multiple of four on, sixteen from a multiple of sixteen and so on are subtrees: where
//! boxes begin and end follows from the number of rows, and a file needs to store nothing but the order.
//! O(n·log n) time with a selection of packed keys per part; ties go by row, so the order depends on the data alone.
//!
//! One-hot groups that vary more than any column are split first of all: each combination of their categories gets a
//! tree of its own.

use kernels::LEAF;

use crate::compact::{Columns, Group};
use crate::measure::Measure;
use crate::pace::Pace;
use crate::parts::Part;
use crate::sorting::{smallest_first, sort_few};

/// Rows looked at to see how a column is spread within a part; not tuned.
const N_SAMPLED: usize = 64;
/// Trees have to hold this many rows on average, or too much is spent on choosing among them; not tuned.
const MIN_ROWS_PER_TREE: usize = 4 * LEAF;
/// What it takes to split, of a row: some nanoseconds for its key and its share of the selection.
const SPLIT_UNITS: usize = 24;
/// What it takes to look at a row of a sample, of a column: the rows are far apart.
const SAMPLE_UNITS: usize = 8;
/// How often a row is looked at, about, all samples together: splits of fewer than 64 rows look at all of them, and there are
/// two or three such above a leaf.
const N_TIMES_SAMPLED: usize = 3;
/// Columns of which a sample is looked at without giving way: a tenth of a millisecond. Arbitrary, not tuned.
const COLUMNS_AT_ONCE: usize = 256;

/// Rows by tree and leaf. Any order of the rows makes a tree that answers right; a good one makes it fast.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Row numbers, each once.
    pub(crate) rows: Vec<u32>,
    /// The groups whose combinations of categories have trees of their own, ascending.
    pub(crate) categories: Vec<usize>,
    /// Whether boxes along principal axes are meant.
    pub(crate) is_turned: bool,
}

impl Order {
    /// `parts` are the columns by falling spread, with their deviations.
    pub(crate) async fn new(
        columns: &Columns,
        measure: &Measure,
        parts: &[(f64, Part)],
        pace: &Pace,
    ) -> Self {
        let widest = parts.first().map_or(0.0, |(deviation, _)| *deviation);
        let mut categories = Vec::new();
        for (idx, group) in columns.groups.iter().enumerate() {
            if deviation(group, columns.n_rows, measure) > widest {
                categories.push(idx);
            }
        }
        pace.spend(columns.groups.len() * columns.n_rows).await;
        // Padding rows to whole trees is not worth it if there are few rows of each kind.
        let mut rows: Vec<u32> = (0..columns.n_rows as u32).collect();
        if !categories.is_empty() {
            sort_by_categories(columns, &categories, &mut rows, pace).await;
            if !has_large_trees(columns, &categories, &rows) {
                categories.clear();
                rows = (0..columns.n_rows as u32).collect();
            }
            pace.spend(2 * columns.n_rows).await;
        }
        let weigh = |&(_, part): &(f64, Part)| (part, part.units(columns).factor(measure) as f32);
        let mut splitter = Splitter {
            columns,
            parts: parts.iter().map(weigh).collect(),
            keys: Vec::with_capacity(columns.n_rows),
        };
        // Ranges of rows still to be split, the next one last.
        let mut ranges = Vec::new();
        let mut start = 0;
        for end in segments(columns, &categories, &rows) {
            ranges.push(start..end);
            start = end;
        }
        ranges.reverse();
        while let Some(range) = ranges.pop() {
            pace.spend(SPLIT_UNITS * range.len()).await;
            let part = &mut rows[range.clone()];
            let n_leaves = part.len().div_ceil(LEAF);
            if n_leaves < 2 {
                sort_few(part, |a, b| a < b);
                continue;
            }
            let n_left = LEAF * (n_leaves.next_power_of_two() / 2);
            if let Some(widest) = splitter.widest(part, pace).await {
                splitter.split(part, n_left, widest);
            }
            let middle = range.start + n_left;
            ranges.extend([middle..range.end, range.start..middle]);
        }
        Self {
            rows,
            categories,
            is_turned: false,
        }
    }

    /// About what [`Order::new`] spends on `n_rows` of `n_columns`.
    pub(crate) fn n_units(n_rows: usize, n_columns: usize) -> u64 {
        let n_levels = n_rows.div_ceil(LEAF).next_power_of_two().ilog2() + 1;
        let of_row = SPLIT_UNITS as u64 * u64::from(n_levels);
        let of_value = (SAMPLE_UNITS * N_TIMES_SAMPLED) as u64;
        n_rows as u64 * (of_row + of_value * n_columns as u64)
    }

    /// An order from a file, if it is one: each row of `columns` once, and large trees of groups that are there.
    pub(crate) fn checked(
        rows: Vec<u32>,
        categories: Vec<usize>,
        is_turned: bool,
        columns: &Columns,
    ) -> Option<Self> {
        let mut is_present = vec![false; columns.n_rows];
        let is_new = |row: &u32| {
            let place = is_present.get_mut(*row as usize);
            place.is_some_and(|place| !std::mem::replace(place, true))
        };
        let is_valid = rows.len() == columns.n_rows
            && rows.iter().all(is_new)
            && categories.is_sorted_by(|a, b| a < b)
            && categories.iter().all(|&group| group < columns.groups.len())
            && (categories.is_empty() || has_large_trees(columns, &categories, &rows));
        is_valid.then_some(Self {
            rows,
            categories,
            is_turned,
        })
    }
}

/// Whether the categories leave trees that are worth having, and few leaves that are not full.
fn has_large_trees(columns: &Columns, categories: &[usize], rows: &[u32]) -> bool {
    segments(columns, categories, rows).count() * MIN_ROWS_PER_TREE <= columns.n_rows
}

/// Where runs of rows with the same categories end; `rows` number the rows of `columns`.
pub(super) fn segments<'a>(
    columns: &'a Columns,
    categories: &'a [usize],
    rows: &'a [u32],
) -> impl Iterator<Item = usize> + 'a {
    let differ = move |at: usize| {
        categories.iter().any(|&group| {
            let codes = &columns.groups[group].codes;
            codes[rows[at - 1] as usize] != codes[rows[at] as usize]
        })
    };
    (1..=rows.len()).filter(move |&at| at == rows.len() || differ(at))
}

/// By counting, the last group first: each pass keeps the order of equal codes.
async fn sort_by_categories(columns: &Columns, categories: &[usize], rows: &mut Vec<u32>, pace: &Pace) {
    let mut sorted = vec![0; rows.len()];
    for &group in categories.iter().rev() {
        let codes = &columns.groups[group].codes;
        let mut starts = [0_usize; 257];
        for &row in rows.iter() {
            starts[usize::from(codes[row as usize]) + 1] += 1;
        }
        for code in 1..starts.len() {
            starts[code] += starts[code - 1];
        }
        for &row in rows.iter() {
            let place = &mut starts[usize::from(codes[row as usize])];
            sorted[*place] = row;
            *place += 1;
        }
        std::mem::swap(rows, &mut sorted);
        pace.spend(4 * rows.len()).await;
    }
}

/// Root of the sum of the members' variances after preparation and weighting, to hold against a column's deviation.
fn deviation(group: &Group, n_rows: usize, measure: &Measure) -> f64 {
    let mut counts = [0_usize; 256];
    for &code in &group.codes[..n_rows] {
        counts[usize::from(code)] += 1;
    }
    let variance = |(&feature, &count): (&usize, &usize)| {
        let share = count as f64 / n_rows as f64;
        let stretch = measure.stretch(feature);
        share * (1.0 - share) * (stretch * stretch)
    };
    group
        .members
        .iter()
        .zip(&counts[1..])
        .map(variance)
        .sum::<f64>()
        .sqrt()
}

struct Splitter<'a> {
    columns: &'a Columns,
    parts: Vec<(Part, f32)>,
    /// Room for the keys of one part of the rows.
    keys: Vec<u64>,
}

impl Splitter<'_> {
    /// Brings the `n_left` rows to the front that have the smallest values in the column `part`.
    fn split(&mut self, rows: &mut [u32], n_left: usize, part: Part) {
        self.keys.clear();
        let columns = self.columns;
        let keys = rows.iter().map(|&row| {
            let bits = stored(columns, part, row).to_bits();
            // Orders as the numbers do: negative ones have all bits flipped, others the sign.
            let ordered = bits ^ (((bits as i32 >> 31) as u32) | 0x8000_0000);
            u64::from(ordered) << 32 | u64::from(row)
        });
        self.keys.extend(keys);
        smallest_first(&mut self.keys, n_left);
        for (row, key) in rows.iter_mut().zip(&self.keys) {
            *row = *key as u32;
        }
    }

    /// The column with the largest variance among some of the rows.
    async fn widest(&self, rows: &[u32], pace: &Pace) -> Option<Part> {
        let mut sampled = [0; N_SAMPLED];
        let step = rows.len().div_ceil(N_SAMPLED);
        let n = rows.len().div_ceil(step);
        for (place, row) in sampled.iter_mut().zip(rows.chunks(step)) {
            *place = row[0];
        }
        let mut widest = None;
        let mut largest = f32::NEG_INFINITY;
        for parts in self.parts.chunks(COLUMNS_AT_ONCE) {
            for &(part, factor) in parts {
                let mut values = [0.0; N_SAMPLED];
                for (value, row) in values.iter_mut().zip(&sampled[..n]) {
                    *value = stored(self.columns, part, *row);
                }
                // From the first value, so that a far origin does not drown the differences.
                let (values, first) = (&values[..n], values[0]);
                let mean = values.iter().map(|value| value - first).sum::<f32>() / n as f32;
                let differences = values.iter().map(|value| value - first - mean);
                let sum: f32 = differences.map(|difference| difference * difference).sum();
                let variance = sum * factor * factor;
                if variance > largest {
                    largest = variance;
                    widest = Some(part);
                }
            }
            pace.spend(SAMPLE_UNITS * n * parts.len()).await;
        }
        widest.or(self.parts.first().map(|(part, _)| *part))
    }
}

/// What is stored, about.
#[inline(always)]
fn stored(columns: &Columns, part: Part, row: u32) -> f32 {
    let row = row as usize;
    match part {
        Part::Short(idx) => columns.shorts[idx].1.values[row].into(),
        Part::Single(idx) => columns.singles[idx].values[row],
        Part::Double(idx) => columns.doubles[idx].values[row] as f32,
    }
}
