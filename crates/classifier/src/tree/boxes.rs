//! The boxes above the leaves: what range each column has in each part of the tree, four parts to a node.
//!
//! Four children's bounds lie side by side, so that one pass over a node's columns gives four lower bounds.
//!
//! # Why no neighbour is ever ruled out
//!
//! [`lower_bounds`] does to the nearest point of a box what the leaf kernel (`kernels.rs`) does to a row:
//! the same f32 operations on the same kind of numbers in the same order. Subtraction, product and sum round
//! monotonically, so a row inside the box has an f32 sum of at least the box's, and the box may be passed over
//! whenever such a sum may be. The costs of groups come after the columns, for a row as for a box; a box adds those only that
//! its whole tree shares, and to leave out what is not negative makes no sum larger. Integer queries have exact
//! differences here and a relative rounding in each square, sum and cost: the limit is widened by that (`Tree::rounding`).
//!
//! Source: A. Guttman, "R-trees: a dynamic index structure for spatial searching", SIGMOD 1984; lower bounds as in
//! N. Roussopoulos, S. Kelley and F. Vincent, "Nearest neighbor queries", SIGMOD 1995.

use std::hint::black_box;

use super::leaves::{CACHE_LINE, LEAF, Leaves};
use crate::compact::Columns;
use crate::pace::Pace;

/// Children of a node: one f32 SIMD register.
pub(super) const WIDTH: usize = 4;
/// Set in the number of a child that is a leaf.
pub(super) const IS_LEAF: u32 = 1 << 31;

/// A number that bounds a column.
pub(super) trait Bound: Copy + Into<f32> + PartialOrd {
    /// The same number; the caller knows that it can be had.
    fn from_f32(value: f32) -> Self;
}

impl Bound for i16 {
    fn from_f32(value: f32) -> Self {
        debug_assert!(f32::from(value as i16) == value, "short columns hold these only");
        value as i16
    }
}

impl Bound for f32 {
    fn from_f32(value: f32) -> Self {
        value
    }
}

/// Bounds of one column in four boxes: the lower ones and the upper ones.
pub(super) type Bounds<T> = [[T; WIDTH]; 2];

/// Where a node's children are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// The first child, with [`IS_LEAF`] if they are leaves; the others follow.
    pub(super) first: u32,
    /// How many there are, `1..=4`.
    pub(super) n_children: u32,
    /// The smallest row number below each.
    pub(super) first_rows: [u32; WIDTH],
}

/// All boxes of the trees.
#[derive(Debug)]
pub(super) struct Boxes<T> {
    n_columns: usize,
    /// Of each node, each column: shorts, singles, doubles.
    bounds: Vec<Bounds<T>>,
    pub(super) links: Vec<Link>,
    /// The root of each tree, with [`IS_LEAF`] if it is one.
    pub(super) roots: Vec<u32>,
    /// Of each four roots, each column.
    root_bounds: Vec<Bounds<T>>,
}

/// The box of one child: low and high of each column.
type Child<T> = Vec<[T; 2]>;

impl<T: Bound> Boxes<T> {
    pub(super) async fn new(columns: &Columns, leaves: &Leaves, pace: &Pace) -> Self {
        let mut boxes = Self {
            n_columns: columns.shorts.len() + columns.singles.len() + columns.doubles.len(),
            bounds: Vec::new(),
            links: Vec::new(),
            roots: Vec::new(),
            root_bounds: Vec::new(),
        };
        let mut root_boxes: Vec<Child<T>> = Vec::new();
        for ends in leaves.starts.windows(2) {
            let mut first_child = ends[0] as u32 | IS_LEAF;
            let mut level: Vec<Child<T>> = Vec::with_capacity(ends[1] - ends[0]);
            for leaf in ends[0]..ends[1] {
                level.push(of_leaf(columns, leaves, leaf));
                pace.spend(LEAF * boxes.n_columns).await;
            }
            let first = |rows: &[u32]| rows.iter().copied().fold(u32::MAX, u32::min);
            let of_leaves = leaves.rows[ends[0]..ends[1]].iter();
            let mut first_rows: Vec<u32> = of_leaves.map(|rows| first(rows)).collect();
            while level.len() > 1 {
                let first_parent = boxes.links.len() as u32;
                for (nth, children) in level.chunks(WIDTH).enumerate() {
                    let at = nth * WIDTH;
                    let last = at + children.len() - 1;
                    boxes.links.push(Link {
                        first: first_child + at as u32,
                        n_children: children.len() as u32,
                        first_rows: [0, 1, 2, 3].map(|lane| first_rows[last.min(at + lane)]),
                    });
                    push_bounds(&mut boxes.bounds, children);
                    pace.spend(LEAF * boxes.n_columns).await;
                }
                level = level.chunks(WIDTH).map(around).collect();
                first_rows = first_rows.chunks(WIDTH).map(first).collect();
                first_child = first_parent;
            }
            boxes.roots.push(first_child);
            root_boxes.append(&mut level);
        }
        for children in root_boxes.chunks(WIDTH) {
            push_bounds(&mut boxes.root_bounds, children);
        }
        boxes
    }

