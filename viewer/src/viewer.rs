//! All of the worker but the browser: [`Viewer`].

use std::collections::VecDeque;
use std::rc::Rc;

use classifier_wasm::classifier::{Knn, QueryError};
use protocol::{BatchHeader, Gap, GapCause, Label, ReadingBatch, RecordLayout, Schema};

use crate::credit::{AckWindow, CREDIT};
use crate::labeller::Labeller;
use crate::page::{Answer, NeighbourRow, ReadingRow, Start};
use crate::sequence::{Gaps, Sequence};
use crate::session::{Action, Heard, Session};
use crate::state::{Pace, Progress, Standing, standing};
use crate::statistics::{Statistics, Timing};

/// Most time that the worker labels before the browser gets its turn: half of an animation frame, so that a
/// snapshot asked for in one frame is there in the next.
pub const SLICE_MICROS: f64 = 8_000.0;

/// A group of readings is timed as one until it takes this long: ten ticks of a 5 µs clock, so that the share of a
/// reading is right to about a tenth.
const GROUP_MICROS: f64 = 50.0;

/// Most readings of a group.
const MAX_GROUP: usize = 32;

/// Weight of the newest group in the running cost of a reading. Arbitrary, not tuned.
const COST_WEIGHT: f64 = 0.1;

/// More readings than this waiting here mean that the server does not keep to the credit.
const MAX_INBOX: usize = 4 * CREDIT as usize;

/// What has come and waits for its turn.
#[derive(Debug)]
enum Incoming {
    Gap(Gap),
    Truth(Label),
    Batch(Batch),
}

/// A batch, checked when it arrived.
#[derive(Debug)]
struct Batch {
    bytes: Vec<u8>,
    layout: Rc<RecordLayout>,
    arrived: f64,
    n_done: usize,
}

/// Progress of the model on its way here.
#[derive(Debug, Clone, Copy, Default)]
pub struct Loading {
    /// Bytes that have come.
    pub n_bytes: u64,
    /// When it was asked for.
    pub began: f64,
    /// From asking for it to its being ready.
    pub took_micros: Option<f64>,
}

/// One viewer of one stream.
#[derive(Debug)]
pub struct Viewer {
    /// The conversation with the server.
    pub session: Session,
    /// Address of the socket.
    url: String,
    slow_factor: f64,
    layout: Option<(u32, Rc<RecordLayout>)>,
    labeller: Option<Labeller>,
    loading: Loading,
    statistics: Option<Statistics>,
    sequence: Sequence,
    acks: AckWindow,
    inbox: VecDeque<Incoming>,
    n_inbox: usize,
    /// What a reading costs us lately, from decoding to the statistics.
    micros_per_reading: f64,
    pace: Pace,
}

impl Viewer {
    /// A viewer as the page asked for it; `seed` spreads reconnections.
    #[must_use]
    pub fn new(start: Start, seed: u64) -> Self {
        Self {
            session: Session::new(start.source, seed).with_token(start.token),
            url: start.url,
            slow_factor: start
                .slow_factor
                .filter(|factor| factor.is_finite())
                .unwrap_or(1.0)
                .clamp(1.0, 1_000.0),
            layout: None,
            labeller: None,
            loading: Loading::default(),
            statistics: None,
            sequence: Sequence::default(),
            acks: AckWindow::default(),
            inbox: VecDeque::new(),
            n_inbox: 0,
            micros_per_reading: GROUP_MICROS,
            pace: Pace::default(),
        }
    }

    /// Address of the socket.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes the next thing to do in the browser.
    pub fn next_action(&mut self, now: f64) -> Option<Action> {
        let action = self.session.next_action()?;
        match &action {
            Action::FetchModel(_) => {
                if !self.session.labels() {
                    // The old model would only take memory beside the new one.
                    self.labeller = None;
                }
                if !self.session.is_subscribed() {
                    self.give_back_inbox();
                }
                self.loading = Loading {
                    began: now,
                    ..Loading::default()
                };
            }
            Action::Connect | Action::Disconnect | Action::Send(_) => {}
        }
        Some(action)
    }

    /// A text message came.
    pub fn text(&mut self, text: &str, now: f64) {
        match self.session.text(text, now) {
            Heard::Nothing => {}
            Heard::Afresh => {
                self.begin_afresh();
                self.follow_schema();
            }
            Heard::Revised => self.follow_schema(),
            Heard::Resumed => {
                self.give_back_inbox();
                self.sequence.reconnected();
            }
            Heard::Gap(gap) => {
                self.sequence.produced(gap.until);
                self.inbox.push_back(Incoming::Gap(gap));
            }
            Heard::Truth(label) => self.truth_came(label, now),
            Heard::Produced(next_seq) => {
                self.sequence.produced(next_seq);
                self.follow_moves();
            }
        }
    }

