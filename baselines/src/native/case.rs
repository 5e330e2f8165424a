//! A case on disk: training rows, queries, labels, true neighbours and a model file, little-endian numbers throughout.
//!
//! | file | holds |
//! |---|---|
//! | `case.json` | `name`, `n_features`, `n_classes`, `n_training`, `n_queries`, `k`, `n_truth`, and the seconds that the truth took |
//! | `training.FORM.f64`, `queries.FORM.f64` | rows, row-major; FORM is `raw` or `standard` |
//! | `training.labels.u32`, `queries.labels.u32` | a class id each |
//! | `truth.FORM.u32` | the k nearest training rows of each of the first `n_truth` queries, nearest first |
//! | `model.FORM.safetensors` | the classifier fitted to the training rows |

use std::fs;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::{Context as _, Result};
use baselines::{Ours, truth};
use classifier::{Preparation, RowMajor, Scaling};
use serde_json::{Value, json};

/// The paper's.
pub(super) const K: usize = 5;

/// Rows and labels as recorded.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) values: Vec<f64>,
    pub(super) labels: Vec<u32>,
}

/// What a case is made of.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) n_features: usize,
    pub(super) n_classes: usize,
    pub(super) training: Part,
    pub(super) queries: Part,
}

impl Case {
    /// Writes everything into a folder of the case's name under `parent` and returns `case.json`.
    pub(super) fn write(&self, parent: &Path, max_truth: usize) -> Result<Value> {
        let folder = parent.join(&self.name);
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let write = |name: &str, bytes: Vec<u8>| {
            let path = folder.join(name);
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))
        };
        write("training.labels.u32", u32_bytes(&self.training.labels))?;
        write("queries.labels.u32", u32_bytes(&self.queries.labels))?;
        let n_truth = max_truth.min(self.queries.labels.len());
        let n_threads = available_parallelism().map_or(1, usize::from);
        let mut truth_secs = 0.0;
        for (form, preparation) in [("raw", Preparation::Raw), ("standard", Preparation::Standard)] {
            let scaling = Scaling::fit(
                preparation,
                &RowMajor::new(&self.training.values, self.n_features),
            );
            let prepared = |values: &[f64]| self.prepared(values, scaling.as_ref());
            let (training, queries) = (prepared(&self.training.values), prepared(&self.queries.values));
            write(&format!("training.{form}.f64"), f64_bytes(&training))?;
            write(&format!("queries.{form}.f64"), f64_bytes(&queries))?;
            let start = Instant::now();
            let asked = &queries[..n_truth * self.n_features];
            let rows = truth::nearest_rows(&training, asked, self.n_features, K, n_threads);
            truth_secs += start.elapsed().as_secs_f64();
            write(&format!("truth.{form}.u32"), u32_bytes(&rows))?;
            let ours = Ours::fit(
                &self.training.values,
                &self.training.labels,
                self.n_features,
                self.n_classes,
                K,
                preparation == Preparation::Standard,
            );
            let model = ours.map_err(anyhow::Error::msg)?.save();
            write(&format!("model.{form}.safetensors"), model)?;
        }
        let description = json!({
            "name": self.name,
            "n_features": self.n_features,
            "n_classes": self.n_classes,
            "n_training": self.training.labels.len(),
            "n_queries": self.queries.labels.len(),
            "k": K,
            "n_truth": n_truth,
            "truth_secs": truth_secs,
        });
        write("case.json", description.to_string().into_bytes())?;
        Ok(description)
    }

    fn prepared(&self, values: &[f64], scaling: Option<&Scaling>) -> Vec<f64> {
        let prepare = |(idx, &value): (usize, &f64)| {
            scaling.map_or(value, |scaling| scaling.prepare(idx % self.n_features, value))
        };
        values.iter().enumerate().map(prepare).collect()
    }
}

fn f64_bytes(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn u32_bytes(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The numbers of a file.
pub(super) fn read_f64(path: &Path) -> Result<Vec<f64>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| f64::from_le_bytes(*chunk))
        .collect())
}

/// The numbers of a file.
pub(super) fn read_u32(path: &Path) -> Result<Vec<u32>> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|chunk| u32::from_le_bytes(*chunk))
        .collect())
}
