//! The snapshot: all that the page draws, as one JSON object. README.md documents the fields.
//!
//! Built only when the page asks, about once a frame; the percentiles, its dearest part, are kept for 200 ms.

use classifier_wasm::classifier::{EngineKind, Metric, Preparation, Voting};
use evaluation::{LatencySummary, Scores};
use protocol::{Feature, Pace, Schema};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use crate::kept::KeptReading;
use crate::labeller::Labeller;
use crate::page::ReadingRow;
use crate::sequence::Gaps;
use crate::session::{Announced, Errors, ModelState};
use crate::state::State;
use crate::statistics::{
    HistoryPoint, MAX_CONFUSION, Mistake, N_UNLABELLED, STAGES, Statistics, Summaries, WINDOW,
};
use crate::timeline::{BIN_MILLIS, Commonest, commonest};
use crate::truth::TruthCounts;
use crate::viewer::Viewer;

/// Readings in the list of the newest.
const N_LAST: usize = 30;

/// Most classes whose readings are sent bin by bin: as many as the page has lanes for.
const MAX_LANES: usize = 12;

/// Values in the course of a feature.
const N_RECENT: usize = N_UNLABELLED;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "snapshot")]
struct Snapshot<'a> {
    state: State,
    message: &'a str,
    retry_in_millis: Option<u64>,
    server: Option<&'a str>,
    session: Option<&'a str>,
    source: Option<Source<'a>>,
    sources: Vec<&'a Announced>,
    wanted_source: Option<&'a str>,
    received: u64,
    received_per_sec: f64,
    labelled: u64,
    labelled_per_sec: f64,
    produced_per_sec: Option<f64>,
    n_without_true_label: u64,
    truth: TruthRow,
    accuracy: Option<f64>,
    accuracy_interval: Option<(f64, f64)>,
    accuracy_windowed: Option<f64>,
    accuracy_windowed_interval: Option<(f64, f64)>,
    window: usize,
    n_windowed: u64,
    baseline_no_change: Option<f64>,
    baseline_majority: Option<f64>,
    baseline_no_change_windowed: Option<f64>,
    baseline_majority_windowed: Option<f64>,
    kappa: Option<f64>,
    kappa_m: Option<f64>,
    kappa_t: Option<f64>,
    kappa_windowed: Option<f64>,
    kappa_m_windowed: Option<f64>,
    kappa_t_windowed: Option<f64>,
    latency_micros: Stages<'a>,
    latency_recent_micros: Stages<'a>,
    latency_histogram: Histogram<'a>,
    clock: Option<Clock>,
    gaps: Gaps,
    n_reconnects: u64,
    n_lagging: u64,
    newest_age_micros: Option<f64>,
    errors: &'a Errors,
    model: Option<Model<'a>>,
    confusion: Option<Vec<Vec<u64>>>,
    most_frequent_mistakes: &'a [Mistake],
    now: Option<Commonest>,
    last: Vec<ReadingRow<'a>>,
    timeline: TimelineRow<'a>,
    accuracy_history: Vec<&'a HistoryPoint>,
    features_now: &'a [f64],
    features_recent: Vec<Vec<f64>>,
    features_recent_idx: &'a [usize],
}

#[derive(Debug, Serialize)]
struct Source<'a> {
    name: &'a str,
    dataset: Option<&'a str>,
    order: Option<&'a str>,
    seed: Option<u64>,
    pace: Option<Pace>,
    rate: Option<f64>,
    recorded_speed: Option<f64>,
    speed: Option<f64>,
    n_rows: Option<u64>,
    n_twins: Option<u64>,
    position: Option<u64>,
    pass: Option<u64>,
    looping: Option<bool>,
    command: Option<&'a str>,
    features: &'a [Feature],
    classes: &'a [String],
}

#[derive(Debug, Serialize)]
struct TruthRow {
    #[serde(flatten)]
    counts: TruthCounts,
    late_millis: Percentiles,
}

#[derive(Debug, Serialize)]
struct Histogram<'a> {
    upper_micros: &'a [f64],
    counts: &'a [u64],
}

#[derive(Debug, Serialize)]
struct Clock {
    offset_micros: f64,
    uncertainty_micros: f64,
    n: usize,
}

#[derive(Debug, Serialize)]
struct Model<'a> {
    description: &'a str,
    details: Option<&'a str>,
    n_bytes: u64,
    n_loaded_bytes: u64,
    n_rows: Option<usize>,
    k: Option<usize>,
    metric: Option<Metric>,
    voting: Option<Voting>,
    preparation: Option<Preparation>,
    engine: Option<EngineKind>,
    load_millis: Option<f64>,
}

