//! The f32 filter of scan and tree: sums that rule rows out, for any numbers; what is left is recomputed in f64.
//!
//! # Why no neighbour is ever ruled out
//!
//! The f32 sum of a row may be wrong, so a row is ruled out only if its sum is above a limit that no row among the
//! neighbours can exceed. The limit follows from the k-th best f64 distance so far, in three steps: how wrong a single
//! difference can be, how wrong therefore a distance, and what rounding adds while sums are taken.
//! (`filter/tests.rs` asks of rows of all kinds, each taken as the k-th best, whether they are within their own limit.)
//!
//! Let `u = 2^-24` and `v = 2^-53` be the roundings of f32 and f64: a result is off by that share of itself at most. For a
//! row and a column j:
//! - `D_j = r·(x'_j - q'_j)`, the difference of the two prepared f64 values times the root of the feature's weight
//!   (Manhattan: times the weight), all taken without rounding;
//! - `e_j`, the f32 that [`kernels::add_shorts`] and [`kernels::add_singles`] compute: `(stored - t)·f`, where `t` is the query's value in the
//!   column's units (for short columns `q·divisor - base`) and `f = s/divisor` with `s = r/scale`.
//!
//! **Step 1: `|e_j - D_j| <= E_j`** with `E_j = f·(2·|t - f32(t)| + 8u·M) + 64v·A·s + 1e-38`, where `M` bounds
//! `|stored - t|` and `A` bounds `|x|`, `|q|`, `|offset|` and `|base|/divisor` (which a file may set apart from all x).
//! In f32, `e_j = (stored - f32(t))·f·(1 + c)` where c gathers three roundings (subtraction, f, product):
//! `|c| <= 3.01u`. Hence `|e_j - (stored - t)·f| <= f·|t - f32(t)|·(1 + 3.01u) + 3.01u·f·M`, and the first two terms
//! of `E_j` are more than that. In f64, x' and q' carry two roundings each (at most `9v·A·s` together), x one
//! (`v·A·s`), t two (`4v·A·s`), f three (`3v·2A·s`): under `64v·A·s` with room to spare. 1e-38 is
//! above what underflow can add, as f is held within 1e-30..1e30 and r is 1e200 at most: 2^-1074, which is what prepared
//! values near 0 may lose, times that is nothing beside it.
//!
//! A column whose f is smaller is left out: f is 0 then, and so are `e_j` and its part of D in what follows, which
//! makes no sum larger.
//!
//! Doubles are stored for the filter as `f32(x - o)`, the origin o being the middle of the column's range, which takes the
//! place of base in t. That is a rounding of at most `v·2A` in f64 and one of `u·|x - o|` in f32, where `|x - o| <= M`: there is
//! room for both. Near 0 the latter is less than 1e-44 instead, for which `f·1e-44` is added to `E_j`.
//!
//! **Step 2: the sum.** Let `T_g` be what the members of group g add to a row's distance, unrounded. Write
//! `e = (e_1, …, sqrt(T_1), …)` and D likewise with `D_j` in place of `e_j`. They differ by `E_j` at most in the columns and
//! not at all in the groups, so by the triangle inequality `|e| <= |D| + |E|`, in the Euclidean norm as in the Manhattan
//! one (there `T_g` itself stands for `sqrt(T_g)`).
//!
//! **Step 3: roundings of the sums.** A row that belongs among the neighbours has a computed f64 distance of at most the
//! k-th best `b`. If b is infinite, no limit is set. Otherwise nothing has overflowed in that row, and its distance is a sum of
//! d non-negative terms. Each has been rounded by v twice for its difference, which is squared, once for the square, once for
//! its weight and d times at most for the sums, so the unrounded `|D|² + B` is at most `b·(1 + 2(d+4)·v)`, B being the cost
//! of the constant features. In f32, each of `n` terms is rounded once when it is squared, or brought from the f64 in which
//! costs of groups are added up, and n times at most by the sums: what comes out is at most `|e|²·(1 + (n+4)·u·1.01)`. So
//! every such row has an f32 sum of at most `(R + |E|)²·(1 + (n+8)·2u)` with `R² = b·(1 + (d+8)·4v) - B·(1 - (d+8)·4v)`,
//! where the factors leave room for the roundings of this formula and of B. To both sums 1e-38 is added for underflow: a
//! square may lose 2^-1074, times a weight that is 1e200 at most. That is the limit; it is rounded up. (Manhattan: the same
//! without squares.) Partial sums only grow, so a block may be given up early, and `|D_j| <= R` gives each windowed
//! column its reach `(R + E_j)/f`.
//!
//! The argument needs sums that do not overflow; `prepare` hands the query back if one could exceed 1e36.

#[cfg(test)]
mod tests;

use kernels::{Nearest, Point};

