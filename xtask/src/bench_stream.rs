//! `cargo xtask bench stream`: what a viewer gets, measured in a real Chromium; see viewer/e2e/bench-stream.mjs.
//! The full run also renews the README's figures.

use anyhow::Result;

use crate::cli::BenchStream;
use crate::{dist, figures, repo, tools};

/// Measures, and writes stream.json and stream.md.
pub(crate) fn run(args: &BenchStream) -> Result<()> {
    let server = dist::build()?;
    let node = tools::node_with_packages("viewer/e2e")?;
    let results = if args.quick {
        repo::target().join("bench")
    } else {
        repo::root().join("docs/results")
    };
    let mut command = repo::command(node);
    command
        .arg("viewer/e2e/bench-stream.mjs")
        .arg(results)
        .arg(commit()?)
        .arg(repo::target().join("page"))
        .env("RUNNEL_SERVER", server)
        .env("RUNNEL_CHROMIUM", tools::chromium()?);
    if args.quick {
        command.arg("--quick");
    }
    repo::run(&mut command)?;
    if args.quick {
        return Ok(());
    }
    figures::update_readme()
}

/// The commit that is measured, marked if the tree has changes on top of it.
pub(crate) fn commit() -> Result<String> {
    repo::output(repo::command("git").args(["describe", "--always", "--dirty", "--abbrev=10"]))
}
