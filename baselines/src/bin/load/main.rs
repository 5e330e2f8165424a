//! Puts load on a server: readings through sensor-sim and through brokers, by the same client in the same run.
//!
//! `cargo xtask bench ingest` and `cargo xtask bench attack` run it; by hand: `cargo run --release -p baselines --bin
//! load -- --help`. It reads a process's memory where Linux has it, and nowhere else.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command tells how far it is and where its results are"
)]

mod attack;
mod attacks;
mod idle;
mod ingest;
mod latency;
mod machine;
mod page;
mod payload;
mod report;
mod report_attack;
mod report_ingest;
mod servers;
mod subscriber;
mod throughput;
mod wire;

use anyhow::Result;
use clap::Parser;

/// Puts load on a server and writes down how it fares.
#[derive(Debug, Parser)]
#[command(name = "load", disable_help_subcommand = true)]
enum Cli {
    /// Readings from sensors, beside what brokers do with the same.
    Ingest(ingest::IngestArgs),
    /// Attacks on sensor-sim, and what an innocent stream notices of them.
    Attack(attack::AttackArgs),
}

fn main() -> Result<()> {
    match Cli::parse() {
        Cli::Ingest(args) => args.run(),
        Cli::Attack(args) => args.run(),
    }
}
