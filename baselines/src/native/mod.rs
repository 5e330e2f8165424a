//! The commands of the native program.

mod accuracy;
mod bandwidth;
mod case;
mod prepare;
mod timing;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Writes the benches' files and times what is Rust.
#[derive(Debug, Parser)]
#[command(name = "baselines", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the cases into FOLDER, each in a folder of its own.
    Prepare {
        /// Where to.
        folder: PathBuf,
        /// How many of Covertype's queries get their true neighbours; of the other cases all do.
        #[arg(long, default_value_t = 20_000)]
        truth: usize,
    },
    /// Time the plain scan and ours on a case, in turns, and compare ours with the truth.
    Time {
        /// The folder of the case.
        case: PathBuf,
        /// Standardised instead of raw features.
        #[arg(long)]
        standard: bool,
        /// About how long a turn of the plain scan takes.
        #[arg(long, default_value_t = 500)]
        turn_millis: u64,
        /// Turns.
        #[arg(long, default_value_t = 5)]
        turns: usize,
    },
    /// Accuracy of ours on Wine, both ways, over seeds of the split.
    Accuracy {
        /// How many seeds, from 0.
        #[arg(long, default_value_t = 20)]
        seeds: u64,
    },
    /// Measure how fast one core reads memory.
    Bandwidth,
}

/// Runs the command that was typed and prints its result.
pub(crate) fn run() -> Result<()> {
    let result = match Cli::parse().command {
        Command::Prepare { folder, truth } => prepare::run(&folder, truth)?,
        Command::Time {
            case,
            standard,
            turn_millis,
            turns,
        } => timing::run(&case, standard, turn_millis, turns)?,
        Command::Accuracy { seeds } => accuracy::run(seeds)?,
        Command::Bandwidth => bandwidth::measure(),
    };
    println!("{result}");
    Ok(())
}
