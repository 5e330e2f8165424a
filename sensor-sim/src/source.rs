//! One source that sensors feed: from what they send to readings of a channel. [`Source`].
//!
//! Several connections may feed one source; what they send is taken message by message, under a lock. The channel comes
//! with the first reading, and its schema follows what is sent: another feature, another class, a first time stamp or a
//! new model is another revision, announced before the first reading of it.

mod explanation;
mod reshape;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use classifier::ModelMetadata;
use protocol::sensor::{
    BootClock, LabelTarget, LateLabel, SchemaError, SensorEvent, SensorReading, SourceSchema,
};
use protocol::{SourceState, Status};
use tokio::time::Instant;

use self::explanation::explanation;
use self::reshape::{Former, same_names};
use crate::announcement::{Announcement, ServedModel, Shape};
use crate::candidates::Candidate;
use crate::channel::{Channel, lock};
use crate::learner::{Learner, Lesson};
use crate::limits::TokenBucket;
use crate::model::{FitFailure, ModelFile};
use crate::presence::Presence;

/// A source without a reading for this long is silent.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(10);

/// Most classes of a source, as for data sets: more are no classes but texts.
const MAX_CLASSES: usize = 1_000;

/// Readings whose own ids are remembered, for labels that come later: the newest so many.
const MAX_IDS: usize = 4_096;

/// What a message came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Readings taken.
    pub(crate) n_readings: u64,
    /// Labels of earlier readings that found their reading.
    pub(crate) n_labels: u64,
    /// Labels of readings that are not known, or not any more.
    pub(crate) n_unknown: u64,
    /// The sequence number after the newest reading of the source.
    pub(crate) next_seq: u64,
}

/// A source.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    /// Connections and requests that feed it now.
    n_users: AtomicUsize,
    /// There from the first reading on.
    channel: OnceLock<Arc<Channel>>,
    /// How the times of posted readings relate to ours; each request hands it on to the next.
    posted_clock: Mutex<BootClock>,
    /// Never held across an `.await`.
    feed: Mutex<Feed>,
}

/// What the next message depends on.
#[derive(Debug)]
struct Feed {
    /// Features and classes in the order in which they came.
    schema: SourceSchema,
    /// Features of `schema` that the channel has not, because they have stayed away.
    left: BTreeSet<usize>,
    /// Of the channel's features.
    presence: Presence,
    /// Which feature of `schema` each feature of the channel is.
    order: Vec<usize>,
    /// Which class of the channel each class of `schema` is.
    class_ids: Vec<u32>,
    shape: Option<Arc<Shape>>,
    revision: u32,
    model: Option<ServedModel>,
    /// The model came from elsewhere; otherwise it is trained from the readings.
    is_given: bool,
    /// Why the nearest of the models that are there is not for this source.
    near: Option<String>,
    learner: Learner,
    /// Why the last training from readings with these features came to nothing.
    failure: Option<FitFailure>,
    /// From the last features that had a trained model, while there is none for those of now.
    former: Option<Former>,
    ids: Ids,
    bucket: TokenBucket,
    last_reading_at: Instant,
    last_message_at: Instant,
    /// Encoded for `shape`, not yet published.
    records: Vec<Box<[u8]>>,
    /// Reused.
    row: Vec<f64>,
}

/// Makes a source's channel for its name; the status gets the channel's number. `None` if there are no more numbers.
pub(crate) type MakeChannel<'a> = dyn Fn(&str, Announcement, Status) -> Option<Arc<Channel>> + 'a;

/// What a source needs of the server.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) candidates: &'a [Candidate],
    pub(crate) make_channel: &'a MakeChannel<'a>,
}

/// Why a message was not taken whole.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum TakeError {
    /// The reading, counted from 0, does not go with the schema.
    #[error("reading {idx}: {reason}")]
    Schema { idx: usize, reason: SchemaError },
    #[error("this server has no more channel numbers; start it again")]
    NoChannel,
}

impl Source {
    pub(crate) fn new(name: &str, rate: NonZeroU32, max_features: usize, now: Instant) -> Self {
        Self {
            name: name.to_owned(),
            n_users: AtomicUsize::new(0),
            channel: OnceLock::new(),
            posted_clock: Mutex::default(),
            feed: Mutex::new(Feed {
                schema: SourceSchema::new(max_features, MAX_CLASSES),
                left: BTreeSet::new(),
                presence: Presence::default(),
                order: Vec::new(),
                class_ids: Vec::new(),
                shape: None,
                revision: 0,
                model: None,
                is_given: false,
                near: None,
                learner: Learner::default(),
                failure: None,
                former: None,
                ids: Ids::default(),
                bucket: TokenBucket::new(rate, now),
                last_reading_at: now,
                last_message_at: now,
                records: Vec::new(),
                row: Vec::new(),
            }),
        }
    }

