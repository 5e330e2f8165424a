//! What the classifier is compared with, in one WebAssembly module and one program: same process, same data.
//!
//! [`Textbook`] is the paper's implementation, [`PlainScan`] the reference that ratios are taken to, [`Ours`] the
//! product. All three answer by one rule: neighbours by (squared distance, row), equal votes to the smallest class.
//! `truth` finds the neighbours of thousands of queries by brute force, for the exactness figures.
//!
//! The other implementations lie in `js` and `python`; `README.md` lists them all.
#![forbid(unsafe_code)]

mod nearest;
mod ours;
mod plain_scan;
mod textbook;
// Of no use without files and threads, and more than LLVM can turn into WebAssembly.
#[cfg(not(target_arch = "wasm32"))]
pub mod truth;

pub use ours::{Ours, OursBuilder};
pub use plain_scan::PlainScan;
pub use textbook::Textbook;
