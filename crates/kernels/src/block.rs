//! The loops over one block of the scan.

use crate::{Lanes, Point, Stored, any_of, cost};

/// Rows that the scan handles together: two cache lines of a column of i16, eight SIMD registers. In larger ones it is
/// likelier that some row passes the windows; not tuned further.
pub const BLOCK: usize = 64;
/// Columns that [`add_shorts`] and [`add_singles`] take, at most.
pub const N_TOGETHER: usize = 4;
/// Windows are tried two columns first, then all four: two rule out most blocks, and a fifth would rule out hardly any.
pub const N_WINDOWS: usize = 4;

/// A range of a short column, both ends inside it.
///
/// A value is inside if `value - low - width` is at most 0, and that is `(value - low - 2^15) - (width - 2^15)`. Below `low`
/// the first difference, which wraps, comes out large instead of small, so that neither end needs a comparison of its own:
/// a window is one subtraction, one saturating subtraction and one maximum.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Lower end plus 2^15, wrapping: `value - low` is then smallest at the lower end.
    low: i16,
    /// Width minus 2^15: `value - low` of the values inside is at most this.
    width: i16,
}

impl Window {
    /// The integers of `0..=max` within `reach` of `centre`; `None` if there are none.
    #[must_use]
    pub fn around(centre: f64, reach: f64, max: i16) -> Option<Self> {
        let low = (centre - reach).ceil().max(0.0);
        let high = (centre + reach).floor().min(max.into());
        // Both are integers in 0..=32767 here, so that the casts change nothing; NaN compares false.
        (low <= high).then(|| Self {
            low: (low as i16).wrapping_add(i16::MIN),
            width: ((high - low) as i16).wrapping_add(i16::MIN),
        })
    }
}

/// The first block from `from` on of which some row may lie in all windows, one for each column; `None` if there is none.
#[inline(never)]
#[must_use]
pub fn next_in_windows(
    columns: [&[[i16; BLOCK]]; N_WINDOWS],
    windows: &[Window; N_WINDOWS],
    from: usize,
) -> Option<usize> {
    let [a, b, c, d] = columns.map(|column| &column[from..]);
    let blocks = a.iter().zip(b).zip(c).zip(d);
    let found = blocks.enumerate().find(|(_, (((a, b), c), d))| {
        any_in_windows([a, b], [windows[0], windows[1]]) && any_in_windows([a, b, c, d], *windows)
    });
    found.map(|(nth, _)| from + nth)
}