    /// Keeps the source from being forgotten until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> SourceUser {
        self.n_users.fetch_add(1, Ordering::Relaxed);
        SourceUser(Arc::clone(self))
    }

    pub(crate) fn channel(&self) -> Option<&Arc<Channel>> {
        self.channel.get()
    }

    /// The sequence number of the next reading.
    pub(crate) fn next_seq(&self) -> u64 {
        self.channel().map_or(0, |channel| channel.next_seq())
    }

    /// What earlier requests showed of the device's clock.
    pub(crate) fn posted_clock(&self) -> BootClock {
        *lock(&self.posted_clock)
    }

    /// For the next request. Of two at once the later one counts: either knows the clock well enough.
    pub(crate) fn keep_posted_clock(&self, clock: BootClock) {
        *lock(&self.posted_clock) = clock;
    }

    /// How long to wait before more may be sent.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        lock(&self.feed).bucket.wait(now)
    }

    /// Takes what a message held. Also returns what to train a model from, if it is time for that.
    ///
    /// # Errors
    ///
    /// [`TakeError`]; the readings before the one it names were taken.
    pub(crate) fn take(
        &self,
        events: &[SensorEvent],
        arrived_micros: u64,
        now: Instant,
        around: Surroundings<'_>,
    ) -> (Result<(), TakeError>, Taken, Option<(Lesson, ModelMetadata)>) {
        let mut feed = lock(&self.feed);
        let mut taken = Taken::default();
        feed.last_message_at = now;
        // A message costs at least one token, or labels and headers would be free.
        feed.bucket.take(events.len().max(1), now);
        let mut result = Ok(());
        for (idx, event) in events.iter().enumerate() {
            result = match event {
                SensorEvent::Reading(reading) => self.reading(&mut feed, reading, arrived_micros, around),
                SensorEvent::Label(label) => self.late_label(&mut feed, label, around).map(|is_known| {
                    taken.n_labels += u64::from(is_known);
                    taken.n_unknown += u64::from(!is_known);
                }),
            }
            .map_err(|error| match error {
                Refused::Schema(reason) => TakeError::Schema { idx, reason },
                Refused::NoChannel => TakeError::NoChannel,
            });
            if result.is_err() {
                break;
            }
            taken.n_readings += u64::from(matches!(event, SensorEvent::Reading(_)));
        }
        self.publish(&mut feed);
        if taken.n_readings > 0 {
            feed.last_reading_at = now;
        }
        self.tell_status(&feed, now);
        taken.next_seq = self.next_seq();
        let lesson = self.lesson_of(&mut feed, now);
        (result, taken, lesson)
    }

    /// What to train a model from, if it is time for that though nothing came: the readings of a burst, or of a source
    /// that has ended.
    pub(crate) fn lesson(&self, now: Instant) -> Option<(Lesson, ModelMetadata)> {
        self.lesson_of(&mut lock(&self.feed), now)
    }

    fn lesson_of(&self, feed: &mut Feed, now: Instant) -> Option<(Lesson, ModelMetadata)> {
        if feed.is_given {
            return None;
        }
        let lesson = feed.learner.lesson(now)?;
        Some((lesson, self.metadata(feed.shape.as_ref()?)))
    }

    fn reading(
        &self,
        feed: &mut Feed,
        reading: &SensorReading,
        arrived_micros: u64,
        around: Surroundings<'_>,
    ) -> Result<(), Refused> {
        let accepted = feed.schema.accept(reading).map_err(Refused::Schema)?;
        let has_new_time =
            reading.time.is_some() && feed.shape.as_ref().is_none_or(|shape| !shape.sensor_time);
        let n_left = feed.left.len();
        feed.left.retain(|&idx| !accepted.row[idx].is_finite());
        let is_back = feed.left.len() < n_left;
        if accepted.is_new_revision || has_new_time || is_back || feed.shape.is_none() {
            self.reshape(feed, reading.time.is_some(), around)?;
        }
        let (Some(shape), Some(channel)) = (&feed.shape, self.channel()) else {
            return Ok(()); // Made above.
        };
        feed.row.clear();
        feed.row.extend(feed.order.iter().map(|&idx| accepted.row[idx]));
        let class = accepted.true_label.map(|id| feed.class_ids[id as usize]);
        let mut record = Vec::with_capacity(shape.layout.record_bytes());
        shape
            .layout
            .encode_timed_record(
                arrived_micros,
                reading.time.map(|time| time.micros),
                class,
                &feed.row,
                &mut record,
            )
            .expect("f64 holds every value, and there are not so many classes");
        let seq = channel.next_seq() + feed.records.len() as u64;
        feed.records.push(record.into_boxed_slice());
        if let Some(id) = &reading.id {
            feed.ids.insert(id, seq);
        }
        feed.presence.observe(&feed.row);
        if let Some(class) = class.filter(|_| !feed.is_given) {
            feed.learner.observe(seq, &feed.row, class);
        }
        self.let_leave(feed, around)
    }

    /// Joins a label to its reading; `false` if that is not known.
    fn late_label(
        &self,
        feed: &mut Feed,
        label: &LateLabel,
        around: Surroundings<'_>,
    ) -> Result<bool, Refused> {
        // The reading may be of the same message.
        self.publish(feed);
        let Some(channel) = self.channel() else {
            return Ok(false);
        };
        let seq = match &label.target {
            LabelTarget::Id(id) => feed.ids.seq_of(id),
            LabelTarget::Seq(seq) if feed.ids.is_empty() => Some(*seq),
            LabelTarget::Seq(seq) => feed.ids.seq_of(&seq.to_string()),
        };
        let Some(seq) = seq.filter(|&seq| seq < channel.next_seq()) else {
            return Ok(false);
        };
        let (id, is_new) = feed
            .schema
            .accept_label(&label.true_label)
            .map_err(Refused::Schema)?;
        if is_new {
            self.reshape(feed, false, around)?;
        }
        let class = feed.class_ids[id as usize];
        let held = channel.reading(seq);
        channel.label(seq, class).expect("there are not so many classes");
        // A reading that had a label already has been learnt from.
        if let (Some((shape, head, features)), Some(current)) = (held, &feed.shape)
            && !feed.is_given
            && head.true_label.is_none()
            && same_names(&shape.features, &current.features)
        {
            feed.learner.observe(seq, &features, class);
        }
        Ok(true)
    }

    fn publish(&self, feed: &mut Feed) {
        if let Some(channel) = self.channel().filter(|_| !feed.records.is_empty()) {
            channel.publish(&mut feed.records);
        }
    }

    fn metadata(&self, shape: &Arc<Shape>) -> ModelMetadata {
        ModelMetadata {
            class_names: shape.classes.clone(),
            feature_names: shape
                .features
                .iter()
                .map(|feature| feature.name.clone())
                .collect(),
            source: self.name.clone(),
        }
    }

    /// A model was trained from a lesson of this source, or could not be.
    pub(crate) fn learned(&self, lesson: &Lesson, result: Result<ModelFile, FitFailure>) {
        let mut feed = lock(&self.feed);
        feed.learner.done();
        if lesson.generation != feed.learner.generation() || feed.is_given {
            return;
        }
        let file = match result {
            Ok(file) => file,
            Err(error) => {
                feed.failure = Some(error);
                self.tell_status(&feed, feed.last_reading_at);
                return;
            }
        };
        feed.failure = None;
        feed.model = Some(ServedModel {
            file: Arc::new(file),
            trained_until: Some(lesson.trained_until),
        });
        feed.former = None;
        feed.revision += 1;
        if let (Some(shape), Some(channel)) = (&feed.shape, self.channel()) {
            channel.change(Announcement {
                revision: feed.revision,
                shape: Arc::clone(shape),
                replay: None,
                model: feed.model.clone(),
            });
        }
        self.tell_status(&feed, feed.last_reading_at);
    }

    /// Announces the state, if it is another.
    fn tell_status(&self, feed: &Feed, now: Instant) {
        let Some(channel) = self.channel() else { return };
        let is_silent = now.saturating_duration_since(feed.last_reading_at) >= SILENT_AFTER;
        let state = if is_silent {
            SourceState::Silent
        } else {
            SourceState::Live
        };
        let message = explanation(feed);
        let before = channel.status();
        if before.state != state || before.message != message {
            channel.announce(Status {
                state,
                message,
                next_seq: channel.next_seq(),
                ..before
            });
        }
    }

    /// Notices silence. Returns whether the source may be forgotten.
    pub(crate) fn tend(&self, now: Instant, forget_after: Duration) -> bool {
        let feed = lock(&self.feed);
        self.tell_status(&feed, now);
        let is_abandoned = self.n_users.load(Ordering::Relaxed) == 0;
        let rest = now.saturating_duration_since(feed.last_reading_at);
        is_abandoned && (self.channel().is_none() || rest >= forget_after)
    }
}

/// Why a reading or label is not taken.
#[derive(Debug)]
enum Refused {
    Schema(SchemaError),
    NoChannel,
}

/// Somebody feeds the source.
#[derive(Debug)]
pub(crate) struct SourceUser(Arc<Source>);

impl std::ops::Deref for SourceUser {
    type Target = Arc<Source>;

    fn deref(&self) -> &Arc<Source> {
        &self.0
    }
}

impl Drop for SourceUser {
    fn drop(&mut self) {
        self.0.n_users.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The newest readings by the names that their source gave them.
#[derive(Debug, Default)]
struct Ids {
    seqs: HashMap<String, u64>,
    /// Oldest first; a name that was used again stands here twice.
    order: VecDeque<(String, u64)>,
}

impl Ids {
    fn insert(&mut self, id: &str, seq: u64) {
        self.seqs.insert(id.to_owned(), seq);
        self.order.push_back((id.to_owned(), seq));
        if self.order.len() > MAX_IDS
            && let Some((id, seq)) = self.order.pop_front()
            && self.seqs.get(&id) == Some(&seq)
        {
            self.seqs.remove(&id);
        }
    }

    fn seq_of(&self, id: &str) -> Option<u64> {
        self.seqs.get(id).copied()
    }

    fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
