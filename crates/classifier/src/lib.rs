//! Exact k-nearest-neighbour classification, feature preparation and model files; pure computation.
//!
//! Knows no I/O, clock, async runtime or JavaScript, so the same code runs native, in the browser and in Node.
//!
//! What "exact" means here, to the last bit and on every platform: a row's distance to the query point is
//! computed in f64 from prepared values `(value - offset) / scale`, the squared (Manhattan: absolute) differences
//! added in feature order without fused multiply-add; neighbours are ordered by (squared distance, row); equal
//! votes go to the smallest class. A feature's weight multiplies what its difference adds.
//! All engines give these answers, the fast ones by proof rather than by luck.
//!
//! ```
//! use classifier::{Knn, KnnOptions, RowMajor};
//!
//! let rows = [0.0, 0.0, 1.0, 0.0, 8.0, 9.0, 9.0, 9.0];
//! let options = KnnOptions { k: 3, ..KnnOptions::default() };
//! let mut knn = Knn::fit(&RowMajor::new(&rows, 2), &[0, 0, 1, 1], 2, &options)?;
//! assert_eq!(knn.predict(&[7.0, 7.0])?, 1);
//! assert_eq!(knn.neighbours(&[7.0, 7.0])?[0].row, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

// How a model comes about and answers, in the order in which to read it: `options` say what to fit, `growing` takes rows in,
// `compact` makes columns of them, `measure` says what a distance is and `question` adds it up; `parts`, `filter` and `scan`,
// `tree` or `textbook` find the nearest, and `votes` are counted. `knn` holds all that, `builder` and `pace` make it in slices,
// `describe` tells of it and `model_file` keeps it, with `labels` packed and numbers written by `decimal`. What queries spend
// their time in is in crate `kernels`. `online` is apart, but for `measure`, `votes` and what writes neighbours.
//
// The definition of a distance is `Question::distance_of`. It is stated anew, for speed, in `tree::exact` (without
// zeros), `tree::turned` (of values prepared before) and `kernels::distances`, and by `textbook` as the paper has it.
mod builder;
mod compact;
mod decimal;
mod describe;
mod error;
mod filter;
mod growing;
mod knn;
mod labels;
mod measure;
mod model_file;
mod online;
mod options;
mod pace;
mod parts;
mod preparation;
mod question;
#[cfg(test)]
#[path = "../tests/common/random.rs"]
#[allow(dead_code, reason = "each test uses its part")]
mod random;
mod rows;
mod scan;
mod sorting;
#[cfg(feature = "textbook")]
mod textbook;
mod tree;
mod votes;

pub use builder::{Build, KnnBuilder};
pub use describe::{Description, StorageSummary};
pub use error::{FitError, InsertError, ModelFileError, QueryError};
pub use knn::{Classification, Knn, Neighbour};
pub use model_file::ModelMetadata;
pub use online::{OnlineKnn, OnlineOptions};
pub use options::{EngineKind, KnnOptions, Metric};
pub use preparation::{Preparation, Scaling};
pub use rows::{RowMajor, Rows};
pub use votes::Voting;

/// A class as its dense index `0..n_classes`.
pub type ClassId = u32;
