//! The same neighbours, distances and predictions as scikit-learn, on a table without ties.
//!
//! `golden/generate.py` writes the expectations; the versions stand in the file. Distances are compared with a
//! tolerance, because scikit-learn adds up in another order and scales by multiplication; rows and classes exactly.

use classifier::{EngineKind, Knn, KnnOptions, Metric, Preparation, RowMajor};
use wasm_bindgen_test::wasm_bindgen_test;

#[derive(serde::Deserialize)]
struct Golden {
    k: usize,
    rows: Vec<Vec<f64>>,
    labels: Vec<u32>,
    queries: Vec<Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    preparation: Preparation,
    metric: Metric,
    neighbours: Vec<Vec<u32>>,
    distances: Vec<Vec<f64>>,
    predicted: Vec<u32>,
}

#[wasm_bindgen_test(unsupported = test)]
fn neighbours_and_classes_are_those_of_scikit_learn() {
    let golden: Golden = serde_json::from_str(include_str!("golden/scikit_learn.json")).expect("valid JSON");
    let n_features = golden.rows[0].len();
    let values = golden.rows.concat();
    assert_eq!(golden.cases.len(), 6);
    for case in &golden.cases {
        for engine in [EngineKind::Textbook, EngineKind::Scan] {
            let options = KnnOptions {
                k: golden.k,
                metric: case.metric,
                preparation: case.preparation,
                engine,
                ..KnnOptions::default()
            };
            let mut knn = Knn::fit(&RowMajor::new(&values, n_features), &golden.labels, 4, &options)
                .expect("a valid training set");
            for (i, query) in golden.queries.iter().enumerate() {
                let neighbours = knn.neighbours(query).expect("a valid query");
                let rows: Vec<u32> = neighbours.iter().map(|neighbour| neighbour.row).collect();
                assert_eq!(rows, case.neighbours[i], "{options:?}, query {i}");
                for (neighbour, expected) in neighbours.iter().zip(&case.distances[i]) {
                    let error = (neighbour.distance - expected).abs();
                    // scikit-learn's brute force takes Euclidean distances from dot products: half the digits.
                    assert!(
                        error <= 1e-7 * expected.max(1.0),
                        "{options:?}, query {i}: {neighbour:?} {expected}"
                    );
                }
                assert_eq!(
                    knn.predict(query),
                    Ok(case.predicted[i]),
                    "{options:?}, query {i}"
                );
            }
        }
    }
}
