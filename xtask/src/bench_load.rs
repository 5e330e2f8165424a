//! `cargo xtask bench ingest | attack`: load from sensors, and from attackers; see baselines/src/bin/load.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::cli::BenchLoad;
use crate::{bench_stream, dist, figures, repo, tools};

/// Measures readings from sensors beside brokers, and draws the picture.
pub(crate) fn ingest(args: &BenchLoad) -> Result<()> {
    let node = tools::node_with_packages("viewer/e2e")?;
    let python = tools::python("baselines/python")?;
    let mut command = load("ingest", args)?;
    command
        .arg("--mosquitto")
        .arg(tools::mosquitto()?)
        .arg("--nats-server")
        .arg(tools::nats_server()?)
        .arg("--node")
        .arg(node)
        .arg("--page-script")
        .arg(repo::root().join("viewer/e2e/bench-ingest.mjs"))
        .env("RUNNEL_CHROMIUM", tools::chromium()?);
    repo::run(&mut command)?;
    repo::run(
        repo::command(python)
            .arg("baselines/python/pictures.py")
            .arg(results_folder(args).join("ingest.json")),
    )?;
    // A quick run goes elsewhere, and the README keeps its figures.
    figures::update_readme()
}

/// Attacks the server, and measures what it makes of it.
pub(crate) fn attack(args: &BenchLoad) -> Result<()> {
    repo::run(&mut load("attack", args)?)
}

/// The program that puts load on a server, with what both of its commands take.
fn load(command: &str, args: &BenchLoad) -> Result<Command> {
    let server = dist::build()?;
    repo::run(repo::cargo().args(["build", "--release", "--package", "baselines", "--bin", "load"]))?;
    let program = repo::target().join(format!("release/load{}", std::env::consts::EXE_SUFFIX));
    let mut load = repo::command(program);
    load.arg(command)
        .arg("--server")
        .arg(server)
        .arg("--results")
        .arg(results_folder(args))
        .arg("--commit")
        .arg(bench_stream::commit()?);
    if args.quick {
        load.arg("--quick");
    }
    Ok(load)
}

fn results_folder(args: &BenchLoad) -> PathBuf {
    if args.quick {
        repo::target().join("bench")
    } else {
        repo::root().join("docs/results")
    }
}
