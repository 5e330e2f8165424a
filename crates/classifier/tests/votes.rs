//! What votes are worth, by hand.

mod common;

use classifier::{FitError, Knn, KnnOptions, Metric, RowMajor, Voting};
use common::ENGINES;
use wasm_bindgen_test::wasm_bindgen_test;

/// Rows of one feature, asked by Manhattan distance; the shares of three classes.
fn check(rows: &[f64], labels: &[u32], query: f64, class: u32, shares: [f64; 3]) {
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            metric: Metric::Manhattan,
            voting: Voting::Distance,
            ..KnnOptions::default()
        };
        let mut knn = Knn::fit(&RowMajor::new(rows, 1), labels, 3, &options).expect("valid rows");
        let answer = knn.classify(&[query]).expect("a valid query");
        assert_eq!(
            (answer.class, answer.shares),
            (class, &shares[..]),
            "{rows:?}, {query}, {engine:?}"
        );
        assert_eq!(knn.predict(&[query]), Ok(class));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn votes_are_inverses_of_distances() {
    // 1/1 against 1/2 + 1/4.
    check(
        &[1.0, -2.0, 4.0],
        &[2, 1, 1],
        0.0,
        2,
        [0.0, 0.75 / 1.75, 1.0 / 1.75],
    );
    // Two at 4 are worth one at 2: the smaller class has it.
    check(&[2.0, 4.0, -4.0], &[2, 1, 1], 0.0, 1, [0.0, 0.5, 0.5]);
}

#[wasm_bindgen_test(unsupported = test)]
fn where_there_is_no_distance_only_those_rows_vote() {
    check(&[0.0, 1e-9, -1e-9], &[2, 1, 1], 0.0, 2, [0.0, 0.0, 1.0]);
    check(
        &[5.0, 5.0, 5.0, 6.0],
        &[2, 1, 1, 2],
        5.0,
        1,
        [0.0, 2.0 / 3.0, 1.0 / 3.0],
    );
    check(&[5.0, 5.0, 6.0, 6.0], &[2, 1, 0, 0], 5.0, 1, [0.0, 0.5, 0.5]);
}

/// Inverses of such distances are infinite, or add up to infinity.
#[wasm_bindgen_test(unsupported = test)]
fn distances_too_small_to_be_inverted_are_none() {
    check(&[1e-320, 2e-320, 1.0], &[2, 1, 0], 0.0, 1, [0.0, 0.5, 0.5]);
    check(
        &[1e-307, 1e-307, 1e-307, 1.0],
        &[1, 1, 1, 0],
        0.0,
        1,
        [0.0, 1.0, 0.0],
    );
}

/// Rows at an infinite distance are worth nothing, unless all are.
#[wasm_bindgen_test(unsupported = test)]
fn distances_too_large_for_f64_are_all_the_same() {
    check(
        &[-1.7e308, -1.6e308, -1.5e308],
        &[2, 2, 0],
        1.7e308,
        2,
        [1.0 / 3.0, 0.0, 2.0 / 3.0],
    );
    check(
        &[1.0, -1.6e308, -1.5e308],
        &[1, 2, 2],
        1.7e308,
        1,
        [0.0, 1.0, 0.0],
    );
}

/// With weights 4 and 1, the second row is nearer; without, the first.
#[wasm_bindgen_test(unsupported = test)]
fn weights_turn_neighbours_around() {
    for &engine in ENGINES {
        for (feature_weights, nearest, distance) in [
            (vec![], 0, 3.0),
            (vec![4.0, 1.0], 1, 5.0),
            (vec![0.0, 1.0], 0, 0.0),
            (vec![1.0, 0.0], 1, 0.0),
        ] {
            let options = KnnOptions {
                engine,
                k: 1,
                feature_weights,
                ..KnnOptions::default()
            };
            let rows = RowMajor::new(&[3.0, 0.0, 0.0, 5.0], 2);
            let mut knn = Knn::fit(&rows, &[0, 1], 2, &options).expect("valid rows");
            let found = knn.neighbours(&[0.0, 0.0]).expect("a valid query")[0];
            assert_eq!((found.row, found.distance), (nearest, distance), "{options:?}");
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_feature_of_no_weight_has_to_be_a_number_all_the_same() {
    let options = KnnOptions {
        feature_weights: vec![1.0, 0.0],
        ..KnnOptions::default()
    };
    let fit = |value: f64| Knn::fit(&RowMajor::new(&[1.0, 2.0, 3.0, value], 2), &[0, 1], 2, &options);
    assert!(matches!(
        fit(f64::NAN),
        Err(FitError::NotFinite {
            row: 1,
            feature: 1,
            ..
        })
    ));
    let mut knn = fit(1e308).expect("valid rows");
    assert!(knn.describe().is_integer, "what is ignored need not be whole");
    assert!(knn.predict(&[1.0, f64::INFINITY]).is_err());
    assert_eq!(knn.predict(&[2.9, -1e308]), Ok(0), "two votes, the smaller class");
    let description = knn.describe();
    assert_eq!((description.n_weighted, description.storage.n_ignored), (1, 1));
    let line = description.to_string();
    assert!(
        line.contains("features, 1 of them weighted;") && line.contains("1 of weight 0"),
        "{line}"
    );
}
