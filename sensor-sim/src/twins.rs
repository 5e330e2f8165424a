//! Streamed rows whose features, every one of them, also occur in a training row.
//!
//! A split by rows puts measurements that were recorded twice on both sides; a nearest neighbour has then seen the answer,
//! and an accuracy flatters. How many there are is counted, so that it can be said beside the accuracy.

use datasets::Dataset;

/// An odd number without a pattern in its bits: 2^64 divided by the golden ratio.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// Rows of `stream` that have a twin in `training`: equal in every feature, whatever the class. Hashes find the
/// candidates, comparing the values decides. O(values + n log n).
pub(crate) fn n_twins(dataset: &Dataset, training: &[u32], stream: &[u32]) -> u64 {
    let mut hashes = vec![0_u64; dataset.n_rows()];
    for column in &dataset.columns {
        for (hash, value) in hashes.iter_mut().zip(column.values()) {
            // + 0.0 makes the two zeros one.
            *hash = (hash.rotate_left(23) ^ (value + 0.0).to_bits()).wrapping_mul(MIX);
        }
    }
    let mut known: Vec<(u64, u32)> = training.iter().map(|&row| (hashes[row as usize], row)).collect();
    known.sort_unstable();
    let are_equal = |a: u32, b: u32| {
        let mut columns = dataset.columns.iter();
        columns.all(|column| column.value(a as usize) == column.value(b as usize))
    };
    let has_twin = |row: u32| {
        let hash = hashes[row as usize];
        let first = known.partition_point(|&(other, _)| other < hash);
        let mut candidates = known[first..].iter().take_while(|&&(other, _)| other == hash);
        candidates.any(|&(_, other)| are_equal(row, other))
    };
    stream.iter().filter(|&&row| has_twin(row)).count() as u64
}

#[cfg(test)]
mod tests {
    use datasets::{Column, FeatureInfo, Lookup, Order};

    use super::*;

    #[test]
    fn rows_equal_in_every_feature_are_twins() {
        let dataset = Dataset {
            name: "test".to_owned(),
            features: ["a", "b"].map(FeatureInfo::unitless).to_vec(),
            columns: vec![
                Column::narrowest(vec![0.0, 1.0, 1.0, 2.0, -0.0, 1.0]),
                Column::narrowest(vec![5.0, 6.0, 6.0, 5.0, 5.0, 5.5]),
            ],
            labels: vec![0, 0, 1, 0, 0, 0],
            classes: ["x", "y"].map(str::to_owned).to_vec(),
            times_micros: None,
        };
        // Row 2 equals row 1 but for its class, row 4 equals row 0 but for the sign of a zero.
        assert_eq!(n_twins(&dataset, &[0, 1], &[2, 3, 4, 5]), 2);
        // Equal rows of the stream are no twins of one another.
        assert_eq!(n_twins(&dataset, &[3], &[1, 2]), 0);
    }

    #[test]
    fn wine_streams_many_rows_that_it_was_trained_with() {
        let wine = datasets::load("wine", &Lookup::only(vec![])).expect("wine is built in");
        let split = datasets::split(wine.n_rows(), 0.8, Order::Shuffled, 42).expect("wine has rows");
        let naive = split.stream.iter().filter(|&&row| {
            split.training.iter().any(|&other| {
                (0..wine.n_features())
                    .all(|feature| wine.value(row as usize, feature) == wine.value(other as usize, feature))
            })
        });
        let n = n_twins(&wine, &split.training, &split.stream);
        assert_eq!(n, naive.count() as u64);
        assert_eq!(n, 296);
    }
}
