//! Programs of others that tests run: found, or left out with a word.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder with Node's packages: clients, and what checks docs/asyncapi.yaml.
pub(crate) const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Where `require` finds these packages, whatever the working folder is.
pub(crate) const NODE_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/node_modules");

/// Node with its packages.
pub(crate) fn node() -> Option<PathBuf> {
    let packages = "for (const name of ['ws', 'node-red', 'ajv', 'js-yaml']) require.resolve(name)";
    program("RUNNEL_NODE", "node", &["-e", packages])
}

/// The program that `variable` names, else `name`, if `probe` succeeds with it.
///
/// Panics if the variable, which `cargo xtask test` sets, names one that is not good.
pub(crate) fn program(variable: &str, name: &str, probe: &[&str]) -> Option<PathBuf> {
    let asked_for = std::env::var_os(variable).map(PathBuf::from);
    let program = asked_for.clone().unwrap_or_else(|| name.into());
    let probed = Command::new(&program)
        .args(probe)
        .env("NODE_PATH", NODE_PATH)
        .stdin(Stdio::null())
        .output();
    let why = match probed {
        Ok(output) if output.status.success() => return Some(program),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(asked_for.is_none(), "{variable}: {probe:?} failed: {why}");
    eprintln!("skipped: what needs {name}, as {probe:?} failed: {why}");
    None
}
