//! The same neighbours, distances, predictions and class shares as scikit-learn, on a table without ties.
//!
//! `golden/generate.py` writes the expectations; the versions stand in the file. Distances and shares are compared with
//! a tolerance, because scikit-learn scales by multiplication and adds up in another order; rows and classes exactly.

mod common;

use classifier::{Knn, KnnOptions, Metric, Preparation, RowMajor, Voting};
use common::ENGINES;
use wasm_bindgen_test::wasm_bindgen_test;

#[derive(serde::Deserialize)]
struct Golden {
    k: usize,
    rows: Vec<Vec<f64>>,
    labels: Vec<u32>,
    queries: Vec<Vec<f64>>,
    cases: Vec<Case>,
}

/// One entry a query in the lists of lists, and in `predicted`.
#[derive(serde::Deserialize)]
struct Case {
    preparation: Preparation,
    metric: Metric,
    feature_weights: Vec<f64>,
    voting: Voting,
    neighbours: Vec<Vec<u32>>,
    distances: Vec<Vec<f64>>,
    predicted: Vec<u32>,
    shares: Vec<Vec<f64>>,
}

#[wasm_bindgen_test(unsupported = test)]
fn answers_are_those_of_scikit_learn() {
    let golden: Golden = serde_json::from_str(include_str!("golden/scikit_learn.json")).expect("valid JSON");
    let n_features = golden.rows[0].len();
    let values = golden.rows.concat();
    assert_eq!(golden.cases.len(), 24);
    for case in &golden.cases {
        for &engine in ENGINES {
            let options = KnnOptions {
                k: golden.k,
                metric: case.metric,
                preparation: case.preparation,
                engine,
                voting: case.voting,
                feature_weights: case.feature_weights.clone(),
            };
            let rows = RowMajor::new(&values, n_features);
            let mut knn = Knn::fit(&rows, &golden.labels, 4, &options).expect("a valid training set");
            for (i, query) in golden.queries.iter().enumerate() {
                let name = || format!("{options:?}, query {i}");
                let answer = knn.classify(query).expect("a valid query");
                let rows: Vec<u32> = answer.neighbours.iter().map(|neighbour| neighbour.row).collect();
                assert_eq!(rows, case.neighbours[i], "{}", name());
                for (neighbour, expected) in answer.neighbours.iter().zip(&case.distances[i]) {
                    let error = (neighbour.distance - expected).abs();
                    assert!(
                        error <= 1e-12 * expected.max(1.0),
                        "{}: {neighbour:?} {expected}",
                        name()
                    );
                }
                assert_eq!(answer.class, case.predicted[i], "{}", name());
                for (share, expected) in answer.shares.iter().zip(&case.shares[i]) {
                    assert!(
                        (share - expected).abs() <= 1e-12,
                        "{}: {share} {expected}",
                        name()
                    );
                }
            }
        }
    }
}
