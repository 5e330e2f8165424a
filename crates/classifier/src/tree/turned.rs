//! Rows turned to their principal axes: where features go together, fewer and thinner boxes matter.
//!
//! Euclidean distances stay the same when all points are turned about a centre. Turned so that the first axes hold
//! most of the variance, as principal component analysis does, boxes fit closer, and what the last axes hold can be
//! left out: that only makes a lower bound lower. The boxes and the f32 filter then work on axes instead of columns;
//! what the filter lets through is still recomputed in f64 from the prepared values, kept here row by row. Of Wine
//! Quality, standardised, a tree over axes looks at three quarters of the leaves, and raw at three numbers of a row
//! instead of eleven (`examples/scan_speed.rs ratio`).
//!
//! # Why no neighbour is ever ruled out
//!
//! Let `u` and `v` be the roundings of f32 and f64, x' and q' a row and the query as prepared in f64, r the roots of the
//! features' weights, `D = r·(x' - q')` (feature by feature, without rounding), c the centre, and V the f64 matrix of `n` axes by
//! the `m` features that vary, of d in all. Nothing is assumed of V but what is computed of it: it may be a poor set of
//! axes, or not quite one.
//!
//! **Turning.** `|V·V^T - 1|` is at most `skew` in the maximum norm of rows, the roundings of that very computation
//! included (each entry is a sum of m products of numbers that are at most 1 or so: `4(m+2)·v`). The spectral norm is
//! no larger, so `|V·D|² <= (1 + skew)·|D|²`. D's part in constant features is nothing to V; it is the B below.
//!
//! **Storing.** Let `y = V·X` with `X = r·(x' - c)`, and z likewise of `Q = r·(q' - c)`, without rounding, so that
//! `y - z = V·D`. Every number of either is a sum of m products of differences that are rounded thrice (taken, multiplied, by
//! a root that is rounded itself), computed in f64 with an error of at most `1.01(m+4)·v` times the sum of the products'
//! magnitudes, which is at most `1.01·|X|` (Cauchy-Schwarz; a row of V is no longer than `sqrt(1 + skew)`). Over the axes
//! that is a vector no longer than `sqrt(n)·1.1(m+4)·v·|X|`. Rounding both to f32 and subtracting in f32 changes their
//! difference by no more than `2.01u·(|y| + |z|)`, and 1e-44 an axis near 0. With `reach` for the largest `|X|`, the
//! differences as computed are thus a vector no longer than `|V·D| + |E|` with
//! `|E| = (3u + sqrt(n)·2(m+4)·v)·(reach + |Q|) + 1e-38`, which has room for the roundings of the two lengths.
//!
//! **Summing.** As step 3 of `filter.rs`: an f32 sum over n axes is at most `(R + |E|)²·(1 + (n+8)·2u)` for
//! every row that belongs among the neighbours, with `R² = b·(1 + (d+8)·4v + 2·skew) - B·(1 - (d+8)·4v - 2·skew)`
//! for a k-th best of b. That is at least `1 + skew` times what it is there, as skew is under 1e-3.
//!
//! Rows that are too many, too wide, in one-hot groups or too far out for f32 are not turned, and a query that is too
//! far out has all distances taken in f64.
//!
//! Source: J. McNames, "A fast nearest-neighbor algorithm based on a principal axis search tree", IEEE Trans. Pattern
//! Anal. Machine Intell. 23(9), 2001.

#[cfg(test)]
mod tests;

use kernels::{Boxes, LEAF, Limit, Nearest, Point, Query};

use super::Tree;
use super::boxes;
use super::eigen::eigenvectors;
use super::leaves::{Leaves, NO_ROW};
use super::order::Order;
use crate::compact::{Column, Columns, Feature};
use crate::filter::{U, UNDERFLOW, V};
use crate::measure::Measure;
use crate::pace::Pace;
use crate::parts::by_falling_spread;
use crate::question::Question;
use crate::scan::integer;
use crate::{Metric, Rows as _};

/// Numbers that are turned at most, rows times features: a copy of them in f64 takes 4 MB, and turning them a few
/// hundredths of a second. Larger sets would be built twice for
/// little: their leaves are small as it is.
const MAX_NUMBERS: usize = 1 << 19;
/// Features that are turned at most: the axes of 64 take as long to find as thousands of rows to turn.
const MAX_FEATURES: usize = 64;
/// Of the features one in so many has to vary: the copy of the rows holds constant ones as well, for which files and columns
/// take no room.
const MAX_FEATURES_PER_VARYING: usize = 4;
/// Rows that the axes are found from, at least as many being there.
const N_SAMPLED: usize = 4096;
/// The share of the variance that the axes left out may hold together; not tuned. Of Wine Quality's eleven axes, raw,
/// three are kept, standardised all; five instead of three take as long.
const MAX_LEFT_OUT: f64 = 1e-3;
/// How far axes may be from being perpendicular and of length 1.
const MAX_SKEW: f64 = 1e-3;
/// What it takes to turn a number, for each axis.
const VALUE_UNITS: usize = 1;
/// What it takes to keep a number of a row in the order of the leaves.
const STORING_UNITS: usize = 8;
/// Farther points are not turned: squares of distances twice as large are still well within f32.
const MAX_REACH: f64 = 1e17;