use crate::Metric;
use crate::compact::Columns;
use crate::measure::Measure;
use crate::parts::{Part, Units};
use crate::question::Question;

/// Roundings of f32 and f64.
pub(crate) const U: f64 = 1.0 / (1_u64 << 24) as f64;
pub(crate) const V: f64 = 1.0 / (1_u64 << 53) as f64;
/// More than underflow can change a sum or a difference by.
pub(crate) const UNDERFLOW: f64 = 1e-38;
/// More than underflow can change the rounding of an f32 by.
const SMALLEST: f64 = 1e-44;
/// No f32 sum may come near infinity.
const MAX_SUM: f64 = 1e36;
/// Factors from which on products of the f32s at hand do not vanish unnoticed; columns of smaller ones are left out.
const MIN_FACTOR: f64 = 1e-30;
/// Factors up to which they do not overflow unnoticed.
const MAX_FACTOR: f64 = 1e30;

/// The columns of one training set as the filter takes them, in the order given, and one query.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Of each column: `f32(t)` and `f`.
    pub(crate) points: Vec<Point>,
    /// Of each column: `t` and `E_j`.
    values: Vec<(f64, f64)>,
    /// Of each column: what no query changes.
    translations: Vec<Translation>,
    /// Whether weights and factors are such that the proof holds.
    is_usable: bool,
    /// Where in `costs` those of each group begin.
    pub(crate) starts: Vec<usize>,
    /// What each category of each group costs.
    pub(crate) costs: Vec<f64>,
    /// Of each member of each group, 0 and 1, prepared.
    ends: Vec<[f64; 2]>,
    /// What the constant features cost every row.
    base: f64,
    /// `|E|` in the metric's norm.
    error: f64,
    /// `1 + (n+8)·2u` and `1 + (d+8)·4v`.
    rounding_f32: f64,
    rounding_f64: f64,
}

/// What a column does with every query.
#[derive(Debug)]
struct Translation {
    units: Units,
    /// `s` of the proof.
    stretch: f64,
    /// `f` of the proof.
    factor: f64,
    /// The range of the column, in the units that it is stored in.
    ends: [f64; 2],
    /// `A` of the proof, but for the query.
    magnitude: f64,
    /// What rounding may take from the smallest stored numbers.
    smallest: f64,
}

impl Translation {
    fn new(columns: &Columns, measure: &Measure, part: Part) -> Self {
        let units = part.units(columns);
        let Units {
            feature,
            base,
            divisor,
        } = units;
        let factor = units.factor(measure);
        let (min, max) = columns.range(feature);
        let magnitudes = [min, max, measure.offset(feature), base / divisor].map(f64::abs);
        Self {
            units,
            stretch: measure.stretch(feature),
            factor: if factor < MIN_FACTOR { 0.0 } else { factor },
            ends: [min * divisor - base, max * divisor - base],
            magnitude: magnitudes.into_iter().fold(0.0, larger),
            smallest: if let Part::Double(_) = part { SMALLEST } else { 0.0 },
        }
    }
}

impl Filter {
    pub(crate) fn new(columns: &Columns, measure: &Measure, order: &[Part]) -> Self {
        let (starts, n_costs) = columns.cost_starts();
        let mut ends = Vec::with_capacity(n_costs);
        for group in &columns.groups {
            for &feature in &group.members {
                ends.push([0.0, 1.0].map(|end| measure.prepare(feature, end)));
            }
        }
        let mut points = Vec::with_capacity(order.len());
        let mut translations = Vec::with_capacity(order.len());
        let mut is_usable = measure.may_be_filtered();
        for &part in order {
            let translation = Translation::new(columns, measure, part);
            is_usable &= translation.factor <= MAX_FACTOR;
            points.push(Point {
                value: 0.0,
                factor: translation.factor as f32,
            });
            translations.push(translation);
        }
        let n_terms = (order.len() + columns.groups.len()) as f64;
        Self {
            values: vec![(0.0, 0.0); order.len()],
            points,
            translations,
            is_usable,
            starts,
            costs: vec![0.0; n_costs],
            ends,
            base: 0.0,
            error: 0.0,
            rounding_f32: 1.0 + (n_terms + 8.0) * 2.0 * U,
            rounding_f64: rounding_f64(columns),
        }
    }

    pub(crate) fn n_bytes(&self) -> usize {
        size_of_val(&self.points[..])
            + size_of_val(&self.values[..])
            + size_of_val(&self.translations[..])
            + size_of_val(&self.starts[..])
            + size_of_val(&self.costs[..])
            + size_of_val(&self.ends[..])
    }

