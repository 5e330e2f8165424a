//! The loops over one leaf: all columns of some rows at a time, so that their sums stay in SIMD registers, four f32 in one
//! or eight i32 in two.
//!
//! Array by array the compiler would unroll a leaf's sixteen rows first and then find no vectors in what is left;
//! written like this it makes SSE2, NEON and simd128 of them.

use std::hint::black_box;

use crate::boxes::CACHE_LINE;
use crate::{Lanes, Point, Stored, cost};

/// Rows of a leaf: four SIMD registers of sums. Half as many or twice as many make little difference.
pub const LEAF: usize = 16;

/// Rows to a register.
const LANES: usize = 4;

/// The columns of one form, leaf after leaf.
#[derive(Debug)]
pub struct Tiles<T> {
    /// How many columns there are.
    pub n_columns: usize,
    /// Of each leaf, each column.
    pub all: Vec<[T; LEAF]>,
}

impl<T> Tiles<T> {
    /// The columns of one leaf.
    #[inline]
    #[must_use]
    pub fn of(&self, leaf: usize) -> &[[T; LEAF]] {
        &self.all[leaf * self.n_columns..][..self.n_columns]
    }
}

/// The rows of a tree, as far as a query looks at all of them.
#[derive(Debug)]
pub struct Leaves {
    /// Row numbers.
    pub rows: Vec<[u32; LEAF]>,
    /// Short columns.
    pub shorts: Tiles<i16>,
    /// Codes of groups.
    pub codes: Tiles<u8>,
    /// Columns of f32.
    pub floats: Tiles<f32>,
}

impl Leaves {
    /// Has the cache lines of a leaf's columns on their way while others are looked at: a load from each, which nothing waits
    /// for.
    ///
    /// In a large table most of a query's time goes by until leaves arrive from memory; so several come at a time. The
    /// values go nowhere: [`black_box`] only keeps the compiler from leaving the loads out.
    pub(crate) fn fetch(&self, leaf: usize) {
        for values in self.shorts.of(leaf).iter().step_by(CACHE_LINE / (2 * LEAF)) {
            black_box(values[0]);
        }
        for values in self.floats.of(leaf) {
            black_box(values[0]);
        }
    }

    /// Memory held.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        size_of_val(&self.rows[..])
            + size_of_val(&self.shorts.all[..])
            + size_of_val(&self.codes.all[..])
            + size_of_val(&self.floats.all[..])
    }
}

/// Writes squared distances of a leaf's rows to `targets`; says which are at most `limit`. The caller knows that nothing
/// overflows.
#[inline(never)]
pub fn integer_sums(
    leaves: &Leaves,
    leaf: usize,
    targets: &[i16],
    limit: i32,
    sums: &mut [i32; LEAF],
) -> Lanes {
    let columns = leaves.shorts.of(leaf);
    for (half, all) in sums.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let mut sums = [0; 8];
        for (values, target) in columns.iter().zip(targets) {
            // The compiler may reorder integer sums and, if it saw through the loop over columns, would make its vectors
            // of columns, which costs a shuffle for each number.
            let values = black_box(&values.as_chunks::<8>().0[half]);
            for lane in 0..8 {
                let difference = i32::from(values[lane].wrapping_sub(*target));
                sums[lane] += difference * difference;
            }
        }
        *all = sums;
    }
    Lanes::rarely_within(sums, limit)
}

/// The lane of the smallest of a leaf's sums, of equals the first; `None` if even that is larger than `limit`.
///
/// Before k rows are known nothing limits what a leaf offers. Its nearest rows first, and after k of them the others are
/// ruled out.
#[inline(never)]
#[must_use]
pub fn smallest_within<T: Copy + PartialOrd>(sums: &[T; LEAF], limit: T) -> Option<usize> {
    let (mut smallest, mut place) = (sums[0], 0);
    for (lane, &sum) in sums.iter().enumerate() {
        let is_smaller = sum < smallest;
        place = if is_smaller { lane } else { place };
        smallest = if is_smaller { sum } else { smallest };
    }
    (smallest <= limit).then_some(place)
}

/// Writes sums of squared (or else absolute) differences, about, first of the short columns, then of the others; says which
/// are at most `limit`.
#[inline(never)]
pub fn sums(
    leaves: &Leaves,
    leaf: usize,
    points: &[Point],
    is_squared: bool,
    limit: f32,
    sums: &mut [f32; LEAF],
) -> Lanes {
    let (shorts, floats) = (leaves.shorts.of(leaf), leaves.floats.of(leaf));
    *sums = if is_squared {
        sums_of::<true>(shorts, floats, points)
    } else {
        sums_of::<false>(shorts, floats, points)
    };
    Lanes::rarely_within(sums, limit)
}

#[inline(never)]
fn sums_of<const SQUARED: bool>(
    shorts: &[[i16; LEAF]],
    floats: &[[f32; LEAF]],
    points: &[Point],
) -> [f32; LEAF] {
    let (of_shorts, of_floats) = points.split_at(shorts.len());
    let mut all = [0.0; LEAF];
    for (quad, all) in all.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut sums = [0.0; LANES];
        add::<_, SQUARED>(&mut sums, shorts, of_shorts, quad);
        add::<_, SQUARED>(&mut sums, floats, of_floats, quad);
        *all = sums;
    }
    all
}

#[inline(always)]
fn add<T: Stored, const SQUARED: bool>(
    sums: &mut [f32; LANES],
    columns: &[[T; LEAF]],
    points: &[Point],
    quad: usize,
) {
    for (values, point) in columns.iter().zip(points) {
        let values = &values.as_chunks::<LANES>().0[quad];
        for lane in 0..LANES {
            sums[lane] += cost::<_, SQUARED>(values[lane], *point);
        }
    }
}

/// Writes squared distances along axes, about; says which are at most `limit`.
#[inline(never)]
pub fn sums_along(axes: &[[f32; LEAF]], point: &[f32], limit: f32, all: &mut [f32; LEAF]) -> Lanes {
    for (quad, all) in all.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut sums = [0.0; LANES];
        for (values, value) in axes.iter().zip(point) {
            let values = &values.as_chunks::<LANES>().0[quad];
            for lane in 0..LANES {
                let difference = values[lane] - value;
                sums[lane] += difference * difference;
            }
        }
        *all = sums;
    }
    Lanes::rarely_within(all, limit)
}

/// Squared distance of two points in f64, added in order.
#[inline(never)]
#[must_use]
pub fn distance_to(query: &[f64], row: &[f64], weights: &[f64]) -> f64 {
    let mut sum = 0.0;
    for ((value, query), weight) in row.iter().zip(query).zip(weights) {
        sum += weight * ((value - query) * (value - query));
    }
    sum
}
