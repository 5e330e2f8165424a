//! The loops over one block, written so that they become SIMD on every target without `unsafe`: arrays of fixed
//! length, independent lanes, no early exit.

use crate::compact::BLOCK;

/// Columns of a run, at most: those that [`add_differences`] takes at once.
pub(super) const N_TOGETHER: usize = 4;

/// A range of a short column, both ends inside it.
///
/// A value is inside if `value - low - width` is at most 0, and that is `(value - low - 2^15) - (width - 2^15)`. Below `low`
/// the first difference, which wraps, comes out large instead of small, so that neither end needs a comparison of its own:
/// a window is one subtraction, one saturating subtraction and one maximum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Lower end plus 2^15, wrapping: `value - low` is then smallest at the lower end.
    low: i16,
    /// Width minus 2^15: `value - low` of the values inside is at most this.
    width: i16,
}

impl Window {
    /// The integers of `0..=max` within `reach` of `centre`; `None` if there are none.
    pub(super) fn around(centre: f64, reach: f64, max: i16) -> Option<Self> {
        let low = (centre - reach).ceil().max(0.0);
        let high = (centre + reach).floor().min(max.into());
        // Both are integers in 0..=32767 here, so that the casts change nothing; NaN compares false.
        (low <= high).then(|| Self {
            low: (low as i16).wrapping_add(i16::MIN),
            width: ((high - low) as i16).wrapping_add(i16::MIN),
        })
    }
}

/// Whether any row of the block lies in all windows, one for each column.
///
/// Signed minimum and maximum of i16 are in SSE2, NEON and simd128 alike; unsigned ones are not in SSE2.
pub(super) fn any_in_windows<const N: usize>(columns: [&[i16; BLOCK]; N], windows: [Window; N]) -> bool {
    // Not above 0 inside all windows, above 0 outside any.
    let mut outside = [i16::MIN; BLOCK];
    for (column, window) in columns.into_iter().zip(windows) {
        for (outside, value) in outside.iter_mut().zip(column) {
            *outside = (*outside).max(value.wrapping_sub(window.low).saturating_sub(window.width));
        }
    }
    outside
        .iter()
        .fold(i16::MAX, |least, &outside| least.min(outside))
        <= 0
}

/// Adds the squared differences to `target`; the caller knows that nothing overflows.
pub(super) fn add_integer_squares(sums: &mut [i32; BLOCK], values: &[i16; BLOCK], target: i16) {
    for (sum, value) in sums.iter_mut().zip(values) {
        let difference = i32::from(value.wrapping_sub(target));
        *sum += difference * difference;
    }
}

/// A query's value in the units of a column.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Target {
    pub(crate) value: f64,
    /// Turns differences in the column's units into prepared ones.
    pub(crate) factor: f64,
    pub(crate) value_f32: f32,
    pub(crate) factor_f32: f32,
}

/// A stored number.
pub(crate) trait Stored: Copy {
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

/// Adds to `sums` the squared or absolute differences of the columns to their targets.
pub(super) fn add_differences<'a, T: Stored + 'a, const SQUARED: bool>(
    sums: &mut [f32; BLOCK],
    column: impl Fn(usize) -> &'a [T; BLOCK],
    targets: &[Target],
) {
    if let Some(targets) = targets.as_array() {
        add_four::<_, SQUARED>(sums, column(0), column(1), column(2), column(3), targets);
    } else {
        for (nth, target) in targets.iter().enumerate() {
            add_one::<_, SQUARED>(sums, column(nth), *target);
        }
    }
}

/// Four columns at a time, so that sums are loaded and stored once for all of them. Columns are parameters, not an
/// array: the compiler takes parameters to be apart from `sums`, and needs that to make SIMD of the loop.
#[inline(never)]
fn add_four<T: Stored, const SQUARED: bool>(
    sums: &mut [f32; BLOCK],
    a: &[T; BLOCK],
    b: &[T; BLOCK],
    c: &[T; BLOCK],
    d: &[T; BLOCK],
    targets: &[Target; N_TOGETHER],
) {
    for lane in 0..BLOCK {
        sums[lane] = sums[lane]
            + cost::<_, SQUARED>(a[lane], targets[0])
            + cost::<_, SQUARED>(b[lane], targets[1])
            + cost::<_, SQUARED>(c[lane], targets[2])
            + cost::<_, SQUARED>(d[lane], targets[3]);
    }
}

#[inline(never)]
fn add_one<T: Stored, const SQUARED: bool>(sums: &mut [f32; BLOCK], column: &[T; BLOCK], target: Target) {
    for (sum, value) in sums.iter_mut().zip(column) {
        *sum += cost::<_, SQUARED>(*value, target);
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

/// Whether any sum is at most `limit`.
pub(crate) fn any_within<T: Copy + PartialOrd, const N: usize>(sums: &[T; N], limit: T) -> bool {
    sums.iter().fold(false, |any, sum| any | (*sum <= limit))
}
