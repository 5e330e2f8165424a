//! Bad training sets and bad queries are told apart and told where.

mod common;

use classifier::{
    FitError, Knn, KnnBuilder, KnnOptions, OnlineKnn, OnlineOptions, Preparation, QueryError, RowMajor, Rows,
    Scaling,
};
use common::ENGINES;
use wasm_bindgen_test::wasm_bindgen_test;

fn fit(values: &[f64], labels: &[u32], options: &KnnOptions) -> Result<Knn, FitError> {
    Knn::fit(&RowMajor::new(values, 2), labels, 2, options)
}

#[wasm_bindgen_test(unsupported = test)]
fn a_bad_training_set_is_refused_with_its_place() {
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            ..KnnOptions::default()
        };
        let check = |values: &[f64], labels: &[u32], k: usize, message: &str| {
            let error = fit(values, labels, &KnnOptions { k, ..options.clone() }).expect_err(message);
            assert_eq!(error.to_string(), message);
        };
        check(&[], &[], 5, "expected at least one training row, got none");
        check(&[1.0, 2.0], &[0, 1], 5, "expected 1 labels, one a row, got 2");
        check(&[1.0, 2.0], &[2], 5, "label 2 of row 0 is outside 0..2");
        check(&[1.0, 2.0], &[0], 0, "k = 0 is outside 1..=255");
        check(&[1.0, 2.0], &[0], 256, "k = 256 is outside 1..=255");
        check(
            &[1.0, 2.0, 3.0, f64::NAN],
            &[0, 0],
            5,
            "expected a finite number in row 1, feature 1, got NaN",
        );
        check(
            &[1.0, 2.0, f64::INFINITY, 0.0],
            &[0, 0],
            5,
            "expected a finite number in row 1, feature 0, got inf",
        );
    }
}

/// Memory for each feature and each class is taken before there is a row: `usize::MAX` was a panic.
#[wasm_bindgen_test(unsupported = test)]
fn too_many_features_and_classes_are_refused() {
    for (n_features, n_classes, message) in [
        (
            usize::MAX,
            2,
            format!("expected at most 262144 features, got {}", usize::MAX),
        ),
        (
            262_145,
            2,
            "expected at most 262144 features, got 262145".to_owned(),
        ),
        (
            2,
            usize::MAX,
            format!("expected at most 1048576 classes, got {}", usize::MAX),
        ),
        (
            2,
            1_048_577,
            "expected at most 1048576 classes, got 1048577".to_owned(),
        ),
    ] {
        let error = KnnBuilder::new(n_features, n_classes, &KnnOptions::default()).expect_err(&message);
        assert_eq!(error.to_string(), message);
        let error = OnlineKnn::new(n_features, n_classes, &OnlineOptions::default()).expect_err(&message);
        assert_eq!(error.to_string(), message);
    }
    assert!(KnnBuilder::new(1 << 18, 1 << 20, &KnnOptions::default()).is_ok());
}

