//! Brute force over many queries at once: the exact neighbours that every implementation is compared with.
//!
//! The arithmetic is the definition's: in f64, squares added in feature order, ties to the smaller row. Two things
//! make it fast enough for 20,000 queries on Covertype, and neither can change an answer: rows lie in blocks of
//! columns, so that lanes are summed side by side, and a block is left once all its partial sums are beyond the k-th
//! distance so far. A sum of squares only grows as terms are added, rounded or not.

use crate::nearest::Nearest;

/// Rows summed side by side.
const LANES: usize = 32;
/// Features between two looks at the partial sums; arbitrary, not tuned.
const STEP: usize = 4;
/// Queries that share one walk over the rows, so that a block is read from memory once for all of them.
const GROUP: usize = 64;

/// The rows of the `k` nearest of `n_rows >= k` prepared training rows for each prepared query, one query after the
/// other; both tables are row-major.
#[must_use]
pub fn nearest_rows(
    training: &[f64],
    queries: &[f64],
    n_features: usize,
    k: usize,
    n_threads: usize,
) -> Vec<u32> {
    let blocks = blocks(training, n_features);
    let n_queries = queries.len() / n_features;
    let per_thread = n_queries.div_ceil(n_threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> = queries
            .chunks(per_thread * n_features)
            .map(|part| scope.spawn(|| walk(&blocks, part, n_features, k)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("the walk does not panic"))
            .collect()
    })
}

/// Blocks of [`LANES`] rows, column after column; the last is filled with infinity, which is nobody's neighbour.
fn blocks(training: &[f64], n_features: usize) -> Vec<f64> {
    let mut blocks = Vec::with_capacity(training.len() + LANES * n_features);
    for rows in training.chunks(LANES * n_features) {
        for feature in 0..n_features {
            let column = rows.iter().skip(feature).step_by(n_features).copied();
            blocks.extend(column.chain(std::iter::repeat(f64::INFINITY)).take(LANES));
        }
    }
    blocks
}

fn walk(blocks: &[f64], queries: &[f64], n_features: usize, k: usize) -> Vec<u32> {
    let mut rows = Vec::with_capacity(queries.len() / n_features * k);
    for group in queries.chunks(GROUP * n_features) {
        let mut nearest = vec![Nearest::new(k); group.len() / n_features];
        for (block, first_row) in blocks.chunks(LANES * n_features).zip((0_u32..).step_by(LANES)) {
            for (query, nearest) in group.chunks(n_features).zip(&mut nearest) {
                look(block, first_row, query, nearest);
            }
        }
        rows.extend(nearest.iter().flat_map(Nearest::rows));
    }
    rows
}

fn look(block: &[f64], first_row: u32, query: &[f64], nearest: &mut Nearest) {
    let bound = nearest.bound();
    let mut sums = [0.0_f64; LANES];
    for (columns, asked) in block.chunks(STEP * LANES).zip(query.chunks(STEP)) {
        for (column, &asked) in columns.as_chunks::<LANES>().0.iter().zip(asked) {
            for (sum, value) in sums.iter_mut().zip(column) {
                *sum += (value - asked) * (value - asked);
            }
        }
        if sums.iter().all(|&sum| sum >= bound) {
            return;
        }
    }
    for (row, sum) in (first_row..).zip(sums) {
        nearest.offer(sum, row);
    }
}
