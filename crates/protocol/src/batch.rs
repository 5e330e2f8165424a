//! Binary batches of readings: a 32-byte header and fixed-size records (`record.rs`), all little-endian.
//!
//! | offset | type | header field |
//! |---|---|---|
//! | 0 | u8 | kind, 1 |
//! | 1 | u8 | flags: 1 if records carry the sensor's time, else 0 |
//! | 2 | u16 | channel |
//! | 4 | u32 | schema revision |
//! | 8 | u64 | sequence number of the first reading; the others follow without a gap |
//! | 16 | u64 | when the server handed the batch to the socket, µs |
//! | 24 | u32 | readings in the batch |
//! | 28 | u32 | 0 |
//!
//! Encoding refuses what would not come back as it was; decoding checks every length before it reads and never panics
//! on bytes. [`ReadingBatch`] borrows the bytes and allocates nothing.

use crate::number_type::take;
use crate::record::{Record, RecordHead, RecordLayout};
use crate::{MAX_SERVER_MESSAGE_BYTES, NumberType};

/// First byte of a batch.
const KIND: u8 = 1;

/// Bytes of a batch's header.
const HEADER_BYTES: usize = 32;

/// Flag: records carry the sensor's time.
const SENSOR_TIME: u8 = 1;

impl RecordLayout {
    /// Most readings of a batch that keeps to [`MAX_SERVER_MESSAGE_BYTES`]; 0 if not even one fits.
    #[must_use]
    pub fn max_readings(&self) -> usize {
        (MAX_SERVER_MESSAGE_BYTES - HEADER_BYTES) / self.record_bytes()
    }

    fn flags(&self) -> u8 {
        if self.has_sensor_time() { SENSOR_TIME } else { 0 }
    }
}

/// What a batch says of all its readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// The channel.
    pub channel: u16,
    /// The schema's revision.
    pub revision: u32,
    /// Sequence number of the first reading.
    pub first_seq: u64,
    /// When the server handed the batch to the socket.
    pub written_micros: u64,
    /// Readings in the batch.
    pub n_readings: u32,
}

impl BatchHeader {
    /// Reads the header alone, so that a receiver can find the layout of its channel and revision.
    ///
    /// # Errors
    ///
    /// [`BatchError::TooShort`], [`BatchError::UnknownKind`], [`BatchError::UnknownFlags`] or
    /// [`BatchError::SequenceOverflow`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        let mut rest = bytes;
        Self::take(&mut rest)
    }

    /// The sequence number after the last reading.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        // No overflow in a decoded header; a hand-made one saturates.
        self.first_seq.saturating_add(u64::from(self.n_readings))
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, BatchError> {
        let actual = bytes.len();
        let header: [u8; HEADER_BYTES] = take(bytes).ok_or(BatchError::TooShort { actual })?;
        let [kind, flags, ..] = header;
        if kind != KIND {
            return Err(BatchError::UnknownKind { actual: kind });
        }
        if flags & !SENSOR_TIME != 0 {
            return Err(BatchError::UnknownFlags { actual: flags });
        }
        // The last four bytes are kept for later: whatever a server puts there may be ignored.
        let header = Self {
            channel: u16::from_le_bytes(field(&header, 2)),
            revision: u32::from_le_bytes(field(&header, 4)),
            first_seq: u64::from_le_bytes(field(&header, 8)),
            written_micros: u64::from_le_bytes(field(&header, 16)),
            n_readings: u32::from_le_bytes(field(&header, 24)),
        };
        let Self {
            first_seq,
            n_readings,
            ..
        } = header;
        match first_seq.checked_add(u64::from(n_readings)) {
            None => Err(BatchError::SequenceOverflow {
                first_seq,
                n_readings,
            }),
            Some(_) => Ok(header),
        }
    }

    fn to_bytes(self, flags: u8) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = KIND;
        bytes[1] = flags;
        bytes[2..4].copy_from_slice(&self.channel.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.revision.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.written_micros.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.n_readings.to_le_bytes());
        bytes
    }
}

/// The `N` bytes from `offset` of a header; the offsets are those of the table above.
fn field<const N: usize>(header: &[u8; HEADER_BYTES], offset: usize) -> [u8; N] {
    std::array::from_fn(|idx| header[offset + idx])
}

