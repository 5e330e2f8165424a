//! What is counted over a session: [`Statistics`] puts evaluation, latencies, time line and kept readings together.
//!
//! All of it begins afresh with a new session, other features or classes, or without its model; classes that are new
//! behind those before leave all counts as they are ([`Statistics::revised`]). Recording a reading allocates nothing in
//! the steady state; memory is about 4 MB for the latency histograms, the rest grows with features and classes.
//!
//! Where latencies are shorter than the clock's ticks (5 µs when cross-origin isolated, else 100 µs), a group of
//! consecutive readings of a batch is timed as one and each gets its share: [`Timing`].

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use evaluation::{
    Guesses, LatencyHistogram, LatencySummary, LogBins, Prequential, RateMeter, RecentLatency, Scores, Z_95,
    wilson_interval,
};
use protocol::{Record, Schema};

use crate::evidence::Evidence;
use crate::kept::{Kept, KeptByCell, KeptReading, Labelled, N_KEPT};
use crate::labeller::Label;
use crate::timeline::Timeline;
use crate::truth::{Awaited, Truth};

/// Readings that windowed scores look back.
pub const WINDOW: usize = 1_000;

/// Most classes whose confusion matrix is sent, and whose cells keep readings: a table of more is not read by anyone.
pub const MAX_CONFUSION: usize = 64;

/// Most frequent mistakes listed.
const N_MISTAKES: usize = 10;

/// Points kept of the accuracy's history: as many as the time line has bins.
const N_HISTORY: usize = 240;

/// Time between two points of the history.
const HISTORY_MICROS: f64 = 250_000.0;

/// What "recent" latencies look back.
const RECENT_MICROS: f64 = 5e6;

/// Readings kept without a label: as many as the course of a feature shows.
pub const N_UNLABELLED: usize = 48;

/// Features whose recent course is kept for drawing.
const N_DRAWN_FEATURES: usize = 12;

/// Bins of the drawn latency histogram for each factor of ten.
const BINS_PER_DECADE: u32 = 8;

/// Percentiles are taken at most so often: reading the histograms costs about a tenth of a millisecond, and nobody
/// reads figures that change more often.
const SUMMARY_MICROS: f64 = 200_000.0;

/// The parts of a reading's way, in the order of `Latency::stages`.
pub const STAGES: [&str; 5] = ["end_to_end", "server", "network", "wait", "classify"];

/// One point of the accuracy's history: readings labelled, then of the window accuracy, both baselines (no change,
/// majority), lower and upper end of the accuracy's interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct HistoryPoint(
    pub u64,
    pub Option<f64>,
    pub Option<f64>,
    pub Option<f64>,
    pub Option<f64>,
    pub Option<f64>,
);

/// A wrong answer that was given `n` times: true class, predicted class, `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Mistake(pub u32, pub u32, pub u64);

/// When a group of readings of one message was labelled, all on our clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// When the message arrived.
    pub arrived: f64,
    /// When its server wrote it, by its own clock.
    pub written: f64,
    /// When the first reading of the group was begun.
    pub began: f64,
    /// When the last one was labelled.
    pub ended: f64,
    /// Server's clock less ours, if known. Without it, neither end-to-end nor network latency is.
    pub offset_micros: Option<f64>,
}

