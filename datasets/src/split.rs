//! Which rows train and which stream: [`split`], the same for a seed on every platform and in every language.
//!
//! The shuffle, in full, so that another program can repeat it (`tools/split.py` does):
//! 1. ChaCha with 8 rounds; key: the seed as 8 little-endian bytes, then 24 zero bytes; nonce 0; block counter from 0, 64
//!    bits. Its output is read as little-endian u32 words; a random u64 is the next two words, low word first.
//! 2. rows = 0, 1, …, n-1. For i = n-1 down to 1: draw a u64 `r`, let j = ⌊r · (i + 1) / 2⁶⁴⌋, swap rows[i] and rows[j].
//! 3. The first ⌊share · n⌋ rows train, the rest stream, both in this order. The product is computed in f64.
//!
//! Step 2's numbers are uniform to one part in 2⁶⁴ / n, which no one can tell.
//!
//! Source: R. Durstenfeld, "Algorithm 235: Random permutation", Commun. ACM 7(7), 1964 (the Fisher-Yates shuffle).

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};

/// In which order rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Shuffled by seed: both parts are samples of the whole.
    Shuffled,
    /// As recorded: the first part trains, the rest streams.
    File,
}

/// A data set's rows in two parts. Together they hold every row once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on, in the order used.
    pub training: Vec<u32>,
    /// Rows to stream, in the order used.
    pub stream: Vec<u32>,
}

/// A split that cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// The share is not between 0 and 1.
    #[error("training share {share} is not between 0 and 1")]
    Share {
        /// The share asked for.
        share: f64,
    },
    /// One part would have no row.
    #[error("a training share of {share} leaves one part empty, with {n_training} of {n_rows} rows to train")]
    EmptyPart {
        /// Rows there are.
        n_rows: usize,
        /// The share asked for.
        share: f64,
        /// Rows that would train.
        n_training: usize,
    },
    /// Row numbers are `u32`.
    #[error("{n_rows} rows are more than a split can number")]
    TooManyRows {
        /// Rows there are.
        n_rows: usize,
    },
}

/// Splits `n_rows` rows: ⌊`training_share` · `n_rows`⌋ train, the rest stream. `seed` matters for
/// [`Order::Shuffled`] only. The paper's split is a share of 0.8, shuffled.
///
/// ```
/// let split = datasets::split(10, 0.8, datasets::Order::File, 0)?;
/// assert_eq!(split.training, [0, 1, 2, 3, 4, 5, 6, 7]);
/// assert_eq!(split.stream, [8, 9]);
/// # Ok::<(), datasets::SplitError>(())
/// ```
///
/// # Errors
///
/// [`SplitError::Share`] unless the share is within 0..=1, [`SplitError::EmptyPart`] if a part would have no row,
/// [`SplitError::TooManyRows`] beyond `u32`.
pub fn split(n_rows: usize, training_share: f64, order: Order, seed: u64) -> Result<Split, SplitError> {
    if !(0.0..=1.0).contains(&training_share) {
        return Err(SplitError::Share {
            share: training_share,
        });
    }
    let n = u32::try_from(n_rows).map_err(|_| SplitError::TooManyRows { n_rows })?;
    let n_training = (training_share * f64::from(n)).floor() as usize;
    if n_training == 0 || n_training == n_rows {
        return Err(SplitError::EmptyPart {
            n_rows,
            share: training_share,
            n_training,
        });
    }
    let mut training: Vec<u32> = (0..n).collect();
    if order == Order::Shuffled {
        shuffle(&mut training, seed);
    }
    let stream = training.split_off(n_training);
    Ok(Split { training, stream })
}

fn shuffle(rows: &mut [u32], seed: u64) {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(key);
    for i in (1..rows.len()).rev() {
        let j = (u128::from(random.next_u64()) * (i as u128 + 1)) >> 64;
        rows.swap(i, j as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_row_once() {
        for order in [Order::Shuffled, Order::File] {
            let Split { mut training, stream } = split(1_001, 0.8, order, 7).unwrap();
            assert_eq!((training.len(), stream.len()), (800, 201));
            training.extend(stream);
            training.sort_unstable();
            assert_eq!(training, (0..1_001).collect::<Vec<u32>>());
        }
    }

    #[test]
    fn impossible_splits_are_refused() {
        for share in [-0.1, 1.1, f64::NAN] {
            assert!(matches!(
                split(10, share, Order::File, 0),
                Err(SplitError::Share { .. })
            ));
        }
        for (n_rows, share) in [(0, 0.5), (1, 0.5), (10, 0.0), (10, 1.0), (10, 0.05)] {
            assert!(matches!(
                split(n_rows, share, Order::File, 0),
                Err(SplitError::EmptyPart { .. })
            ));
        }
    }
}
