//! The suites of `cargo xtask test`, in the order in which they run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::{Counted, Log, Suite, server};
use crate::{bench_baselines, dist, package, repo, tools};

/// Cheap ones first; the last ones need the release build, Node, Python and Chromium.
pub(super) const SUITES: [Suite; 16] = [
    Suite {
        name: "format",
        about: "rustfmt has nothing to change",
        counted: Counted::Whole,
        run: |log| log.run(repo::cargo().args(["fmt", "--all", "--check"])),
    },
    Suite {
        name: "clippy",
        about: "no warnings on this machine's target",
        counted: Counted::Whole,
        run: |log| {
            log.run(repo::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--locked",
                "--",
                "-D",
                "warnings",
            ]))
        },
    },
    Suite {
        name: "clippy-wasm",
        about: "no warnings on wasm32",
        counted: Counted::Whole,
        run: clippy_wasm,
    },
    Suite {
        name: "deny",
        about: "what is built in: licences, sources, nothing twice without a reason, no known fault (deny.toml)",
        counted: Counted::Whole,
        run: deny,
    },
    Suite {
        name: "native",
        about: "unit and integration tests",
        counted: Counted::ByRunner,
        run: native,
    },
    Suite {
        name: "doctests",
        about: "examples in the documentation",
        counted: Counted::ByRunner,
        run: |log| log.run(repo::cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"])),
    },
    Suite {
        name: "docs",
        about: "documentation without warnings",
        counted: Counted::Whole,
        run: |log| {
            log.run(
                repo::cargo()
                    .args(["doc", "--workspace", "--no-deps", "--keep-going"])
                    .env("RUSTDOCFLAGS", "-D warnings"),
            )
        },
    },
    Suite {
        name: "wasm-node",
        about: "WebAssembly tests in Node, with SIMD",
        counted: Counted::ByRunner,
        run: |log| wasm_tests(log, Engine::Node, Simd::On),
    },
    Suite {
        name: "wasm-node-scalar",
        about: "WebAssembly tests in Node, without SIMD",
        counted: Counted::ByRunner,
        run: |log| wasm_tests(log, Engine::Node, Simd::Off),
    },
    Suite {
        name: "wasm-chromium",
        about: "WebAssembly tests in Chromium",
        counted: Counted::ByRunner,
        run: |log| wasm_tests(log, Engine::Chromium, Simd::On),
    },
    Suite {
        name: "page",
        about: "the page's JavaScript: types and unit tests",
        counted: Counted::ByRunner,
        run: page,
    },
    Suite {
        name: "baselines",
        about: "what the benches compare with finds the right neighbours, and their harness sees it",
        counted: Counted::ByRunner,
        run: baselines,
    },
    Suite {
        name: "dist",
        about: "the one-file server, started in an empty folder",
        counted: Counted::Whole,
        run: |log| server::starts_in_an_empty_folder(log, &dist::build()?),
    },
    Suite {
        name: "demo",
        about: "`cargo xtask demo`, until it is interrupted",
        counted: Counted::Whole,
        run: server::demo_runs,
    },
    Suite {
        name: "package",
        about: "the npm package, installed and used as its README says, against scikit-learn",
        counted: Counted::ByRunner,
        run: npm_package,
    },
    Suite {
        name: "end-to-end",
        about: "the real page in Chromium against the real server and scikit-learn",
        counted: Counted::ByRunner,
        run: end_to_end,
    },
];

/// Node holds each file of tests to it, all its tests together. Longer than any takes, ten times slower than usual; what is
/// waited for in them has a limit of its own.
const NODE_TIMEOUT: &str = "--test-timeout=900000";

/// The crates that run in the browser.
const WASM_CRATES: [&str; 5] = [
    "classifier",
    "evaluation",
    "protocol",
    "classifier-wasm",
    "viewer",
];

const WASM_TARGET: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

fn with_wasm_crates(command: &mut Command) -> &mut Command {
    command
        .args(WASM_TARGET)
        .args(WASM_CRATES.iter().flat_map(|name| ["--package", name]))
}

fn clippy_wasm(log: &mut Log) -> Result<()> {
    tools::ensure_wasm_target()?;
    log.run(with_wasm_crates(repo::cargo().arg("clippy")).args(["--", "-D", "warnings"]))
}

fn deny(log: &mut Log) -> Result<()> {
    let cargo_deny = tools::cargo_deny()?;
    let mut at_hand = repo::command(&cargo_deny);
    log.run(at_hand.args(["--locked", "check", "licenses", "bans", "sources"]))?;
    // The list of known faults is in a repository of its own.
    match repo::run(repo::command(&cargo_deny).args(["fetch", "db"])) {
        Ok(()) => {
            let mut faults = repo::command(&cargo_deny);
            log.run(faults.args(["--locked", "--offline", "check", "advisories"]))
        }
        Err(error) => log.say(&format!(
            "skipped: known faults of dependencies, as their list cannot be fetched: {error:#}"
        )),
    }
}

fn native(log: &mut Log) -> Result<()> {
    let mut command = repo::cargo();
    if repo::find_program("cargo-nextest").is_some() {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ]);
    }
    // Other languages' model files and the clients of docs/connect.md; all other tests need no more than Rust.
    for (variable, program) in [
        ("RUNNEL_PYTHON", tools::python("viewer/e2e")),
        (
            "RUNNEL_NODE",
            tools::node_with_packages("sensor-sim/tests/clients"),
        ),
        ("RUNNEL_CURL", tools::curl()),
        ("RUNNEL_WEBSOCAT", tools::websocat()),
        ("RUNNEL_MOSQUITTO", tools::mosquitto()),
    ] {
        match program {
            Ok(program) => {
                command.env(variable, program);
            }
            Err(error) => log.say(&format!("skipped: tests that need {variable}: {error:#}"))?,
        }
    }
    log.run(&mut command)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Node,
    Chromium,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Simd {
    On,
    Off,
}