#[derive(Debug, Serialize)]
struct TimelineRow<'a> {
    bin_millis: u32,
    first_bin: u64,
    bins: Vec<(i64, u32, u32, u32, &'a [u32])>,
}

/// Percentiles by stage.
#[derive(Debug)]
struct Stages<'a>(&'a [Option<LatencySummary>; STAGES.len()]);

#[derive(Debug, Default, Serialize)]
struct Percentiles {
    p50: Option<u64>,
    p95: Option<u64>,
    p99: Option<u64>,
    max: Option<u64>,
    n: u64,
}

fn percentiles(summary: Option<LatencySummary>) -> Percentiles {
    summary.map_or_else(Percentiles::default, |summary| Percentiles {
        p50: Some(summary.p50),
        p95: Some(summary.p95),
        p99: Some(summary.p99),
        max: Some(summary.max),
        n: summary.n,
    })
}

impl Serialize for Stages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(STAGES.len()))?;
        for (name, summary) in STAGES.iter().zip(self.0) {
            map.serialize_entry(name, &percentiles(*summary))?;
        }
        map.end()
    }
}

impl Viewer {
    /// The snapshot at this time.
    pub fn snapshot(&mut self, now: f64) -> String {
        let standing = self.standing(now);
        if let Some(statistics) = self.statistics_mut() {
            statistics.look(now);
        }
        let viewer = &*self;
        let session = &viewer.session;
        let statistics = viewer.statistics();
        let no_summaries = Summaries::default();
        let summaries = statistics.map_or(&no_summaries, |statistics| statistics.latency.summaries());
        let (cumulative, windowed) = statistics.map_or_else(Default::default, |statistics| {
            (statistics.scores.cumulative(), statistics.scores.windowed())
        });
        let Scores {
            accuracy,
            kappa,
            kappa_m,
            kappa_t,
            ..
        } = cumulative;
        let hello = session.last_hello();
        let snapshot = Snapshot {
            state: standing.state,
            message: &standing.message,
            retry_in_millis: standing
                .retry_in_micros
                .map(|micros| (micros / 1e3).ceil() as u64),
            server: hello.map(|hello| hello.server.as_str()),
            session: hello.map(|hello| hello.session.as_str()),
            source: session.followed().map(|schema| source(schema, viewer)),
            sources: session.sources().collect(),
            wanted_source: session.wanted_source(),
            received: statistics.map_or(0, |statistics| statistics.received),
            received_per_sec: statistics.map_or(0.0, |statistics| statistics.received_per_sec),
            labelled: statistics.map_or(0, |statistics| statistics.labelled),
            labelled_per_sec: statistics.map_or(0.0, |statistics| statistics.labelled_per_sec),
            produced_per_sec: session.stats().map(|stats| stats.rate),
            n_without_true_label: statistics.map_or(0, Statistics::n_without_true_label),
            truth: TruthRow {
                counts: statistics.map_or_else(TruthCounts::default, |statistics| statistics.truth.counts()),
                late_millis: percentiles(summaries.late_millis),
            },
            accuracy,
            accuracy_interval: statistics.and_then(Statistics::interval),
            accuracy_windowed: windowed.accuracy,
            accuracy_windowed_interval: statistics.and_then(Statistics::interval_windowed),
            window: WINDOW,
            n_windowed: windowed.n,
            baseline_no_change: cumulative.baseline_no_change,
            baseline_majority: cumulative.baseline_majority,
            baseline_no_change_windowed: windowed.baseline_no_change,
            baseline_majority_windowed: windowed.baseline_majority,
            kappa,
            kappa_m,
            kappa_t,
            kappa_windowed: windowed.kappa,
            kappa_m_windowed: windowed.kappa_m,
            kappa_t_windowed: windowed.kappa_t,
            latency_micros: Stages(&summaries.all),
            latency_recent_micros: Stages(&summaries.recent),
            latency_histogram: Histogram {
                upper_micros: &summaries.bins.upper_micros,
                counts: &summaries.bins.counts,
            },
            clock: session.clock().estimate_at(now).map(|estimate| Clock {
                offset_micros: estimate.offset_micros,
                uncertainty_micros: estimate.uncertainty_micros,
                n: estimate.n,
            }),
            gaps: viewer.gaps(),
            n_reconnects: session.n_reconnects(),
            n_lagging: viewer.n_lagging(),
            newest_age_micros: statistics.and_then(|statistics| statistics.newest_age_micros),
            errors: session.errors(),
            model: model(viewer),
            confusion: statistics.map_or_else(
                || Some(Vec::new()),
                |statistics| {
                    let confusion = statistics.scores.confusion();
                    // The square of very many classes is neither sent nor drawn.
                    (confusion.n_classes() <= MAX_CONFUSION).then(|| confusion.to_rows())
                },
            ),
            most_frequent_mistakes: statistics.map_or(&[], |statistics| &statistics.most_frequent_mistakes),
            now: statistics.and_then(|statistics| statistics.timeline.now()),
            last: newest(statistics, N_LAST).map(ReadingRow::from).collect(),
            timeline: TimelineRow {
                bin_millis: BIN_MILLIS,
                first_bin: statistics.map_or(0, |statistics| statistics.timeline.first_bin()),
                bins: statistics
                    .into_iter()
                    .flat_map(|statistics| statistics.timeline.bins())
                    .map(|(bin, counts)| {
                        let class = commonest(counts).map_or(-1, |(class, _)| i64::from(class));
                        let shown = if counts.len() <= MAX_LANES { counts } else { &[] };
                        (class, bin.n, bin.n_mistakes, bin.n_missing, shown)
                    })
                    .collect(),
            },
            accuracy_history: statistics
                .map_or_else(Vec::new, |statistics| statistics.history.iter().collect()),
            features_now: statistics
                .and_then(|statistics| statistics.newest_features().next())
                .unwrap_or(&[]),
            features_recent: features_recent(statistics),
            features_recent_idx: statistics.map_or(&[], |statistics| &statistics.drawn_features),
        };
        serde_json::to_string(&snapshot).expect("a snapshot has text keys and no failing serializer")
    }
}

