//! `cargo xtask page`: the page as flat files in target/page, ready to be served or embedded.
//!
//! Its WebAssembly is built by cargo and bound by wasm-bindgen as a library; its HTML, CSS and JavaScript are copied,
//! the latter two without comments and indentation. No bundler, no Node.

mod lean;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{repo, tools};

/// What the page consists of besides the WebAssembly: everything else in viewer/page is for developers.
const EXTENSIONS: [&str; 8] = ["html", "css", "js", "svg", "png", "ico", "webmanifest", "woff2"];

/// Builds the page and returns its folder.
///
/// Files that did not change keep their time stamps, so that a server that embeds them is not rebuilt for nothing.
pub(crate) fn build() -> Result<PathBuf> {
    tools::ensure_wasm_target()?;
    repo::run(repo::cargo().args([
        "build",
        "--profile",
        "small",
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "viewer",
        "--lib",
    ]))?;
    let wasm = repo::target().join("wasm32-unknown-unknown/small/viewer.wasm");

    let bound = repo::target().join("page-bound");
    if bound.exists() {
        fs::remove_dir_all(&bound).with_context(|| format!("emptying {}", bound.display()))?;
    }
    bind(&wasm, &bound)?;

    let mut files = BTreeMap::new();
    collect(&bound, &["js", "wasm"], &mut files)?;
    collect(&repo::root().join("viewer/page"), &EXTENSIONS, &mut files)?;
    for (name, bytes) in &mut files {
        let name = name.to_string_lossy();
        // What wasm-bindgen wrote is not ours to cut.
        if name != "viewer.js" && (name.ends_with(".js") || name.ends_with(".css")) {
            let source = std::str::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
            *bytes = lean::lean(&name, source)?.into_bytes();
        }
    }
    let page = repo::target().join("page");
    replace(&page, &files)?;
    Ok(page)
}

/// Writes what a page loads of the module `NAME.wasm` into `out`: `NAME.js` and `NAME_bg.wasm`.
pub(crate) fn bind(wasm: &Path, out: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .web(true)?
        .typescript(false)
        // `init()` without arguments loads NAME_bg.wasm from beside NAME.js, as the command-line tool has it.
        .omit_default_module_path(false)
        // Names help nobody in a release page and are a fifth of its bytes.
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(out)
        .with_context(|| format!("running wasm-bindgen on {}", wasm.display()))
}

/// Adds the files of `dir` with one of `extensions` by name.
fn collect(dir: &Path, extensions: &[&str], files: &mut BTreeMap<OsString, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_name().expect("a folder's entry has a name").to_owned();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if !path.is_file() || !extensions.contains(&extension) {
            continue;
        }
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        if files.insert(name, bytes).is_some() {
            bail!("two files of the page have one name: {}", path.display());
        }
    }
    Ok(())
}

/// Makes `dir` hold exactly `files`, writing only what differs.
fn replace(dir: &Path, files: &BTreeMap<OsString, Vec<u8>>) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| !files.contains_key(name)) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    for (name, bytes) in files {
        let path = dir.join(name);
        if fs::read(&path).ok().as_ref() != Some(bytes) {
            fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_exactly_the_new_files() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("runnel-page-{}", std::process::id()));
        let first = BTreeMap::from([("a.js".into(), b"a".to_vec()), ("b.js".into(), b"b".to_vec())]);
        replace(&dir, &first)?;
        let unchanged = fs::metadata(dir.join("b.js"))?.modified()?;
        let second = BTreeMap::from([("b.js".into(), b"b".to_vec()), ("c.js".into(), b"c".to_vec())]);
        replace(&dir, &second)?;
        let mut found = BTreeMap::new();
        collect(&dir, &["js"], &mut found)?;
        assert_eq!(found, second);
        assert_eq!(fs::metadata(dir.join("b.js"))?.modified()?, unchanged);
        fs::remove_dir_all(&dir)?;
        Ok(())
    }
}
