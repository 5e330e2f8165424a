//! Exact k-nearest-neighbour classification, feature preparation and model files; pure computation.
//!
//! Knows no I/O, clock, async runtime or JavaScript, so the same code runs native, in the browser and in Node.
#![forbid(unsafe_code)]

mod error;
mod knn;
mod preparation;
mod rows;

pub use error::{FitError, QueryError};
pub use knn::{EngineKind, Knn, KnnOptions, Metric, Neighbour};
pub use preparation::{Preparation, Scaling};
pub use rows::{RowMajor, Rows};

/// A class as its dense index `0..n_classes`.
pub type ClassId = u32;
