//! The tree engine: near rows lie together in leaves, and boxes around them tell which leaves cannot matter.
//!
//! Building is O(n·log n). A query is O(log n) where the rows have structure (of Covertype's 29,051 leaves, raw, it
//! looks at seven on average for k = 5) and O(n·d) where they have none, as with many independent features;
//! [`Tree::visited_ppm`] counts which it is, and `knn.rs` keeps the scan where a tree does not pay. Queries allocate
//! nothing. The leaves hold the only copy of the rows, where doubles take 12 bytes: as they are, and rounded to f32 for the
//! filter. Beside it there are 4 bytes a row for its number and, for the boxes, about a sixth of what the columns take, or
//! a third if some are floats.
//!
//! A query goes down depth first, the nearest child first, and passes over what cannot hold a neighbour. In a leaf it
//! does what the scan does in a block: exact sums of integers ([`integer`]), or f32 sums that rule rows out and f64
//! sums for the rest (`filter.rs`). Rows come in no order, so boxes and rows as far away as the k-th neighbour are
//! still looked at: one of them may hold a smaller row number.
//!
//! Few rows whose features depend on each other are turned to their principal axes first, if that turns out to save
//! work ([`turned`]). They are kept a second time then, in f64.
//!
//! Read in this order: `order` (which rows lie together; the order is the whole tree), `leaves` (columns in that order),
//! `boxes` (their ranges), `search` and `leaf` of crate `kernels` (depth first; one leaf), `exact` (the definition
//! without its zeros); and last `turned` with `eigen`, a second way to fill the same boxes. [`Tree::nearest`] picks one of
//! four ways to answer: along axes, in integers, by the f32 filter, or all rows in f64.
//!
//! Sources: J. Friedman, J. Bentley and R. Finkel, "An algorithm for finding best matches in logarithmic expected
//! time", ACM Trans. Math. Software 3(3), 1977 (the splits); `boxes.rs` names those of the boxes.

mod boxes;
mod eigen;
mod exact;
mod leaves;
mod order;
mod turned;

use std::ops::Add;

use kernels::{Boxes, LEAF, Lanes, Limit, Nearest, Path, Query};

use self::exact::Exact;
use self::leaves::{Leaves, NO_ROW};
pub(crate) use self::order::Order;
pub(crate) use self::turned::n_units as n_units_of_axes;
use self::turned::{Turned, TurnedRows};
use crate::compact::Columns;
use crate::filter::{Filter, U};
use crate::measure::Measure;
use crate::pace::Pace;
use crate::parts::Part;
use crate::question::Question;
use crate::scan::integer;
use crate::{Metric, Rows as _};

/// Training rows that are asked for their neighbours to see whether a tree pays; not tuned.
const N_SAMPLED: usize = 32;
/// Numbers, about, after which counting stops (Covertype's queries take 0.2 million). It is there for files: constant
/// features take no room in them, so that a small one may make each query long.
const MAX_COUNTED: usize = 1 << 28;
/// What it takes to look at a leaf, of a column.
const LEAF_UNITS: usize = 8;

/// The training rows of one model in leaves, and room for what a query needs.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The groups whose combinations of categories have trees of their own.
    categories: Vec<usize>,
    leaves: Leaves,
    boxes: Boxes,
    /// Of each tree, where among the costs that of its category is, of each group of `categories`.
    root_places: Vec<usize>,
    is_integer: bool,
    integer: integer::Scratch,
    filter: Filter,
    exact: Exact,
    /// `1 + (n+8)·2u` for n columns and groups: more than the roundings of a box's sum, of integers or not.
    rounding: f64,
    /// What each category costs, of one group after the other.
    costs: Vec<f32>,
    /// Of each tree, what each group of `categories` costs its rows.
    root_costs: Vec<f32>,
    path: Path,
    /// Present where boxes and filter work on principal axes instead of columns.
    turned: Option<Turned>,
}