/// Signed minimum and maximum of i16 are in SSE2, NEON and simd128 alike; unsigned ones are not in SSE2.
fn any_in_windows<const N: usize>(columns: [&[i16; BLOCK]; N], windows: [Window; N]) -> bool {
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
#[inline(never)]
pub fn add_integer_squares(sums: &mut [i32; BLOCK], values: &[i16; BLOCK], target: i16) {
    for (sum, value) in sums.iter_mut().zip(values) {
        let difference = i32::from(value.wrapping_sub(target));
        *sum += difference * difference;
    }
}

/// Adds to `sums` the squared (or else absolute) differences of columns to their points, about: of as many as there are
/// points.
pub fn add_shorts(
    sums: &mut [f32; BLOCK],
    columns: [&[i16; BLOCK]; N_TOGETHER],
    points: &[Point],
    is_squared: bool,
) {
    add(sums, columns, points, is_squared);
}

/// The same for columns of f32.
pub fn add_singles(
    sums: &mut [f32; BLOCK],
    columns: [&[f32; BLOCK]; N_TOGETHER],
    points: &[Point],
    is_squared: bool,
) {
    add(sums, columns, points, is_squared);
}

fn add<T: Stored>(
    sums: &mut [f32; BLOCK],
    columns: [&[T; BLOCK]; N_TOGETHER],
    points: &[Point],
    is_squared: bool,
) {
    if let Some(points) = points.as_array() {
        let [a, b, c, d] = columns;
        if is_squared {
            add_four::<_, true>(sums, a, b, c, d, points);
        } else {
            add_four::<_, false>(sums, a, b, c, d, points);
        }
        return;
    }
    for (column, point) in columns.iter().zip(points) {
        if is_squared {
            add_one::<_, true>(sums, column, *point);
        } else {
            add_one::<_, false>(sums, column, *point);
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
    points: &[Point; N_TOGETHER],
) {
    for lane in 0..BLOCK {
        sums[lane] = sums[lane]
            + cost::<_, SQUARED>(a[lane], points[0])
            + cost::<_, SQUARED>(b[lane], points[1])
            + cost::<_, SQUARED>(c[lane], points[2])
            + cost::<_, SQUARED>(d[lane], points[3]);
    }
}

#[inline(never)]
fn add_one<T: Stored, const SQUARED: bool>(sums: &mut [f32; BLOCK], column: &[T; BLOCK], point: Point) {
    for (sum, value) in sums.iter_mut().zip(column) {
        *sum += cost::<_, SQUARED>(*value, point);
    }
}

/// Which sums are at most `limit`.
#[must_use]
pub fn integers_within(sums: &[i32; BLOCK], limit: i32) -> Lanes {
    Lanes::within(sums, limit)
}

/// The same in f32.
#[must_use]
pub fn within(sums: &[f32; BLOCK], limit: f32) -> Lanes {
    Lanes::within(sums, limit)
}

/// Whether any sum is at most `limit`: for the many blocks of which none is, this takes a fraction of the time.
#[inline(never)]
#[must_use]
pub fn any_integer_within(sums: &[i32; BLOCK], limit: i32) -> bool {
    any_of(sums, limit)
}

/// The same in f32.
#[inline(never)]
#[must_use]
pub fn any_within(sums: &[f32; BLOCK], limit: f32) -> bool {
    any_of(sums, limit)
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, N_WINDOWS, Window, next_in_windows};

    /// Values next to where i16 arithmetic wraps, and some between.
    const EDGES: [i16; 9] = [0, 1, 2, 3, 16_383, 16_384, 32_765, 32_766, 32_767];

    #[test]
    fn a_window_holds_what_is_within_reach() {
        for max in EDGES {
            for (from, to) in EDGES.iter().flat_map(|from| EDGES.map(|to| (*from, to))) {
                // Ends on integers, between them, and beyond what there is.
                for widened in [0.0, 0.4, 1.0, 40_000.0] {
                    let centre = (f64::from(from) + f64::from(to)) / 2.0;
                    let reach = (f64::from(to) - f64::from(from)) / 2.0 + widened;
                    let is_inside = |value: i16| value <= max && (f64::from(value) - centre).abs() <= reach;
                    let window = Window::around(centre, reach, max);
                    let range = (0..=max).find(|value| is_inside(*value));
                    assert_eq!(window.is_some(), range.is_some(), "{centre} {reach} {max}");
                    let Some(window) = window else { continue };
                    for value in EDGES.into_iter().filter(|value| *value <= max) {
                        let column = &[[value; BLOCK]][..];
                        let found = next_in_windows([column; N_WINDOWS], &[window; N_WINDOWS], 0);
                        assert_eq!(
                            found.is_some(),
                            is_inside(value),
                            "{value}: {centre} {reach} {max}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_next_block_is_the_first_with_a_row_that_may_lie_in_all_windows() {
        let mut state = 3_u32;
        let mut next = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) % n) as i16
        };
        let (mut n_found, mut n_none) = (0, 0);
        for _ in 0..200 {
            let columns: [Vec<[i16; BLOCK]>; N_WINDOWS] =
                std::array::from_fn(|_| (0..4).map(|_| std::array::from_fn(|_| next(40))).collect());
            let ranges: [(i16, i16); N_WINDOWS] = std::array::from_fn(|_| {
                let low = next(30);
                (low, low + next(20))
            });
            let windows = ranges.map(|(low, high)| {
                let centre = (f64::from(low) + f64::from(high)) / 2.0;
                Window::around(centre, f64::from(high - low) / 2.0, 39).expect("a range of integers")
            });
            let from = next(4) as usize;
            let is_inside = |column: usize, block: usize, lane: usize| {
                (ranges[column].0..=ranges[column].1).contains(&columns[column][block][lane])
            };
            let expected = (from..4).find(|&block| {
                (0..BLOCK).any(|lane| (0..N_WINDOWS).all(|column| is_inside(column, block, lane)))
            });
            let found = next_in_windows(std::array::from_fn(|column| &columns[column][..]), &windows, from);
            assert_eq!(found, expected, "{ranges:?} from {from}");
            n_found += usize::from(found.is_some());
            n_none += usize::from(found.is_none());
        }
        assert!(n_found > 20 && n_none > 20, "{n_found} and {n_none}");
    }
}
