//! `baselines accuracy`: what the paper's accuracies on Wine can and cannot be, over many splits.

use anyhow::Result;
use baselines::Ours;
use serde_json::{Value, json};

use super::case::K;
use super::prepare::{split, wines};

pub(super) fn run(n_seeds: u64) -> Result<Value> {
    let (wine, filtered) = wines()?;
    let mut results = Vec::new();
    for (name, dataset) in [("wine", &wine), ("wine-binary", &filtered)] {
        for is_standard in [false, true] {
            let mut accuracies = Vec::new();
            for seed in 0..n_seeds {
                let case = split(name, dataset, seed)?;
                let (rows, n_features) = (&case.training, case.n_features);
                let ours = Ours::fit(
                    &rows.values,
                    &rows.labels,
                    n_features,
                    case.n_classes,
                    K,
                    is_standard,
                );
                let mut ours = ours.map_err(anyhow::Error::msg)?;
                let queries = case.queries.values.chunks(n_features);
                let n_right = queries
                    .zip(&case.queries.labels)
                    .filter(|(query, label)| ours.predict(query) == **label)
                    .count();
                accuracies.push(n_right as f64 / case.queries.labels.len() as f64);
            }
            results.push(json!({
                "case": name,
                "form": if is_standard { "standard" } else { "raw" },
                "n_seeds": n_seeds,
                "n_rows": dataset.n_rows(),
                "mean": accuracies.iter().sum::<f64>() / n_seeds as f64,
                "min": accuracies.iter().copied().fold(f64::INFINITY, f64::min),
                "max": accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            }));
        }
    }
    Ok(json!(results))
}