/// All that is counted.
#[derive(Debug)]
pub struct Statistics {
    /// Readings that came, with a label or without.
    pub received: u64,
    /// Readings labelled.
    pub labelled: u64,
    /// Age of the newest labelled reading when it was labelled.
    pub newest_age_micros: Option<f64>,
    /// Scores of those whose true label is known and was not known to the model.
    pub scores: Prequential,
    /// Where the true labels are.
    pub truth: Truth,
    /// Latencies by stage.
    pub latency: Latency,
    /// The last minute.
    pub timeline: Timeline,
    /// The last readings.
    pub kept: Kept,
    /// The features of the last readings that came before there was a model, oldest first.
    unlabelled: VecDeque<Vec<f64>>,
    /// The last readings of each cell of the confusion matrix.
    kept_by_cell: KeptByCell,
    /// The most frequent mistakes, most frequent first, when [`Statistics::look`] last took them.
    pub most_frequent_mistakes: Vec<Mistake>,
    /// Windowed accuracy over time.
    pub history: VecDeque<HistoryPoint>,
    /// Which features are drawn: the first that vary.
    pub drawn_features: Vec<usize>,
    /// Readings labelled per second over about the last second, when [`Statistics::look`] was called.
    pub labelled_per_sec: f64,
    /// The same of all that came.
    pub received_per_sec: f64,
    rate: RateMeter,
    received_rate: RateMeter,
    history_at: f64,
    mistakes_at: f64,
    /// Which rows of a replay were scored.
    pub evidence: Evidence,
    /// Revisions of the schema whose class ids are these.
    revisions: RangeInclusive<u32>,
}

