//! The loops over one node of an R-tree: in f64, as the definition of a distance has it.

/// Entries of a node: eight SIMD registers of two. Not tuned: 32 may suit large sets better.
pub const NODE_WIDTH: usize = 16;

/// One feature of all entries: the lower side and, in inner nodes, the upper one.
pub type Tile<const SIDES: usize> = [[f64; NODE_WIDTH]; SIDES];

/// Squared (or else plain) distances of `query` to points, by the definition: in f64, in feature order, each difference
/// weighted last.
#[inline(never)]
#[must_use]
pub fn distances(points: &[Tile<1>], query: &[f64], weights: &[f64], is_squared: bool) -> [f64; NODE_WIDTH] {
    if is_squared {
        distances_of::<true>(points, query, weights)
    } else {
        distances_of::<false>(points, query, weights)
    }
}

#[inline(always)]
fn distances_of<const SQUARED: bool>(
    points: &[Tile<1>],
    query: &[f64],
    weights: &[f64],
) -> [f64; NODE_WIDTH] {
    let mut sums = [0.0; NODE_WIDTH];
    for (([values], query), weight) in points.iter().zip(query).zip(weights) {
        for lane in 0..NODE_WIDTH {
            let difference = values[lane] - query;
            let part = if SQUARED {
                difference * difference
            } else {
                difference.abs()
            };
            sums[lane] += weight * part;
        }
    }
    sums
}

/// Lower bounds of what [`distances`] makes of points in boxes.
#[inline(never)]
#[must_use]
pub fn lower_bounds(
    boxes: &[Tile<2>],
    query: &[f64],
    weights: &[f64],
    is_squared: bool,
) -> [f64; NODE_WIDTH] {
    if is_squared {
        lower_bounds_of::<true>(boxes, query, weights)
    } else {
        lower_bounds_of::<false>(boxes, query, weights)
    }
}

#[inline(always)]
fn lower_bounds_of<const SQUARED: bool>(
    boxes: &[Tile<2>],
    query: &[f64],
    weights: &[f64],
) -> [f64; NODE_WIDTH] {
    let mut sums = [0.0; NODE_WIDTH];
    for (([low, high], query), weight) in boxes.iter().zip(query).zip(weights) {
        for lane in 0..NODE_WIDTH {
            let (below, above) = (low[lane] - query, query - high[lane]);
            // Comparisons instead of `max`, which minds NaN and therefore is not one instruction.
            let gap = if below > above { below } else { above };
            let gap = if gap > 0.0 { gap } else { 0.0 };
            sums[lane] += weight * if SQUARED { gap * gap } else { gap };
        }
    }
    sums
}
