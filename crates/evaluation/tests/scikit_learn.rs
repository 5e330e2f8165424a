//! Scores equal those of scikit-learn and statsmodels on labels that tests/golden/scikit_learn.py made.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use evaluation::{Prequential, Scores};
use serde_json::Value;

fn labels(value: &Value) -> Vec<u32> {
    value
        .as_str()
        .unwrap()
        .chars()
        .map(|digit| digit.to_digit(10).unwrap())
        .collect()
}

fn check(scores: &Scores, expected: &Value) {
    let close = |name: &str, actual: Option<f64>, expected: &Value| {
        let (actual, expected) = (actual.unwrap(), expected.as_f64().unwrap());
        assert!(
            (actual - expected).abs() < 1e-12,
            "{name}: {actual}, expected {expected}"
        );
    };
    close("accuracy", scores.accuracy, &expected["accuracy"]);
    close(
        "lower end",
        scores.accuracy_interval.map(|(lower, _)| lower),
        &expected["accuracy_interval"][0],
    );
    close(
        "upper end",
        scores.accuracy_interval.map(|(_, upper)| upper),
        &expected["accuracy_interval"][1],
    );
    close(
        "no-change",
        scores.baseline_no_change,
        &expected["baseline_no_change"],
    );
    close(
        "majority",
        scores.baseline_majority,
        &expected["baseline_majority"],
    );
    close("kappa", scores.kappa, &expected["kappa"]);
    close("kappa-M", scores.kappa_m, &expected["kappa_m"]);
    close("kappa-T", scores.kappa_t, &expected["kappa_t"]);
}

#[test]
fn scores_are_those_of_scikit_learn() {
    let golden: Value = serde_json::from_str(include_str!("golden/scikit_learn.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let number = |name: &str| case[name].as_u64().unwrap() as usize;
        let mut scores = Prequential::new(number("n_classes"), number("window"));
        for (true_label, predicted) in labels(&case["true"]).into_iter().zip(labels(&case["predicted"])) {
            scores.record(true_label, predicted).unwrap();
        }
        check(&scores.cumulative(), &case["cumulative"]);
        check(&scores.windowed(), &case["windowed"]);
        assert_eq!(serde_json::json!(scores.confusion().to_rows()), case["confusion"]);
    }
}