impl Statistics {
    /// Nothing counted yet of the readings of this schema.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let (n_features, n_classes) = (schema.features.len(), schema.classes.len());
        let varies = |idx: &usize| {
            let feature = &schema.features[*idx];
            !(feature.min.is_some() && feature.min == feature.max)
        };
        Self {
            received: 0,
            labelled: 0,
            newest_age_micros: None,
            scores: Prequential::new(n_classes, WINDOW),
            truth: Truth::default(),
            latency: Latency::new(),
            timeline: Timeline::new(n_classes),
            kept: Kept::new(N_KEPT, n_features, n_classes),
            unlabelled: VecDeque::with_capacity(N_UNLABELLED),
            kept_by_cell: KeptByCell::new(n_features, n_classes, MAX_CONFUSION),
            most_frequent_mistakes: Vec::new(),
            history: VecDeque::with_capacity(N_HISTORY),
            drawn_features: (0..n_features).filter(varies).take(N_DRAWN_FEATURES).collect(),
            labelled_per_sec: 0.0,
            received_per_sec: 0.0,
            rate: RateMeter::new(),
            received_rate: RateMeter::new(),
            history_at: 0.0,
            mistakes_at: f64::NEG_INFINITY,
            evidence: Evidence::new(schema.replay.as_ref(), WINDOW),
            revisions: schema.revision..=schema.revision,
        }
    }

    /// So many readings came, whatever became of them.
    pub fn received(&mut self, n: u64, now: f64) {
        self.received += n;
        self.received_rate.record(now, n);
    }

    /// A reading came while there was no model: its values are kept in place of the oldest's, nothing else.
    pub fn unlabelled(&mut self, record: &Record<'_>) {
        let is_full = self.unlabelled.len() == N_UNLABELLED;
        let oldest = if is_full {
            self.unlabelled.pop_front()
        } else {
            None
        };
        let mut features = oldest.unwrap_or_default();
        record.read(&mut features);
        self.unlabelled.push_back(features);
    }

    /// The features of the last readings, newest first: the labelled ones that are kept, before them those without a label.
    pub fn newest_features(&self) -> impl Iterator<Item = &[f64]> {
        let labelled = self.kept.newest_first().map(|reading| reading.features);
        labelled.chain(self.unlabelled.iter().rev().map(Vec::as_slice))
    }

    /// A reading was labelled; its latency comes with its group's [`Statistics::timed`]. `now` may be its group's start.
    ///
    /// `is_unseen`: the model cannot have been trained with it. Any other reading is not scored, now or later.
    pub fn labelled(&mut self, label: &Label<'_>, is_unseen: bool, now: f64) {
        self.labelled += 1;
        let (seq, predicted) = (label.head.seq, label.predicted);
        // A true label that is no class of the schema is as good as none.
        let n_classes = self.scores.n_classes();
        let is_class = |&class: &u32| (class as usize) < n_classes;
        let is_scorable = is_unseen && is_class(&predicted);
        let true_label = label
            .head
            .true_label
            .filter(|class| is_scorable && is_class(class));
        let guesses = self.scores.guesses();
        if !is_scorable {
            self.truth.not_scored();
        } else if let Some(true_label) = true_label {
            self.truth.came_at_once();
            self.score(seq, true_label, predicted, guesses);
        } else {
            let awaited = Awaited {
                predicted,
                guesses,
                labelled_at: now,
            };
            self.truth.wait(seq, awaited);
        }
        let is_mistake = true_label.is_some_and(|true_label| true_label != predicted);
        self.timeline.labelled(now, seq, predicted, is_mistake);
        let labelled = Labelled {
            seq,
            predicted,
            true_label,
            is_awaited: is_scorable && true_label.is_none(),
            distance: label.distance,
            latency_micros: f64::NAN,
        };
        self.kept.push(labelled, label.features, label.shares);
    }

    /// The true label of a reading has come, after the reading.
    pub fn truth_came(&mut self, label: &protocol::Label, now: f64) {
        let is_class = (label.true_label as usize) < self.scores.n_classes();
        // A label of another revision may number the classes otherwise.
        if !is_class || !self.revisions.contains(&label.revision) {
            return self.truth.unmatched();
        }
        let Some(awaited) = self.truth.came(label.seq, now) else {
            return;
        };
        self.score(label.seq, label.true_label, awaited.predicted, awaited.guesses);
        if label.true_label != awaited.predicted {
            self.timeline.mistaken(awaited.labelled_at);
        }
        if let Some(reading) = self.kept.set_truth(label.seq, label.true_label) {
            self.kept_by_cell.push(reading);
        }
        self.remember_scores(now);
    }

    /// Labelled readings that are not scored: their true label is not known, or was known to the model.
    #[must_use]
    pub fn n_without_true_label(&self) -> u64 {
        self.labelled - self.scores.n()
    }

    /// The schema came again, perhaps with another revision, with the same features and at least the classes of before, in
    /// their order. So a class id means what it meant, and all that was counted by it goes on.
    pub fn revised(&mut self, schema: &Schema) {
        let (revision, n_classes) = (schema.revision, schema.classes.len());
        self.revisions = revision.min(*self.revisions.start())..=revision.max(*self.revisions.end());
        self.scores.grow(n_classes);
        self.timeline.grow(n_classes);
        self.kept.grow(n_classes);
        self.kept_by_cell.grow(n_classes);
    }

    fn score(&mut self, seq: u64, true_label: u32, predicted: u32, guesses: Guesses) {
        self.scores
            .record_later(true_label, predicted, guesses)
            .expect("both classes are the schema's");
        self.evidence.scored(seq);
    }

    /// The last `sent.len()` readings, sent at these times by the server's clock, were labelled with this timing.
    ///
    /// All count as labelled when the last one was: up to a few ticks of the clock late, never early.
    pub fn timed(&mut self, sent: &[f64], timing: &Timing) {
        let Timing {
            arrived,
            written,
            began,
            ended,
            offset_micros,
        } = *timing;
        let n = sent.len();
        let each = (ended - began) / n.max(1) as f64;
        for (idx, &sent) in sent.iter().enumerate() {
            let wait = began + each * idx as f64 - arrived;
            let (end_to_end, network) = match offset_micros {
                // The offset is an estimate: below 0 means 0 within its uncertainty.
                Some(offset) => (
                    (ended + offset - sent).max(0.0),
                    (arrived + offset - written).max(0.0),
                ),
                None => (f64::NAN, f64::NAN),
            };
            self.latency
                .record(ended, [end_to_end, written - sent, network, wait, each]);
            self.kept.set_latency(n - 1 - idx, end_to_end);
            if let Some(reading) = self.kept.get(n - 1 - idx) {
                self.kept_by_cell.push(reading);
            }
            if idx + 1 == n && !end_to_end.is_nan() {
                self.newest_age_micros = Some(end_to_end);
            }
        }
        self.rate.record(ended, n as u64);
        self.remember_scores(ended);
    }

    /// Readings were found missing.
    pub fn missing(&mut self, n: u64, now: f64) {
        if n > 0 {
            self.timeline.missing(now, n);
        }
    }

    /// Brings what depends on the time up to `now`, before it is looked at.
    pub fn look(&mut self, now: f64) {
        self.labelled_per_sec = self.rate.per_sec(now);
        self.received_per_sec = self.received_rate.per_sec(now);
        self.timeline.advance(now);
        self.latency.look(now, &self.truth);
        if now - self.mistakes_at >= SUMMARY_MICROS {
            self.mistakes_at = now;
            self.most_frequent_mistakes = most_frequent(self.scores.confusion().iter());
        }
    }

    /// Wilson's 95 % interval of the accuracy of all readings.
    ///
    /// A replay that starts again, or is moved back, shows rows that were scored before, to a model that answers them as
    /// before: they say nothing new. So the interval is that of the same share of the different rows.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        interval(&self.scores.cumulative(), self.evidence.n_rows())
    }

    /// The same of the accuracy in the window.
    #[must_use]
    pub fn interval_windowed(&self) -> Option<(f64, f64)> {
        interval(&self.scores.windowed(), self.evidence.n_rows_windowed())
    }

    /// A reading that is still kept.
    #[must_use]
    pub fn find(&self, seq: u64) -> Option<KeptReading<'_>> {
        let mut kept = self.kept.newest_first().chain(self.kept_by_cell.iter());
        kept.find(|reading| reading.labelled.seq == seq)
    }

    /// The kept readings of a cell of the confusion matrix, newest first.
    pub fn cell(&self, true_label: u32, predicted: u32) -> impl Iterator<Item = KeptReading<'_>> {
        let is_in_cell = move |reading: &KeptReading<'_>| {
            reading.labelled.true_label == Some(true_label) && reading.labelled.predicted == predicted
        };
        let oldest = self
            .kept
            .newest_first()
            .last()
            .map(|reading| reading.labelled.seq);
        // Those kept by cell are in both rings, or older than all of the first.
        let older = self
            .kept_by_cell
            .newest_first(true_label, predicted)
            .filter(move |reading| oldest.is_some_and(|oldest| reading.labelled.seq < oldest));
        self.kept.newest_first().filter(is_in_cell).chain(older)
    }

    /// Adds a point to the accuracy's history, unless the last one is new.
    fn remember_scores(&mut self, now: f64) {
        if now - self.history_at < HISTORY_MICROS {
            return;
        }
        self.history_at = now;
        let scores = self.scores.windowed();
        if scores.n == 0 {
            return;
        }
        let interval = self.interval_windowed();
        if self.history.len() == N_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(HistoryPoint(
            self.labelled,
            scores.accuracy,
            scores.baseline_no_change,
            scores.baseline_majority,
            interval.map(|(lower, _)| lower),
            interval.map(|(_, upper)| upper),
        ));
    }
}

