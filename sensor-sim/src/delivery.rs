//! One subscription: takes a viewer's readings out of the channel and keeps the counts that the viewer is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::{BatchWriter, Encoding, Gap, GapCause, Policy, Stats, Subscribe};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::announcement::Shape;
use crate::channel::{Channel, ViewerGuard};
use crate::cursor::Cursor;
use crate::late_labels::LateLabel;
use crate::ring::Entry;

/// Most readings of one batch: enough that the cost of a message no longer counts. Not tuned.
const MAX_BATCH_READINGS: usize = 256;

/// Most bytes of one batch; one reading goes out whatever its size.
const MAX_BATCH_BYTES: usize = 256 * 1024;

/// Most readings that a viewer may ask to have waiting, or in flight.
pub(crate) const MAX_QUEUE: u32 = 1 << 20;

/// A viewer's subscription, from `subscribe` to the next `subscribe` or the end of the connection.
#[derive(Debug)]
pub(crate) struct Delivery {
    channel: Arc<Channel>,
    encoding: Encoding,
    cursor: Cursor,
    guard: ViewerGuard,
    /// Late labels of readings before this one are not its business. A viewer that resumes may have had any before.
    first_label_seq: u64,
    /// Position among the channel's late labels.
    next_label: u64,
    n_delivered: u64,
    n_dropped: BTreeMap<GapCause, u64>,
    /// Gaps found and not yet sent: at most two, taken by `take_gaps`.
    gaps: Vec<Gap>,
    /// Readings taken and not yet sent; kept so that taking allocates nothing.
    taken: Vec<Arc<Entry>>,
    /// For the rate: when the last statistics were made and how many readings there were.
    last_stats: (Instant, u64),
}

impl Delivery {
    /// Subscribes. `start_seq` is where to begin; `None`: with the next reading. `wake` is notified of readings.
    pub(crate) fn new(
        channel: &Arc<Channel>,
        request: &Subscribe,
        start_seq: Option<u64>,
        default_queue: u32,
        wake: &Arc<Notify>,
    ) -> Self {
        let head = channel.next_seq();
        let first_label_seq = if start_seq.is_some() { 0 } else { head };
        let start_seq = start_seq.unwrap_or(head).min(head);
        let queue = u64::from(request.queue.unwrap_or(default_queue));
        let credit = request.credit.map(u64::from);
        Self {
            encoding: request.encoding,
            cursor: Cursor::new(start_seq, head, request.policy, queue, credit),
            guard: channel.enter(
                start_seq,
                if request.policy == Policy::Lossless {
                    u64::from(default_queue)
                } else {
                    queue
                },
                Arc::clone(wake),
            ),
            first_label_seq,
            next_label: channel.labels_end(),
            n_delivered: 0,
            n_dropped: BTreeMap::new(),
            gaps: Vec::with_capacity(2),
            taken: Vec::with_capacity(MAX_BATCH_READINGS),
            last_stats: (Instant::now(), head),
            channel: Arc::clone(channel),
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Whether `take` would take something.
    pub(crate) fn is_ready(&self) -> bool {
        self.cursor.n_deliverable(self.channel.next_seq()) > 0
    }

    /// Applies the policy and takes the readings that go out now: all that wait, within credit and batch bounds.
    pub(crate) fn take(&mut self) {
        let channel = Arc::clone(&self.channel);
        let n = channel.with_ring(|ring| {
            self.give_up(ring.oldest_seq(), ring.next_seq());
            let first = self.cursor.next_seq();
            let Some(entry) = ring.get(first) else {
                return 0;
            };
            let by_bytes = (MAX_BATCH_BYTES / entry.record.len().max(1)).max(1);
            let n_most = by_bytes.min(MAX_BATCH_READINGS) as u64;
            let n = self.cursor.n_deliverable(ring.next_seq()).min(n_most);
            ring.collect(first, n as usize, &mut self.taken) as u64
        });
        self.cursor.deliver(n);
        self.n_delivered += n;
        channel.tally.count_delivered(n);
    }

    /// The shape of the readings taken; they have one.
    pub(crate) fn taken_shape(&self) -> Option<&Arc<Shape>> {
        self.taken.first().map(|entry| &entry.shape)
    }

    /// Whether the viewer still has to get a reading that is there.
    pub(crate) fn has_waiting(&self) -> bool {
        self.cursor.n_waiting(self.channel.next_seq()) > 0
    }

    /// The channel.
    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Late labels of readings that this viewer has had, by revisions up to this. Returns how many were lost because it was
    /// slow.
    pub(crate) fn take_labels(&mut self, revision: u32, out: &mut Vec<LateLabel>) -> u64 {
        let n_lost = self.channel.take_labels(&mut self.next_label, revision, out);
        // A reading that is still to come comes with its label.
        out.retain(|label| (self.first_label_seq..self.cursor.next_seq()).contains(&label.seq));
        n_lost
    }

    /// The gaps before the readings taken.
    pub(crate) fn take_gaps(&mut self) -> impl Iterator<Item = Gap> + '_ {
        self.gaps.drain(..)
    }

    /// The readings taken.
    pub(crate) fn taken(&self) -> &[Arc<Entry>] {
        &self.taken
    }

    /// The readings taken, as one batch of this revision without its time; `None` if there are none.
    pub(crate) fn batch(&self, revision: u32) -> Option<BatchWriter> {
        let first = self.taken.first()?;
        let (layout, n) = (&first.shape.layout, self.taken.len());
        let mut batch = BatchWriter::with_capacity(layout, self.channel.id(), revision, first.seq, n);
        for entry in &self.taken {
            batch
                .push(&entry.record)
                .expect("readings taken together have one layout");
        }
        Some(batch)
    }

    /// The readings taken are in the socket: lets go of them and tells the replay.
    pub(crate) fn sent(&mut self) {
        self.taken.clear();
        self.guard.moved_to(self.cursor.next_seq());
    }

    /// Takes an acknowledgement; `false` if it names readings that were never delivered.
    #[must_use]
    pub(crate) fn acknowledge(&mut self, next_seq: u64) -> bool {
        self.cursor.acknowledge(next_seq)
    }

    pub(crate) fn next_seq(&self) -> u64 {
        self.cursor.next_seq()
    }

    /// Applies the policy, so that a viewer without credit hears of its losses, and counts.
    pub(crate) fn stats(&mut self) -> Stats {
        let (oldest, head) = self.channel.bounds();
        self.give_up(oldest, head);
        let now = Instant::now();
        let (then, n_then) = std::mem::replace(&mut self.last_stats, (now, head));
        let secs = (now - then).as_secs_f64();
        Stats {
            channel: self.channel.id(),
            n_produced: head,
            n_delivered: self.n_delivered,
            n_in_flight: self.cursor.n_in_flight(),
            n_queued: self.cursor.n_waiting(head),
            n_dropped: self.n_dropped.clone(),
            rate: if secs > 0.0 {
                (head - n_then) as f64 / secs
            } else {
                0.0
            },
        }
    }

    fn give_up(&mut self, oldest: u64, head: u64) {
        for (range, cause) in self.cursor.give_up(oldest, head) {
            let n = range.end - range.start;
            *self.n_dropped.entry(cause).or_insert(0) += n;
            self.channel.tally.count_dropped(cause, n);
            self.gaps.push(Gap {
                channel: self.channel.id(),
                from: range.start,
                until: range.end,
                cause,
            });
        }
    }
}