/// Principal axes of the rows of one model, and room for what a query needs.
#[derive(Debug)]
struct Axes {
    /// Features that vary, ascending.
    features: Vec<usize>,
    /// Their means.
    centre: Vec<f64>,
    /// Roots of their weights.
    weight_roots: Vec<f64>,
    /// Of each of them, its part in each axis.
    directions: Vec<f64>,
    /// How far V·V^T is from 1.
    skew: f64,
    /// The point that was turned last: a number for each axis.
    point: Vec<f64>,
}

impl Axes {
    /// The axes of `columns`, or `None` where they are of no use.
    async fn new(columns: &Columns, measure: &Measure, pace: &Pace) -> Option<Self> {
        if !may_be_turned(columns, measure) {
            return None;
        }
        let features = varying(columns);
        let n_features = features.len();
        let step = columns.n_rows.div_ceil(N_SAMPLED);
        let n_sampled = columns.n_rows.div_ceil(step);
        let share = 1.0 / n_sampled as f64;
        let mut centre = vec![0.0; n_features];
        for nth in 0..n_sampled {
            for (mean, &feature) in centre.iter_mut().zip(&features) {
                *mean += share * prepared(columns, measure, nth * step, feature);
            }
        }
        let weight_roots: Vec<f64> = features
            .iter()
            .map(|&feature| measure.weight_roots[feature])
            .collect();
        let mut covariance = vec![0.0; n_features * n_features];
        let mut differences = vec![0.0; n_features];
        for nth in 0..n_sampled {
            for (at, difference) in differences.iter_mut().enumerate() {
                let value = prepared(columns, measure, nth * step, features[at]);
                *difference = weight_roots[at] * (value - centre[at]);
            }
            for (entries, a) in covariance.chunks_exact_mut(n_features).zip(&differences) {
                for (entry, b) in entries.iter_mut().zip(&differences) {
                    *entry += share * a * b;
                }
            }
            pace.spend(n_features * n_features).await;
        }
        let (vectors, variances) = eigenvectors(covariance, n_features);
        pace.spend(n_features.pow(3)).await;
        let mut left_out = MAX_LEFT_OUT * variances.iter().sum::<f64>();
        let is_left_out = |variance: &&f64| {
            left_out -= **variance;
            left_out >= 0.0
        };
        let n_left_out = variances[1..].iter().rev().take_while(is_left_out).count();
        let n_axes = n_features - n_left_out;
        let vectors = &vectors[..n_features * n_axes];
        let skew = skew(vectors, n_features);
        let mut directions = vec![0.0; vectors.len()];
        for (axis, vector) in vectors.chunks_exact(n_features).enumerate() {
            for (at, part) in vector.iter().enumerate() {
                directions[at * n_axes + axis] = *part;
            }
        }
        // False for NaN, which large numbers bring about.
        (skew <= MAX_SKEW).then(|| Self {
            directions,
            point: vec![0.0; n_axes],
            features,
            centre,
            weight_roots,
            skew,
        })
    }

    /// Turns a point whose features are `value`; says how far from the centre it is.
    fn turn(&mut self, value: impl Fn(usize) -> f64) -> f64 {
        self.point.fill(0.0);
        let mut square = 0.0;
        let directions = self.directions.chunks_exact(self.point.len());
        for (at, directions) in directions.enumerate() {
            let difference = self.weight_roots[at] * (value(self.features[at]) - self.centre[at]);
            square += difference * difference;
            for (sum, direction) in self.point.iter_mut().zip(directions) {
                *sum += difference * direction;
            }
        }
        square.sqrt()
    }

    /// `|E|` for rows within `reach` of the centre and a query that is `distance` from it.
    fn error(&self, reach: f64, distance: f64) -> f64 {
        let (n_axes, n_features) = (self.point.len() as f64, self.features.len() as f64);
        (3.0 * U + n_axes.sqrt() * 2.0 * (n_features + 4.0) * V) * (reach + distance) + UNDERFLOW
    }