impl Tree {
    /// Builds the trees over columns and, where that is possible, the one over principal axes, and keeps what looks at
    /// fewer numbers to find `k` neighbours; says which share of the leaves that looks at, in millionths. Where there is
    /// no choice, that is only counted if `is_share_asked`.
    pub(crate) async fn best(
        columns: &Columns,
        measure: &Measure,
        k: usize,
        parts: &[(f64, Part)],
        is_share_asked: bool,
        pace: &Pace,
    ) -> (Self, Option<u32>) {
        let order = Order::new(columns, measure, parts, pace).await;
        let mut tree = Self::new(columns, measure, order, pace).await;
        let turned_rows = TurnedRows::new(columns, measure, pace).await;
        if turned_rows.is_none() && !is_share_asked {
            return (tree, None);
        }
        let visited = tree.visited_ppm(columns, measure, k, pace).await;
        if let Some(rows) = turned_rows {
            let order = rows.order(pace).await;
            let mut turned = Self::from_order(columns, measure, order, Some(rows), pace).await;
            let visited_turned = turned.visited_ppm(columns, measure, k, pace).await;
            let n_numbers = |tree: &Self, visited: u32| tree.n_box_columns() as u64 * u64::from(visited);
            if n_numbers(&turned, visited_turned) < n_numbers(&tree, visited) {
                return (turned, Some(visited_turned));
            }
        }
        (tree, Some(visited))
    }

    /// Builds the trees of `columns`, in which rows are at the places that `order` says.
    pub(crate) async fn new(columns: &Columns, measure: &Measure, order: Order, pace: &Pace) -> Self {
        let turned = if order.is_turned {
            TurnedRows::new(columns, measure, pace).await
        } else {
            None
        };
        Self::from_order(columns, measure, order, turned, pace).await
    }

    /// The same with the rows along axes at hand, if boxes are to lie along them.
    async fn from_order(
        columns: &Columns,
        measure: &Measure,
        mut order: Order,
        turned: Option<TurnedRows>,
        pace: &Pace,
    ) -> Self {
        let parts = Part::all(columns);
        let turned = match turned {
            Some(rows) => Some(Turned::new(columns, measure, rows, &order, pace).await),
            None => None,
        };
        let leaves = Leaves::new(columns, &mut order, pace).await;
        let (turned, boxes) = turned.unzip();
        let boxes = match boxes {
            Some(boxes) => boxes,
            None => boxes::around_leaves(columns, &leaves, pace).await,
        };
        let n_groups = columns.groups.len();
        let n_trees = leaves.starts.len() - 1;
        let code = |leaf: usize, group: usize| leaves.tiles.codes.of(leaf)[group][0];
        let integer = integer::Scratch::new(columns);
        let place = |leaf, group: usize| integer.starts[group] + usize::from(code(leaf, group));
        let mut root_places = Vec::with_capacity(n_trees * order.categories.len());
        for &leaf in &leaves.starts[..n_trees] {
            root_places.extend(order.categories.iter().map(|&group| place(leaf, group)));
        }
        Self {
            is_integer: integer::applies_to(columns, measure),
            filter: Filter::new(columns, measure, &parts),
            exact: Exact::new(columns, measure),
            rounding: 1.0 + ((parts.len() + n_groups) as f64 + 8.0) * 2.0 * U,
            costs: vec![0.0; integer.costs.len()],
            root_costs: vec![0.0; root_places.len()],
            path: Path::new(n_trees),
            turned,
            integer,
            categories: order.categories,
            leaves,
            boxes,
            root_places,
        }
    }

    /// About what [`Tree::new`] spends on `n_rows` of `n_columns`.
    pub(crate) fn n_units(n_rows: usize, n_columns: usize) -> u64 {
        (leaves::TILE_UNITS + 2) as u64 * n_rows as u64 * n_columns as u64
    }

