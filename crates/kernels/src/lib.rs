//! The loops that a query spends its time in: over a block of columns, over a leaf's rows, over boxes, and the way through
//! them. What the numbers mean, and why no neighbour is ever ruled out, is said in `crates/classifier`.
//!
//! All are written so that they become SIMD on every target without `unsafe`: arrays of fixed length, independent lanes, no
//! early exit. None is generic outside this crate, and none is inlined outside it: a crate is the smallest part of a
//! program that can be compiled for speed while the rest, twenty times as much, is compiled for size. That is why this one is
//! a crate of its own.
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
pub use boxes::{AnySides, Bounds, Boxes, IS_LEAF, Link, Point, Sides, WIDTH};
pub use leaf::{LEAF, Leaves, Tiles, distance_to, integer_sums, sums, sums_along};
pub use nearest::{Candidate, Nearest};
pub use rtree::{NODE_WIDTH, Tile, distances, lower_bounds};
pub use search::{Limit, Path};

/// A query's value in the units of a column.
#[derive(Debug, Clone, Copy, Default)]
pub struct Target {
    /// The value.
    pub value: f64,
    /// Turns differences in the column's units into prepared ones.
    pub factor: f64,
    /// `value`, rounded.
    pub value_f32: f32,
    /// `factor`, rounded.
    pub factor_f32: f32,
}

/// A number as columns hold it.
pub trait Stored: Copy {
    /// The prepared difference to the query, about.
    fn difference(self, target: Target) -> f32;
}

impl Stored for i16 {
    fn difference(self, target: Target) -> f32 {
        (f32::from(self) - target.value_f32) * target.factor_f32
    }
}

impl Stored for f32 {
    fn difference(self, target: Target) -> f32 {
        (self - target.value_f32) * target.factor_f32
    }
}

/// What a difference adds to a distance, about.
#[inline(always)]
fn cost<T: Stored, const SQUARED: bool>(value: T, target: Target) -> f32 {
    let difference = value.difference(target);
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
