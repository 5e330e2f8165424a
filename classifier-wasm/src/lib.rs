//! `crates/classifier` for JavaScript callers: converts in, calls, converts out, and holds no algorithm.
//!
//! With the feature `js` (default) it exports the class `KnnModel`; without it, it is only the way by which Rust
//! crates for the browser reach the classifier.

pub use classifier;

#[cfg(feature = "js")]
mod knn_model;
#[cfg(feature = "js")]
pub use knn_model::KnnModel;
