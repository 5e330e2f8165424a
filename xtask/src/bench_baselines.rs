//! `cargo xtask bench paper | knn`: other implementations and ours side by side; see baselines/README.md.
//!
//! Everything is built before anything is timed. The cases are written anew each time: a file of an older split would
//! go unnoticed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use crate::cli::BenchBaselines;
use crate::{figures, page, repo, tools};

/// Which tables are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// The paper's implementations on the paper's data.
    Paper,
    /// The best peers, and how cost grows.
    Knn,
}

/// When no further measurement is begun, building included: nine minutes, less what the last one may take.
const LAST_START: Duration = Duration::from_secs(480);
/// But however long building took, there is so much time for measuring.
const LEAST: Duration = Duration::from_secs(120);

/// Builds, writes the cases, has everything measured and draws the pictures.
pub(crate) fn run(table: Table, args: &BenchBaselines) -> Result<()> {
    let started = Instant::now();
    let node = tools::node_with_packages("baselines")?;
    let python = tools::python("baselines/python")?;
    let chromium = tools::chromium()?;
    let wasm = wasm()?;
    repo::run(repo::cargo().args([
        "build",
        "--release",
        "--package",
        "baselines",
        "--bin",
        "baselines",
    ]))?;
    let native = repo::target().join(format!("release/baselines{}", std::env::consts::EXE_SUFFIX));
    let data = repo::target().join("bench-data");
    // The paper's implementations compare no more queries than they are timed with, and those are few.
    let n_truth = if table == Table::Paper || args.quick {
        "2000"
    } else {
        "20000"
    };
    println!("writing the cases into {}", data.display());
    repo::output(
        repo::command(&native)
            .arg("prepare")
            .arg(&data)
            .args(["--truth", n_truth]),
    )?;
    let (script, results) = match table {
        Table::Paper => ("baselines/js/bench-paper.mjs", "paper"),
        Table::Knn => ("baselines/js/bench-knn.mjs", "knn"),
    };
    let folder = if args.quick {
        repo::target().join("bench")
    } else {
        repo::root().join("docs/results")
    };
    let options = json!({
        "data_folder": data,
        "wasm_folder": wasm,
        "page_folder": repo::target().join("bench-page"),
        "native": native,
        "python": python,
        "results_folder": folder,
        "commit": crate::bench_stream::commit()?,
        "quick": args.quick,
        "seconds": LAST_START.saturating_sub(started.elapsed()).max(LEAST).as_secs(),
    });
    repo::run(
        repo::command(&node)
            .arg(script)
            .arg(options.to_string())
            .env("RUNNEL_CHROMIUM", chromium),
    )?;
    repo::run(
        repo::command(&python)
            .arg("baselines/python/pictures.py")
            .arg(folder.join(format!("{results}.json"))),
    )?;
    if args.quick {
        return Ok(());
    }
    figures::update_readme()
}

/// The WebAssembly module of baselines, bound for JavaScript, under target/bench-wasm.
pub(crate) fn wasm() -> Result<PathBuf> {
    tools::ensure_wasm_target()?;
    repo::run(repo::cargo().args([
        "build",
        "--profile",
        "small",
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "baselines",
        "--lib",
    ]))?;
    let built = repo::target().join("wasm32-unknown-unknown/small/baselines.wasm");
    let bound = repo::target().join("bench-wasm");
    page::bind(Path::new(&built), &bound)?;
    Ok(bound)
}
