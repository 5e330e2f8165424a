//! The one place where a reading becomes a query point: [`Labeller`].
//!
use classifier_wasm::classifier::{Description, Knn, ModelMetadata, Neighbour, QueryError};
use protocol::{Record, RecordHead};

use crate::page::NeighbourRow;
use crate::session::LoadedModel;

/// A classifier with what a query needs.
#[derive(Debug)]
pub struct Labeller {
    knn: Knn,
    description: Description,
    /// Line for people.
    about: String,
    loaded: LoadedModel,
    /// The query point; the reading's features as they came.
    query: Vec<f64>,
    /// Votes by class of the stream, which may have classes that the model does not know.
    shares: Vec<f64>,
}

/// What was made of a reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label<'a> {
    /// Sequence number, time sent and true label.
    pub head: RecordHead,
    /// The class with most votes.
    pub predicted: u32,
    /// Distance of the nearest neighbour.
    pub distance: f64,
    /// The reading's features.
    pub features: &'a [f64],
    /// The share of the votes that each class got.
    pub shares: &'a [f64],
}

impl Labeller {
    /// Wraps a model that came in a file with this hash.
    #[must_use]
    pub fn new(knn: Knn, metadata: ModelMetadata, sha256: String) -> Self {
        let description = knn.describe();
        Self {
            about: description.to_string(),
            query: Vec::with_capacity(description.n_features),
            shares: vec![0.0; description.n_classes],
            loaded: LoadedModel {
                sha256,
                feature_names: metadata.feature_names,
                class_names: metadata.class_names,
            },
            description,
            knn,
        }
    }

    /// What the model is for.
    #[must_use]
    pub fn loaded(&self) -> &LoadedModel {
        &self.loaded
    }

    /// The model in numbers.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The model in one line for people.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The stream has so many classes; the first of them are the model's.
    pub fn set_n_classes(&mut self, n_classes: usize) {
        self.shares.clear();
        self.shares.resize(n_classes.max(self.description.n_classes), 0.0);
    }

    /// Decodes a reading, takes its features as the query point as they are (the model prepares them by itself), and
    /// labels it. Allocates nothing once every buffer has its size.
    ///
    /// # Errors
    ///
    /// The classifier's: a feature that is not finite. The reading's head comes back with it.
    pub fn label_record(&mut self, record: &Record<'_>) -> Result<Label<'_>, (RecordHead, QueryError)> {
        let head = record.read(&mut self.query);
        let found = self.knn.classify(&self.query).map_err(|error| (head, error))?;
        self.shares[..found.shares.len()].copy_from_slice(found.shares);
        Ok(Label {
            head,
            predicted: found.class,
            distance: found
                .neighbours
                .first()
                .map_or(f64::NAN, |nearest| nearest.distance),
            features: &self.query,
            shares: &self.shares,
        })
    }

    /// The neighbours of a kept reading, nearest first; none if the classifier refuses it.
    pub fn neighbours(&mut self, features: &[f64]) -> Vec<NeighbourRow> {
        let found = self.knn.neighbours(features).map(<[Neighbour]>::to_vec);
        let rows = found
            .unwrap_or_default()
            .into_iter()
            .map(|neighbour| NeighbourRow {
                row: neighbour.row,
                distance: neighbour.distance,
                class: self.knn.label(neighbour.row),
            });
        rows.collect()
    }
}
