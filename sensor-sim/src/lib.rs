//! Replays data sets as live streams over a WebSocket and serves the page that labels them.
//!
//! [`Prepared::new`] splits a data set and fits the model that is served with it; [`serve`] runs everything on one
//! listener until it is told to stop. The program in `main.rs` adds arguments, logging and signals.
//!
//! The path of a reading: `replay` publishes it into a `channel`'s ring, encoded once; each `viewer_session` takes it
//! from there at its own pace, under the rules of its `cursor`. Every queue is bounded, and whatever a viewer does not
//! get is told to it as a gap with a cause.
#![forbid(unsafe_code)]

mod accept;
mod access;
pub mod access_args;
pub mod addresses;
mod announcement;
mod assets;
mod bridge_args;
mod bridges;
mod candidates;
mod channel;
mod channels;
pub mod cli;
mod client_tls;
mod clock;
mod command_line;
pub mod config;
#[cfg(test)]
mod conformance;
mod cross_validation;
mod cursor;
pub mod data_args;
pub mod datasets_command;
mod delivery;
mod dial;
mod ending;
mod gate;
mod http;
mod ingest;
mod late_labels;
mod learner;
mod limit_args;
mod limits;
mod losses;
mod model;
mod parts;
pub mod phone;
mod presence;
pub mod publish;
mod replay;
mod requests;
mod ring;
mod schedule;
mod seats;
mod seldom;
mod server;
mod source;
mod sources;
pub mod tls;
mod twins;
mod upgrade;
mod viewer_session;

pub use access::{Access, Host, HostError, Token, TokenError};
pub use bridges::{AddressError, Bridge, BridgeError};
pub use client_tls::TrustError;
pub use config::{Config, Start};
pub use cross_validation::Score;
pub use limits::Limits;
pub use model::{FitFailure, ModelError};
pub use parts::PartsError;
pub use schedule::{MAX_CATCH_UP, MAX_RATE, MIN_RATE, Pace, RecordedTimes, TimesError};
pub use server::{PrepareError, Prepared, Summary, serve};

/// Name and version, as `hello` states them.
pub const SERVER_NAME: &str = concat!("sensor-sim/", env!("CARGO_PKG_VERSION"));
