//! A channel: one source's readings on their way to any number of viewers.
//!
//! Each reading is encoded once, when it is published, into a ring that holds the newest readings within a bound in
//! bytes. Viewers are cursors into the ring: the ring knows nothing of them, and one that is slow costs the others
//! nothing. A reading's JSON text is made when the first JSON viewer takes it, and shared by the rest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use protocol::{
    BatchWriter, ErrorMessage, GapCause, ReadingBatch, RecordLayout, Schema, ServerMessage, Status,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::requests::problem;

/// What a held reading costs beside its record and text: allocation headers, pointers, the entry itself.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// Most readings that a `max` replay runs ahead of its slowest viewer. Not tuned: some 30 batches.
const MAX_RUN_AHEAD: u64 = 8_192;

/// A viewer that has readings waiting and takes none for this long no longer holds a `max` replay back.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(10);

/// Commands that may wait for a replay; a viewer that sends more waits until there is room.
const MAX_WAITING_COMMANDS: usize = 64;

/// One reading as the ring holds it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    /// Made by `RecordLayout::encode_record`.
    pub(crate) record: Box<[u8]>,
    json: OnceLock<Utf8Bytes>,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    /// What `Ring::n_bytes` counts for it.
    n_bytes: usize,
}

/// The newest readings, without a gap.
#[derive(Debug)]
pub(crate) struct Ring {
    slots: VecDeque<Slot>,
    /// Sequence number of the oldest slot; of the next reading while there is none.
    oldest_seq: u64,
    n_bytes: usize,
    max_bytes: usize,
}

impl Ring {
    fn new(max_bytes: usize) -> Self {
        Self {
            slots: VecDeque::new(),
            oldest_seq: 0,
            n_bytes: 0,
            max_bytes,
        }
    }

    pub(crate) fn oldest_seq(&self) -> u64 {
        self.oldest_seq
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.oldest_seq + self.slots.len() as u64
    }

    /// Appends handles to the readings `from..from + n`, all of which the ring holds.
    pub(crate) fn collect(&self, from: u64, n: usize, out: &mut Vec<Arc<Entry>>) {
        let start = (from - self.oldest_seq) as usize;
        out.extend(
            self.slots
                .range(start..start + n)
                .map(|slot| Arc::clone(&slot.entry)),
        );
    }

    fn push(&mut self, record: Box<[u8]>) {
        let n_bytes = record.len() + ENTRY_OVERHEAD_BYTES;
        let entry = Arc::new(Entry {
            seq: self.next_seq(),
            record,
            json: OnceLock::new(),
        });
        self.slots.push_back(Slot { entry, n_bytes });
        self.n_bytes += n_bytes;
        self.shrink();
    }

    /// Lets go of the oldest readings until the bound holds.
    fn shrink(&mut self) {
        // The newest reading stays whatever its size, or no viewer would ever see it.
        while self.n_bytes > self.max_bytes && self.slots.len() > 1 {
            if let Some(slot) = self.slots.pop_front() {
                self.n_bytes -= slot.n_bytes;
                self.oldest_seq += 1;
            }
        }
    }

    /// Counts the text that was made for a reading, if the reading is still held.
    fn count_text(&mut self, seq: u64, n_bytes: usize) {
        let slot = seq
            .checked_sub(self.oldest_seq)
            .and_then(|idx| self.slots.get_mut(idx as usize));
        if let Some(slot) = slot {
            slot.n_bytes += n_bytes;
            self.n_bytes += n_bytes;
            self.shrink();
        }
    }
}

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
}

/// Counts of the whole session, for the summary and `/healthz`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) n_delivered: AtomicU64,
    n_dropped: [AtomicU64; 3],
}

const CAUSES: [GapCause; 3] = [GapCause::SlowViewer, GapCause::HistoryLost, GapCause::Latest];

impl Tally {
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

/// One source's readings, state and viewers.
#[derive(Debug)]
pub(crate) struct Channel {
    id: u16,
    /// As sent to viewers, but for the sequence numbers, which `schema()` fills in.
    schema: Schema,
    layout: RecordLayout,
    /// Never held across an `.await`; the longest hold copies 256 handles.
    ring: Mutex<Ring>,
    /// The ring's `next_seq`; sessions wait on it.
    head: watch::Sender<u64>,
    /// Written by the replay; sessions pass changes on.
    status: watch::Sender<Status>,
    commands: mpsc::Sender<Request>,
    /// Subscriptions by an arbitrary key.
    viewers: Mutex<BTreeMap<u64, Arc<ViewerProgress>>>,
    next_viewer_key: AtomicU64,
    /// A viewer took readings, came or left; a `max` replay waits on it.
    progress: Notify,
    pub(crate) tally: Tally,
}

impl Channel {
    /// A channel without readings, and the requests of its viewers for whoever feeds it.
    pub(crate) fn new(
        schema: Schema,
        status: Status,
        max_history_bytes: usize,
    ) -> (Arc<Self>, mpsc::Receiver<Request>) {
        let (commands, requests) = mpsc::channel(MAX_WAITING_COMMANDS);
        let channel = Self {
            id: schema.channel,
            layout: RecordLayout::of_schema(&schema),
            schema,
            ring: Mutex::new(Ring::new(max_history_bytes)),
            head: watch::Sender::new(0),
            status: watch::Sender::new(status),
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
        &self.schema.source
    }

    pub(crate) fn layout(&self) -> &RecordLayout {
        &self.layout
    }

    /// The schema as of now.
    pub(crate) fn schema(&self) -> Schema {
        let (oldest_seq, next_seq) = {
            let ring = self.ring();
            (ring.oldest_seq(), ring.next_seq())
        };
        Schema {
            oldest_seq,
            next_seq,
            ..self.schema.clone()
        }
    }

    pub(crate) fn revision(&self) -> u32 {
        self.schema.revision
    }

    pub(crate) fn ring(&self) -> MutexGuard<'_, Ring> {
        lock(&self.ring)
    }

