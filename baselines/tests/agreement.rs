//! What ratios and exactness figures rest on: textbook, plain scan, ours and the truth give the same neighbours.

use baselines::{Ours, PlainScan, Textbook, truth};

const K: usize = 5;

/// Small integers, so that ties are everywhere and every sum is exact; more rows than two blocks of the truth.
fn table(n_rows: usize, n_features: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    (0..n_rows * n_features)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 30)
        })
        .collect()
}

#[test]
fn all_find_the_same_rows_and_classes() {
    for n_features in [1, 2, 5, 9] {
        let training = table(77, n_features, 1);
        let queries = table(40, n_features, 2);
        let labels: Vec<u32> = (0..77).map(|row| row % 3).collect();
        let truth = truth::nearest_rows(&training, &queries, n_features, K, 2);
        let mut textbook = Textbook::new(training.clone(), labels.clone(), n_features, 3, K);
        let mut scan = PlainScan::new(training.clone(), labels.clone(), n_features, 3, K);
        let mut ours =
            Ours::fit(&training, &labels, n_features, 3, K, false).expect("the rows are fit for it");
        let mut loaded = Ours::load(&ours.save()).expect("its own file");
        for (query, rows) in queries.chunks(n_features).zip(truth.chunks(K)) {
            let class = scan.predict(query);
            assert_eq!(scan.rows(), rows);
            assert_eq!((textbook.predict(query), &textbook.rows()[..]), (class, rows));
            assert_eq!((ours.predict(query), &ours.rows()[..]), (class, rows));
            assert_eq!((loaded.predict(query), &loaded.rows()[..]), (class, rows));
        }
    }
}

#[test]
fn the_truth_does_not_depend_on_how_it_is_divided() {
    let (training, queries) = (table(100, 6, 3), table(150, 6, 4));
    let alone = truth::nearest_rows(&training, &queries, 6, K, 1);
    assert_eq!(alone.len(), 150 * K);
    assert_eq!(truth::nearest_rows(&training, &queries, 6, K, 7), alone);
}
