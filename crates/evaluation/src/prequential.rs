//! Prequential evaluation: every reading is first used to test, then to train.
//!
//! [`run`] owns that order, so a model cannot see a label before its prediction is scored; [`Prequential::record`] is for
//! models that do not learn from the stream, and for callers that get the true label later than the reading.
//!
//! O(1) a reading and O(1) for [`Prequential::cumulative`] and [`Prequential::windowed`]; memory is O(window + classes)
//! besides the confusion matrix.
//!
//! Delayed labels. Where the truth comes after its reading, what is scored is the prediction made when the reading came,
//! by the model of that time, and it is scored when the truth comes. So that the comparison stays fair, the baselines too
//! say what they would have said then: [`Prequential::guesses`] is taken with the prediction and given back to
//! [`Prequential::record_later`] with the truth. "The label before" is then the truth that came last before the reading
//! did, and the window holds the readings whose truth came last. A reading whose truth never comes is not scored.
//!
//! Source: A. P. Dawid, "Present position and potential developments: the prequential approach", J. R. Stat. Soc. A
//! 147(2), 1984; J. Gama, R. Sebastião and P. P. Rodrigues, "On evaluating stream learning algorithms", Machine Learning
//! 90, 2013; for delays M. Grzenda, H. M. Gomes and A. Bifet, "Delayed labelling evaluation for data streams", Data Mining
//! and Knowledge Discovery 34, 2020 (of which this is the first prediction alone). Tools differ in details: here the first reading counts as wrong for both baselines, the majority baseline
//! knows only the labels before, and a reading without a prediction counts as wrong.

use std::collections::VecDeque;

use crate::ConfusionMatrix;
use crate::scores::{Outcome, Scores, Tally};

/// A classifier that learns from the stream it is tested on.
pub trait StreamClassifier<X: ?Sized> {
    /// The class of `features`, or `None` if there is nothing to go by yet, which is scored as wrong.
    fn predict(&mut self, features: &X) -> Option<u32>;

    /// Learns that `features` are of the class `true_label`. Called after the prediction for them was scored.
    fn learn(&mut self, features: &X, true_label: u32);
}

/// Feeds a stream of (features, true label) to a model, test first, then train, and adds to `scores`.
///
/// # Errors
///
/// [`ScoreError`] at the first reading with a class that `scores` does not have; the model has not learnt it.
pub fn run<X>(
    stream: impl IntoIterator<Item = (X, u32)>,
    model: &mut impl StreamClassifier<X>,
    scores: &mut Prequential,
) -> Result<(), ScoreError> {
    for (features, true_label) in stream {
        match model.predict(&features) {
            Some(predicted) => scores.record(true_label, predicted)?,
            None => scores.record_abstention(true_label)?,
        }
        model.learn(&features, true_label);
    }
    Ok(())
}

/// Why a reading cannot be scored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// A true label beyond the classes.
    #[error("true class {class} is outside 0..{n_classes}")]
    TrueLabel {
        /// The class id.
        class: u32,
        /// How many classes there are.
        n_classes: usize,
    },
    /// A predicted label beyond the classes.
    #[error("predicted class {class} is outside 0..{n_classes}")]
    Predicted {
        /// The class id.
        class: u32,
        /// How many classes there are.
        n_classes: usize,
    },
}

/// What the baselines say of a reading, from the true labels known when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guesses {
    /// The true label known last; `None` before the first.
    pub no_change: Option<u32>,
    /// The commonest true label so far, of equally common ones the smallest class; `None` before the first.
    pub majority: Option<u32>,
}

/// Scores of a stream since its start, and over its last readings.
///
/// ```
/// let mut scores = evaluation::Prequential::new(2, 1_000);
/// scores.record(0, 0)?;
/// scores.record(1, 0)?;
/// assert_eq!(scores.cumulative().accuracy, Some(0.5));
/// # Ok::<(), evaluation::ScoreError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prequential {
    n_classes: usize,
    window: usize,
    cumulative: Tally,
    windowed: Tally,
    /// The outcomes in `windowed`, oldest first, at most `window`.
    recent: VecDeque<Outcome>,
    confusion: ConfusionMatrix,
    previous: Option<u32>,
    /// True labels so far by class.
    n_true: Vec<u64>,
    /// The commonest true label so far, of equally common ones the smallest.
    majority: Option<u32>,
}

