//! Model files: safetensors, read and written without loss.
//!
//! `n` is the number of training rows; the columns are stored as they are held in memory (`compact.rs`).
//!
//! | tensor | type and shape | holds |
//! |---|---|---|
//! | `labels` | U8, U16 or U32, `[n]` | the class of each row |
//! | `short` | I16 `[features of form short, n]` | `u` of `(base + u) / divisor` |
//! | `category` | U8 `[groups, n]` | 0, or 1 + the place among the group's members of the feature that is 1 |
//! | `single` | F32 `[features of form single, n]` | values |
//! | `double` | F64 `[features of form double, n]` | values |
//! | `order` | U32 `[n]` | each row once, near rows together: makes a tree without sorting |
//!
//! A tensor without rows in its first dimension is left out. The header's `__metadata__` has two entries: `crc32`, the
//! CRC-32 of the record's UTF-8 bytes followed by all bytes after the header, as eight hexadecimal digits, and
//! `runnel`, the record, which is JSON with the fields
//!
//! - `version`: 3;
//! - `k`, `metric`, `preparation`, and `scaling`: its `offset` and `scale`, a number for each feature, of `(value - offset) / scale`, or
//!   null if `raw`; rows are stored unprepared;
//! - `voting`, and `feature_weights`, a number for each feature or none for ones;
//! - `class_names`, `feature_names`, and `source`, a word on where the rows come from;
//! - `columns`, the form of every feature in order: `{"constant": x}`, `{"short": {"base": x, "divisor": x}}`,
//!   `{"member": {"group": i}}`, `"single"`, `"double"`, or, if and only if its weight is 0, `"ignored"`. Features of one
//!   form are rows of its tensor in feature order;
//! - `engine`: `tree`, `scan` or `textbook`, whichever answered; `auto` chooses anew when the file is read;
//! - `categories`: the groups, ascending, whose combinations have trees of their own, in runs of `order` of at least 64 rows
//!   on average; `is_turned`, whether its boxes lie along principal axes, which are found anew; and `visited_ppm`, what
//!   the choice of the engine was based on, or null.
//!
//! The `base` of a short column is an integer up to 2^40 either way, its `divisor` a power of ten from 1 to 10^9, and `u` in
//! 0..=32767. There are up to 2^18 features and 2^20 classes, and names and source have up to 7 MB together.
//!
//! Who writes by other means may leave out `voting` (`uniform`), `feature_weights`, `engine` (`tree` with an `order`, else
//! `scan`), `categories`, `is_turned` (false) and `visited_ppm`. Any order that has each row once gives the same answers, and
//! without one the tree sorts for itself: boxes are not stored but computed from the rows.
//!
//! Bytes are untrusted: every length is checked against the bytes present before memory is taken for it, and memory
//! stays within a small multiple of the file's size (64 at worst, for a file with a single row: columns are padded). So does
//! time, but for the queries that choose a tree or an engine anew: like any query they may look at each feature of each row,
//! and for a constant feature's rows a file has no bytes. They are few, fewer where there is much to look at, and with `auto`
//! a file that has more than 256 such numbers a byte is refused.

mod checksum;
mod container;
mod json;
mod read;
mod record;
mod write;

use crate::builder::{MAX_CLASSES, MAX_FEATURES};
use crate::compact::Decimal;
use crate::{EngineKind, FitError, Metric, Preparation, Scaling, Voting};

/// Raised when older readers could not read, or would misread, what is written. Others are not read.
const VERSION: u32 = 3;
/// The entry of `__metadata__` that holds the record.
const RECORD_KEY: &str = "runnel";
/// The entry of `__metadata__` that holds the checksum.
const CHECKSUM_KEY: &str = "crc32";
/// Bytes that names and source may have together.
pub(crate) const MAX_TEXT_BYTES: usize = 7_000_000;
/// What is read can be written again, however much longer its numbers are then: a byte of text takes up to seven as JSON within
/// JSON, a name three for each quote and one for the comma, a feature up to 150 with its name, numbers and form, and the rest is little.
const _: () = assert!(
    7 * MAX_TEXT_BYTES + 7 * MAX_CLASSES + 150 * MAX_FEATURES + 10_000 < container::MAX_HEADER_BYTES,
    "the longest record fits in a header"
);
/// Bytes of the header's length at the start of a safetensors file.
const LENGTH_BYTES: usize = 8;

/// What a model file says beyond what [`Knn`](crate::Knn) itself knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelMetadata {
    /// Names of the classes, by class id.
    pub class_names: Vec<String>,
    /// Names of the features, in order.
    pub feature_names: Vec<String>,
    /// Where the training rows come from, for people.
    pub source: String,
}

impl ModelMetadata {
    /// Whether a model file can hold it, which can be asked before there is a model.
    ///
    /// # Errors
    ///
    /// [`FitError::TooMuchText`] if names and source have more than 7 MB together.
    pub fn check(&self) -> Result<(), FitError> {
        match self.n_bytes() {
            ..=MAX_TEXT_BYTES => Ok(()),
            n_bytes => Err(FitError::TooMuchText { n_bytes }),
        }
    }

    fn n_bytes(&self) -> usize {
        let names = self.class_names.iter().chain(&self.feature_names);
        self.source.len() + names.map(String::len).sum::<usize>()
    }
}

/// What `__metadata__` says under [`RECORD_KEY`]; what later code added may be missing.
#[derive(Default)]
struct Record {
    version: u32,
    k: usize,
    metric: Metric,
    voting: Voting,
    preparation: Preparation,
    scaling: Option<Scaling>,
    feature_weights: Vec<f64>,
    class_names: Vec<String>,
    feature_names: Vec<String>,
    source: String,
    columns: Vec<Form>,
    engine: Option<EngineKind>,
    categories: Vec<usize>,
    is_turned: bool,
    visited_ppm: Option<u32>,
}

enum Form {
    Ignored,
    Constant(f64),
    Short(Decimal),
    Member { group: usize },
    Single,
    Double,
}
