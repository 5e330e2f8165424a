//! `cargo xtask dist`: one server binary with the page and the data sets inside.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{page, repo};

/// Builds page and server in release and returns the server's path in the target folder.
pub(crate) fn build_server() -> Result<PathBuf> {
    let page = page::build()?;
    build_server_with(&page)
}

fn build_server_with(page: &Path) -> Result<PathBuf> {
    // sensor-sim's build script embeds the folder named here.
    repo::run(
        repo::cargo()
            .args(["build", "--release", "--package", "sensor-sim"])
            .env("RUNNEL_PAGE_DIR", page),
    )?;
    Ok(repo::target().join("release").join(binary_name()))
}

/// Builds the server and copies it to dist/.
pub(crate) fn build() -> Result<PathBuf> {
    let built = build_server()?;
    let dist = repo::root().join("dist");
    fs::create_dir_all(&dist).with_context(|| format!("making {}", dist.display()))?;
    let binary = dist.join(binary_name());
    // A running binary cannot be written over, but it can be replaced.
    let fresh = dist.join(format!("{}.new", binary_name()));
    fs::copy(&built, &fresh)
        .with_context(|| format!("copying {} to {}", built.display(), fresh.display()))?;
    fs::rename(&fresh, &binary)
        .with_context(|| format!("moving {} to {}", fresh.display(), binary.display()))?;
    Ok(binary)
}

fn binary_name() -> String {
    format!("sensor-sim{}", std::env::consts::EXE_SUFFIX)
}