    /// The schema came: what comes goes by it from now on; batches that wait here keep their layout.
    fn follow_schema(&mut self) {
        let Some(schema) = self.session.followed() else {
            return;
        };
        self.layout = Some((schema.revision, Rc::new(RecordLayout::of_schema(schema))));
        if let Some(statistics) = &mut self.statistics {
            statistics.revised(schema);
        }
        self.fit_labeller();
    }

    /// Tells the statistics which row of a replay comes next, should it have been moved.
    fn follow_moves(&mut self) {
        if let (Some(statistics), Some(status)) = (&mut self.statistics, self.session.status())
            && let Some(position) = status.position
        {
            statistics.evidence.moved(status.next_seq, position);
        }
    }

    /// Scores a reading whose true label came late, or keeps the label until the reading's turn.
    fn truth_came(&mut self, label: Label, now: f64) {
        let Some(statistics) = &mut self.statistics else {
            return;
        };
        let is_labelled = self.sequence.next().is_some_and(|next| label.seq < next);
        if is_labelled || self.inbox.is_empty() {
            statistics.truth_came(&label, now);
        } else if self.inbox.len() < MAX_INBOX {
            self.inbox.push_back(Incoming::Truth(label));
        } else {
            statistics.truth.unmatched();
        }
    }

    /// Follows another source.
    pub fn follow(&mut self, source: String) {
        if self.session.follow_source(source) {
            self.begin_afresh();
        }
    }

    /// Makes room for the votes of all classes of the stream.
    fn fit_labeller(&mut self) {
        if let (Some(labeller), Some(schema)) = (&mut self.labeller, self.session.followed()) {
            labeller.set_n_classes(schema.classes.len());
        }
    }

    /// A binary message came.
    pub fn binary(&mut self, bytes: Vec<u8>, now: f64) {
        let header = match BatchHeader::decode(&bytes) {
            Ok(header) => header,
            Err(error) => return self.session.malformed(error.to_string()),
        };
        let channel = self.session.followed().map(|schema| schema.channel);
        if !self.session.is_subscribed() || channel != Some(header.channel) {
            return self.session.ignored();
        }
        let layout = match &self.layout {
            Some((revision, layout)) if *revision == header.revision => Rc::clone(layout),
            _ => {
                let revision = header.revision;
                self.session.malformed(format!(
                    "a batch of schema revision {revision}, which is not the current one"
                ));
                return self.acks.done_many(header.next_seq(), header.n_readings);
            }
        };
        if let Err(error) = ReadingBatch::decode(&bytes, &layout) {
            self.session.malformed(error.to_string());
            // Its readings are lost, and counted by the next batch; the server shall not wait for them.
            return self.acks.done_many(header.next_seq(), header.n_readings);
        }
        self.session.received(header.next_seq(), now);
        self.sequence.produced(header.next_seq());
        self.n_inbox += header.n_readings as usize;
        self.inbox.push_back(Incoming::Batch(Batch {
            bytes,
            layout,
            arrived: now,
            n_done: 0,
        }));
        if self.n_inbox > MAX_INBOX {
            let n_inbox = self.n_inbox;
            self.give_back_inbox();
            self.session.overrun(
                format!("{n_inbox} readings in flight, more than the credit of {CREDIT}"),
                now,
            );
        }
    }

    /// Labels what has come, until the time given or until an acknowledgement is to be sent. Returns whether something
    /// is left.
    pub fn work(&mut self, until: f64, clock: &impl Fn() -> f64) -> bool {
        while let Some(incoming) = self.inbox.pop_front() {
            let now = match incoming {
                Incoming::Gap(gap) => {
                    let now = clock();
                    self.count_gap(&gap, now);
                    now
                }
                Incoming::Truth(label) => {
                    let now = clock();
                    if let Some(statistics) = &mut self.statistics {
                        statistics.truth_came(&label, now);
                    }
                    now
                }
                Incoming::Batch(mut batch) => {
                    let now = self.label_batch(&mut batch, until, clock);
                    if batch.n_done < batch.len() {
                        self.inbox.push_front(Incoming::Batch(batch));
                    }
                    now
                }
            };
            if now >= until || self.acks.is_due() {
                break;
            }
        }
        self.acks.set_cost(self.micros_per_reading);
        self.acknowledge();
        !self.inbox.is_empty()
    }

    /// The model's bytes so far.
    pub fn model_progress(&mut self, n_bytes: u64) {
        self.loading.n_bytes = n_bytes;
    }

