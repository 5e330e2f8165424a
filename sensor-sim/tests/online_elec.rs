//! The online classifier, test-then-train over the elec stream, gives River's recorded predictions, every one.
//!
//! The recorded files are not in the repository; the test looks for `../shared/golden` beside it and says so if they are
//! missing. River's `KNNClassifier(n_neighbors=5, engine=LazySearch(window_size=1000))` finds the neighbours that we find:
//! the same distances to the last bit, the oldest first where they tie. Its votes are its own, and written down here: where
//! the nearest row is an exact copy that row's label is taken without a vote, and before the first row it predicts nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use std::path::Path;

use classifier::{Neighbour, OnlineKnn, OnlineOptions};

#[test]
fn the_predictions_are_those_of_river() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/golden");
    let Ok(uniform) = std::fs::read_to_string(golden.join("knn_elec_river_uniform.txt")) else {
        println!("skipped: no ../shared/golden beside the repository");
        return;
    };
    let weighted = std::fs::read_to_string(golden.join("knn_elec_river_weighted.txt")).unwrap();
    let stream = datasets::load("elec", &datasets::Lookup::only(vec![])).unwrap();
    assert_eq!(
        (uniform.trim_end().len(), weighted.trim_end().len()),
        (45_312, 45_312)
    );
    assert_eq!(stream.labels.len(), 45_312);

    let options = OnlineOptions {
        window: NonZeroUsize::new(1000),
        ..OnlineOptions::default()
    };
    let mut knn = OnlineKnn::new(stream.n_features(), 2, &options).unwrap();
    let mut features = Vec::new();
    for (row, expected) in uniform
        .trim_end()
        .chars()
        .zip(weighted.trim_end().chars())
        .enumerate()
    {
        stream.row_into(row, &mut features);
        let neighbours = knn.neighbours(&features).unwrap().to_vec();
        let label = |neighbour: &Neighbour<u64>| stream.labels[neighbour.row as usize];
        let by_river = |vote: fn(&Neighbour<u64>) -> f64| match neighbours.first() {
            None => '-',
            Some(copy) if copy.distance == 0.0 => {
                if label(copy) == 0 {
                    '0'
                } else {
                    '1'
                }
            }
            Some(_) => {
                let mut votes = [0.0; 2];
                for neighbour in &neighbours {
                    votes[label(neighbour) as usize] += vote(neighbour);
                }
                if votes[1] > votes[0] { '1' } else { '0' }
            }
        };
        let predicted = (by_river(|_| 1.0), by_river(|neighbour| 1.0 / neighbour.distance));
        assert_eq!(predicted, expected, "row {row}");
        assert_eq!(knn.insert(&features, stream.labels[row]), Ok(row as u64));
    }
    assert_eq!(knn.n_rows(), 1000);
}
