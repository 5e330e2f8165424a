//! Whole numbers: squared Euclidean distances in exact i32 arithmetic.
//!
//! Everything is an integer here: stored values, the query, differences (which fit an i16), their squares and the
//! cost of a one-hot group. That is `sum(q²)` for a row of none of its categories and `sum(q²) - 2·q_c + 1` for one of
//! category c, as `(q_c - 1)²` takes the place of `q_c²`, whatever the query holds. A bound on the largest sum is computed for each query before a row is looked at, and
//! the query is handed back if the sum might not fit an i32. The f64 sums of the definition are then sums of
//! integers below 2^53 and therefore the same numbers, and so is every comparison.

use kernels::{BLOCK, Nearest, Window, add_integer_squares, any_integer_within, integers_within};

use super::{Layout, Part, Question, Windowed, all_windows};
use crate::Metric;
use crate::compact::{Columns, Feature};
use crate::measure::Measure;

/// Whole-number queries beyond this are left to the f64 code; far above what fits an i32 sum anyway.
const MAX_QUERY: f64 = (1_u64 << 40) as f64;
/// Constant features may add this much to every distance, in integers that f64 adds exactly.
const MAX_BASE: f64 = (1_u64 << 51) as f64;

/// Sums are held in an i32.
const MAX_SUM: f64 = i32::MAX as f64;

/// One query, translated.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// Of each short column: the query's value in its integers.
    pub(crate) targets: Vec<i16>,
    pub(crate) starts: Vec<usize>,
    /// What each category of each group costs.
    pub(crate) costs: Vec<i32>,
    /// What the constant features cost every row.
    pub(crate) base: f64,
}

/// Whether distances to whole numbers are sums of small integers: Euclidean, and the training rows are whole numbers in
/// short columns, one-hot groups and constants, as they are; features may be left out by a weight of 0.
pub(crate) fn applies_to(columns: &Columns, measure: &Measure) -> bool {
    measure.metric == Metric::Euclidean
        && measure.is_plain
        && columns.shorts.iter().all(|(decimal, _)| decimal.divisor == 1.0)
        && columns.features.iter().all(|form| match form {
            Feature::Constant(value) => value.fract() == 0.0 && value.abs() <= MAX_QUERY,
            Feature::Short(_) | Feature::Member { .. } | Feature::Ignored => true,
            Feature::Single(_) | Feature::Double(_) => false,
        })
}

impl Scratch {
    pub(crate) fn new(columns: &Columns) -> Self {
        let (starts, n_costs) = columns.cost_starts();
        Self {
            targets: vec![0; columns.shorts.len()],
            starts,
            costs: vec![0; n_costs],
            base: 0.0,
        }
    }

    pub(crate) fn n_bytes(&self) -> usize {
        size_of_val(&self.targets[..]) + size_of_val(&self.starts[..]) + size_of_val(&self.costs[..])
    }

    /// Translates the query; `false` if it has fractions or sums could leave an i32.
    pub(crate) fn prepare(&mut self, question: &Question<'_>) -> bool {
        let &Question { columns, query, .. } = question;
        if !kernels::are_whole(question.prepared, MAX_QUERY) {
            return false;
        }
        self.base = columns
            .constants()
            .map(|(feature, value)| (query[feature] - value) * (query[feature] - value))
            .sum();
        // The f64 sums of squares below are exact as long as they stay under 2^53, and far over i32::MAX if not.
        let mut largest_sum = 0.0;
        for (target, (decimal, column)) in self.targets.iter_mut().zip(&columns.shorts) {
            let value = query[column.feature] - decimal.base;
            let farthest = value.abs().max((f64::from(column.max) - value).abs());
            if farthest > f64::from(i16::MAX) {
                return false;
            }
            *target = value as i16;
            largest_sum += farthest * farthest;
        }
        for (group, &start) in columns.groups.iter().zip(&self.starts) {
            let mut of_none = 0.0;
            for &feature in &group.members {
                of_none += query[feature] * query[feature];
            }
            // (q-1)² is at most (|q|+1)², and |q| at most the root of the sum.
            largest_sum += of_none + 2.0 * of_none.sqrt() + 2.0;
            if largest_sum >= MAX_SUM {
                return false;
            }
            let costs = &mut self.costs[start..=start + group.members.len()];
            let of_none = of_none as i32;
            costs[0] = of_none;
            for (cost, &feature) in costs[1..].iter_mut().zip(&group.members) {
                *cost = of_none + 1 - 2 * query[feature] as i32;
            }
        }
        self.base <= MAX_BASE && largest_sum < MAX_SUM
    }

    /// Fills `nearest` for the query that was prepared.
    pub(super) fn scan(&self, columns: &Columns, layout: &Layout, nearest: &mut Nearest) {
        let windowed = layout.windowed;
        let mut limit = i32::MAX;
        let mut windows = None;
        let mut next = 0;
        'blocks: while let Some(block) = layout.next_block(columns, windows.as_ref(), next) {
            next = block + 1;
            let mut sums = [0; BLOCK];
            for parts in layout.order.chunks(2) {
                for part in parts {
                    if let Part::Short(idx) = *part {
                        add_integer_squares(&mut sums, columns.shorts[idx].1.block(block), self.targets[idx]);
                    }
                }
                if !any_integer_within(&sums, limit) {
                    continue 'blocks;
                }
            }
            for lane in integers_within(&sums, limit) {
                let row = block * BLOCK + lane;
                if row >= columns.n_rows {
                    continue;
                }
                let of_groups = columns.groups.iter().zip(&self.starts);
                let sum = of_groups.fold(sums[lane], |sum, (group, start)| {
                    sum + self.costs[start + usize::from(group.codes[row])]
                });
                if sum <= limit && nearest.offer(self.base + f64::from(sum), row as u64) && nearest.is_full()
                {
                    // Later rows have to be strictly nearer.
                    limit = (nearest.bound() - self.base) as i32 - 1;
                    if limit < 0 {
                        return;
                    }
                    let Some(windowed) = windowed else { continue };
                    let reach = f64::from(limit).sqrt().floor();
                    windows = all_windows(windowed, |Windowed { idx, .. }| {
                        Window::around(self.targets[idx].into(), reach, columns.shorts[idx].1.max)
                    });
                    if windows.is_none() {
                        return; // No row has such values.
                    }
                }
            }
        }
    }
}
