//! `cargo xtask fuzz`: the decoders of foreign bytes against other cases than the tests' own, for as long as one likes.
//!
//! It runs the very tests that `cargo test` runs, with fresh seeds. No cargo-fuzz: that needs a nightly compiler, and these
//! decoders are reached by damaging good samples, without coverage to steer by.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::cli::Fuzz;
use crate::repo;

/// What can be fuzzed.
#[derive(Debug, Clone, Copy)]
struct Target {
    name: &'static str,
    package: &'static str,
    test: &'static str,
    /// Which of the test's functions; all that have this in their name.
    functions: &'static str,
    /// Cases of a round, for each function: some seconds.
    n_cases: u32,
}

const TARGETS: [Target; 5] = [
    target("sensor", "protocol", "sensor_fuzz", "survive", 100_000),
    target("live", "protocol", "fuzz", "messages_survive", 500_000),
    target("batch", "protocol", "fuzz", "batches_survive", 1_000_000),
    target("model", "classifier", "hostile_files", "never_panic", 2_000),
    target("data", "datasets", "fuzz", "survive", 5_000),
];

const fn target(
    name: &'static str,
    package: &'static str,
    test: &'static str,
    functions: &'static str,
    n_cases: u32,
) -> Target {
    Target {
        name,
        package,
        test,
        functions,
        n_cases,
    }
}

/// The names that the command takes.
pub(crate) fn target_names() -> Vec<&'static str> {
    TARGETS.iter().map(|target| target.name).collect()
}

/// Round after round, each target in turn, until the time is up or a check fails.
pub(crate) fn run(args: &Fuzz) -> Result<()> {
    let is_chosen =
        |target: &&Target| args.targets.is_empty() || args.targets.iter().any(|name| name == target.name);
    let chosen: Vec<Target> = TARGETS.iter().filter(is_chosen).copied().collect();
    for target in &chosen {
        repo::run(test(target).arg("--no-run"))?;
    }
    let deadline = Instant::now() + Duration::from_secs(60 * u64::from(args.minutes));
    let mut n_rounds = 0_u32;
    loop {
        // The standard library's hash keys are random, and a seed need be no more.
        let seed = args
            .seed
            .unwrap_or_else(|| RandomState::new().build_hasher().finish());
        for target in &chosen {
            println!("{}: seed {seed}", target.name);
            round(target, seed)?;
        }
        n_rounds += 1;
        if args.seed.is_some() || Instant::now() >= deadline {
            println!("{n_rounds} rounds, nothing found");
            return Ok(());
        }
    }
}

fn test(target: &Target) -> std::process::Command {
    let mut command = repo::cargo();
    command.args([
        "test",
        "--quiet",
        "--release",
        "--package",
        target.package,
        "--test",
        target.test,
    ]);
    command
}

fn round(target: &Target, seed: u64) -> Result<()> {
    let output = test(target)
        .arg(target.functions)
        .env("RUNNEL_FUZZ_SEED", seed.to_string())
        .env("RUNNEL_FUZZ_CASES", target.n_cases.to_string())
        .output()
        .with_context(|| format!("running the tests of {}", target.package))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("test result: ok") && !text.contains(" 0 passed") {
        return Ok(());
    }
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    bail!(
        "{} failed; the input is above, as hexadecimal after `fuzz input:`. Again: cargo xtask fuzz {} --seed {seed}",
        target.name,
        target.name
    )
}
