//! One reading as a binary record of fixed size, little-endian and without padding.
//!
//! A record is: u64 time sent in µs, u16 true class (65,535: not known), u64 the sensor's time in µs (all ones: not
//! given) where the schema says so, then each feature in its schema type. It does not depend on its batch, so that the
//! server encodes each reading once for all viewers.

use crate::number_type::take;
use crate::{BatchError, NumberType, Schema};

/// Bytes of a record before its features: time sent and true class.
const RECORD_HEAD_BYTES: usize = 10;

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

    /// Whether records carry the sensor's time.
    pub(crate) fn has_sensor_time(&self) -> bool {
        self.has_sensor_time
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

/// One reading of a [`ReadingBatch`](crate::ReadingBatch), still encoded.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    seq: u64,
    layout: &'a RecordLayout,
    /// Exactly `layout.record_bytes` bytes.
    record: &'a [u8],
}

impl<'a> Record<'a> {
    pub(crate) fn new(seq: u64, layout: &'a RecordLayout, record: &'a [u8]) -> Self {
        Self { seq, layout, record }
    }

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