    /// Whether queries of whole numbers are answered in integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.is_integer
    }

    /// The share of the leaves, in millionths, that training rows look at to find `k` neighbours beside themselves.
    async fn visited_ppm(&mut self, columns: &Columns, measure: &Measure, k: usize, pace: &Pace) -> u32 {
        let mut nearest = Nearest::new(k + 1);
        let (mut n_visited, mut n_queries) = (0, 0);
        for row in (0..columns.n_rows).step_by(columns.n_rows.div_ceil(N_SAMPLED)) {
            let query: Vec<f64> = (0..columns.n_features())
                .map(|feature| columns.value(row, feature))
                .collect();
            let prepare = |(feature, &value): (usize, &f64)| measure.prepare(feature, value);
            let prepared: Vec<f64> = query.iter().enumerate().map(prepare).collect();
            nearest.clear();
            let question = Question {
                columns,
                measure,
                query: &query,
                prepared: &prepared,
            };
            self.nearest(&question, &mut nearest);
            n_visited += self.path.n_visited;
            n_queries += 1;
            pace.spend(LEAF_UNITS * self.filter.points.len() * self.path.n_visited)
                .await;
            if n_visited * LEAF >= MAX_COUNTED / columns.n_features().max(1) {
                break;
            }
        }
        (1_000_000 * n_visited as u64 / (n_queries * self.leaves.n_leaves()) as u64) as u32
    }

    /// Fills `nearest`, which is empty.
    pub(crate) fn nearest(&mut self, question: &Question<'_>, nearest: &mut Nearest) {
        if self.turned.is_some() {
            if !self.search_turned(question, nearest) {
                self.look_at_all(question, nearest);
            }
        } else if self.rounding >= 1.01 {
            self.look_at_all(question, nearest);
        } else if self.is_integer && self.integer.prepare(question) {
            for (cost, &place) in self.root_costs.iter_mut().zip(&self.root_places) {
                *cost = self.integer.costs[place] as f32;
            }
            self.search_integers(nearest);
        } else if self.prepare_filtered(question) {
            for (cost, exact) in self.costs.iter_mut().zip(&self.filter.costs) {
                *cost = *exact as f32;
            }
            for (cost, &place) in self.root_costs.iter_mut().zip(&self.root_places) {
                *cost = self.costs[place];
            }
            self.search_filtered(question, nearest);
        } else {
            self.look_at_all(question, nearest);
        }
    }

    /// The order that the tree was built in.
    pub(crate) fn order(&self) -> Order {
        Order {
            rows: self.leaves.row_numbers().map(|(row, ..)| row).collect(),
            categories: self.categories.clone(),
            is_turned: self.turned.is_some(),
        }
    }

    /// How many numbers a box has on each side.
    fn n_box_columns(&self) -> usize {
        self.n_axes().unwrap_or(self.filter.points.len())
    }

    /// How many principal axes stand in for the columns, if any do.
    pub(crate) fn n_axes(&self) -> Option<usize> {
        self.turned.as_ref().map(Turned::n_axes)
    }

    /// `columns`, whose values were released, with their values.
    pub(crate) fn restore(&self, columns: &Columns) -> Columns {
        self.leaves.restore(columns)
    }

    /// Memory held.
    pub(crate) fn n_bytes(&self) -> usize {
        self.boxes.n_bytes()
            + self.leaves.n_bytes()
            + self.integer.n_bytes()
            + self.filter.n_bytes()
            + self.exact.n_bytes()
            + self.turned.as_ref().map_or(0, Turned::n_bytes)
    }

    /// Translates the query for the f32 filter; `false` if a sum could overflow.
    fn prepare_filtered(&mut self, question: &Question<'_>) -> bool {
        self.exact.prepare(question);
        self.filter.prepare(question)
    }

    /// Every distance in f64.
    fn look_at_all(&mut self, question: &Question<'_>, nearest: &mut Nearest) {
        self.path.n_visited = self.leaves.n_leaves();
        for (row, leaf, lane) in self.leaves.row_numbers() {
            let value = |feature| self.leaves.value(question.columns, leaf, lane, feature);
            nearest.offer(question.distance_of(value), row.into());
        }
    }

    /// The integer kernel in the leaves.
    fn search_integers(&mut self, nearest: &mut Nearest) {
        let Self {
            leaves,
            integer,
            boxes,
            root_costs,
            rounding,
            path,
            ..
        } = self;
        let (mut limit, mut sums) = (i32::MAX, [0; LEAF]);
        let rows = Offered {
            leaves,
            starts: &integer.starts,
            costs: &integer.costs,
            unlimited: limit,
        };
        let mut look_at = |leaf: usize| {
            let lanes = kernels::integer_sums(&leaves.tiles, leaf, &integer.targets, limit, &mut sums);
            limit = rows.of_leaf(leaf, lanes, &mut sums, limit, |lane, sum| {
                let row = leaves.tiles.rows[leaf][lane];
                // Saturates while there are fewer than k; larger sums do not occur.
                let limit = |nearest: &Nearest| (nearest.bound() - integer.base) as i32;
                let is_kept = nearest.offer(integer.base + f64::from(sum), row.into());
                is_kept.then(|| limit(nearest))
            });
            Limit {
                sum: ((f64::from(limit) * *rounding) as f32).next_up(),
                row: nearest.settled_row(),
            }
        };
        let query = Query::Whole(&integer.targets);
        path.search(boxes, root_costs, query, &mut look_at, Some(&leaves.tiles));
    }

    /// The f32 kernel in the leaves, f64 for what it lets through.
    fn search_filtered(&mut self, question: &Question<'_>, nearest: &mut Nearest) {
        let is_squared = question.measure.metric == Metric::Euclidean;
        let Self {
            leaves,
            filter,
            exact,
            costs,
            boxes,
            root_costs,
            path,
            ..
        } = self;
        let (mut limit, mut sums) = (f32::INFINITY, [0.0; LEAF]);
        let rows = Offered {
            leaves,
            starts: &filter.starts,
            costs,
            unlimited: limit,
        };
        let mut look_at = |leaf: usize| {
            let lanes = kernels::sums(&leaves.tiles, leaf, &filter.points, is_squared, limit, &mut sums);
            limit = rows.of_leaf(leaf, lanes, &mut sums, limit, |lane, _| {
                let row = leaves.tiles.rows[leaf][lane];
                let distance = exact.distance(question, leaves, leaf, lane);
                filter.offer(nearest, distance, row, is_squared)
            });
            Limit {
                sum: limit,
                row: nearest.settled_row(),
            }
        };
        let query = Query::Points(&filter.points, is_squared);
        path.search(boxes, root_costs, query, &mut look_at, Some(&leaves.tiles));
    }
}