/// Wilson's 95 % interval of the share in `scores`, with no more evidence than `n_rows`.
fn interval(scores: &Scores, n_rows: Option<u64>) -> Option<(f64, f64)> {
    let n = scores.n.min(n_rows.unwrap_or(u64::MAX));
    let n_correct = if n == scores.n {
        scores.n_correct
    } else {
        (scores.accuracy? * n as f64).round() as u64
    };
    wilson_interval(n_correct, n, Z_95)
}

/// The most frequent wrong pairs; of equally frequent ones first the smaller classes.
fn most_frequent(counts: impl Iterator<Item = (u32, u32, u64)>) -> Vec<Mistake> {
    let mut most: Vec<Mistake> = Vec::with_capacity(N_MISTAKES + 1);
    for (true_label, predicted, n) in counts {
        let is_enough = most.len() < N_MISTAKES || most.last().is_some_and(|least| n > least.2);
        if true_label == predicted || !is_enough {
            continue;
        }
        let place = most.partition_point(|mistake| mistake.2 >= n);
        most.insert(place, Mistake(true_label, predicted, n));
        most.truncate(N_MISTAKES);
    }
    most
}

/// Latencies by stage, all and recent.
#[derive(Debug)]
pub struct Latency {
    all: [LatencyHistogram; STAGES.len()],
    recent: [RecentLatency; STAGES.len()],
    summaries: Summaries,
    summarised_at: f64,
}