    /// Translates the query; `false` if a sum could overflow an f32.
    pub(crate) fn prepare(&mut self, question: &Question<'_>) -> bool {
        let (columns, metric) = (question.columns, question.measure.metric);
        if !self.is_usable {
            return false;
        }
        self.base = question.cost_of_constants();
        self.error = 0.0;
        let mut largest_sum = 0.0;
        let places = self.points.iter_mut().zip(&mut self.values);
        for ((point, (value, error)), translation) in places.zip(&self.translations) {
            let Units {
                feature,
                base,
                divisor,
            } = translation.units;
            let query = question.query[feature];
            *value = query * divisor - base;
            point.value = *value as f32;
            let [low, high] = translation.ends;
            let farthest = larger((low - *value).abs(), (high - *value).abs());
            let magnitude = larger(translation.magnitude, query.abs());
            let rounding = *value - f64::from(point.value);
            *error = translation.factor * (2.0 * rounding.abs() + 8.0 * U * farthest + translation.smallest)
                + 64.0 * V * magnitude * translation.stretch
                + UNDERFLOW;
            self.error += metric.of(*error);
            largest_sum += metric.of(translation.factor * farthest + *error);
            // Negated so that NaN, which only overflow can bring about here, is caught as well.
            if !(farthest < MAX_SUM && largest_sum < MAX_SUM) {
                return false;
            }
        }
        if metric == Metric::Euclidean {
            self.error = self.error.sqrt();
        }
        // Each table of costs has one place more than its group has members: that of none.
        for ((nth, group), &start) in columns.groups.iter().enumerate().zip(&self.starts) {
            let costs = &mut self.costs[start..=start + group.members.len()];
            largest_sum += fill_costs(question, &group.members, &self.ends[start - nth..], costs);
        }
        largest_sum < MAX_SUM && self.base < MAX_SUM && self.rounding_f32 < 1.01
    }

    /// Takes the `|E|` and the skew of `tree/turned.rs` for a query whose sums are not taken here and cannot overflow;
    /// there are no groups.
    pub(crate) fn prepare_turned(&mut self, question: &Question<'_>, error: f64, skew: f64) -> bool {
        self.base = question.cost_of_constants();
        self.error = error;
        self.rounding_f64 = rounding_f64(question.columns) + 2.0 * skew;
        self.base < MAX_SUM
    }

    /// The largest `R` of a row that may still become a neighbour.
    pub(crate) fn radius(&self, bound: f64, squared: bool) -> f64 {
        let variable = bound * self.rounding_f64 - self.base * (2.0 - self.rounding_f64);
        let variable = larger(variable, 0.0) + UNDERFLOW;
        if squared { variable.sqrt() } else { variable }
    }

    /// The f32 sum that such a row cannot exceed.
    pub(crate) fn limit(&self, radius: f64, squared: bool) -> f32 {
        let with_error = radius + self.error;
        let sum = if squared {
            with_error * with_error
        } else {
            with_error
        };
        ((sum * self.rounding_f32 + UNDERFLOW) as f32).next_up()
    }

    /// Offers a row whose distance was computed in f64. If it is kept, says which sums are within reach from then on.
    pub(crate) fn offer(
        &self,
        nearest: &mut Nearest,
        distance: f64,
        row: u32,
        is_squared: bool,
    ) -> Option<f32> {
        if !(nearest.offer(distance, row.into()) && nearest.is_full()) {
            return None;
        }
        Some(self.limit(self.radius(nearest.bound(), is_squared), is_squared))
    }

    /// Around which number, and how near to it, a row within `radius` has what the column at `place` stores.
    pub(crate) fn reach(&self, place: usize, radius: f64) -> (f64, f64) {
        let (value, error) = self.values[place];
        // Wider by more than the roundings of this very line.
        let reach = (radius + error) / self.translations[place].factor * (1.0 + 1e-9) + 1e-9;
        (value, reach + value.abs() * 8.0 * V)
    }
}

fn rounding_f64(columns: &Columns) -> f64 {
    1.0 + (columns.features.len() as f64 + 8.0) * 4.0 * V
}

/// The larger of two numbers. `f64::max`, which minds NaN, is a call in WebAssembly.
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// Fills in what each code of a group costs; says the largest. Adds up what comes before and after the member that
/// is set, so that nothing cancels.
fn fill_costs(question: &Question<'_>, members: &[usize], ends: &[[f64; 2]], costs: &mut [f64]) -> f64 {
    let cost_of = |idx: usize, end: usize| {
        let feature = members[idx];
        let difference = ends[idx][end] - question.prepared[feature];
        question.measure.cost(feature, difference)
    };
    let mut after = 0.0;
    for idx in (0..members.len()).rev() {
        costs[idx + 1] = after;
        after += cost_of(idx, 0);
    }
    costs[0] = after;
    let mut before = 0.0;
    for idx in 0..members.len() {
        costs[idx + 1] += before + cost_of(idx, 1);
        before += cost_of(idx, 0);
    }
    costs.iter().copied().fold(0.0, larger)
}
