//! `cargo xtask bench stream`.
use crate::cli::BenchStream;
use anyhow::Result;
pub(crate) fn run(_args: &BenchStream) -> Result<()> {
    anyhow::bail!("wip")
}
