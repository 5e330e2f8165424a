//! The native half of the benches: writes the files that every harness reads, and times what is Rust.
//!
//! `cargo xtask bench paper | knn` runs it; on its own: `cargo run --release -p baselines -- --help`. Results are JSON
//! on stdout.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "stdout is where a result belongs")]

#[cfg(not(target_arch = "wasm32"))]
#[path = "native/mod.rs"]
mod native;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    native::run()
}

/// The program is for the machine that holds the files; in a browser only the library is of use.
#[cfg(target_arch = "wasm32")]
fn main() {}