impl Prequential {
    /// No readings yet, of `n_classes` classes; windowed scores are over the last `window` readings.
    ///
    /// # Panics
    ///
    /// If `window` is 0.
    #[must_use]
    pub fn new(n_classes: usize, window: usize) -> Self {
        assert!(window > 0, "a window holds at least one reading");
        Self {
            n_classes,
            window,
            cumulative: Tally::new(n_classes),
            windowed: Tally::new(n_classes),
            recent: VecDeque::new(),
            confusion: ConfusionMatrix::new(n_classes),
            previous: None,
            n_true: vec![0; n_classes],
            majority: None,
        }
    }

    /// There are now so many classes; those before keep their ids, and all scores go on. With fewer than before, nothing
    /// changes. The scores are those of a stream that had all classes from its start.
    pub fn grow(&mut self, n_classes: usize) {
        self.n_classes = self.n_classes.max(n_classes);
        self.cumulative.grow(n_classes);
        self.windowed.grow(n_classes);
        self.confusion.grow(n_classes);
        self.n_true.resize(self.n_classes, 0);
    }

    /// Scores a prediction that was made before `true_label` was known to the model.
    ///
    /// # Errors
    ///
    /// [`ScoreError`] if a class does not exist; nothing was counted.
    pub fn record(&mut self, true_label: u32, predicted: u32) -> Result<(), ScoreError> {
        self.record_later(true_label, predicted, self.guesses())
    }

    /// What the baselines say of a reading that comes now; to be kept until [`Prequential::record_later`].
    #[must_use]
    pub fn guesses(&self) -> Guesses {
        Guesses {
            no_change: self.previous,
            majority: self.majority,
        }
    }

    /// Scores a prediction whose true label has come to be known after other readings', with the `guesses` of the time
    /// of the prediction.
    ///
    /// # Errors
    ///
    /// [`ScoreError`] if a class does not exist; nothing was counted.
    pub fn record_later(
        &mut self,
        true_label: u32,
        predicted: u32,
        guesses: Guesses,
    ) -> Result<(), ScoreError> {
        if predicted as usize >= self.n_classes {
            return Err(ScoreError::Predicted {
                class: predicted,
                n_classes: self.n_classes,
            });
        }
        self.score(true_label, Some(predicted), guesses)
    }

    /// Scores a reading for which the model made no prediction, as wrong; it is not in the confusion matrix.
    ///
    /// # Errors
    ///
    /// [`ScoreError`] if the class does not exist; nothing was counted.
    pub fn record_abstention(&mut self, true_label: u32) -> Result<(), ScoreError> {
        self.score(true_label, None, self.guesses())
    }

    fn score(&mut self, true_label: u32, predicted: Option<u32>, guesses: Guesses) -> Result<(), ScoreError> {
        if true_label as usize >= self.n_classes {
            return Err(ScoreError::TrueLabel {
                class: true_label,
                n_classes: self.n_classes,
            });
        }
        // The baselines predicted from the labels before, and learn this one only now.
        let outcome = Outcome {
            true_label,
            predicted,
            no_change_correct: guesses.no_change == Some(true_label),
            majority_correct: guesses.majority == Some(true_label),
        };
        self.cumulative.add(outcome);
        if self.recent.len() == self.window
            && let Some(oldest) = self.recent.pop_front()
        {
            self.windowed.remove(oldest);
        }
        self.windowed.add(outcome);
        self.recent.push_back(outcome);
        if let Some(predicted) = predicted {
            self.confusion.record(true_label, predicted);
        }

        self.previous = Some(true_label);
        self.n_true[true_label as usize] += 1;
        // Counts only grow, so that only this class can have become the commonest.
        let n_of = |class: u32| self.n_true[class as usize];
        self.majority = match self.majority {
            Some(majority)
                if n_of(majority) > n_of(true_label)
                    || (n_of(majority) == n_of(true_label) && majority < true_label) =>
            {
                Some(majority)
            }
            _ => Some(true_label),
        };
        Ok(())
    }

    /// Scores of all readings since the start.
    #[must_use]
    pub fn cumulative(&self) -> Scores {
        self.cumulative.scores()
    }

    /// Scores of the last [`Prequential::window`] readings, or of all while there are fewer.
    ///
    /// The baselines' predictions are the same as in the cumulative scores, made from all labels before; only the share
    /// of correct ones is taken over the window.
    #[must_use]
    pub fn windowed(&self) -> Scores {
        self.windowed.scores()
    }

    /// How often each class was predicted for each true class, since the start.
    #[must_use]
    pub fn confusion(&self) -> &ConfusionMatrix {
        &self.confusion
    }

    /// Classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// Readings that windowed scores look back.
    #[must_use]
    pub fn window(&self) -> usize {
        self.window
    }

    /// Readings scored since the start.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.cumulative.n()
    }
}