fn newest(statistics: Option<&Statistics>, n: usize) -> impl Iterator<Item = KeptReading<'_>> {
    statistics
        .into_iter()
        .flat_map(|statistics| statistics.kept.newest_first())
        .take(n)
}

/// The last values of each drawn feature, oldest first.
fn features_recent(statistics: Option<&Statistics>) -> Vec<Vec<f64>> {
    let drawn = statistics.map_or(&[][..], |statistics| &statistics.drawn_features);
    let course = |&feature: &usize| {
        let mut values: Vec<f64> = statistics
            .into_iter()
            .flat_map(Statistics::newest_features)
            .take(N_RECENT)
            .map(|features| features[feature])
            .collect();
        values.reverse();
        values
    };
    drawn.iter().map(course).collect()
}

fn source<'a>(schema: &'a Schema, viewer: &Viewer) -> Source<'a> {
    let replay = schema.replay.as_ref();
    let status = viewer.session.status();
    let next_seq = viewer.sequence().next();
    // The status says which row comes with which sequence number; from there rows follow one another.
    let position = status.and_then(|status| {
        let position = status.position?;
        let n_since = next_seq.map_or(0, |next| next.saturating_sub(status.next_seq));
        let position = position.saturating_add(n_since);
        Some(match replay {
            Some(replay) if replay.looping && replay.n_rows > 0 => position % replay.n_rows,
            Some(replay) => position.min(replay.n_rows),
            None => position,
        })
    });
    Source {
        name: &schema.source,
        dataset: replay.map(|replay| replay.dataset.as_str()),
        order: replay.map(|replay| replay.order.as_str()),
        seed: replay.map(|replay| replay.seed),
        pace: replay.map(|replay| replay.pace),
        rate: replay.and_then(|replay| replay.rate),
        recorded_speed: replay.and_then(|replay| replay.speed),
        speed: status.and_then(|status| status.speed),
        n_rows: replay.map(|replay| replay.n_rows),
        n_twins: replay.and_then(|replay| replay.n_twins),
        position,
        // By what the session has produced; who moves a replay makes the number of its passes a matter of words.
        pass: replay
            .filter(|replay| replay.looping && replay.n_rows > 0)
            .map(|replay| next_seq.unwrap_or(0) / replay.n_rows + 1),
        looping: replay.map(|replay| replay.looping),
        command: replay.and_then(|replay| replay.command.as_deref()),
        features: &schema.features,
        classes: &schema.classes,
    }
}

fn model(viewer: &Viewer) -> Option<Model<'_>> {
    let served = match viewer.session.model() {
        ModelState::Absent => return None,
        ModelState::Loading(served)
        | ModelState::Ready(served)
        | ModelState::Mismatch(served, _)
        | ModelState::Failed(served, ..) => served,
    };
    let labeller = viewer.labeller();
    let description = labeller.map(Labeller::description);
    Some(Model {
        description: &served.description,
        details: labeller.map(Labeller::about),
        n_bytes: served.n_bytes,
        n_loaded_bytes: viewer.loading().n_bytes,
        n_rows: description.map(|description| description.n_rows),
        k: description.map(|description| description.k),
        metric: description.map(|description| description.metric),
        voting: description.map(|description| description.voting),
        preparation: description.map(|description| description.preparation),
        engine: description.map(|description| description.engine),
        load_millis: viewer.loading().took_micros.map(|micros| micros / 1e3),
    })
}
