//! Accuracy and the kappas from running counts.
//!
//! With p₀ the share of correct predictions:
//!
//! - Cohen's kappa = (p₀ − pₑ) / (1 − pₑ), pₑ = Σ_c (share of true class c)·(share of predicted class c): agreement beyond
//!   that of a guesser with the model's own class shares. J. Cohen, "A coefficient of agreement for nominal scales",
//!   Educational and Psychological Measurement 20(1), 1960.
//! - kappa-M = (p₀ − p_m) / (1 − p_m), p_m the accuracy of always predicting the majority class so far. A. Bifet et al.,
//!   "Efficient online evaluation of big data stream classifiers", KDD 2015.
//! - kappa-T = (p₀ − p_t) / (1 − p_t), p_t the accuracy of repeating the true label before ("no change"). I. Žliobaitė
//!   et al., "Evaluation methods and decision theory for classification of streaming data with temporal dependence",
//!   Machine Learning 98, 2015.
//! - The interval of the accuracy: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
//!   J. Am. Stat. Assoc. 22, 1927. It takes readings to be independent, which a stream's rarely are: read it as the
//!   least uncertainty there is.
//!
//! Each is `None` while it is undefined: no reading yet, or a baseline that is never wrong, which nothing can beat.

/// Quantile of the normal distribution for a two-sided 95 % interval.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// The scores of some readings: all since the start, or the last few.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// Readings scored.
    pub n: u64,
    /// Those predicted correctly.
    pub n_correct: u64,
    /// Share of correct predictions.
    pub accuracy: Option<f64>,
    /// Wilson's 95 % interval of the accuracy, lower and upper end.
    pub accuracy_interval: Option<(f64, f64)>,
    /// Accuracy of predicting the true label of the reading before; the very first reading counts as wrong.
    pub baseline_no_change: Option<f64>,
    /// Accuracy of predicting the commonest true label of all readings before (of equally common ones the smallest
    /// class); the very first reading counts as wrong.
    pub baseline_majority: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Kappa against the majority baseline.
    pub kappa_m: Option<f64>,
    /// Kappa against the no-change baseline.
    pub kappa_t: Option<f64>,
}

/// Wilson's interval of a share from `n_correct` of `n` trials; `None` for `n` = 0. `z` is the normal quantile, e.g. [`Z_95`].
///
/// An `n_correct` above `n` is taken as `n`.
#[must_use]
pub fn wilson_interval(n_correct: u64, n: u64, z: f64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let n_correct = n_correct.min(n);
    let share = n_correct as f64 / n as f64;
    let n_real = n as f64;
    let z_sq = z * z;
    let centre = share + z_sq / (2.0 * n_real);
    let half = z * (share * (1.0 - share) / n_real + z_sq / (4.0 * n_real * n_real)).sqrt();
    let scale = 1.0 + z_sq / n_real;
    // Exact at the ends, where the two terms cancel to 0 or 1 but for rounding.
    let lower = if n_correct == 0 {
        0.0
    } else {
        (centre - half) / scale
    };
    let upper = if n_correct == n {
        1.0
    } else {
        (centre + half) / scale
    };
    Some((lower, upper))
}

/// One scored reading, with what the baselines said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) true_label: u32,
    /// `None`: the model said nothing, which is wrong.
    pub(crate) predicted: Option<u32>,
    pub(crate) no_change_correct: bool,
    pub(crate) majority_correct: bool,
}

/// Running counts of a set of outcomes, to which outcomes are added and from which they are taken again, O(1) each.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    n: u64,
    n_correct: u64,
    n_no_change_correct: u64,
    n_majority_correct: u64,
    /// By class.
    n_true: Vec<u64>,
    /// By class; a reading without a prediction is in none.
    n_predicted: Vec<u64>,
    /// Σ over classes of `n_true · n_predicted`, that is n² pₑ. In 128 bits, as n² outgrows 64.
    chance: i128,
}

impl Tally {
    pub(crate) fn new(n_classes: usize) -> Self {
        Self {
            n: 0,
            n_correct: 0,
            n_no_change_correct: 0,
            n_majority_correct: 0,
            n_true: vec![0; n_classes],
            n_predicted: vec![0; n_classes],
            chance: 0,
        }
    }

    /// Makes room for so many classes, and never less than there is.
    pub(crate) fn grow(&mut self, n_classes: usize) {
        let n_classes = n_classes.max(self.n_true.len());
        self.n_true.resize(n_classes, 0);
        self.n_predicted.resize(n_classes, 0);
    }

    pub(crate) fn n(&self) -> u64 {
        self.n
    }

    /// The outcome's classes have to be below `n_classes`.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        let Outcome {
            true_label,
            predicted,
            no_change_correct,
            majority_correct,
        } = outcome;
        self.n += 1;
        self.n_correct += u64::from(predicted == Some(true_label));
        self.n_no_change_correct += u64::from(no_change_correct);
        self.n_majority_correct += u64::from(majority_correct);
        // (a + 1)·b = a·b + b: the sum changes by the other count of the class.
        self.chance += i128::from(self.n_predicted[true_label as usize]);
        self.n_true[true_label as usize] += 1;
        if let Some(predicted) = predicted {
            self.chance += i128::from(self.n_true[predicted as usize]);
            self.n_predicted[predicted as usize] += 1;
        }
    }

    /// Undoes [`Tally::add`] of an outcome that was added before.
    pub(crate) fn remove(&mut self, outcome: Outcome) {
        let Outcome {
            true_label,
            predicted,
            no_change_correct,
            majority_correct,
        } = outcome;
        self.n -= 1;
        self.n_correct -= u64::from(predicted == Some(true_label));
        self.n_no_change_correct -= u64::from(no_change_correct);
        self.n_majority_correct -= u64::from(majority_correct);
        if let Some(predicted) = predicted {
            self.n_predicted[predicted as usize] -= 1;
            self.chance -= i128::from(self.n_true[predicted as usize]);
        }
        self.n_true[true_label as usize] -= 1;
        self.chance -= i128::from(self.n_predicted[true_label as usize]);
    }

    /// O(1) whatever the number of classes.
    pub(crate) fn scores(&self) -> Scores {
        let n = i128::from(self.n);
        let n_correct = i128::from(self.n_correct);
        // (p₀ − p) / (1 − p) multiplied through by n: exact until the one division.
        let beyond = |baseline: u64| ratio(n_correct - i128::from(baseline), n - i128::from(baseline));
        Scores {
            n: self.n,
            n_correct: self.n_correct,
            accuracy: ratio(n_correct, n),
            accuracy_interval: wilson_interval(self.n_correct, self.n, Z_95),
            baseline_no_change: ratio(i128::from(self.n_no_change_correct), n),
            baseline_majority: ratio(i128::from(self.n_majority_correct), n),
            kappa: ratio(n * n_correct - self.chance, n * n - self.chance),
            kappa_m: beyond(self.n_majority_correct),
            kappa_t: beyond(self.n_no_change_correct),
        }
    }
}

fn ratio(numerator: i128, denominator: i128) -> Option<f64> {
    (denominator != 0).then(|| numerator as f64 / denominator as f64)
}