    /// All rows, turned and rounded, as columns of their own; and the largest distance from the centre.
    async fn turn_rows(
        &mut self,
        columns: &Columns,
        measure: &Measure,
        pace: &Pace,
    ) -> Option<(Columns, f64)> {
        let n_rows = columns.n_rows;
        let mut axes = vec![Vec::with_capacity(n_rows); self.point.len()];
        let mut reach = 0.0_f64;
        for row in 0..n_rows {
            let distance = self.turn(|feature| prepared(columns, measure, row, feature));
            if distance.is_nan() || distance > MAX_REACH {
                return None;
            }
            reach = reach.max(distance);
            for (axis, value) in axes.iter_mut().zip(&self.point) {
                axis.push(*value as f32);
            }
            pace.spend(VALUE_UNITS * self.directions.len()).await;
        }
        let mut columns = Columns {
            n_rows,
            features: Vec::new(),
            shorts: Vec::new(),
            groups: Vec::new(),
            singles: Vec::new(),
            doubles: Vec::new(),
        };
        for (axis, values) in axes.into_iter().enumerate() {
            columns.features.push(Feature::Single(axis));
            columns.singles.push(Column::new(axis, values));
        }
        Some((columns, reach))
    }
}

/// The largest row of `|V·V^T - 1|`, roundings included.
fn skew(vectors: &[f64], n_features: usize) -> f64 {
    let rounding = 4.0 * (n_features as f64 + 2.0) * V;
    let mut largest = 0.0;
    for (i, a) in vectors.chunks_exact(n_features).enumerate() {
        let mut sum = 0.0;
        for (j, b) in vectors.chunks_exact(n_features).enumerate() {
            let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            sum += (product - f64::from(u8::from(i == j))).abs() + rounding;
        }
        // Not `max`, which would lose a NaN.
        if sum.is_nan() || sum > largest {
            largest = sum;
        }
    }
    largest
}

fn prepared(columns: &Columns, measure: &Measure, row: usize, feature: usize) -> f64 {
    measure.prepare(feature, columns.value(row, feature))
}

/// Features that are neither constant nor ignored; there are no groups.
fn varying(columns: &Columns) -> Vec<usize> {
    features_that(columns, |form| {
        matches!(form, Feature::Short(_) | Feature::Single(_) | Feature::Double(_))
    })
}

/// Features whose form is such, ascending.
fn features_that(columns: &Columns, is_such: fn(&Feature) -> bool) -> Vec<usize> {
    let mut features = Vec::new();
    for (feature, form) in columns.features.iter().enumerate() {
        if is_such(form) {
            features.push(feature);
        }
    }
    features
}

/// Whether rows can be turned, but for numbers that are too large. Sums of integers are exact as they are.
fn may_be_turned(columns: &Columns, measure: &Measure) -> bool {
    let (n_features, n_varying) = (columns.n_features(), varying(columns).len());
    measure.metric == Metric::Euclidean
        && measure.may_be_filtered()
        && !integer::applies_to(columns, measure)
        && columns.groups.is_empty()
        && n_features <= MAX_FEATURES
        && columns.n_rows.saturating_mul(n_features) <= MAX_NUMBERS
        && n_varying > 1
        && n_features <= MAX_FEATURES_PER_VARYING * n_varying
}

/// About what [`TurnedRows`], their order and a tree made of them spend on `columns`.
pub(crate) fn n_units(columns: &Columns, measure: &Measure) -> u64 {
    if !may_be_turned(columns, measure) {
        return 0;
    }
    let n_features = columns.n_features();
    // There are two sorts of leaves.
    (VALUE_UNITS * columns.n_rows * n_features * n_features) as u64
        + Order::n_units(columns.n_rows, n_features)
        + 2 * Tree::n_units(columns.n_rows, n_features)
}

/// The rows of one model along their principal axes.
#[derive(Debug)]
pub(super) struct TurnedRows {
    axes: Axes,
    /// A column for each axis.
    columns: Columns,
    /// The largest distance of a row from the centre.
    reach: f64,
}

impl TurnedRows {
    /// `None` where rows cannot be turned.
    pub(super) async fn new(columns: &Columns, measure: &Measure, pace: &Pace) -> Option<Self> {
        let mut axes = Axes::new(columns, measure, pace).await?;
        let (columns, reach) = axes.turn_rows(columns, measure, pace).await?;
        Some(Self { axes, columns, reach })
    }

    /// An order of the rows by their axes.
    pub(super) async fn order(&self, pace: &Pace) -> Order {
        let measure = Measure::new(Metric::Euclidean, None, &[], self.columns.n_features());
        let parts = by_falling_spread(&self.columns, &measure, pace).await;
        let order = Order::new(&self.columns, &measure, &parts, pace).await;
        Order {
            is_turned: true,
            ..order
        }
    }
}