    /// Readings published so far.
    pub(crate) fn next_seq(&self) -> u64 {
        *self.head.borrow()
    }

    /// Follows `next_seq`.
    pub(crate) fn watch_head(&self) -> watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Follows the replay's state.
    pub(crate) fn watch_status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    pub(crate) fn announce(&self, status: Status) {
        self.status.send_replace(status);
    }

    /// Takes `records` as the next readings and wakes the viewers.
    pub(crate) fn publish(&self, records: &mut Vec<Box<[u8]>>) {
        let mut ring = self.ring();
        for record in records.drain(..) {
            ring.push(record);
        }
        // While the ring is locked: whoever has looked into it finds `head` no older.
        self.head.send_replace(ring.next_seq());
    }

    /// Asks the replay; `Err` is what to tell the viewer.
    pub(crate) async fn command(&self, command: Command) -> Result<(), ErrorMessage> {
        let (answer, answered) = oneshot::channel();
        let ended = || problem("not-possible", "the source is shutting down");
        self.commands.send((command, answer)).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }

    /// The reading's JSON message, made now if nobody has asked for it before.
    pub(crate) fn text_of(&self, entry: &Entry) -> Utf8Bytes {
        if let Some(text) = entry.json.get() {
            return text.clone();
        }
        let mut made = false;
        let text = entry.json.get_or_init(|| {
            made = true;
            self.encode_text(entry)
        });
        if made {
            self.ring().count_text(entry.seq, text.len());
        }
        text.clone()
    }

    fn encode_text(&self, entry: &Entry) -> Utf8Bytes {
        let mut features = Vec::new();
        let mut batch = BatchWriter::with_capacity(&self.layout, self.id, self.revision(), entry.seq, 1);
        batch
            .push(&entry.record)
            .expect("published records have the channel's layout");
        let bytes = batch.finish(0);
        let head = ReadingBatch::decode(&bytes, &self.layout)
            .expect("the batch was written with this layout")
            .read(0, &mut features);
        to_text(&ServerMessage::Reading(protocol::Reading {
            channel: self.id,
            seq: head.seq,
            sent_micros: head.sent_micros,
            features,
            true_label: head.true_label,
        }))
    }

    /// Makes a subscription known to a `max` replay until the returned guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, next_seq: u64, queue: u64) -> ViewerGuard {
        let key = self.next_viewer_key.fetch_add(1, Ordering::Relaxed);
        let progress = Arc::new(ViewerProgress {
            next_seq: AtomicU64::new(next_seq),
            queue,
            moved_at: Mutex::new(Instant::now()),
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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_ring(max_bytes: usize, n: usize) -> Ring {
        let mut ring = Ring::new(max_bytes);
        for _ in 0..n {
            ring.push(vec![0; 72].into());
        }
        ring
    }

    #[test]
    fn the_ring_keeps_the_newest_within_its_bytes() {
        let ring = filled_ring(1_000, 12);
        assert_eq!((ring.oldest_seq(), ring.next_seq()), (7, 12));
        assert_eq!(ring.n_bytes, 1_000);
        let mut entries = Vec::new();
        ring.collect(8, 3, &mut entries);
        let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [8, 9, 10]);
    }

    #[test]
    fn texts_count_against_the_ring_and_leave_with_their_reading() {
        let mut ring = filled_ring(1_000, 5);
        ring.count_text(4, 150);
        // At once, not with the next reading: while a replay is paused there is none.
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (1, 950));
        ring.count_text(1, 50);
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (1, 1_000));
        ring.push(vec![0; 72].into());
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (2, 950));
        // A text made after its reading left is counted nowhere.
        ring.count_text(0, 150);
        assert_eq!(ring.n_bytes, 950);
    }

    #[test]
    fn the_newest_reading_stays_even_if_it_is_too_large() {
        let ring = filled_ring(10, 3);
        assert_eq!((ring.oldest_seq(), ring.next_seq()), (2, 3));
    }
}
