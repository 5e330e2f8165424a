//! sensor-sim from outside: real sockets, real processes.
#![allow(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]
#![allow(clippy::print_stderr, reason = "a test that leaves something out says what")]

mod access;
mod asyncapi;
mod attacks;
mod bad_input;
mod broker;
mod clients;
#[cfg(unix)]
mod connect;
mod http;
mod ingest;
mod ingest_limits;
mod ingest_models;
mod live;
mod mqtt;
mod program;
mod program_with_log;
mod publish;
mod pull;
mod sensor;
mod support;
mod tls;
