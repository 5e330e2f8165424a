//! The loops over one leaf: all columns of four rows at a time, so that their four sums stay in one SIMD register.
//!
//! Array by array the compiler would unroll a leaf's sixteen rows first and then find no vectors in what is left;
//! written like this it makes SSE2, NEON and simd128 of them without `unsafe`.

use super::leaves::LEAF;
use crate::scan::kernels::{Stored, Target};

/// Rows to a register.
const LANES: usize = 4;

/// Squared distances of a leaf's rows to `targets`; the caller knows that nothing overflows.
pub(super) fn integer_sums(columns: &[[i16; LEAF]], targets: &[i16]) -> [i32; LEAF] {
    let mut sums = [0; LEAF];
    for (values, target) in columns.iter().zip(targets) {
        add_squares(&mut sums, values, *target);
    }
    sums
}

/// One column's part. A call, because the compiler may reorder integer sums and, if it saw the loop over columns,
/// would make its vectors of columns, which costs a shuffle for each number.
#[inline(never)]
fn add_squares(sums: &mut [i32; LEAF], values: &[i16; LEAF], target: i16) {
    for (sum, value) in sums.iter_mut().zip(values) {
        let difference = i32::from(value.wrapping_sub(target));
        *sum += difference * difference;
    }
}

/// Sums of squared or absolute differences, about: first the short columns, then the others.
#[inline(never)]
pub(super) fn sums<const SQUARED: bool>(
    shorts: &[[i16; LEAF]],
    floats: &[[f32; LEAF]],
    targets: &[Target],
) -> [f32; LEAF] {
    let (of_shorts, of_floats) = targets.split_at(shorts.len());
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
    targets: &[Target],
    quad: usize,
) {
    for (values, target) in columns.iter().zip(targets) {
        let values = &values.as_chunks::<LANES>().0[quad];
        for lane in 0..LANES {
            let difference = values[lane].difference(*target);
            sums[lane] += if SQUARED {
                difference * difference
            } else {
                difference.abs()
            };
        }
    }
}

/// Squared distances along axes, about.
#[inline(never)]
pub(super) fn sums_along(axes: &[[f32; LEAF]], point: &[f32]) -> [f32; LEAF] {
    let mut all = [0.0; LEAF];
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
    all
}
