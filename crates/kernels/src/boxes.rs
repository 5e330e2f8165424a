//! Boxes, four to a node: lower bounds of what rows inside are away from a query.

use std::hint::black_box;

/// Children of a node: one f32 SIMD register.
pub const WIDTH: usize = 4;
/// Set in the number of a child that is a leaf.
pub const IS_LEAF: u32 = 1 << 31;
/// Bytes that come from memory together, on most machines.
pub(crate) const CACHE_LINE: usize = 64;

/// Bounds of one column in four boxes: the lower ones and the upper ones.
pub type Bounds<T> = [[T; WIDTH]; 2];

/// Where a node's children are.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The first child, with [`IS_LEAF`] if they are leaves; the others follow.
    pub first: u32,
    /// How many there are, `1..=4`.
    pub n_children: u32,
    /// The smallest row number below each.
    pub first_rows: [u32; WIDTH],
}

/// All boxes of some trees.
#[derive(Debug)]
pub struct Boxes {
    /// Where they lie.
    pub sides: AnySides,
    /// Of each node.
    pub links: Vec<Link>,
    /// The root of each tree, with [`IS_LEAF`] if it is one.
    pub roots: Vec<u32>,
}

/// Bounds in the narrowest form that holds the columns.
#[derive(Debug)]
pub enum AnySides {
    /// Whole numbers of two bytes.
    Short(Sides<i16>),
    /// Any f32.
    Single(Sides<f32>),
}

/// Bounds in one form.
#[derive(Debug, Default)]
pub struct Sides<T> {
    /// Of each node, each column.
    pub nodes: Vec<Bounds<T>>,
    /// Of each four roots, each column.
    pub roots: Vec<Bounds<T>>,
}

/// A query in the units of a column, and what turns differences into prepared ones.
#[derive(Debug, Clone, Copy, Default)]
pub struct Point {
    /// The query's value.
    pub value: f32,
    /// What differences are multiplied by.
    pub factor: f32,
}

impl Boxes {
    /// Memory held.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        let n_bytes_of_sides = match &self.sides {
            AnySides::Short(sides) => size_of_val(&sides.nodes[..]) + size_of_val(&sides.roots[..]),
            AnySides::Single(sides) => size_of_val(&sides.nodes[..]) + size_of_val(&sides.roots[..]),
        };
        n_bytes_of_sides + size_of_val(&self.links[..]) + size_of_val(&self.roots[..])
    }
}

impl AnySides {
    /// Lower bounds of the f32 sums of rows below each child of `node`; lanes without a child repeat the last.
    pub(crate) fn of_children(&self, node: usize, query: &[Point], is_squared: bool) -> [f32; WIDTH] {
        match self {
            Self::Short(sides) => lower_bounds(&sides.nodes, node, query, is_squared),
            Self::Single(sides) => lower_bounds(&sides.nodes, node, query, is_squared),
        }
    }

    /// The same for four roots, from `4 * nth` on.
    pub(crate) fn of_roots(&self, nth: usize, query: &[Point], is_squared: bool) -> [f32; WIDTH] {
        match self {
            Self::Short(sides) => lower_bounds(&sides.roots, nth, query, is_squared),
            Self::Single(sides) => lower_bounds(&sides.roots, nth, query, is_squared),
        }
    }

    /// Has the cache lines of `node` on their way while others are looked at: a load from each, which nothing waits for.
    pub(crate) fn fetch(&self, node: usize, n_columns: usize) {
        match self {
            Self::Short(sides) => fetch(&sides.nodes, node, n_columns),
            Self::Single(sides) => fetch(&sides.nodes, node, n_columns),
        }
    }
}

fn fetch<T: Copy>(bounds: &[Bounds<T>], node: usize, n_columns: usize) {
    let bounds = &bounds[node * n_columns..][..n_columns];
    for [low, _] in bounds.iter().step_by(CACHE_LINE / size_of::<Bounds<T>>()) {
        black_box(low[0]);
    }
}

fn lower_bounds<T: Copy + Into<f32>>(
    bounds: &[Bounds<T>],
    nth: usize,
    query: &[Point],
    is_squared: bool,
) -> [f32; WIDTH] {
    let node = &bounds[nth * query.len()..];
    if is_squared {
        lower_bounds_of::<_, true>(node, query)
    } else {
        lower_bounds_of::<_, false>(node, query)
    }
}

/// A call: where the compiler sees what becomes of the sums, it makes SSE2 vectors of two lanes instead of four.
#[inline(never)]
fn lower_bounds_of<T: Copy + Into<f32>, const SQUARED: bool>(
    node: &[Bounds<T>],
    query: &[Point],
) -> [f32; WIDTH] {
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