    /// The model's file came whole.
    pub fn model_file(&mut self, sha256: &str, bytes: &[u8], clock: &impl Fn() -> f64) {
        match Knn::from_bytes(bytes) {
            Ok((knn, metadata)) => {
                let labeller = Labeller::new(knn, metadata, sha256.to_owned());
                self.loading.took_micros = Some(clock() - self.loading.began);
                self.session.model_ready(labeller.loaded().clone());
                self.labeller = Some(labeller);
                self.fit_labeller();
            }
            Err(error) => self.session.model_not_usable(sha256, error.to_string()),
        }
    }

    /// Answers `neighbours`.
    pub fn neighbours(&mut self, seq: u64) -> String {
        let kept = self
            .statistics
            .as_ref()
            .and_then(|statistics| statistics.find(seq));
        let neighbours: Vec<NeighbourRow> = match (&mut self.labeller, &kept) {
            (Some(labeller), Some(kept)) => labeller.neighbours(kept.features),
            _ => Vec::new(),
        };
        to_json(&Answer::Neighbours {
            seq,
            neighbours,
            features: kept.map_or(&[], |kept| kept.features),
            shares: kept.map_or(&[], |kept| kept.shares),
        })
    }

    /// Answers `cell`.
    #[must_use]
    pub fn cell(&self, true_label: u32, predicted: u32) -> String {
        let readings = self
            .statistics
            .iter()
            .flat_map(|statistics| statistics.cell(true_label, predicted))
            .map(ReadingRow::from)
            .collect();
        to_json(&Answer::Cell {
            true_label,
            predicted,
            readings,
        })
    }

    /// How things stand.
    pub fn standing(&mut self, now: f64) -> Standing {
        let gaps = self.gaps();
        let progress = Progress {
            labelled: self
                .statistics
                .as_ref()
                .map_or(0, |statistics| statistics.labelled),
            n_lagging: self.n_lagging(),
            n_skipped: gaps.slow_viewer,
            n_refused: gaps.not_classified,
            newest_age_micros: self
                .statistics
                .as_ref()
                .and_then(|statistics| statistics.newest_age_micros),
            n_loaded_bytes: self.loading.n_bytes,
        };
        standing(&self.session, &progress, &mut self.pace, now)
    }

    /// What is counted; `None` before the first schema.
    #[must_use]
    pub fn statistics(&self) -> Option<&Statistics> {
        self.statistics.as_ref()
    }

    /// The same, to bring it up to date.
    pub fn statistics_mut(&mut self) -> Option<&mut Statistics> {
        self.statistics.as_mut()
    }

    /// The sequence numbers of this session.
    #[must_use]
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// What is missing so far, with what is known to be given up and not yet told by a gap, or not yet counted.
    #[must_use]
    pub fn gaps(&self) -> Gaps {
        let waiting = self.inbox.iter().map(|incoming| match incoming {
            Incoming::Gap(gap) if gap.cause == GapCause::SlowViewer => gap.until.saturating_sub(gap.from),
            _ => 0,
        });
        let n_given_up = self.session.n_unannounced_skips() + waiting.sum::<u64>();
        self.sequence.gaps_with(n_given_up)
    }

    /// Readings known to be produced and neither labelled nor among [`Viewer::gaps`].
    #[must_use]
    pub fn n_lagging(&self) -> u64 {
        let n_given_up = self.gaps().total - self.sequence.gaps().total;
        self.sequence.n_lagging() - n_given_up
    }

    /// The model in use.
    #[must_use]
    pub fn labeller(&self) -> Option<&Labeller> {
        self.labeller.as_ref()
    }

    /// The model's way here.
    #[must_use]
    pub fn loading(&self) -> Loading {
        self.loading
    }

    fn begin_afresh(&mut self) {
        self.forget_inbox();
        self.acks.clear();
        self.sequence = Sequence::default();
        self.pace = Pace::default();
        self.layout = None;
        self.statistics = self.session.followed().map(Statistics::new);
    }

    /// Drops what waits for its turn, to be asked for again from the first reading without a label on.
    ///
    /// A new subscription comes with fresh credit. Kept beside it, the inbox would grow with every cut, until it looks
    /// as if the server did not keep to the credit.
    fn give_back_inbox(&mut self) {
        let first_waiting = self.inbox.iter().find_map(Incoming::first_seq);
        if let Some(next_seq) = self.sequence.next().or(first_waiting) {
            self.session.resume_at(next_seq);
        }
        self.forget_inbox();
        self.acks.clear();
    }

    fn forget_inbox(&mut self) {
        self.inbox.clear();
        self.n_inbox = 0;
    }

    fn count_gap(&mut self, gap: &Gap, now: f64) {
        let n_missing = self.sequence.gap(gap);
        if n_missing > 0 && gap.cause == GapCause::SlowViewer {
            self.pace.skipped(now);
        }
        if let Some(statistics) = &mut self.statistics {
            statistics.missing(n_missing, now);
        }
    }

