//! A model for a source that has none: trained from its own labelled readings. [`Learner`].
//!
//! Accuracy stays prequential. A model is trained from readings that viewers had been sent before its training began, and
//! says so: `trained_until` is the sequence number after the newest of them. A viewer scores a model only on readings from
//! there on, so no reading is ever judged by a model that has seen its label.

use std::collections::VecDeque;
use std::time::Duration;

use classifier::{ClassId, Knn, KnnOptions, ModelMetadata, RowMajor};
use tokio::time::Instant;

use crate::model::{FitFailure, ModelFile};

/// Labelled readings that a model is trained from: the newest so many. Not tuned; at 50 features some 2 MB.
const WINDOW: usize = 5_000;

/// Most values in the window, whatever the number of features: 8 MB a source, and as much again while a source keeps the
/// learner of the features that it had before.
const MAX_VALUES: usize = 1_000_000;

/// Fewest labelled readings, of two classes at least, for a first model. Arbitrary: four times the usual k.
const MIN_READINGS: usize = 20;

/// Once the window is full, a model is replaced when a fifth of it is new. Not tuned.
const RENEWED_SHARE: usize = 5;

/// Least time between two trainings.
const MIN_INTERVAL: Duration = Duration::from_secs(2);

/// A labelled reading, its features in the channel's order.
#[derive(Debug)]
struct Example {
    seq: u64,
    features: Box<[f64]>,
    class: ClassId,
}

/// The labelled readings of one source, and when it is time to train from them.
#[derive(Debug, Default)]
pub(crate) struct Learner {
    window: VecDeque<Example>,
    /// Whether a labelled reading taught nothing for want of this feature; empty if none did.
    is_lacking: Vec<bool>,
    /// Labelled readings that the newest model has not seen.
    n_new: usize,
    trained_at: Option<Instant>,
    is_training: bool,
    /// Counts changes of the features: what is trained for others is of no use.
    generation: u64,
}

/// Readings that the window holds, of so many features each.
fn window_for(n_features: usize) -> usize {
    (MAX_VALUES / n_features.max(1)).clamp(MIN_READINGS, WINDOW)
}

/// What to train from. Made in a moment, done elsewhere: training takes long.
#[derive(Debug)]
pub(crate) struct Lesson {
    pub(crate) generation: u64,
    /// The sequence number after the newest reading in it.
    pub(crate) trained_until: u64,
    n_features: usize,
    features: Vec<f64>,
    classes: Vec<ClassId>,
}

