//! A channel: one source's readings on their way to any number of viewers.
//!
//! Each reading is encoded once, when it is published, into a ring that holds the newest readings within a bound in
//! bytes. Viewers are cursors into the ring: the ring knows nothing of them, and one that is slow costs the others
//! nothing. A reading's JSON text is made when the first JSON viewer takes it, and shared by the rest.
//!
//! What readings look like may change on the way: a reading keeps the [`Shape`](crate::announcement::Shape) it was
//! encoded with, and viewers are told of another one before the first reading of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::{
    BatchWriter, ErrorMessage, GapCause, ReadingBatch, RecordHead, Schema, ServerMessage, Status,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::announcement::{Announcement, Shape};
use crate::late_labels::{LateLabel, LateLabels};
use crate::requests::problem;
use crate::ring::{Entry, Ring};

/// Most readings that a `max` replay runs ahead of its slowest viewer. Not tuned: some 30 batches.
const MAX_RUN_AHEAD: u64 = 8_192;

/// A viewer that has readings waiting and takes none for this long no longer holds a `max` replay back.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(10);

/// Commands that may wait for a replay; a viewer that sends more waits until there is room.
const MAX_WAITING_COMMANDS: usize = 64;

/// What a viewer asks of a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Command {
    /// Begin, if the replay waits for its first viewer.
    Begin,
    Play,
    Pause,
    Seek(u64),
    Speed(f64),
}

/// A command and where its answer goes.
pub(crate) type Request = (Command, oneshot::Sender<Result<(), ErrorMessage>>);

/// How far one subscription has come; written by its session, read by a `max` replay.
#[derive(Debug)]
pub(crate) struct ViewerProgress {
    /// The next sequence number that the viewer will get.
    next_seq: AtomicU64,
    /// How many readings may wait for it.
    queue: u64,
    /// When `next_seq` last moved, or was last seen to be the newest.
    moved_at: Mutex<Instant>,
    /// Notified of readings and late labels; its session waits on it.
    wake: Arc<Notify>,
}

/// Counts of the whole session, for the summary and `/healthz`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    n_delivered: AtomicU64,
    n_dropped: [AtomicU64; 3],
}

const CAUSES: [GapCause; 3] = [GapCause::SlowViewer, GapCause::HistoryLost, GapCause::Latest];