/// What a tree over axes has beside the leaves of columns.
#[derive(Debug)]
pub(super) struct Turned {
    axes: Axes,
    /// The largest distance of a row from the centre.
    reach: f64,
    /// Of each leaf, each axis.
    tiles: Vec<[f32; LEAF]>,
    /// The prepared features of each row of each leaf, but for those of no weight; zeros for padding.
    rows: Vec<f64>,
    /// Which features those are, ascending.
    features: Vec<usize>,
    /// Their weights.
    weights: Vec<f64>,
    /// The query's.
    query: Vec<f64>,
    /// The query, turned and rounded: for rows, and for boxes.
    point: Vec<f32>,
    points: Vec<Point>,
}

impl Turned {
    /// Puts the rows of `columns`, turned, at the places that `order` says; gives the boxes as well.
    pub(super) async fn new(
        columns: &Columns,
        measure: &Measure,
        turned: TurnedRows,
        order: &Order,
        pace: &Pace,
    ) -> (Self, Boxes) {
        let leaves = Leaves::new(&turned.columns, &mut order.clone(), pace).await;
        let features = features_that(columns, |form| !matches!(form, Feature::Ignored));
        let mut rows = Vec::with_capacity(leaves.n_leaves() * LEAF * features.len());
        for row in leaves.tiles.rows.as_flattened() {
            for &feature in &features {
                rows.push(match *row {
                    NO_ROW => 0.0,
                    row => prepared(columns, measure, row as usize, feature),
                });
            }
            pace.spend(STORING_UNITS * features.len()).await;
        }
        let boxes = boxes::around_leaves(&turned.columns, &leaves, pace).await;
        let turned = Self {
            point: vec![0.0; turned.axes.point.len()],
            points: vec![Point::default(); turned.axes.point.len()],
            axes: turned.axes,
            reach: turned.reach,
            tiles: leaves.tiles.floats.all,
            rows,
            query: vec![0.0; features.len()],
            weights: features.iter().map(|&feature| measure.weights[feature]).collect(),
            features,
        };
        (turned, boxes)
    }

    pub(super) fn n_axes(&self) -> usize {
        self.axes.point.len()
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        let axes = &self.axes;
        let n_numbers = 2 * axes.centre.len() + axes.directions.len() + axes.point.len();
        size_of_val(&self.tiles[..])
            + size_of_val(&self.rows[..])
            + size_of::<f64>() * (n_numbers + 3 * self.features.len() + axes.features.len())
    }

    /// Squared distance of the query that was prepared to the row at a place among the leaves' rows: the definition,
    /// but that prepared values are not computed anew.
    fn distance(&self, place: usize) -> f64 {
        let row = &self.rows[place * self.query.len()..][..self.query.len()];
        kernels::distance_to(&self.query, row, &self.weights)
    }
}

impl Tree {
    /// Searches along the axes, if there are any.
    pub(super) fn search_turned(&mut self, question: &Question<'_>, nearest: &mut Nearest) -> bool {
        let Self {
            leaves,
            filter,
            boxes,
            path,
            turned: Some(turned),
            ..
        } = self
        else {
            return false;
        };
        for (value, &feature) in turned.query.iter_mut().zip(&turned.features) {
            *value = question.prepared[feature];
        }
        // To the centre.
        let distance = turned.axes.turn(|feature| question.prepared[feature]);
        let n_axes = turned.n_axes();
        let error = turned.axes.error(turned.reach, distance);
        // With NaN, which compares false, the answer is no as well.
        if !(distance <= MAX_REACH && filter.prepare_turned(question, error, turned.axes.skew)) {
            return false;
        }
        let places = turned.points.iter_mut().zip(&mut turned.point);
        for ((place, rounded), value) in places.zip(&turned.axes.point) {
            *rounded = *value as f32;
            *place = Point {
                value: *rounded,
                factor: 1.0,
            };
        }
        let (mut limit, mut sums) = (f32::INFINITY, [0.0; LEAF]);
        let mut look_at = |leaf: usize| {
            let axes = &turned.tiles[leaf * n_axes..][..n_axes];
            for lane in kernels::sums_along(axes, &turned.point, limit, &mut sums) {
                let row = leaves.tiles.rows[leaf][lane];
                if sums[lane] > limit || row == NO_ROW {
                    continue;
                }
                let distance = turned.distance(leaf * LEAF + lane);
                if nearest.offer(distance, row.into()) && nearest.is_full() {
                    limit = filter.limit(filter.radius(nearest.bound(), true), true);
                }
            }
            Limit {
                sum: limit,
                row: nearest.settled_row(),
            }
        };
        // So few rows are in a cache anyway.
        path.search(
            boxes,
            &[],
            Query::Points(&turned.points, true),
            &mut look_at,
            None,
        );
        true
    }
}
