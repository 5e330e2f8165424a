//! Binary batches of readings: a 32-byte header and fixed-size records, all little-endian.
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
//! A record is: u64 time sent in µs, u16 true class (65,535: not known), u64 the sensor's time in µs (all ones: not
//! given) where the schema says so, then each feature in its schema type,
//! without padding. A record does not depend on its batch, so that the server encodes each reading once for all viewers.
//!
//! Encoding refuses what would not come back as it was; decoding checks every length before it reads and never panics
//! on bytes. [`ReadingBatch`] borrows the bytes and allocates nothing.

use crate::number_type::take;
use crate::{MAX_SERVER_MESSAGE_BYTES, NumberType, Schema};

/// First byte of a batch.
const KIND: u8 = 1;

/// Bytes of a batch's header.
const HEADER_BYTES: usize = 32;

/// Bytes of a record before its features: time sent and true class.
const RECORD_HEAD_BYTES: usize = 10;

/// Flag: records carry the sensor's time.
const SENSOR_TIME: u8 = 1;

/// Bytes of the sensor's time, and what stands there for a reading without one.
const SENSOR_TIME_BYTES: usize = 8;
const NO_SENSOR_TIME: u64 = u64::MAX;

/// The true class of a reading whose class is not known.
const NO_TRUE_LABEL: u16 = u16::MAX;

/// The size and order of a record's fields for one schema revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLayout {
    types: Vec<NumberType>,
    has_sensor_time: bool,
    record_bytes: usize,
}

impl RecordLayout {
    /// For features of these types, in this order.
    #[must_use]
    pub fn new(types: Vec<NumberType>) -> Self {
        let feature_bytes: usize = types.iter().map(|number_type| number_type.n_bytes()).sum();
        Self {
            types,
            has_sensor_time: false,
            record_bytes: RECORD_HEAD_BYTES + feature_bytes,
        }
    }

    /// The same with room for the sensor's time in each record.
    #[must_use]
    pub fn with_sensor_time(mut self) -> Self {
        if !self.has_sensor_time {
            self.has_sensor_time = true;
            self.record_bytes += SENSOR_TIME_BYTES;
        }
        self
    }

    /// The layout of the records of a schema's channel.
    #[must_use]
    pub fn of_schema(schema: &Schema) -> Self {
        let types = schema.features.iter().map(|feature| feature.number_type);
        let layout = Self::new(types.collect());
        if schema.sensor_time {
            layout.with_sensor_time()
        } else {
            layout
        }
    }

    /// The features' types, in order.
    #[must_use]
    pub fn types(&self) -> &[NumberType] {
        &self.types
    }

    /// Features of a record.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.types.len()
    }

    /// Bytes of a record.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Most readings of a batch that keeps to [`MAX_SERVER_MESSAGE_BYTES`]; 0 if not even one fits.
    #[must_use]
    pub fn max_readings(&self) -> usize {
        (MAX_SERVER_MESSAGE_BYTES - HEADER_BYTES) / self.record_bytes
    }

    /// Appends one reading's record to `out`, without a sensor's time; after an error `out` is as it was.
    ///
    /// # Errors
    ///
    /// Those of [`RecordLayout::encode_timed_record`].
    pub fn encode_record(
        &self,
        sent_micros: u64,
        true_label: Option<u32>,
        features: &[f64],
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        self.encode_timed_record(sent_micros, None, true_label, features, out)
    }

    /// Appends one reading's record to `out`; after an error `out` is as it was.
    ///
    /// `sensor_micros` is left out where the layout has no room for it. Its largest value means that there is none.
    ///
    /// # Errors
    ///
    /// [`BatchError::FeatureCount`] if there are not as many features as the schema has, [`BatchError::DoesNotFit`] if
    /// a value would not come back bit for bit, [`BatchError::ClassTooLarge`] if the true class is above 65,534.
    pub fn encode_timed_record(
        &self,
        sent_micros: u64,
        sensor_micros: Option<u64>,
        true_label: Option<u32>,
        features: &[f64],
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        if features.len() != self.types.len() {
            return Err(BatchError::FeatureCount {
                expected: self.types.len(),
                actual: features.len(),
            });
        }
        let misfit = self
            .types
            .iter()
            .zip(features)
            .position(|(number_type, &value)| !number_type.holds(value));
        if let Some(feature) = misfit {
            let (number_type, value) = (self.types[feature], features[feature]);
            return Err(BatchError::DoesNotFit {
                feature,
                value,
                number_type,
            });
        }
        let class = class_field(true_label)?;
        out.reserve(self.record_bytes);
        out.extend_from_slice(&sent_micros.to_le_bytes());
        out.extend_from_slice(&class.to_le_bytes());
        if self.has_sensor_time {
            out.extend_from_slice(&sensor_micros.unwrap_or(NO_SENSOR_TIME).to_le_bytes());
        }
        for (number_type, &value) in self.types.iter().zip(features) {
            number_type.push(value, out);
        }
        Ok(())
    }

    /// Gives a record of this layout another true class.
    ///
    /// # Errors
    ///
    /// [`BatchError::RecordLength`] if it has not the layout's length, [`BatchError::ClassTooLarge`] if the class is
    /// above 65,534.
    pub fn relabel(&self, record: &mut [u8], true_label: u32) -> Result<(), BatchError> {
        if record.len() != self.record_bytes {
            return Err(BatchError::RecordLength {
                expected: self.record_bytes,
                actual: record.len(),
            });
        }
        let class = class_field(Some(true_label))?;
        record[8..RECORD_HEAD_BYTES].copy_from_slice(&class.to_le_bytes());
        Ok(())
    }

    fn flags(&self) -> u8 {
        if self.has_sensor_time { SENSOR_TIME } else { 0 }
    }
}

