//! `cargo xtask screenshot`: the README's pictures, taken of the real page on a real stream.

use anyhow::Result;

use crate::{dist, repo, tools};

/// Writes docs/page-light.png and docs/page-dark.png.
pub(crate) fn run() -> Result<()> {
    let server = dist::build()?;
    let node = tools::node_with_packages("viewer/e2e")?;
    repo::run(
        repo::command(node)
            .arg("viewer/e2e/screenshot.mjs")
            .arg(repo::root().join("docs"))
            .env("RUNNEL_SERVER", server)
            .env("RUNNEL_CHROMIUM", tools::chromium()?),
    )
}
