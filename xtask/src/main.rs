//! Every developer command: `cargo xtask demo | test | dist | page | package | bench stream|paper|knn|ingest|attack | fuzz | conformance | screenshot`.
//!
//! `demo`, `dist` and `page` need Rust and a C compiler and nothing else, `package` also Node and npm: this program's own build
//! is part of a user's first run, so its dependencies are few. `test`, `bench` and `screenshot` also use Node, Python
//! and Chromium, and say what is missing.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to the person who typed it"
)]

#[cfg(test)]
mod arrows;
mod bench_baselines;
mod bench_load;
mod bench_stream;
mod cli;
mod conformance;
mod demo;
mod dist;
mod figures;
mod fuzz;
mod package;
mod page;
#[cfg(test)]
mod readme;
mod repo;
mod screenshot;
mod test;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use bench_baselines::Table;
use cli::{Bench, Cli, Command};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => return demo::run(&args),
        Command::Test(args) => return test::run(&args),
        Command::Dist => {
            let binary = dist::build()?;
            println!("built {}", binary.display());
        }
        Command::Page => {
            let page = page::build()?;
            println!("built {}", page.display());
        }
        Command::Package => {
            let package = package::build()?;
            println!("built {}", package.dir.display());
            println!("packed {}", package.tarball.display());
        }
        Command::Bench(Bench::Stream(args)) => bench_stream::run(&args)?,
        Command::Bench(Bench::Paper(args)) => bench_baselines::run(Table::Paper, &args)?,
        Command::Bench(Bench::Knn(args)) => bench_baselines::run(Table::Knn, &args)?,
        Command::Bench(Bench::Ingest(args)) => bench_load::ingest(&args)?,
        Command::Bench(Bench::Attack(args)) => bench_load::attack(&args)?,
        Command::Fuzz(args) => fuzz::run(&args)?,
        Command::Conformance => conformance::run()?,
        Command::Screenshot => screenshot::run()?,
    }
    Ok(ExitCode::SUCCESS)
}