/// Runs the integration tests that are written for wasm-bindgen's test runner.
fn wasm_tests(log: &mut Log, engine: Engine, simd: Simd) -> Result<()> {
    tools::ensure_wasm_target()?;
    let mut command = repo::cargo();
    command.arg("test").args(WASM_TARGET).arg("--no-fail-fast");
    for (package, test) in wasm_test_files()? {
        command.args(["--package", &package, "--test", &test]);
    }
    command.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        tools::wasm_test_runner()?,
    );
    // Some tests classify real data sets, and other suites' leftovers may still use the machine.
    command.env("WASM_BINDGEN_TEST_TIMEOUT", "300");
    if simd == Simd::Off {
        // Set and empty: it replaces the flags of .cargo/config.toml, which ask for SIMD.
        command.env("RUSTFLAGS", "");
    }
    match engine {
        Engine::Node => {
            tools::node()?;
            command.env("WASM_BINDGEN_TEST_ONLY_NODE", "1");
        }
        Engine::Chromium => {
            let capabilities = repo::target().join("tools/webdriver.json");
            write_capabilities(&capabilities, &tools::chromium()?)?;
            command
                .env("WASM_BINDGEN_USE_BROWSER", "1")
                .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
                .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities)
                .env("CHROMEDRIVER", tools::chromedriver()?);
        }
    }
    log.run(&mut command)
}

/// Package and name of each integration test that uses `wasm_bindgen_test`.
fn wasm_test_files() -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for package in WASM_CRATES {
        let dir = [format!("crates/{package}/tests"), format!("{package}/tests")]
            .map(|dir| repo::root().join(dir))
            .into_iter()
            .find(|dir| dir.is_dir());
        let Some(dir) = dir else { continue };
        for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
            let path = entry?.path();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if is_rust && fs::read_to_string(&path)?.contains("wasm_bindgen_test") {
                let stem = path
                    .file_stem()
                    .expect("a Rust file has a name")
                    .to_string_lossy();
                found.push((package.to_owned(), stem.into_owned()));
            }
        }
    }
    if found.is_empty() {
        bail!("no integration test uses wasm_bindgen_test");
    }
    found.sort();
    Ok(found)
}

/// What ChromeDriver is asked for; the same flags as in viewer/e2e/browser.mjs.
fn write_capabilities(path: &Path, chromium: &Path) -> Result<()> {
    let capabilities = serde_json::json!({
        "goog:chromeOptions": {
            "binary": chromium,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        },
    });
    fs::write(path, capabilities.to_string()).with_context(|| format!("writing {}", path.display()))
}

fn page(log: &mut Log) -> Result<()> {
    let node = tools::node_with_packages("viewer/e2e")?;
    log.run(
        repo::command(&node)
            .arg("viewer/e2e/node_modules/typescript/bin/tsc")
            .args(["--project", "viewer/e2e/tsconfig.json"]),
    )
    .context("checking the types of the page's scripts")?;
    let tests = files_ending(
        &repo::root().join("viewer/page-tests"),
        &[".test.js", ".test.mjs"],
    )?;
    log.run(
        repo::command(&node)
            .args(["--test", "--test-reporter=tap"])
            .args(tests),
    )
}

fn npm_package(log: &mut Log) -> Result<()> {
    let package = package::build()?;
    let server = dist::build()?;
    let folder = "classifier-wasm/e2e";
    let node = tools::node_with_packages(folder)?;
    let tests = files_ending(&repo::root().join(folder), &[".test.mjs"])?;
    log.run(
        repo::command(&node)
            .args(["--test", NODE_TIMEOUT, "--test-reporter=tap"])
            .args(tests)
            .env("RUNNEL_PACKAGE", package.tarball)
            .env("RUNNEL_SERVER", server)
            .env("RUNNEL_CHROMIUM", tools::chromium()?)
            .env("RUNNEL_PYTHON", tools::python("viewer/e2e")?),
    )
}

fn baselines(log: &mut Log) -> Result<()> {
    let wasm = bench_baselines::wasm()?;
    let node = tools::node_with_packages("baselines")?;
    let tests = files_ending(&repo::root().join("baselines/tests"), &[".test.mjs"])?;
    log.run(
        repo::command(&node)
            .args(["--test", "--test-reporter=tap"])
            .args(tests)
            .env("RUNNEL_BASELINES_WASM", wasm),
    )
}

fn end_to_end(log: &mut Log) -> Result<()> {
    let server = dist::build()?;
    let node = tools::node_with_packages("viewer/e2e")?;
    let tests = files_ending(&repo::root().join("viewer/e2e"), &[".test.mjs"])?;
    log.run(
        repo::command(&node)
            // One at a time: each wants the machine for itself.
            .args([
                "--test",
                "--test-concurrency=1",
                NODE_TIMEOUT,
                "--test-reporter=tap",
            ])
            .args(tests)
            .env("RUNNEL_SERVER", server)
            .env("RUNNEL_CHROMIUM", tools::chromium()?)
            .env("RUNNEL_PYTHON", tools::python("viewer/e2e")?),
    )
}

/// The files of `dir` whose names end in one of `ends`; at least one.
fn files_ending(dir: &Path, ends: &[&str]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if ends.iter().any(|end| path.to_string_lossy().ends_with(end)) {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!("no file ending in {} in {}", ends.join(" or "), dir.display());
    }
    files.sort();
    Ok(files)
}