/// Puts records of one layout together into a batch.
///
/// ```
/// use protocol::{BatchWriter, NumberType, ReadingBatch, RecordLayout};
///
/// let layout = RecordLayout::new(vec![NumberType::I16, NumberType::F32]);
/// let mut record = Vec::new();
/// layout.encode_record(1_700_000_000_000_000, Some(2), &[2596.0, 0.5], &mut record)?;
///
/// let mut batch = BatchWriter::new(&layout, 0, 1, 41);
/// batch.push(&record)?;
/// let bytes = batch.finish(1_700_000_000_000_250);
///
/// let batch = ReadingBatch::decode(&bytes, &layout)?;
/// let mut features = Vec::new();
/// let head = batch.read(0, &mut features);
/// assert_eq!((head.seq, head.true_label, features), (41, Some(2), vec![2596.0, 0.5]));
/// # Ok::<(), protocol::BatchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BatchWriter {
    header: BatchHeader,
    flags: u8,
    record_bytes: usize,
    bytes: Vec<u8>,
}

impl BatchWriter {
    /// An empty batch of `channel` and schema `revision`, whose first record will have the sequence number `first_seq`.
    #[must_use]
    pub fn new(layout: &RecordLayout, channel: u16, revision: u32, first_seq: u64) -> Self {
        Self::with_capacity(layout, channel, revision, first_seq, 0)
    }

    /// Like [`BatchWriter::new`], with room for `n_readings` records.
    #[must_use]
    pub fn with_capacity(
        layout: &RecordLayout,
        channel: u16,
        revision: u32,
        first_seq: u64,
        n_readings: usize,
    ) -> Self {
        let header = BatchHeader {
            channel,
            revision,
            first_seq,
            written_micros: 0,
            n_readings: 0,
        };
        let mut bytes = Vec::with_capacity(HEADER_BYTES + n_readings * layout.record_bytes());
        bytes.extend_from_slice(&header.to_bytes(layout.flags()));
        Self {
            header,
            flags: layout.flags(),
            record_bytes: layout.record_bytes(),
            bytes,
        }
    }

    /// Appends a record made by [`RecordLayout::encode_record`]; its sequence number follows the one before.
    ///
    /// # Errors
    ///
    /// [`BatchError::RecordLength`] if it has not the layout's length, [`BatchError::SequenceOverflow`] past the last
    /// sequence number.
    pub fn push(&mut self, record: &[u8]) -> Result<(), BatchError> {
        if record.len() != self.record_bytes {
            return Err(BatchError::RecordLength {
                expected: self.record_bytes,
                actual: record.len(),
            });
        }
        let BatchHeader {
            first_seq,
            n_readings,
            ..
        } = self.header;
        let overflow = BatchError::SequenceOverflow {
            first_seq,
            n_readings,
        };
        let n_readings = n_readings.checked_add(1).ok_or(overflow.clone())?;
        first_seq.checked_add(u64::from(n_readings)).ok_or(overflow)?;
        self.header.n_readings = n_readings;
        self.bytes.extend_from_slice(record);
        Ok(())
    }

    /// Records so far.
    #[must_use]
    pub fn n_readings(&self) -> u32 {
        self.header.n_readings
    }

    /// Bytes so far, the header included.
    #[must_use]
    pub fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The batch's bytes; `written_micros` is when they go to the socket, so call this last.
    #[must_use]
    pub fn finish(mut self, written_micros: u64) -> Vec<u8> {
        self.header.written_micros = written_micros;
        self.bytes[..HEADER_BYTES].copy_from_slice(&self.header.to_bytes(self.flags));
        self.bytes
    }
}

/// A decoded view of a batch's bytes.
#[derive(Debug, Clone, Copy)]
pub struct ReadingBatch<'a> {
    header: BatchHeader,
    layout: &'a RecordLayout,
    records: &'a [u8],
}

