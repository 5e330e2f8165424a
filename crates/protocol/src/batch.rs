//! Binary batches of readings: a 32-byte header and fixed-size records, all little-endian.
//!
//! | offset | type | header field |
//! |---|---|---|
//! | 0 | u8 | kind, 1 |
//! | 1 | u8 | flags, 0 |
//! | 2 | u16 | channel |
//! | 4 | u32 | schema revision |
//! | 8 | u64 | sequence number of the first reading; the others follow without a gap |
//! | 16 | u64 | when the server handed the batch to the socket, µs |
//! | 24 | u32 | readings in the batch |
//! | 28 | u32 | 0 |
//!
//! A record is: u64 time sent in µs, u16 true class (65,535: not known), then each feature in its schema type.
//! A record does not depend on its batch, so that the server encodes each reading once for all viewers.

use crate::NumberType;

/// The size and order of a record's fields for one schema revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordLayout {
    types: Vec<NumberType>,
}

impl RecordLayout {
    /// For features of these types, in this order.
    #[must_use]
    pub fn new(types: Vec<NumberType>) -> Self {
        Self { types }
    }

    /// Bytes of a record.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        10 + self.types.iter().map(|_| 8).sum::<usize>()
    }

    /// Appends one reading's record to `out`.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if the feature count differs, a value does not fit its type exactly, or the class is above 65,534.
    pub fn encode_record(
        &self,
        sent_micros: u64,
        true_label: Option<u32>,
        features: &[f64],
        out: &mut Vec<u8>,
    ) -> Result<(), BatchError> {
        let _ = (sent_micros, true_label, features, out);
        Ok(())
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

/// Puts records together.
#[derive(Debug, Default)]
pub struct BatchWriter {}

/// A decoded view of a batch's bytes.
#[derive(Debug)]
pub struct ReadingBatch<'a> {
    /// The header.
    pub header: BatchHeader,
    #[allow(dead_code, reason = "skeleton")]
    records: &'a [u8],
}

/// Why bytes are not a batch.
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
}
