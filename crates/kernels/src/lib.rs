//! The loops that a query spends its time in: over a block of columns, over a leaf's rows, over boxes, and the way through
//! them. What the numbers mean, and why no neighbour is ever ruled out, is said in `crates/classifier`.
//!
//! Loops over numbers are written so that they become SIMD on every target without `unsafe`: arrays of fixed length,
//! independent lanes, no early exit from them. None of these is generic outside this crate or inlined outside it: a crate is
//! the smallest part of a program that can be compiled for speed while the rest, twenty times as much, is compiled for
//! size. That is why this one is a crate of its own.
#![forbid(unsafe_code)]

mod block;
mod boxes;
mod leaf;
mod nearest;
mod rtree;
mod search;

pub use block::{
    BLOCK, N_TOGETHER, N_WINDOWS, Window, add_integer_squares, add_shorts, add_singles, any_integer_within,
    any_within, integers_within, next_in_windows, within,
};
pub use boxes::{AnySides, Bounds, Boxes, IS_LEAF, Link, Query, Sides, WIDTH};
pub use leaf::{LEAF, Leaves, Tiles, distance_to, integer_sums, smallest_within, sums, sums_along};
pub use nearest::{Candidate, Nearest};
pub use rtree::{NODE_WIDTH, Tile, distances, lower_bounds};
pub use search::{Limit, Path};

/// A query's value in the units of a column.
#[derive(Debug, Clone, Copy, Default)]
pub struct Point {
    /// The value.
    pub value: f32,
    /// Turns differences in the column's units into prepared ones.
    pub factor: f32,
}

/// Whether all `values` are whole numbers up to `max` in size, which is at most 2^50.
#[inline(never)]
#[must_use]
pub fn are_whole(values: &[f64], max: f64) -> bool {
    /// There is no room for fractions beside 1.5 · 2^52: adding it rounds.
    const ROUNDS: f64 = 6_755_399_441_055_744.0;
    values.iter().fold(true, |all, &value| {
        all & (value + ROUNDS - ROUNDS == value) & (value.abs() <= max)
    })
}

/// Whether all `values` are finite.
#[inline(never)]
#[must_use]
pub fn are_finite(values: &[f64]) -> bool {
    values
        .iter()
        .fold(true, |all, &value| all & (value.abs() < f64::INFINITY))
}

/// A number as columns hold it.
pub trait Stored: Copy {
    /// The prepared difference to the query, about.
    fn difference(self, point: Point) -> f32;
}

impl Stored for i16 {
    fn difference(self, point: Point) -> f32 {
        (f32::from(self) - point.value) * point.factor
    }
}

impl Stored for f32 {
    fn difference(self, point: Point) -> f32 {
        (self - point.value) * point.factor
    }
}

/// What a difference adds to a distance, about.
#[inline(always)]
fn cost<T: Stored, const SQUARED: bool>(value: T, point: Point) -> f32 {
    let difference = value.difference(point);
    if SQUARED {
        difference * difference
    } else {
        difference.abs()
    }
}

/// Some rows of a leaf or a block, ascending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes(u64);

impl Lanes {
    /// Those whose sums are at most `limit`; there are 64 at most.
    #[inline(never)]
    fn within<T: Copy + PartialOrd, const N: usize>(sums: &[T; N], limit: T) -> Self {
        let lanes = sums.iter().enumerate();
        Self(lanes.fold(0, |lanes, (lane, sum)| lanes | u64::from(*sum <= limit) << lane))
    }

    /// The same, faster where there is none.
    #[inline(always)]
    fn rarely_within<T: Copy + PartialOrd, const N: usize>(sums: &[T; N], limit: T) -> Self {
        if any_of(sums, limit) {
            Self::within(sums, limit)
        } else {
            Self(0)
        }
    }
}

#[inline(always)]
fn any_of<T: Copy + PartialOrd, const N: usize>(sums: &[T; N], limit: T) -> bool {
    sums.iter().fold(false, |any, sum| any | (*sum <= limit))
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let lane = self.0.trailing_zeros() as usize;
        let is_one = self.0 != 0;
        self.0 &= self.0.wrapping_sub(1);
        is_one.then_some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::{are_finite, are_whole, smallest_within};

    #[test]
    fn whole_numbers_are_told_from_others() {
        const MAX: f64 = (1_u64 << 40) as f64;
        let whole = [0.0, -0.0, 1.0, -3.0, MAX, -MAX, 0.5 * MAX + 1.0];
        assert!(are_whole(&whole, MAX));
        let others = [0.5, -0.5, 1e-300, 2.000_000_1, MAX - 0.5, MAX + 1.0, 1e300];
        for other in others
            .into_iter()
            .chain([f64::NAN, f64::INFINITY, f64::NEG_INFINITY])
        {
            for place in 0..whole.len() {
                let mut values = whole;
                values[place] = other;
                assert!(!are_whole(&values, MAX), "{other}");
            }
        }
    }

    #[test]
    fn finite_numbers_are_told_from_others() {
        let mut values = [0.0, -1.0, f64::MAX, f64::MIN, f64::MIN_POSITIVE];
        assert!(are_finite(&values));
        for other in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            values[3] = other;
            assert!(!are_finite(&values), "{other}");
        }
    }

    #[test]
    fn the_smallest_sum_is_the_first_of_equals() {
        let mut sums = [9; super::LEAF];
        (sums[4], sums[7], sums[9]) = (2, 1, 1);
        assert_eq!(smallest_within(&sums, 5), Some(7));
        assert_eq!(smallest_within(&sums, 1), Some(7));
        assert_eq!(smallest_within(&sums, 0), None);
        assert_eq!(smallest_within(&[f32::INFINITY; super::LEAF], f32::MAX), None);
    }
}
