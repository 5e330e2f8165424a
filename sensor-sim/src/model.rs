//! Model files: fitted to the training part of a replay, or read from disk; each is served as one file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use classifier::{ClassId, FitError, Knn, KnnOptions, ModelFileError, ModelMetadata, Preparation, Rows};
use datasets::Dataset;
use sha2::{Digest as _, Sha256};
use tracing::info;

use crate::candidates::Candidate;
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

impl ModelFile {
    /// The file of a fitted model.
    ///
    /// # Errors
    ///
    /// [`FitError::TooMuchText`].
    pub(crate) fn new(
        knn: &Knn,
        metadata: &ModelMetadata,
        preparation: Preparation,
    ) -> Result<Self, FitError> {
        metadata.check()?;
        let bytes = knn.to_bytes(metadata);
        Ok(Self::of_bytes(bytes, preparation, knn.describe().to_string()))
    }

    fn of_bytes(bytes: Vec<u8>, preparation: Preparation, description: String) -> Self {
        let sha256: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            bytes: bytes.into(),
            etag: format!("\"{sha256}\""),
            sha256,
            preparation,
            description,
        }
    }
}

/// Why no model could be fitted, for people, who know features by their names.
#[derive(Debug, Clone, PartialEq)]
pub struct FitFailure {
    reason: FitError,
    /// The number and the name of the feature that it is about.
    feature: Option<(usize, String)>,
}

impl FitFailure {
    /// `metadata` is the model's.
    pub(crate) fn new(reason: FitError, metadata: &ModelMetadata) -> Self {
        let named = |feature: usize| (feature, metadata.feature_names[feature].clone());
        Self {
            feature: reason.feature().map(named),
            reason,
        }
    }
}

impl std::error::Error for FitFailure {}

impl fmt::Display for FitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match &self.feature {
            None => Ok(()),
            Some((feature, name)) => write!(f, " (feature {feature} is {name})"),
        }
    }
}

/// Why a model file cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It cannot be read.
    #[error("cannot read the model: {reason}: {path}")]
    Io {
        /// Why.
        reason: std::io::Error,
        /// Where.
        path: String,
    },
    /// It is not a model.
    #[error("not a model that this program can serve: {reason}: {path}")]
    File {
        /// Why.
        reason: ModelFileError,
        /// Where.
        path: String,
    },
}

/// Reads a model file. Checks all of it: a page that gets it can use it.
///
/// # Errors
///
/// [`ModelError`].
pub(crate) fn read(path: &Path) -> Result<Candidate, ModelError> {
    let shown = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|reason| ModelError::Io {
        reason,
        path: shown(),
    })?;
    let (knn, metadata) = Knn::from_bytes(&bytes).map_err(|reason| ModelError::File {
        reason,
        path: shown(),
    })?;
    let description = knn.describe();
    let preparation = description.preparation;
    info!("model read: {description}");
    let file = ModelFile::of_bytes(bytes, preparation, description.to_string());
    Ok(Candidate {
        origin: format!("--model {}", shown()),
        feature_names: metadata.feature_names,
        class_names: metadata.class_names,
        file: Arc::new(file),
    })
}

/// Chooses the preparation, if that is asked for, and fits. Takes seconds for large data: not for a tokio worker.
///
/// # Errors
///
/// [`FitFailure`] if the training part cannot be fitted, e.g. because a value is not finite.
pub(crate) fn fit(config: &Config, dataset: &Dataset, training: &[u32]) -> Result<ModelFile, FitFailure> {
    let metadata = ModelMetadata {
        class_names: dataset.classes.clone(),
        feature_names: dataset
            .features
            .iter()
            .map(|feature| feature.name.clone())
            .collect(),
        source: dataset.name.clone(),
    };
    let failure = |reason| FitFailure::new(reason, &metadata);
    let rows = TrainingRows {
        dataset,
        rows: training,
    };
    let n_classes = dataset.classes.len();
    let mut options = KnnOptions {
        k: usize::from(config.k.get()),
        metric: config.metric,
        voting: config.voting,
        ..KnnOptions::default()
    };
    let preparation = match config.preparation {
        Some(preparation) => preparation,
        None => {
            let scores = cross_validation::scores(&rows, n_classes, &options).map_err(failure)?;
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
    let knn = Knn::fit(&rows, &rows.labels_of(training), n_classes, &options).map_err(failure)?;
    let file = ModelFile::new(&knn, &metadata, preparation).map_err(failure)?;
    info!(n_bytes = file.bytes.len(), "model fitted: {}", file.description);
    Ok(file)
}
