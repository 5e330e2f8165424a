//! `cargo xtask package`: the npm package in dist/npm, and the file that `npm pack` makes of it beside it.
//!
//! The WebAssembly is built twice, with SIMD and without, and bound once: both have the same bindings. The hand-written
//! part comes from classifier-wasm/npm as it is, but for the scripts that a browser loads, which classifier-wasm/bundler makes one
//! of: that halves them. No wasm-opt: it takes 8 % off the files and adds 4 % to what travels compressed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{repo, tools};

/// Builds of the WebAssembly by file name, with the target features that each asks of the engine.
const BUILDS: [(&str, &str); 2] = [("simd", "+simd128"), ("scalar", "-simd128")];

/// What makes one script of those for browsers.
const BUNDLER: &str = "classifier-wasm/bundler";

/// The folder of the package, and the file to install it from.
pub(crate) struct Package {
    pub(crate) dir: PathBuf,
    pub(crate) tarball: PathBuf,
}

/// Builds the package.
pub(crate) fn build() -> Result<Package> {
    tools::ensure_wasm_target()?;
    let npm = tools::npm()?;
    let dist = repo::root().join("dist");
    let dir = dist.join("npm");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    let wasm = dir.join("wasm");
    fs::create_dir_all(&wasm).with_context(|| format!("making {}", wasm.display()))?;

    let mut bindings = Vec::new();
    for (name, features) in BUILDS {
        let bound = bind(&compile(name, features)?, name)?;
        copy(
            &bound.join("bindings_bg.wasm"),
            &wasm.join(format!("{name}.wasm")),
        )?;
        bindings.push(bound.join("bindings.js"));
    }
    if fs::read(&bindings[0])? != fs::read(&bindings[1])? {
        bail!("the builds with and without SIMD have different bindings");
    }
    copy(&bindings[0], &wasm.join("bindings.js"))?;

    for folder in [repo::root().join("classifier-wasm/npm"), repo::root().to_owned()] {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().expect("a folder's entry has a name");
            if path.is_file() && (folder != repo::root() || name.to_string_lossy().starts_with("LICENSE-")) {
                copy(&path, &dir.join(name))?;
            }
        }
    }

    let node = tools::node_with_packages(BUNDLER)?;
    repo::run(
        repo::command(&node)
            .arg(repo::root().join(BUNDLER).join("bundle.mjs"))
            .arg(&dir),
    )
    .context("bundling the scripts for browsers")?;

    let packed = repo::output(
        repo::command(npm)
            .args(["pack", "--silent", "--pack-destination"])
            .arg(&dist)
            .current_dir(&dir),
    )?;
    // It prints the file's name, in the last line.
    let name = packed.lines().last().context("`npm pack` named no file")?;
    let tarball = dist.join(name);
    Ok(Package { dir, tarball })
}

/// The WebAssembly as cargo makes it.
fn compile(name: &str, features: &str) -> Result<PathBuf> {
    // These flags replace those of .cargo/config.toml. The paths of whoever builds the package concern nobody: they
    // would otherwise stand in the messages of panics.
    let flags = [
        format!("-Ctarget-feature={features}"),
        // The package's scripts set it right after a call that ended in a trap (loading.js).
        "-Clink-arg=--export=__stack_pointer".to_owned(),
        format!("--remap-path-prefix={}=runnel", repo::root().display()),
        format!("--remap-path-prefix={}=cargo", tools::cargo_home()?.display()),
    ];
    // A folder for each build: in one, they would take turns at throwing out what the other made.
    let target = repo::target().join("package").join(name);
    repo::run(
        repo::cargo()
            .args([
                "build",
                "--profile",
                "small",
                "--target",
                "wasm32-unknown-unknown",
                "--package",
                "classifier-wasm",
                "--lib",
            ])
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f")),
    )?;
    Ok(target.join("wasm32-unknown-unknown/small/classifier_wasm.wasm"))
}

/// Folder with `bindings.js` and `bindings_bg.wasm`.
fn bind(wasm: &Path, name: &str) -> Result<PathBuf> {
    let out = repo::target().join("package").join(name).join("bound");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("emptying {}", out.display()))?;
    }
    Bindgen::new()
        .input_path(wasm)
        .out_name("bindings")
        .web(true)?
        // The package's own index.d.ts says what there is; this is for checking its scripts.
        .typescript(true)
        // The package says itself where its WebAssembly is; a bundler would look for the default.
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&out)
        .with_context(|| format!("running wasm-bindgen on {}", wasm.display()))?;
    Ok(out)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))
}
