//! sensor-sim from outside: real sockets, real processes.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

mod access;
mod bad_input;
mod http;
mod ingest;
mod ingest_limits;
mod ingest_models;
mod live;
mod program;
mod publish;
mod sensor;
mod support;