impl Tally {
    pub(crate) fn count_delivered(&self, n: u64) {
        self.n_delivered.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn n_delivered(&self) -> u64 {
        self.n_delivered.load(Ordering::Relaxed)
    }

    pub(crate) fn count_dropped(&self, cause: GapCause, n: u64) {
        for (counted, count) in CAUSES.iter().zip(&self.n_dropped) {
            if *counted == cause {
                count.fetch_add(n, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn n_dropped(&self) -> BTreeMap<GapCause, u64> {
        let counts = self.n_dropped.iter().map(|count| count.load(Ordering::Relaxed));
        CAUSES.into_iter().zip(counts).collect()
    }
}

/// Says that something changed which every viewer is told of: a channel, a schema, a status.
#[derive(Debug, Clone)]
pub(crate) struct Changes(watch::Sender<u64>);

impl Changes {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(crate) fn tell(&self) {
        self.0.send_modify(|n| *n += 1);
    }

    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// What changes together.
#[derive(Debug)]
struct Current {
    ring: Ring,
    announcement: Arc<Announcement>,
    labels: LateLabels,
}

/// One source's readings, state and viewers.
#[derive(Debug)]
pub(crate) struct Channel {
    id: u16,
    source: String,
    /// Never held across an `.await`; the longest hold copies 256 handles.
    current: Mutex<Current>,
    /// The ring's `next_seq`, also while the ring is locked.
    next_seq: AtomicU64,
    /// Written by whoever feeds the channel; sessions pass changes on.
    status: Mutex<Status>,
    changes: Changes,
    commands: mpsc::Sender<Request>,
    /// Subscriptions by an arbitrary key.
    viewers: Mutex<BTreeMap<u64, Arc<ViewerProgress>>>,
    next_viewer_key: AtomicU64,
    /// A viewer took readings, came or left; a `max` replay waits on it.
    progress: Notify,
    pub(crate) tally: Tally,
}

impl Channel {
    /// A channel without readings, and the requests of its viewers for whoever feeds it; dropped, they are refused.
    pub(crate) fn new(
        source: &str,
        announcement: Announcement,
        status: Status,
        max_history_bytes: usize,
        changes: Changes,
    ) -> (Arc<Self>, mpsc::Receiver<Request>) {
        let (commands, requests) = mpsc::channel(MAX_WAITING_COMMANDS);
        let channel = Self {
            id: status.channel,
            source: source.to_owned(),
            current: Mutex::new(Current {
                ring: Ring::new(max_history_bytes),
                announcement: Arc::new(announcement),
                labels: LateLabels::default(),
            }),
            next_seq: AtomicU64::new(0),
            status: Mutex::new(status),
            changes,
            commands,
            viewers: Mutex::default(),
            next_viewer_key: AtomicU64::new(0),
            progress: Notify::new(),
            tally: Tally::default(),
        };
        (Arc::new(channel), requests)
    }

    pub(crate) fn id(&self) -> u16 {
        self.id
    }

    /// Name of the source.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What viewers are told now.
    pub(crate) fn announcement(&self) -> Arc<Announcement> {
        Arc::clone(&self.current().announcement)
    }

    /// How the next reading has to be encoded.
    pub(crate) fn shape(&self) -> Arc<Shape> {
        Arc::clone(&self.current().announcement.shape)
    }

    /// A schema of this channel, its sequence numbers as of now.
    pub(crate) fn schema(&self, announcement: &Announcement) -> Schema {
        let mut schema = announcement.schema(self.id, &self.source);
        let current = self.current();
        schema.oldest_seq = current.ring.oldest_seq();
        schema.next_seq = current.ring.next_seq();
        schema
    }

    /// Announces another revision: readings published from now on have its shape.
    pub(crate) fn change(&self, announcement: Announcement) {
        self.current().announcement = Arc::new(announcement);
        self.changes.tell();
    }

    /// Readings published so far.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq.load(Ordering::Acquire)
    }

    /// Sequence numbers of the oldest reading held, and of the next one.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let current = self.current();
        (current.ring.oldest_seq(), current.ring.next_seq())
    }

    /// Looks into the ring; never while waiting for anything.
    pub(crate) fn with_ring<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.current().ring)
    }

    pub(crate) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    pub(crate) fn announce(&self, status: Status) {
        *lock(&self.status) = status;
        self.changes.tell();
    }

    /// Takes `records`, which have the shape announced, as the next readings and wakes the viewers. Returns the sequence
    /// number of the first.
    pub(crate) fn publish(&self, records: &mut Vec<Box<[u8]>>) -> u64 {
        let first_seq = {
            let mut current = self.current();
            let Current {
                ring, announcement, ..
            } = &mut *current;
            let first_seq = ring.next_seq();
            for record in records.drain(..) {
                ring.push(record, &announcement.shape);
            }
            // While the ring is locked: whoever has looked into it finds this no older.
            self.next_seq.store(ring.next_seq(), Ordering::Release);
            first_seq
        };
        self.wake_viewers();
        first_seq
    }

    /// The true class of a reading has come to be known: viewers that had it are told, the others get it with the reading.
    ///
    /// # Errors
    ///
    /// A class that a record cannot hold.
    pub(crate) fn label(&self, seq: u64, true_label: u32) -> Result<(), protocol::BatchError> {
        {
            let mut current = self.current();
            let Announcement { shape, revision, .. } = &*Arc::clone(&current.announcement);
            let revision = *revision;
            current.ring.relabel(seq, true_label, shape)?;
            // After the ring: whoever takes the reading before this is told by the label.
            current.labels.push(LateLabel {
                seq,
                true_label,
                revision,
            });
        }
        self.wake_viewers();
        Ok(())
    }

    /// The position after the newest late label.
    pub(crate) fn labels_end(&self) -> u64 {
        self.current().labels.end()
    }

    /// Takes the late labels from a position on, up to the first of a later revision than this; the position moves behind
    /// them. Returns how many before them were lost.
    pub(crate) fn take_labels(&self, position: &mut u64, revision: u32, out: &mut Vec<LateLabel>) -> u64 {
        let current = self.current();
        let (labels, n_lost) = current.labels.since(*position);
        let n_before = out.len();
        out.extend(labels.take_while(|label| label.revision <= revision));
        *position += n_lost + (out.len() - n_before) as u64;
        n_lost
    }

    /// Asks the replay; `Err` is what to tell the viewer.
    pub(crate) async fn command(&self, command: Command) -> Result<(), ErrorMessage> {
        let (answer, answered) = oneshot::channel();
        let refused = || {
            problem(
                "not-possible",
                format!(
                    "{} takes no commands: it is fed by sensors, or shutting down",
                    self.source
                ),
            )
        };
        self.commands
            .send((command, answer))
            .await
            .map_err(|_| refused())?;
        answered.await.map_err(|_| refused())?
    }

    /// The reading's JSON message, made now if nobody has asked for it before.
    pub(crate) fn text_of(&self, entry: &Arc<Entry>) -> Utf8Bytes {
        if let Some(text) = entry.json.get() {
            return text.clone();
        }
        let mut made = false;
        let text = entry.json.get_or_init(|| {
            made = true;
            self.encode_text(entry)
        });
        if made {
            self.current().ring.count_text(entry, text.len());
        }
        text.clone()
    }

    /// A reading that is still held: its shape, what its record says, and its features.
    pub(crate) fn reading(&self, seq: u64) -> Option<(Arc<Shape>, RecordHead, Vec<f64>)> {
        let entry = Arc::clone(self.current().ring.get(seq)?);
        let (head, features) = self.decode(&entry);
        Some((Arc::clone(&entry.shape), head, features))
    }

    fn decode(&self, entry: &Entry) -> (RecordHead, Vec<f64>) {
        let mut features = Vec::new();
        let layout = &entry.shape.layout;
        let mut batch = BatchWriter::with_capacity(layout, self.id, entry.shape.revision, entry.seq, 1);
        batch
            .push(&entry.record)
            .expect("published records have their shape's layout");
        let bytes = batch.finish(0);
        let head = ReadingBatch::decode(&bytes, layout)
            .expect("the batch was written with this layout")
            .read(0, &mut features);
        (head, features)
    }

    fn encode_text(&self, entry: &Entry) -> Utf8Bytes {
        let (head, features) = self.decode(entry);
        to_text(&ServerMessage::Reading(protocol::Reading {
            channel: self.id,
            seq: head.seq,
            sent_micros: head.sent_micros,
            sensor_micros: head.sensor_micros,
            features,
            true_label: head.true_label,
        }))
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        lock(&self.current)
    }

    fn wake_viewers(&self) {
        for viewer in lock(&self.viewers).values() {
            viewer.wake.notify_one();
        }
    }

    /// Makes a subscription known until the returned guard is dropped: `wake` is notified of readings and labels, and a
    /// `max` replay waits for it.
    pub(crate) fn enter(self: &Arc<Self>, next_seq: u64, queue: u64, wake: Arc<Notify>) -> ViewerGuard {
        let key = self.next_viewer_key.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(ViewerProgress {
            next_seq: AtomicU64::new(next_seq),
            queue,
            moved_at: Mutex::new(Instant::now()),
            wake,
        });
        lock(&self.viewers).insert(key, Arc::clone(&progress));
        self.progress.notify_one();
        ViewerGuard {
            channel: Arc::clone(self),
            key,
            progress,
        }
    }

    /// Subscriptions now.
    pub(crate) fn n_subscriptions(&self) -> usize {
        lock(&self.viewers).len()
    }

    /// Waits until a viewer took readings, came or left since the last call.
    pub(crate) async fn progressed(&self) {
        self.progress.notified().await;
    }

    /// How far a `max` replay may go: the sequence number that the slowest viewer allows, 0 without viewers.
    ///
    /// Viewers that have stalled ([`STALL_LIMIT`]) do not count, unless all have.
    pub(crate) fn may_run_to(&self, now: Instant) -> u64 {
        let next_seq = self.next_seq();
        let viewers = lock(&self.viewers);
        let limit_of = |viewer: &ViewerProgress| {
            viewer.next_seq.load(Ordering::Relaxed) + viewer.queue.min(MAX_RUN_AHEAD)
        };
        let has_stalled = |viewer: &ViewerProgress| {
            let mut moved_at = lock(&viewer.moved_at);
            if viewer.next_seq.load(Ordering::Relaxed) >= next_seq {
                // It has all there is: from now on it may be waited for.
                *moved_at = now;
            }
            now.saturating_duration_since(*moved_at) >= STALL_LIMIT
        };
        let limits = |stalled: bool| {
            let chosen = viewers
                .values()
                .filter(move |viewer| has_stalled(viewer) == stalled);
            chosen.map(|viewer| limit_of(viewer)).min()
        };
        limits(false).or_else(|| limits(true)).unwrap_or(0)
    }
}

/// Keeps a subscription known to its channel.
#[derive(Debug)]
pub(crate) struct ViewerGuard {
    channel: Arc<Channel>,
    key: u64,
    progress: Arc<ViewerProgress>,
}

impl ViewerGuard {
    /// The viewer will get `next_seq` next.
    pub(crate) fn moved_to(&self, next_seq: u64) {
        self.progress.next_seq.store(next_seq, Ordering::Relaxed);
        *lock(&self.progress.moved_at) = Instant::now();
        self.channel.progress.notify_one();
    }
}

impl Drop for ViewerGuard {
    fn drop(&mut self) {
        lock(&self.channel.viewers).remove(&self.key);
        self.channel.progress.notify_one();
    }
}

/// A message as the text that goes to the socket.
pub(crate) fn to_text(message: &ServerMessage) -> Utf8Bytes {
    message.to_json().into()
}

/// Locks; a panic elsewhere while locked leaves counts and handles that are still good.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
