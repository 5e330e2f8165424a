//! `crates/classifier` for JavaScript callers: converts in, calls, converts out, and holds no algorithm.
//!
//! With the feature `js` (default) it exports what the npm package in `npm/` is made of: a [`Builder`] that takes
//! training rows in chunks, the [`Model`] that it makes, and [`Online`], whose rows come and go. Without it, it is only the way by which Rust crates for
//! the browser reach the classifier.

pub use classifier;

#[cfg(feature = "js")]
mod builder;
#[cfg(feature = "js")]
mod model;
#[cfg(feature = "js")]
mod online;
#[cfg(feature = "js")]
mod options;
#[cfg(feature = "js")]
pub use {builder::Builder, model::Model, online::Online};
