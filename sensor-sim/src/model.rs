//! The model that goes with the stream: fitted to the training part when the server starts, served as one file.

use bytes::Bytes;
use classifier::{ClassId, FitError, Knn, KnnOptions, ModelMetadata, Preparation, Rows};
use datasets::Dataset;
use sha2::{Digest as _, Sha256};
use tracing::info;

use crate::config::Config;
use crate::cross_validation;

/// The training part of a data set, as the classifier reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrainingRows<'a> {
    pub(crate) dataset: &'a Dataset,
    /// Rows of the data set.
    pub(crate) rows: &'a [u32],
}

impl TrainingRows<'_> {
    /// True classes of `rows`, rows of the same data set.
    pub(crate) fn labels_of(&self, rows: &[u32]) -> Vec<ClassId> {
        rows.iter()
            .map(|&row| self.dataset.labels[row as usize])
            .collect()
    }
}

impl Rows for TrainingRows<'_> {
    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn n_features(&self) -> usize {
        self.dataset.n_features()
    }

    fn value(&self, row: usize, feature: usize) -> f64 {
        self.dataset.value(self.rows[row] as usize, feature)
    }
}

/// A fitted model as viewers fetch it.
#[derive(Debug, Clone)]
pub(crate) struct ModelFile {
    /// A safetensors file.
    pub(crate) bytes: Bytes,
    /// SHA-256 of the bytes, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// The hash as an HTTP entity tag.
    pub(crate) etag: String,
    /// How features are prepared: as asked for, or the one chosen.
    pub(crate) preparation: Preparation,
    /// One line for people.
    pub(crate) description: String,
}

/// Chooses the preparation, if that is asked for, and fits. Takes seconds for large data: not for a tokio worker.
///
/// # Errors
///
/// [`FitError`] if the training part cannot be fitted, e.g. because a value is not finite.
pub(crate) fn fit(config: &Config, training: &[u32]) -> Result<ModelFile, FitError> {
    let rows = TrainingRows {
        dataset: &config.dataset,
        rows: training,
    };
    let n_classes = config.dataset.classes.len();
    let mut options = KnnOptions {
        k: usize::from(config.k.get()),
        metric: config.metric,
        voting: config.voting,
        ..KnnOptions::default()
    };
    let preparation = match config.preparation {
        Some(preparation) => preparation,
        None => {
            let scores = cross_validation::scores(&rows, n_classes, &options)?;
            let best = cross_validation::best(&scores);
            let listed: Vec<String> = scores
                .iter()
                .map(|score| format!("{} {:.4}", score.preparation, score.accuracy()))
                .collect();
            let n_rows = scores.first().map_or(0, |score| score.n_rows);
            info!(
                "cross-validated accuracy on {n_rows} held-out training rows: {}; chosen: {best}",
                listed.join(", ")
            );
            best
        }
    };
    options.preparation = preparation;
    let knn = Knn::fit(&rows, &rows.labels_of(training), n_classes, &options)?;
    let metadata = ModelMetadata {
        class_names: config.dataset.classes.clone(),
        feature_names: config
            .dataset
            .features
            .iter()
            .map(|feature| feature.name.clone())
            .collect(),
        source: config.dataset.name.clone(),
    };
    let bytes = knn.to_bytes(&metadata);
    let sha256: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let description = knn.describe().to_string();
    info!(n_bytes = bytes.len(), "model fitted: {description}");
    Ok(ModelFile {
        bytes: bytes.into(),
        etag: format!("\"{sha256}\""),
        sha256,
        preparation,
        description,
    })
}
