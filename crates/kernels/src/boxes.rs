//! Boxes, four to a node: lower bounds of what rows inside are away from a query.

use std::hint::black_box;

use crate::Point;

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
}

/// All boxes of some trees.
#[derive(Debug)]
pub struct Boxes {
    /// Where they lie.
    pub sides: AnySides,
    /// Of each node.
    pub links: Vec<Link>,
    /// Of each node, the smallest row number below each child.
    pub first_rows: Vec<[u32; WIDTH]>,
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

impl Boxes {
    /// Memory held.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        let n_bytes_of_sides = match &self.sides {
            AnySides::Short(sides) => size_of_val(&sides.nodes[..]) + size_of_val(&sides.roots[..]),
            AnySides::Single(sides) => size_of_val(&sides.nodes[..]) + size_of_val(&sides.roots[..]),
        };
        n_bytes_of_sides
            + size_of_val(&self.links[..])
            + size_of_val(&self.first_rows[..])
            + size_of_val(&self.roots[..])
    }
}

/// A query, by columns.
#[derive(Debug, Clone, Copy)]
pub enum Query<'a> {
    /// Any numbers; whether differences are squared.
    Points(&'a [Point], bool),
    /// Whole numbers, differences of which with all bounds fit an i16, and the sums of their squares an i32.
    Whole(&'a [i16]),
}

impl Query<'_> {
    fn n_columns(&self) -> usize {
        match self {
            Self::Points(points, _) => points.len(),
            Self::Whole(targets) => targets.len(),
        }
    }
}

impl AnySides {
    /// Lower bounds of the sums of rows below each child of `node`; lanes without a child repeat the last.
    pub(crate) fn of_children(&self, node: usize, query: Query<'_>) -> [f32; WIDTH] {
        match self {
            Self::Short(sides) => lower_bounds_of_shorts(&sides.nodes, node, query),
            Self::Single(sides) => lower_bounds(&sides.nodes, node, query),
        }
    }

    /// The same for four roots, from `4 * nth` on.
    pub(crate) fn of_roots(&self, nth: usize, query: Query<'_>) -> [f32; WIDTH] {
        match self {
            Self::Short(sides) => lower_bounds_of_shorts(&sides.roots, nth, query),
            Self::Single(sides) => lower_bounds(&sides.roots, nth, query),
        }
    }

    /// Has the cache lines of `node` on their way while others are looked at: a load from each, which nothing waits for.
    pub(crate) fn fetch(&self, node: usize, query: Query<'_>) {
        match self {
            Self::Short(sides) => fetch(&sides.nodes, node, query.n_columns()),
            Self::Single(sides) => fetch(&sides.nodes, node, query.n_columns()),
        }
    }
}

fn fetch<T: Copy>(bounds: &[Bounds<T>], node: usize, n_columns: usize) {
    let bounds = &bounds[node * n_columns..][..n_columns];
    for [low, _] in bounds.iter().step_by(CACHE_LINE / size_of::<Bounds<T>>()) {
        black_box(low[0]);
    }
}

fn lower_bounds_of_shorts(bounds: &[Bounds<i16>], nth: usize, query: Query<'_>) -> [f32; WIDTH] {
    match query {
        Query::Whole(targets) => whole_lower_bounds(&bounds[nth * targets.len()..], targets),
        Query::Points(..) => lower_bounds(bounds, nth, query),
    }
}

fn lower_bounds<T: Copy + Into<f32>>(bounds: &[Bounds<T>], nth: usize, query: Query<'_>) -> [f32; WIDTH] {
    match query {
        Query::Points(points, true) => lower_bounds_of::<_, true>(&bounds[nth * points.len()..], points),
        Query::Points(points, false) => lower_bounds_of::<_, false>(&bounds[nth * points.len()..], points),
        // Bounds that are not whole numbers are not asked for whole ones; 0 rules nothing out.
        Query::Whole(_) => [0.0; WIDTH],
    }
}

/// Exact but for the last step.
#[inline(never)]
fn whole_lower_bounds(node: &[Bounds<i16>], targets: &[i16]) -> [f32; WIDTH] {
    let mut sums = [0; WIDTH];
    for (bounds, &target) in node.iter().zip(targets) {
        // As in `leaf::integer_sums`: vectors are to be made of lanes, not of columns.
        let [low, high] = black_box(bounds);
        for lane in 0..WIDTH {
            let below = low[lane].wrapping_sub(target);
            let above = target.wrapping_sub(high[lane]);
            let gap = i32::from(below.max(above).max(0));
            sums[lane] += gap * gap;
        }
    }
    sums.map(|sum: i32| sum as f32)
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

#[cfg(test)]
mod tests {
    use super::{AnySides, Query, Sides, WIDTH};
    use crate::Point;

    #[test]
    fn whole_queries_have_the_bounds_of_points() {
        let mut state = 7_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % n
        };
        let mut sides = Sides::default();
        for _ in 0..3 * 40 {
            let low = [0; WIDTH].map(|_: i16| next(900) as i16);
            let high = low.map(|low| low + next(300) as i16);
            sides.nodes.push([low, high]);
        }
        let sides = AnySides::Short(sides);
        for node in 0..40 {
            let targets = [0, 1, 2].map(|_| next(2_000) as i16 - 500);
            let points = targets.map(|target| Point {
                value: f32::from(target),
                factor: 1.0,
            });
            assert_eq!(
                sides.of_children(node, Query::Whole(&targets)),
                sides.of_children(node, Query::Points(&points, true)),
            );
        }
    }
}