/// What is done with the sums over a leaf's columns, be they integers or the filter's.
struct Offered<'a, T> {
    leaves: &'a Leaves,
    /// Where in `costs` those of each group begin.
    starts: &'a [usize],
    costs: &'a [T],
    /// The limit as long as there is none; no row has this sum.
    unlimited: T,
}

impl<T: Copy + PartialOrd + Add<Output = T>> Offered<'_, T> {
    /// Has `offer` take the rows of a leaf whose sums, those of groups included, are within the limit. What it answers,
    /// if anything, is the limit from then on. `lanes` are those whose `sums` are within it without groups.
    fn of_leaf(
        &self,
        leaf: usize,
        lanes: Lanes,
        sums: &mut [T; LEAF],
        mut limit: T,
        mut offer: impl FnMut(usize, T) -> Option<T>,
    ) -> T {
        let rows = &self.leaves.tiles.rows[leaf];
        let codes = self.leaves.tiles.codes.of(leaf);
        let with_groups = |sum: T, lane: usize| {
            let of_groups = codes.iter().zip(self.starts);
            of_groups.fold(sum, |sum, (codes, start)| {
                sum + self.costs[start + usize::from(codes[lane])]
            })
        };
        if limit == self.unlimited {
            // The nearest first: once there are k, they rule the others out.
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum = if rows[lane] == NO_ROW {
                    self.unlimited
                } else {
                    with_groups(*sum, lane)
                };
            }
            while let Some(lane) = kernels::smallest_within(sums, limit) {
                let sum = std::mem::replace(&mut sums[lane], self.unlimited);
                if sum == self.unlimited {
                    break;
                }
                limit = offer(lane, sum).unwrap_or(limit);
            }
        } else {
            for lane in lanes {
                let sum = with_groups(sums[lane], lane);
                if rows[lane] != NO_ROW && sum <= limit {
                    limit = offer(lane, sum).unwrap_or(limit);
                }
            }
        }
        limit
    }
}