/// A true class as it stands in a record.
fn class_field(true_label: Option<u32>) -> Result<u16, BatchError> {
    match true_label {
        None => Ok(NO_TRUE_LABEL),
        Some(class) => match u16::try_from(class) {
            Ok(narrow) if narrow != NO_TRUE_LABEL => Ok(narrow),
            _ => Err(BatchError::ClassTooLarge { class }),
        },
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
        let mut bytes = Vec::with_capacity(HEADER_BYTES + n_readings * layout.record_bytes);
        bytes.extend_from_slice(&header.to_bytes(layout.flags()));
        Self {
            header,
            flags: layout.flags(),
            record_bytes: layout.record_bytes,
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

/// What a record says besides its features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHead {
    /// The reading's sequence number.
    pub seq: u64,
    /// When it was sent or, from a sensor, when it arrived at the server: µs since the Unix epoch, the server's clock.
    pub sent_micros: u64,
    /// When it was measured by the sensor's own account, µs since the Unix epoch.
    pub sensor_micros: Option<u64>,
    /// Its true class, if known. It may be beyond the schema's classes: check before indexing with it.
    pub true_label: Option<u32>,
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
        let expected = (layout.record_bytes as u64)
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
        let record_bytes = self.layout.record_bytes;
        let record = &self.records[idx * record_bytes..][..record_bytes];
        Record {
            seq: self.header.first_seq + idx as u64,
            layout: self.layout,
            record,
        }
        .read(features)
    }

    /// The readings in order.
    pub fn readings(&self) -> impl ExactSizeIterator<Item = Record<'a>> + use<'a> {
        let Self {
            header,
            layout,
            records,
        } = *self;
        records
            .chunks_exact(layout.record_bytes)
            .enumerate()
            .map(move |(idx, record)| Record {
                seq: header.first_seq + idx as u64,
                layout,
                record,
            })
    }
}

/// One reading of a [`ReadingBatch`], still encoded.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    seq: u64,
    layout: &'a RecordLayout,
    /// Exactly `layout.record_bytes` bytes.
    record: &'a [u8],
}

impl Record<'_> {
    /// The reading's sequence number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Empties `features` and fills it in the schema's order; allocates only while it is smaller than the schema.
    pub fn read(&self, features: &mut Vec<f64>) -> RecordHead {
        let mut rest = self.record;
        let sent_micros = take(&mut rest).map_or(0, u64::from_le_bytes);
        let class = take(&mut rest).map_or(NO_TRUE_LABEL, u16::from_le_bytes);
        let sensor_micros = if self.layout.has_sensor_time {
            take(&mut rest).map(u64::from_le_bytes)
        } else {
            None
        };
        features.clear();
        features.extend(
            self.layout
                .types
                .iter()
                .map_while(|number_type| number_type.take(&mut rest)),
        );
        debug_assert_eq!(
            features.len(),
            self.layout.n_features(),
            "a record has the layout's length"
        );
        let true_label = (class != NO_TRUE_LABEL).then_some(u32::from(class));
        RecordHead {
            seq: self.seq,
            sent_micros,
            sensor_micros: sensor_micros.filter(|&micros| micros != NO_SENSOR_TIME),
            true_label,
        }
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
