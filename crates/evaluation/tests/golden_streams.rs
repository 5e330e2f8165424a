//! Scores of River's and MOA's recorded kNN predictions on the elec stream equal the recorded scores.
//!
//! The recorded files are not in the repository; the test looks for `../shared/golden` beside it and says so if they are
//! missing. Their rules are ours: row 0 counts as wrong for both baselines, the majority does not peek, `-` is a reading
//! without a prediction.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use evaluation::Prequential;
use serde_json::Value;

#[test]
fn recorded_predictions_get_their_recorded_scores() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden");
    let Ok(metrics) = std::fs::read_to_string(golden.join("knn_metrics.json")) else {
        println!("skipped: no ../shared/golden beside the repository");
        return;
    };
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    let labels = datasets::load("elec", &datasets::Lookup::only(vec![]))
        .unwrap()
        .labels;
    let mut n_streams = 0;
    for name in ["river_uniform", "river_weighted", "moa"] {
        let predictions = std::fs::read_to_string(golden.join(format!("knn_elec_{name}.txt"))).unwrap();
        check(&labels, predictions.trim_end(), &metrics[format!("elec/{name}")]);
        n_streams += 1;
    }
    assert_eq!(n_streams, 3);
}

fn check(labels: &[u32], predictions: &str, expected: &Value) {
    assert_eq!(labels.len(), predictions.len());
    let blocks = expected["acc_blocks_1000"].as_array().unwrap();
    let mut scores = Prequential::new(2, 1_000);
    for (&true_label, predicted) in labels.iter().zip(predictions.chars()) {
        match predicted.to_digit(10) {
            Some(predicted) => scores.record(true_label, predicted).unwrap(),
            None => scores.record_abstention(true_label).unwrap(),
        }
        if scores.n().is_multiple_of(1_000) {
            // A window as long as a block and at its end is the block.
            let block = &blocks[scores.n() as usize / 1_000 - 1];
            assert_eq!(scores.windowed().accuracy, block.as_f64());
        }
    }
    let close = |name: &str, actual: Option<f64>| {
        let (actual, expected) = (actual.unwrap(), expected[name].as_f64().unwrap());
        assert!(
            (actual - expected).abs() < 1e-12,
            "{name}: {actual}, expected {expected}"
        );
    };
    let cumulative = scores.cumulative();
    assert_eq!(Some(cumulative.n), expected["n"].as_u64());
    close("acc", cumulative.accuracy);
    close("acc_nochange", cumulative.baseline_no_change);
    close("acc_maj", cumulative.baseline_majority);
    close("kappa", cumulative.kappa);
    close("kappaM", cumulative.kappa_m);
    close("kappaT", cumulative.kappa_t);
    let confusion = serde_json::json!(scores.confusion().to_rows());
    assert_eq!(confusion, expected["confusion_rows_true_cols_pred"]);
}