impl Learner {
    /// The features are others now: goes on with what `other` knows of those, and returns what this one knew.
    pub(crate) fn change_to(&mut self, other: Self) -> Self {
        let next = Self {
            generation: self.generation + 1,
            is_training: self.is_training,
            ..other
        };
        std::mem::replace(self, next)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Labelled readings so far, as far as they are kept.
    pub(crate) fn n_examples(&self) -> usize {
        self.window.len()
    }

    /// The features, by their positions, for want of which labelled readings taught nothing.
    pub(crate) fn lacking(&self) -> impl Iterator<Item = usize> {
        let is_lacking = self.is_lacking.iter().enumerate();
        is_lacking.filter_map(|(idx, &is_lacking)| is_lacking.then_some(idx))
    }

    /// Takes a labelled reading. One with a missing value teaches nothing: the classifier would refuse it.
    pub(crate) fn observe(&mut self, seq: u64, features: &[f64], class: ClassId) {
        if features.iter().any(|value| !value.is_finite()) {
            self.is_lacking.resize(features.len(), false);
            for (is_lacking, value) in self.is_lacking.iter_mut().zip(features) {
                *is_lacking |= !value.is_finite();
            }
            return;
        }
        if features.is_empty() {
            return;
        }
        while self.window.len() >= window_for(features.len()) {
            self.window.pop_front();
        }
        self.window.push_back(Example {
            seq,
            features: features.into(),
            class,
        });
        self.n_new += 1;
    }

    /// What to train from, if it is time; then [`Learner::done`] has to be called.
    pub(crate) fn lesson(&mut self, now: Instant) -> Option<Lesson> {
        let n = self.window.len();
        let window = window_for(self.window.front()?.features.len());
        let n_seen = n.saturating_sub(self.n_new);
        let n_due = if n < window {
            n_seen.max(1)
        } else {
            window / RENEWED_SHARE
        };
        let is_early = self
            .trained_at
            .is_some_and(|then| now.saturating_duration_since(then) < MIN_INTERVAL);
        if self.is_training || is_early || n < MIN_READINGS || self.n_new < n_due {
            return None;
        }
        let first = self.window.front()?.class;
        if self.window.iter().all(|example| example.class == first) {
            return None;
        }
        self.is_training = true;
        self.trained_at = Some(now);
        self.n_new = 0;
        Some(Lesson {
            generation: self.generation,
            // A label may come late: the newest example need not be the last one.
            trained_until: self.window.iter().map(|example| example.seq + 1).max()?,
            n_features: self.window.front()?.features.len(),
            features: self
                .window
                .iter()
                .flat_map(|example| example.features.iter().copied())
                .collect(),
            classes: self.window.iter().map(|example| example.class).collect(),
        })
    }

    /// A lesson is over.
    pub(crate) fn done(&mut self) {
        self.is_training = false;
    }
}

impl Lesson {
    /// Trains. Takes up to a second: not for a tokio worker.
    ///
    /// # Errors
    ///
    /// [`FitFailure`], e.g. because values are too far apart to be prepared.
    pub(crate) fn train(
        &self,
        options: &KnnOptions,
        metadata: &ModelMetadata,
    ) -> Result<ModelFile, FitFailure> {
        let failure = |reason| FitFailure::new(reason, metadata);
        let rows = RowMajor::new(&self.features, self.n_features);
        let options = KnnOptions {
            k: options.k.min(self.classes.len()),
            ..options.clone()
        };
        let knn = Knn::fit(&rows, &self.classes, metadata.class_names.len(), &options).map_err(failure)?;
        let mut file = ModelFile::new(&knn, metadata, options.preparation).map_err(failure)?;
        file.description = format!(
            "trained from {} labelled readings of {}: {}",
            self.classes.len(),
            metadata.source,
            file.description
        );
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(learner: &mut Learner, seqs: std::ops::Range<u64>) {
        for seq in seqs {
            learner.observe(seq, &[seq as f64], (seq % 2) as u32);
        }
    }

    #[test]
    fn trains_at_first_then_when_the_readings_have_doubled() {
        let start = Instant::now();
        let at = |n: u32| start + n * MIN_INTERVAL;
        let mut learner = Learner::default();
        observe(&mut learner, 0..MIN_READINGS as u64 - 1);
        assert!(learner.lesson(at(0)).is_none());
        observe(&mut learner, 19..20);
        let lesson = learner.lesson(at(0)).unwrap();
        assert_eq!((lesson.trained_until, lesson.classes.len()), (20, 20));
        observe(&mut learner, 20..60);
        assert!(learner.lesson(at(1)).is_none(), "one training at a time");
        learner.done();
        assert!(learner.lesson(start).is_none(), "not so soon");
        assert_eq!(learner.lesson(at(1)).unwrap().trained_until, 60);
        learner.done();
        observe(&mut learner, 60..119);
        assert!(learner.lesson(at(2)).is_none(), "one short of twice as many");
        observe(&mut learner, 119..120);
        assert_eq!(learner.lesson(at(2)).unwrap().trained_until, 120);
    }

    #[test]
    fn one_class_or_a_missing_value_teaches_nothing() {
        let mut learner = Learner::default();
        for seq in 0..100 {
            learner.observe(seq, &[1.0], 3);
            learner.observe(seq, &[f64::NAN], 2);
        }
        assert_eq!(learner.n_examples(), 100);
        assert!(learner.lesson(Instant::now()).is_none());
        assert_eq!(learner.lacking().collect::<Vec<_>>(), [0]);
        let former = learner.change_to(Learner::default());
        assert_eq!((learner.n_examples(), learner.generation()), (0, 1));
        assert_eq!(learner.lacking().count(), 0);
        learner.change_to(former);
        assert_eq!((learner.n_examples(), learner.generation()), (100, 2));
    }

    #[test]
    fn a_full_window_is_renewed_by_a_fifth() {
        let start = Instant::now();
        let mut learner = Learner::default();
        observe(&mut learner, 0..WINDOW as u64 + 10);
        assert_eq!(learner.lesson(start).unwrap().classes.len(), WINDOW);
        learner.done();
        let later = start + MIN_INTERVAL;
        observe(&mut learner, 6_000..6_999);
        assert!(learner.lesson(later).is_none());
        observe(&mut learner, 6_999..7_000);
        assert_eq!(learner.lesson(later).unwrap().trained_until, 7_000);
    }

    #[test]
    fn wide_readings_fill_the_window_sooner() {
        assert_eq!(
            (window_for(1), window_for(200), window_for(4_096)),
            (WINDOW, WINDOW, 244)
        );
        let mut learner = Learner::default();
        for seq in 0..300 {
            learner.observe(seq, &[0.5; 4_096], (seq % 2) as u32);
        }
        assert_eq!(learner.n_examples(), 244);
    }

    #[test]
    fn a_late_label_of_an_old_reading_does_not_hide_the_newest() {
        let mut learner = Learner::default();
        observe(&mut learner, 100..140);
        learner.observe(7, &[0.0], 1);
        assert_eq!(learner.lesson(Instant::now()).unwrap().trained_until, 140);
    }
}