    /// Lower bounds of the f32 sums of rows below each child of `node`; lanes without a child repeat the last.
    #[inline]
    pub(super) fn of_children<const SQUARED: bool>(&self, node: usize, query: &[Point]) -> [f32; WIDTH] {
        lower_bounds::<T, SQUARED>(&self.bounds[node * self.n_columns..], query)
    }

    /// Has the cache lines of `node` on their way while others are looked at; see [`Leaves::fetch`].
    pub(super) fn fetch(&self, node: usize) {
        black_box(self.links[node].first);
        let bounds = &self.bounds[node * self.n_columns..][..self.n_columns];
        for [low, _] in bounds.iter().step_by(CACHE_LINE / size_of::<Bounds<T>>()) {
            black_box(low[0]);
        }
    }

    /// The same for four roots, from `4 * nth` on.
    pub(super) fn of_roots<const SQUARED: bool>(&self, nth: usize, query: &[Point]) -> [f32; WIDTH] {
        lower_bounds::<T, SQUARED>(&self.root_bounds[nth * self.n_columns..], query)
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.bounds[..])
            + size_of_val(&self.links[..])
            + size_of_val(&self.roots[..])
            + size_of_val(&self.root_bounds[..])
    }
}

/// A query in the units of a column, and what turns differences into prepared ones.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    pub(super) value: f32,
    pub(super) factor: f32,
}

/// A call: where the compiler sees what becomes of the sums, it makes SSE2 vectors of two lanes instead of four.
#[inline(never)]
fn lower_bounds<T: Bound, const SQUARED: bool>(node: &[Bounds<T>], query: &[Point]) -> [f32; WIDTH] {
    let mut sums = [0.0; WIDTH];
    for ([low, high], point) in node.iter().zip(query) {
        for lane in 0..WIDTH {
            let below: f32 = low[lane].into() - point.value;
            let above: f32 = point.value - high[lane].into();
            // Comparisons instead of `max`, which minds NaN and therefore is not one instruction.
            let gap = if below > above { below } else { above };
            let gap = (if gap > 0.0 { gap } else { 0.0 }) * point.factor;
            sums[lane] += if SQUARED { gap * gap } else { gap };
        }
    }
    sums
}

fn of_leaf<T: Bound>(columns: &Columns, leaves: &Leaves, leaf: usize) -> Child<T> {
    let shorts = leaves.shorts_of(leaf, columns.shorts.len()).iter().map(ends);
    let n_floats = columns.singles.len() + columns.doubles.len();
    let floats = leaves.floats_of(leaf, n_floats).iter().map(ends);
    shorts.chain(floats).map(|ends| ends.map(T::from_f32)).collect()
}

fn ends<T: Copy + PartialOrd + Into<f32>>(values: &[T; LEAF]) -> [f32; 2] {
    let (mut low, mut high) = (values[0], values[0]);
    for &value in values {
        low = if value < low { value } else { low };
        high = if value > high { value } else { high };
    }
    [low.into(), high.into()]
}

fn around<T: Bound>(children: &[Child<T>]) -> Child<T> {
    let mut all = children[0].clone();
    for child in &children[1..] {
        for ([low, high], other) in all.iter_mut().zip(child) {
            *low = if other[0] < *low { other[0] } else { *low };
            *high = if other[1] > *high { other[1] } else { *high };
        }
    }
    all
}

fn push_bounds<T: Bound>(bounds: &mut Vec<Bounds<T>>, children: &[Child<T>]) {
    let last = children.len() - 1;
    let lanes = [0, 1, 2, 3].map(|lane: usize| &children[lane.min(last)]);
    for column in 0..children[0].len() {
        bounds.push([0, 1].map(|end| lanes.map(|child| child[column][end])));
    }
}
