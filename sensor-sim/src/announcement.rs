//! What viewers are told of a channel: what its readings look like, and which model labels them.
//!
//! A [`Shape`] belongs to the readings: it says how their records are made, and stays with them for as long as the ring
//! holds them. An [`Announcement`] is a shape under a revision number, with the model that goes with it now. A new model
//! is a new revision of the same shape.

use std::sync::Arc;

use protocol::{Feature, RecordLayout, Schema};

use crate::model::ModelFile;

/// What readings look like.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The revision that it was first announced with.
    pub(crate) revision: u32,
    pub(crate) features: Vec<Feature>,
    pub(crate) classes: Vec<String>,
    pub(crate) sensor_time: bool,
    /// Follows from the features.
    pub(crate) layout: RecordLayout,
}

impl Shape {
    pub(crate) fn new(
        revision: u32,
        features: Vec<Feature>,
        classes: Vec<String>,
        sensor_time: bool,
    ) -> Arc<Self> {
        let layout = RecordLayout::new(features.iter().map(|feature| feature.number_type).collect());
        Arc::new(Self {
            revision,
            layout: if sensor_time {
                layout.with_sensor_time()
            } else {
                layout
            },
            features,
            classes,
            sensor_time,
        })
    }

    /// Whether readings of `earlier` mean the same by this shape: features and layout are the same, and so are the classes,
    /// but for new ones behind them.
    pub(crate) fn extends(&self, earlier: &Self) -> bool {
        let is_like = || {
            self.features == earlier.features
                && self.sensor_time == earlier.sensor_time
                && self.classes.starts_with(&earlier.classes)
        };
        std::ptr::eq(self, earlier) || is_like()
    }

    /// What it takes in memory beyond a fixed amount.
    pub(crate) fn n_bytes(&self) -> usize {
        let features = self
            .features
            .iter()
            .map(|feature| size_of::<Feature>() + feature.name.len());
        let classes = self.classes.iter().map(|class| size_of::<String>() + class.len());
        features.chain(classes).sum()
    }

    /// Without features or classes.
    #[cfg(test)]
    pub(crate) fn bare() -> Self {
        Self {
            revision: 1,
            features: Vec::new(),
            classes: Vec::new(),
            sensor_time: false,
            layout: RecordLayout::new(Vec::new()),
        }
    }
}

/// A model file with what viewers have to know of its training.
#[derive(Debug, Clone)]
pub(crate) struct ServedModel {
    pub(crate) file: Arc<ModelFile>,
    /// Readings of the channel below this sequence number may have trained it; `None` if none has.
    pub(crate) trained_until: Option<u64>,
}

/// One revision of a channel's schema.
#[derive(Debug)]
pub(crate) struct Announcement {
    pub(crate) revision: u32,
    pub(crate) shape: Arc<Shape>,
    pub(crate) replay: Option<protocol::Replay>,
    pub(crate) model: Option<ServedModel>,
}

impl Announcement {
    /// A shape's first revision.
    pub(crate) fn of_shape(shape: &Arc<Shape>) -> Self {
        Self {
            revision: shape.revision,
            shape: Arc::clone(shape),
            replay: None,
            model: None,
        }
    }

    /// As the message that announces it, but for the sequence numbers.
    pub(crate) fn schema(&self, channel: u16, source: &str) -> Schema {
        Schema {
            channel,
            source: source.to_owned(),
            revision: self.revision,
            features: self.shape.features.clone(),
            classes: self.shape.classes.clone(),
            sensor_time: self.shape.sensor_time,
            oldest_seq: 0,
            next_seq: 0,
            replay: self.replay.clone(),
            model: self.model.as_ref().map(|model| model.describe(channel)),
        }
    }
}

impl ServedModel {
    fn describe(&self, channel: u16) -> protocol::Model {
        let file = &self.file;
        let url = match self.trained_until {
            None => format!("/model/{channel}"),
            // One that will be replaced is asked for by its hash: what a viewer gets has to be what it was told of.
            Some(_) => format!("/model/{channel}?sha256={}", file.sha256),
        };
        protocol::Model {
            url,
            n_bytes: file.bytes.len() as u64,
            sha256: file.sha256.clone(),
            description: file.description.clone(),
            trained_until: self.trained_until,
        }
    }
}