#[wasm_bindgen_test(unsupported = test)]
fn bad_weights_are_refused() {
    let check = |feature_weights: &[f64], message: &str| {
        let options = KnnOptions {
            feature_weights: feature_weights.to_vec(),
            ..KnnOptions::default()
        };
        let error = fit(&[1.0, 2.0], &[0], &options).expect_err(message);
        assert_eq!(error.to_string(), message);
    };
    check(&[1.0], "expected 2 feature weights or none, got 1");
    check(&[1.0, 1.0, 1.0], "expected 2 feature weights or none, got 3");
    check(
        &[0.0, 0.0],
        "expected a positive weight for at least one feature, got zeros only",
    );
    for (weight, shown) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        check(
            &[1.0, weight],
            &format!("expected a weight that is finite and not negative for feature 1, got {shown}"),
        );
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn values_too_far_apart_to_be_scaled_are_refused() {
    for preparation in [Preparation::Standard, Preparation::MinMax] {
        let options = KnnOptions {
            preparation,
            ..KnnOptions::default()
        };
        let error = fit(&[0.0, 1.7e308, 0.0, -1.7e308], &[0, 1], &options).expect_err("an overflow");
        assert_eq!(error, FitError::Overflow { feature: 1 });
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn a_bad_query_is_refused_and_the_next_one_answered() {
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            k: 1,
            preparation: Preparation::Standard,
            ..KnnOptions::default()
        };
        let mut knn = fit(&[0.0, 1e-9, 1.0, 0.0], &[0, 1], &options).expect("valid rows");
        assert_eq!(
            knn.predict(&[1.0]),
            Err(QueryError::FeatureCount {
                expected: 2,
                actual: 1
            })
        );
        assert!(matches!(
            knn.predict(&[1.0, f64::NAN]),
            Err(QueryError::NotFinite { feature: 1, .. })
        ));
        assert!(matches!(
            knn.predict(&[f64::NEG_INFINITY, 1.0]),
            Err(QueryError::NotFinite { feature: 0, .. })
        ));
        assert_eq!(
            knn.predict(&[1.0, 1e300]),
            Err(QueryError::Overflow {
                feature: 1,
                value: 1e300
            })
        );
        assert_eq!(knn.predict(&[1.0, 0.0]), Ok(1));
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn fewer_rows_than_k_all_vote_and_equal_votes_go_to_the_smaller_class() {
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            k: 255,
            ..KnnOptions::default()
        };
        let mut knn = fit(&[0.0, 0.0, 9.0, 9.0], &[1, 0], &options).expect("valid rows");
        assert_eq!(knn.neighbours(&[0.0, 1.0]).map(<[_]>::len), Ok(2));
        assert_eq!(
            knn.classify(&[0.0, 1.0]).map(|found| found.shares.to_vec()),
            Ok(vec![0.5, 0.5])
        );
        assert_eq!(knn.predict(&[0.0, 1.0]), Ok(0));
        let mut one = fit(&[3.0, 4.0], &[1], &options).expect("one row");
        assert_eq!(
            one.neighbours(&[0.0, 0.0])
                .map(|all| (all[0].row, all[0].distance)),
            Ok((0, 5.0))
        );
        assert_eq!(one.predict(&[1e9, 0.0]), Ok(1));
    }
}

/// A table without any feature: every row is at distance 0.
#[derive(Debug)]
struct Featureless;

impl Rows for Featureless {
    fn n_rows(&self) -> usize {
        3
    }
    fn n_features(&self) -> usize {
        0
    }
    fn value(&self, _: usize, _: usize) -> f64 {
        unreachable!("there is no feature")
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn rows_without_features_are_all_equally_near() {
    for &engine in ENGINES {
        let options = KnnOptions {
            engine,
            k: 2,
            ..KnnOptions::default()
        };
        let mut knn = Knn::fit(&Featureless, &[1, 1, 0], 2, &options).expect("valid rows");
        let found = knn.neighbours(&[]).expect("a valid query");
        let expected = [0, 1].map(|row| classifier::Neighbour { row, distance: 0.0 });
        assert_eq!(found, expected);
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn scaling_is_that_of_scikit_learn() {
    // Columns: 1 2 3 4, a constant that no binary fraction equals, and zeros.
    let values = [1.0, 0.1, 0.0, 2.0, 0.1, 0.0, 3.0, 0.1, 0.0, 4.0, 0.1, 0.0];
    let rows = RowMajor::new(&values, 3);
    assert_eq!(Scaling::fit(Preparation::Raw, &rows), None);
    let standard = Scaling::fit(Preparation::Standard, &rows).expect("a scaling");
    assert_eq!(standard.offset, [2.5, 0.1, 0.0]);
    assert_eq!(standard.scale, [1.25_f64.sqrt(), 1.0, 1.0]);
    let min_max = Scaling::fit(Preparation::MinMax, &rows).expect("a scaling");
    assert_eq!(
        min_max,
        Scaling {
            offset: vec![1.0, 0.1, 0.0],
            scale: vec![3.0, 1.0, 1.0]
        }
    );
    assert_eq!(min_max.prepare(0, 2.5), 0.5);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_description_says_what_was_chosen() {
    let rows: Vec<f64> = (0..8).flat_map(|i| [f64::from(i), 0.5]).collect();
    let knn = fit(&rows, &[0, 1, 0, 1, 0, 1, 0, 1], &KnnOptions::default()).expect("valid rows");
    let description = knn.describe();
    assert_eq!(
        (description.storage.n_constant, description.storage.n_short),
        (1, 1)
    );
    let line = description.to_string();
    assert!(
        line.starts_with("exact kNN, k = 5, Euclidean distance, raw features; 8 rows x 2 features"),
        "{line}"
    );
    assert!(
        line.ends_with("1 constant, 1 integers or decimals in 16 bits)"),
        "{line}"
    );
}

#[cfg(not(feature = "textbook"))]
#[wasm_bindgen_test(unsupported = test)]
fn an_engine_that_was_left_out_is_refused() {
    let options = KnnOptions {
        engine: classifier::EngineKind::Textbook,
        ..KnnOptions::default()
    };
    let error = fit(&[1.0, 2.0], &[0], &options).expect_err("no such engine");
    assert_eq!(error, FitError::TextbookMissing);
}
