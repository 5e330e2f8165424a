//! The page's worker: receives a stream, labels every reading and keeps the statistics that the page draws.
//!
//! [`Viewer`] is all of it but the browser: bytes and times go in, [`session::Action`]s and snapshots come out, so that
//! everything is tested natively. `worker` is the only module with JavaScript in it: socket, download, clock, timers and
//! messages of the page. README.md has the snapshot's fields and the messages.
//!
//! The way of a reading: `worker` takes a batch's arrival time, [`Viewer::binary`] checks it and puts it in the inbox,
//! [`Viewer::work`] decodes, classifies and evaluates for at most [`viewer::SLICE_MICROS`] before the browser gets
//! its turn. Nothing is allocated per reading.

pub mod backoff;
pub mod credit;
pub mod evidence;
pub mod kept;
pub mod labeller;
pub mod model_address;
pub mod page;
pub mod sequence;
pub mod session;
pub mod snapshot;
pub mod state;
pub mod statistics;
pub mod timeline;
pub mod truth;
pub mod viewer;
mod widen;
#[cfg(target_arch = "wasm32")]
mod worker;

pub use viewer::Viewer;