/// Percentiles by stage, in the order of [`STAGES`].
#[derive(Debug, Clone, Default)]
pub struct Summaries {
    /// Since the start.
    pub all: [Option<LatencySummary>; STAGES.len()],
    /// Of the last seconds.
    pub recent: [Option<LatencySummary>; STAGES.len()],
    /// End to end, since the start, for drawing.
    pub bins: LogBins,
    /// From label to late truth, in milliseconds.
    pub late_millis: Option<LatencySummary>,
}

impl Latency {
    fn new() -> Self {
        Self {
            all: std::array::from_fn(|_| LatencyHistogram::new()),
            recent: std::array::from_fn(|_| RecentLatency::new(RECENT_MICROS)),
            summaries: Summaries::default(),
            summarised_at: f64::NEG_INFINITY,
        }
    }

    /// Counts one reading's latencies in the order of [`STAGES`]; NaN is not counted.
    fn record(&mut self, now: f64, stages: [f64; STAGES.len()]) {
        for ((all, recent), micros) in self.all.iter_mut().zip(&mut self.recent).zip(stages) {
            all.record(micros);
            recent.record(now, micros);
        }
    }

    /// Takes the percentiles, if the last ones are [`SUMMARY_MICROS`] old.
    fn look(&mut self, now: f64, truth: &Truth) {
        if now - self.summarised_at < SUMMARY_MICROS {
            return;
        }
        self.summarised_at = now;
        self.summaries = Summaries {
            all: self.all.each_ref().map(LatencyHistogram::summary),
            recent: self.recent.each_mut().map(|recent| recent.summary(now)),
            bins: drawn(self.all[0].log_bins(BINS_PER_DECADE)),
            late_millis: truth.delays_millis(),
        };
    }

    /// The percentiles last taken.
    #[must_use]
    pub fn summaries(&self) -> &Summaries {
        &self.summaries
    }
}

/// The bins from the first to the last that is not empty, and the one before, whose upper end is where they start.
fn drawn(mut bins: LogBins) -> LogBins {
    let last = bins
        .counts
        .iter()
        .rposition(|&count| count > 0)
        .map_or(0, |idx| idx + 1);
    let first = bins
        .counts
        .iter()
        .position(|&count| count > 0)
        .unwrap_or(0)
        .saturating_sub(1);
    bins.counts.truncate(last);
    bins.upper_micros.truncate(last);
    bins.counts.drain(..first);
    bins.upper_micros.drain(..first);
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_listed_by_their_number() {
        // Pair (0, 1) n times, (1, 2) once less, …; hits in between do not count.
        let counts = (0..20_u32).flat_map(|i| [(i, i, 1_000), (i, i + 1, u64::from(20 - i))]);
        let most = most_frequent(counts);
        assert_eq!(most.len(), N_MISTAKES);
        assert_eq!((most[0], most[9]), (Mistake(0, 1, 20), Mistake(9, 10, 11)));
        let rising = most_frequent((0..20_u32).map(|i| (i, i + 1, u64::from(i + 1))));
        assert_eq!((rising[0], rising[9]), (Mistake(19, 20, 20), Mistake(10, 11, 11)));
        let ties = most_frequent([(0, 1, 5), (2, 1, 5)].into_iter());
        assert_eq!(ties, [Mistake(0, 1, 5), Mistake(2, 1, 5)]);
    }
}
