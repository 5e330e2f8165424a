//! What a source's channel looks like as what is sent changes, and which model goes with it.
//!
//! A model labels readings with all its features and no others, so one stray name would end the labels. A feature that
//! has stayed away leaves the channel's schema where a model is to be had without it, until it comes again; and the model
//! that the readings had without a stray feature is kept until it has left, or a model is trained with it.
//!
//! While the features are the same, a new class comes behind those before: viewers go on counting by class ids.

use std::sync::Arc;

use protocol::{Feature, NumberType, SourceState, Status};

use super::explanation::explanation;
use super::{Feed, Refused, Source, Surroundings};
use crate::announcement::{Announcement, ServedModel, Shape};
use crate::candidates::{Choice, choose};
use crate::learner::Learner;
use crate::presence::Presence;

/// What a source had learnt before its features changed.
#[derive(Debug)]
pub(super) struct Former {
    pub(super) shape: Arc<Shape>,
    learner: Learner,
    model: ServedModel,
}

impl Source {
    /// Takes the features that have stayed away out of the channel's schema, if a model may be had by that.
    pub(super) fn let_leave(&self, feed: &mut Feed, around: Surroundings<'_>) -> Result<(), Refused> {
        let is_in_the_way =
            feed.near.is_some() || feed.former.is_some() || feed.learner.lacking().next().is_some();
        if feed.is_given || !is_in_the_way {
            return Ok(());
        }
        let left = feed.presence.left();
        if left.is_empty() {
            return Ok(());
        }
        feed.left.extend(left.into_iter().map(|idx| feed.order[idx]));
        self.reshape(feed, false, around)
    }

    /// Follows the schema: makes the shape that the readings have from now on, chooses the model, and announces both.
    pub(super) fn reshape(
        &self,
        feed: &mut Feed,
        has_time: bool,
        around: Surroundings<'_>,
    ) -> Result<(), Refused> {
        self.publish(feed);
        let all: Vec<&str> = feed.schema.names().collect();
        let as_sent: Vec<usize> = (0..all.len()).filter(|idx| !feed.left.contains(idx)).collect();
        let names: Vec<String> = as_sent.iter().map(|&idx| all[idx].to_owned()).collect();
        let units: Vec<Option<String>> = feed.schema.units().map(|unit| unit.map(str::to_owned)).collect();
        let (given, order, near) = match choose(around.candidates, &names) {
            Choice::Model(candidate, order) => (
                Some(candidate),
                order.into_iter().map(|idx| as_sent[idx]).collect(),
                None,
            ),
            Choice::Near(reason) => (None, as_sent, Some(reason)),
            Choice::None => (None, as_sent, None),
        };
        // The model's classes come first, whatever the source has sent so far: a model knows them by number.
        let mut classes = given.map_or_else(Vec::new, |candidate| candidate.class_names.clone());
        if given.is_none() {
            classes = feed.schema.classes().to_vec();
        } else {
            for class in feed.schema.classes() {
                if !classes.contains(class) {
                    classes.push(class.clone());
                }
            }
        }
        feed.class_ids = feed
            .schema
            .classes()
            .iter()
            .map(|class| classes.iter().position(|known| known == class).unwrap_or(0) as u32)
            .collect();
        let features: Vec<Feature> = order
            .iter()
            .map(|&idx| Feature {
                name: all[idx].to_owned(),
                unit: units[idx].clone(),
                // What a sensor will send next is not known, so nothing narrower is safe.
                number_type: NumberType::F64,
                min: None,
                max: None,
            })
            .collect();
        // Every viewer is told of all features and classes: a source that changes all the time is slowed down by that.
        if feed.revision > 0 {
            let n_told = features.len() + classes.len();
            feed.bucket.take(n_told, feed.last_message_at);
        }
        let before = feed.shape.take();
        let is_same = before
            .as_ref()
            .is_some_and(|before| same_names(&before.features, &features));
        if !is_same {
            feed.presence = Presence::new(features.len());
            feed.relearn(before.as_ref(), &features);
        }
        feed.near = near;
        feed.is_given = given.is_some();
        if let Some(candidate) = given {
            feed.model = Some(ServedModel {
                file: Arc::clone(&candidate.file),
                trained_until: None,
            });
        }
        feed.order = order;
        feed.revision += 1;
        let sensor_time = has_time || before.is_some_and(|before| before.sensor_time);
        let shape = Shape::new(feed.revision, features, classes, sensor_time);
        let announcement = Announcement {
            model: feed.model.clone(),
            ..Announcement::of_shape(&shape)
        };
        feed.shape = Some(shape);
        if let Some(channel) = self.channel() {
            channel.change(announcement);
            return Ok(());
        }
        let status = Status {
            channel: 0,
            state: SourceState::Live,
            position: None,
            next_seq: 0,
            speed: None,
            message: explanation(feed),
        };
        let channel = (around.make_channel)(&self.name, announcement, status).ok_or(Refused::NoChannel)?;
        let _ = self.channel.set(channel);
        Ok(())
    }
}

impl Feed {
    /// Begins to learn features other than `before`, or goes on with what was learnt of them formerly.
    fn relearn(&mut self, before: Option<&Arc<Shape>>, features: &[Feature]) {
        let again = self
            .former
            .take_if(|former| same_names(&former.shape.features, features));
        let (learner, model) =
            again.map_or_else(Default::default, |former| (former.learner, Some(former.model)));
        let learner = self.learner.change_to(learner);
        if let (Some(model), Some(shape), false) = (self.model.take(), before, self.is_given) {
            self.former = Some(Former {
                shape: Arc::clone(shape),
                learner,
                model,
            });
        }
        self.model = model;
        self.failure = None;
    }
}

/// Whether the features are the same, in the same order.
pub(super) fn same_names(a: &[Feature], b: &[Feature]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.name == b.name)
}
