//! A server that someone starts must serve its page, need nothing but itself, and end on Ctrl-C.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::Log;
use crate::repo;

/// Starts the distributed `binary` with an empty working folder and an empty environment.
pub(super) fn starts_in_an_empty_folder(log: &mut Log, binary: &Path) -> Result<()> {
    let dir = std::env::temp_dir().join(format!("runnel-dist-{}", std::process::id()));
    fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    let mut server = Command::new(binary);
    server
        .args(["--dataset", "wine", "--port", "0"])
        .current_dir(&dir)
        .env_clear();
    serves_its_page(log, &mut server)?;
    // Also proves that nothing was written beside it.
    fs::remove_dir(&dir).with_context(|| format!("{} is not empty any more", dir.display()))
}

/// Types `cargo xtask demo`, as it were.
pub(super) fn demo_runs(log: &mut Log) -> Result<()> {
    let mut demo = repo::command(std::env::current_exe().context("finding this program")?);
    serves_its_page(
        log,
        demo.args(["demo", "--port", "0", "--no-open", "--", "--dataset", "wine"]),
    )
}

/// Starts `command`, fetches the page and its WebAssembly from the address that it prints, and ends it.
fn serves_its_page(log: &mut Log, command: &mut Command) -> Result<()> {
    let mut server = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.file.try_clone()?)
        .spawn()
        .with_context(|| format!("starting {}", repo::show(command)))?;
    let fetched = fetch_page(log, &mut server);
    let ended = end(&mut server);
    fetched.and(ended)
}

fn fetch_page(log: &mut Log, server: &mut Child) -> Result<()> {
    let stdout = server.stdout.take().expect("stdout was asked for as a pipe");
    let line = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .find(|line| line.contains("http://"));
    let line = line.context("the server ended without printing its address")?;
    log.say(&line)?;
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    let address = address.with_context(|| format!("no address in {line:?}"))?;
    for (path, needle) in [
        ("/", "<html"),
        ("/viewer.js", "wasm"),
        ("/viewer_bg.wasm", "\0asm"),
        ("/healthz", ""),
    ] {
        let answer = get(address, path).with_context(|| format!("GET {path}"))?;
        let status = answer.lines().next().unwrap_or_default().to_owned();
        log.say(&format!("GET {path}: {status}, {} bytes", answer.len()))?;
        if !status.contains(" 200") || !answer.contains(needle) {
            bail!("GET {path} should answer 200 and hold {needle:?}, but it answered: {status}");
        }
    }
    Ok(())
}

/// The whole answer, head and body.
fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Ends the server as Ctrl-C does, where there is such a thing, and expects it to call that a success.
fn end(server: &mut Child) -> Result<()> {
    if cfg!(unix) {
        repo::run(Command::new("kill").arg("-INT").arg(server.id().to_string()))?;
        let status = server.wait().context("waiting for the server")?;
        if !status.success() {
            bail!("the server was interrupted and should have ended with 0, but: {status}");
        }
    } else {
        server.kill().context("ending the server")?;
        server.wait().context("waiting for the server")?;
    }
    Ok(())
}
