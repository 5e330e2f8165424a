//! The newest readings of a channel, encoded, within a bound in bytes: [`Ring`].

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use protocol::BatchError;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::announcement::Shape;

/// What a held reading costs beside its record and text: allocation headers, pointers, the entry itself.
const ENTRY_OVERHEAD_BYTES: usize = 128;

/// One reading as the ring holds it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) seq: u64,
    /// What its record is made by.
    pub(crate) shape: Arc<Shape>,
    /// Made by `RecordLayout::encode_record`.
    pub(crate) record: Box<[u8]>,
    /// Made when the first JSON viewer takes it.
    pub(crate) json: OnceLock<Utf8Bytes>,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    /// What `Ring::n_bytes` counts for it, its text left out.
    n_bytes: usize,
    /// What it counts for its text.
    text_bytes: usize,
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
    pub(crate) fn new(max_bytes: usize) -> Self {
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

    /// Appends handles to the readings from `from` on that have the same shape as the first of them: at most `n`, all of
    /// which the ring holds. Returns how many.
    pub(crate) fn collect(&self, from: u64, n: usize, out: &mut Vec<Arc<Entry>>) -> usize {
        let start = (from - self.oldest_seq) as usize;
        let n_before = out.len();
        let mut entries = self
            .slots
            .range(start..start + n)
            .map(|slot| &slot.entry)
            .peekable();
        if let Some(shape) = entries.peek().map(|entry| &entry.shape) {
            out.extend(
                entries
                    .take_while(|entry| Arc::ptr_eq(&entry.shape, shape))
                    .cloned(),
            );
        }
        out.len() - n_before
    }

    pub(crate) fn push(&mut self, record: Box<[u8]>, shape: &Arc<Shape>) {
        let n_bytes = record.len() + ENTRY_OVERHEAD_BYTES + self.shape_bytes(self.slots.len(), shape);
        let entry = Arc::new(Entry {
            seq: self.next_seq(),
            shape: Arc::clone(shape),
            record,
            json: OnceLock::new(),
        });
        self.slots.push_back(Slot {
            entry,
            n_bytes,
            text_bytes: 0,
        });
        self.n_bytes += n_bytes;
        self.shrink();
    }

    /// The reading `seq`, if it is held.
    pub(crate) fn get(&self, seq: u64) -> Option<&Arc<Entry>> {
        let idx = seq.checked_sub(self.oldest_seq)?;
        self.slots.get(idx as usize).map(|slot| &slot.entry)
    }

    /// Gives the reading `seq` a true class of the shape `current`, if it is still held and means the same by a shape that
    /// has this class: its own, or else the current one, which is then its own. Viewers that take it later get it with the
    /// class.
    ///
    /// # Errors
    ///
    /// A class that a record cannot hold.
    pub(crate) fn relabel(
        &mut self,
        seq: u64,
        true_label: u32,
        current: &Arc<Shape>,
    ) -> Result<(), BatchError> {
        let Some(entry) = self.get(seq) else { return Ok(()) };
        let class = true_label as usize;
        let idx = (seq - self.oldest_seq) as usize;
        let (shape, shape_bytes) = if entry.shape.classes.get(class) == current.classes.get(class) {
            (Arc::clone(&entry.shape), 0)
        } else if current.extends(&entry.shape) {
            (Arc::clone(current), self.shape_bytes(idx, current))
        } else {
            return Ok(());
        };
        let mut record = entry.record.clone();
        shape.layout.relabel(&mut record, true_label)?;
        let slot = &mut self.slots[idx];
        slot.n_bytes += shape_bytes;
        self.n_bytes += shape_bytes;
        self.n_bytes -= std::mem::take(&mut slot.text_bytes);
        // A new entry: viewers may be sending the old one this moment.
        slot.entry = Arc::new(Entry {
            seq,
            shape,
            record,
            json: OnceLock::new(),
        });
        self.shrink();
        Ok(())
    }

    /// What a shape counts for the slot `idx`: nothing if the slot before has the same. A source that changes with each
    /// reading would else hold as many shapes as readings.
    fn shape_bytes(&self, idx: usize, shape: &Arc<Shape>) -> usize {
        let before = idx.checked_sub(1).and_then(|before| self.slots.get(before));
        let is_same_shape = before.is_some_and(|slot| Arc::ptr_eq(&slot.entry.shape, shape));
        if is_same_shape { 0 } else { shape.n_bytes() }
    }

    /// Lets go of the oldest readings until the bound holds.
    fn shrink(&mut self) {
        // The newest reading stays whatever its size, or no viewer would ever see it.
        while self.n_bytes > self.max_bytes && self.slots.len() > 1 {
            if let Some(slot) = self.slots.pop_front() {
                self.n_bytes -= slot.n_bytes + slot.text_bytes;
                self.oldest_seq += 1;
            }
        }
    }

    /// Counts the text that was made for a reading, if that very reading is still held.
    pub(crate) fn count_text(&mut self, entry: &Arc<Entry>, n_bytes: usize) {
        let slot = entry
            .seq
            .checked_sub(self.oldest_seq)
            .and_then(|idx| self.slots.get_mut(idx as usize))
            .filter(|slot| Arc::ptr_eq(&slot.entry, entry));
        if let Some(slot) = slot {
            slot.text_bytes += n_bytes;
            self.n_bytes += n_bytes;
            self.shrink();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled_ring(max_bytes: usize, n: usize) -> Ring {
        let mut ring = Ring::new(max_bytes);
        let shape = Arc::new(Shape::bare());
        for _ in 0..n {
            ring.push(vec![0; 72].into(), &shape);
        }
        ring
    }

    fn entry(ring: &Ring, seq: u64) -> Arc<Entry> {
        let mut entries = Vec::new();
        ring.collect(seq, 1, &mut entries);
        entries.remove(0)
    }

    #[test]
    fn the_ring_keeps_the_newest_within_its_bytes() {
        let ring = filled_ring(1_000, 12);
        assert_eq!((ring.oldest_seq(), ring.next_seq()), (7, 12));
        assert_eq!(ring.n_bytes, 1_000);
        let mut entries = Vec::new();
        assert_eq!(ring.collect(8, 3, &mut entries), 3);
        let seqs: Vec<u64> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [8, 9, 10]);
    }

    #[test]
    fn texts_count_against_the_ring_and_leave_with_their_reading() {
        let mut ring = filled_ring(1_000, 5);
        let oldest = entry(&ring, 0);
        ring.count_text(&entry(&ring, 4), 150);
        // At once, not with the next reading: while a replay is paused there is none.
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (1, 950));
        ring.count_text(&entry(&ring, 1), 50);
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (1, 1_000));
        ring.push(vec![0; 72].into(), &Arc::new(Shape::bare()));
        assert_eq!((ring.oldest_seq(), ring.n_bytes), (2, 950));
        // A text made after its reading left is counted nowhere.
        ring.count_text(&oldest, 150);
        assert_eq!(ring.n_bytes, 950);
    }

    #[test]
    fn the_newest_reading_stays_even_if_it_is_too_large() {
        let ring = filled_ring(10, 3);
        assert_eq!((ring.oldest_seq(), ring.next_seq()), (2, 3));
    }

    #[test]
    fn readings_of_two_shapes_are_never_collected_together() {
        let mut ring = filled_ring(10_000, 3);
        let shape = Arc::new(Shape::bare());
        for _ in 0..2 {
            ring.push(vec![0; 72].into(), &shape);
        }
        let mut entries = Vec::new();
        assert_eq!(ring.collect(1, 4, &mut entries), 2);
        assert_eq!(ring.collect(3, 2, &mut entries), 2);
    }

    #[test]
    fn shapes_count_against_the_ring() {
        let mut ring = Ring::new(10_000);
        let classes: Vec<String> = (0..30).map(|class| format!("class {class:04}")).collect();
        for _ in 0..100 {
            // As from a source that changes with each reading.
            let shape = Shape::new(1, Vec::new(), classes.clone(), false);
            ring.push(vec![0; 72].into(), &shape);
        }
        // 30 classes of 10 letters and their handles make a kilobyte.
        assert_eq!(ring.next_seq() - ring.oldest_seq(), 8);
    }

    #[test]
    fn a_reading_that_gets_a_class_is_another_entry() {
        let mut ring = Ring::new(1_000);
        let shape = Arc::new(Shape::bare());
        let mut record = Vec::new();
        shape.layout.encode_record(5, None, &[], &mut record).unwrap();
        ring.push(record.into(), &shape);
        let before = entry(&ring, 0);
        ring.count_text(&before, 100);
        ring.relabel(0, 2, &shape).unwrap();
        ring.relabel(9, 2, &shape).unwrap();
        let after = entry(&ring, 0);
        assert_eq!(
            (&before.record[8..], &after.record[8..]),
            (&[255, 255][..], &[2, 0][..])
        );
        assert_eq!(ring.n_bytes, 10 + ENTRY_OVERHEAD_BYTES, "its text went with it");
        ring.count_text(&before, 100);
        assert_eq!(ring.n_bytes, 10 + ENTRY_OVERHEAD_BYTES);
        assert!(ring.relabel(0, 65_535, &shape).is_err());
    }

    #[test]
    fn a_reading_gets_a_class_that_came_after_it_unless_it_means_something_else_now() {
        let shape_of = |classes: &[&str], sensor_time| {
            let classes = classes.iter().map(|&class| class.to_owned()).collect();
            Shape::new(1, Vec::new(), classes, sensor_time)
        };
        let mut ring = Ring::new(1_000);
        let before = shape_of(&["a"], false);
        for _ in 0..3 {
            let mut record = Vec::new();
            before.layout.encode_record(5, None, &[], &mut record).unwrap();
            ring.push(record.into(), &before);
        }
        let n_bytes = ring.n_bytes;
        ring.relabel(1, 1, &shape_of(&["a", "b"], true)).unwrap();
        ring.relabel(1, 1, &shape_of(&["b", "a"], false)).unwrap();
        assert_eq!(
            entry(&ring, 1).record[8..],
            [255, 255],
            "another layout, another order"
        );
        let now = shape_of(&["a", "b"], false);
        ring.relabel(0, 0, &now).unwrap();
        assert!(Arc::ptr_eq(&entry(&ring, 0).shape, &before), "it has that class");
        ring.relabel(1, 1, &now).unwrap();
        ring.relabel(2, 1, &now).unwrap();
        for seq in 1..3 {
            assert_eq!(entry(&ring, seq).record[8..], [1, 0]);
            assert!(Arc::ptr_eq(&entry(&ring, seq).shape, &now));
        }
        assert_eq!(
            ring.n_bytes,
            n_bytes + now.n_bytes(),
            "a shape counts once in a row"
        );
    }
}