    /// Labels the rest of a batch in groups until the time is over, or takes it in as it is while there is no model. Returns the time of its last look at the clock.
    fn label_batch(&mut self, batch: &mut Batch, until: f64, clock: &impl Fn() -> f64) -> f64 {
        let mut now = clock();
        let Ok(decoded) = ReadingBatch::decode(&batch.bytes, &batch.layout) else {
            batch.n_done = batch.len();
            return now; // Checked on arrival.
        };
        let Some(statistics) = &mut self.statistics else {
            batch.n_done = batch.len();
            return now; // A batch comes only to a subscription, and that needs a schema.
        };
        let mut labeller = self.labeller.as_mut().filter(|_| self.session.labels());
        let header = decoded.header();
        if batch.n_done == 0 {
            let n_missing = self.sequence.arrive_at(header.first_seq);
            statistics.missing(n_missing, now);
        }
        let offset_micros = self
            .session
            .clock()
            .estimate()
            .map(|estimate| estimate.offset_micros);
        let mut readings = decoded.readings();
        if batch.n_done > 0 {
            readings.nth(batch.n_done - 1);
        }
        let group = ((GROUP_MICROS / self.micros_per_reading.max(1.0)) as usize).clamp(1, MAX_GROUP);
        let mut sent = [0.0; MAX_GROUP];
        // At least one group a call, so that a clock that jumps cannot stop the labelling.
        while batch.n_done < header.n_readings as usize {
            let began = now;
            let mut n_labelled = 0;
            let mut n_received = 0;
            let mut n_taken = 0;
            for record in readings.by_ref().take(group) {
                n_taken += 1;
                self.acks.done(record.seq() + 1);
                // Repeated after a resumption, and labelled before.
                if self.sequence.next().is_some_and(|next| record.seq() < next) {
                    continue;
                }
                n_received += 1;
                match labeller.as_mut().map(|labeller| labeller.label_record(&record)) {
                    None => {
                        statistics.unlabelled(&record);
                        self.sequence.no_model();
                    }
                    Some(Ok(label)) => {
                        let is_unseen = record.seq() >= self.session.trained_until();
                        sent[n_labelled] = label.head.sent_micros as f64;
                        n_labelled += 1;
                        statistics.labelled(&label, is_unseen, began);
                    }
                    Some(Err((_, error))) => {
                        let reason = refusal(&error, self.session.followed());
                        self.session.not_classified(reason);
                        self.sequence.not_classified();
                        statistics.missing(1, began);
                    }
                }
                self.sequence.advance(record.seq() + 1);
            }
            now = clock();
            if self.slow_factor > 1.0 {
                let until = began + (now - began) * self.slow_factor;
                while now < until {
                    now = clock();
                }
            }
            statistics.received(n_received, now);
            batch.n_done += n_taken;
            self.n_inbox = self.n_inbox.saturating_sub(n_taken);
            if n_labelled > 0 {
                let timing = Timing {
                    arrived: batch.arrived,
                    written: header.written_micros as f64,
                    began,
                    ended: now,
                    offset_micros,
                };
                statistics.timed(&sent[..n_labelled], &timing);
                let cost = (now - began) / n_labelled as f64;
                self.micros_per_reading += COST_WEIGHT * (cost - self.micros_per_reading);
            }
            if now >= until || self.acks.is_due() {
                break;
            }
        }
        now
    }

    fn acknowledge(&mut self) {
        if let Some(next_seq) = self.acks.take() {
            self.session.acknowledge(next_seq);
        }
    }
}

impl Incoming {
    fn first_seq(&self) -> Option<u64> {
        match self {
            Self::Gap(gap) => Some(gap.from),
            Self::Truth(_) => None,
            Self::Batch(batch) => BatchHeader::decode(&batch.bytes)
                .ok()
                .map(|header| header.first_seq),
        }
    }
}

impl Batch {
    fn len(&self) -> usize {
        BatchHeader::decode(&self.bytes).map_or(0, |header| header.n_readings as usize)
    }
}

/// Why a reading was not classified, with the feature's name where the classifier knows but its number.
fn refusal(error: &QueryError, schema: Option<&Schema>) -> String {
    let name = |idx: usize| {
        let feature = schema.and_then(|schema| schema.features.get(idx));
        feature.map_or_else(
            || format!("feature {idx}"),
            |feature| format!("`{}`", feature.name),
        )
    };
    match error {
        QueryError::NotFinite { feature, value } if value.is_nan() => {
            format!("a reading has no value of {}", name(*feature))
        }
        QueryError::Overflow { feature, .. } => {
            format!("a value of {} is too large to be prepared", name(*feature))
        }
        other => other.to_string(),
    }
}

fn to_json(answer: &Answer<'_>) -> String {
    serde_json::to_string(answer).expect("answers have text keys and no failing serializer")
}