impl<'a> ReadingBatch<'a> {
    /// Checks that `bytes` are a batch of records of this layout; reads no record yet.
    ///
    /// Take the layout of the schema that [`BatchHeader::decode`] names: a batch says its revision, not its types.
    ///
    /// # Errors
    ///
    /// Those of [`BatchHeader::decode`], [`BatchError::UnknownFlags`] if the batch carries the sensor's time and the
    /// layout does not or the other way round, and [`BatchError::Length`] if there are not exactly the bytes announced.
    pub fn decode(bytes: &'a [u8], layout: &'a RecordLayout) -> Result<Self, BatchError> {
        let mut records = bytes;
        let header = BatchHeader::take(&mut records)?;
        let flags = bytes.get(1).copied().unwrap_or(0);
        if flags != layout.flags() {
            return Err(BatchError::UnknownFlags { actual: flags });
        }
        // In u64: 32 bits would overflow on wasm32.
        let expected = (layout.record_bytes() as u64)
            .checked_mul(u64::from(header.n_readings))
            .and_then(|n| n.checked_add(HEADER_BYTES as u64))
            .unwrap_or(u64::MAX);
        if bytes.len() as u64 != expected {
            return Err(BatchError::Length {
                expected,
                actual: bytes.len(),
            });
        }
        Ok(Self {
            header,
            layout,
            records,
        })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> BatchHeader {
        self.header
    }

    /// Readings in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.n_readings as usize
    }

    /// Whether the batch has no readings; a server sends no such batch.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.header.n_readings == 0
    }

    /// Reads the `idx`-th reading: `features` is emptied and filled in the schema's order.
    ///
    /// Allocates only while `features` is smaller than the schema.
    ///
    /// # Panics
    ///
    /// Unless `idx < self.len()`.
    pub fn read(&self, idx: usize, features: &mut Vec<f64>) -> RecordHead {
        let record_bytes = self.layout.record_bytes();
        let record = &self.records[idx * record_bytes..][..record_bytes];
        Record::new(self.header.first_seq + idx as u64, self.layout, record).read(features)
    }

    /// The readings in order.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = Record<'a>> + use<'a> {
        let Self {
            header,
            layout,
            records,
        } = *self;
        records
            .chunks_exact(layout.record_bytes())
            .enumerate()
            .map(move |(idx, record)| Record::new(header.first_seq + idx as u64, layout, record))
    }
}

/// Why a reading cannot be put into a batch, or why bytes are not a batch.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// Not as many features as the schema has.
    #[error("expected {expected} features, got {actual}")]
    FeatureCount {
        /// The schema's.
        expected: usize,
        /// The reading's.
        actual: usize,
    },
    /// A value that its type would change.
    #[error("feature {feature} is {value}, which {number_type} cannot hold exactly")]
    DoesNotFit {
        /// The feature's position, from 0.
        feature: usize,
        /// Its value.
        value: f64,
        /// The schema's type for it.
        number_type: NumberType,
    },
    /// A class id that 16 bits cannot hold beside "not known".
    #[error("true class {class} is above 65534")]
    ClassTooLarge {
        /// The class id.
        class: u32,
    },
    /// A record of another layout.
    #[error("expected a record of {expected} bytes, got {actual}")]
    RecordLength {
        /// The layout's.
        expected: usize,
        /// The record's.
        actual: usize,
    },
    /// Fewer bytes than a header has.
    #[error("a batch has at least 32 bytes, got {actual}")]
    TooShort {
        /// How many came.
        actual: usize,
    },
    /// A first byte that names nothing known.
    #[error("expected message kind 1, got {actual}")]
    UnknownKind {
        /// The byte.
        actual: u8,
    },
    /// Flags that may change the layout in a way not known here, or that are not those of the schema.
    #[error("expected the flags that the schema calls for, got {actual:#04x}")]
    UnknownFlags {
        /// The byte.
        actual: u8,
    },
    /// Not the length that the header announces.
    #[error("expected a batch of {expected} bytes, got {actual}")]
    Length {
        /// Header and announced records.
        expected: u64,
        /// How many came.
        actual: usize,
    },
    /// Sequence numbers past the last one.
    #[error("{n_readings} readings from sequence number {first_seq} pass the last sequence number")]
    SequenceOverflow {
        /// Of the first reading.
        first_seq: u64,
        /// How many there are.
        n_readings: u32,
    },
}
