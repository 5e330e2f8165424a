//! `cargo xtask demo`: page and server built in release, started, shown in the browser, until Ctrl-C.

use std::io::{BufReader, Write as _};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::cli::Demo;
use crate::{dist, repo};

/// What the demo asks of sensor-sim where the user says nothing else.
const DEFAULTS: [(&str, Option<&str>); 3] = [
    ("--dataset", Some("covertype")),
    ("--rate", Some("1000")),
    ("--loop", None),
];

/// A terminal's Ctrl-C reaches the server as well, a `kill` only this program: then the signal is passed on.
const GRACE: Duration = Duration::from_millis(500);

/// Runs the demo and returns the server's exit code.
pub(crate) fn run(demo: &Demo) -> Result<ExitCode> {
    if let Some(flag) = misplaced(&demo.server_args) {
        bail!("{flag} is an option of the demo, not of sensor-sim: write it before the `--`");
    }
    let server = dist::build_server()?;
    let mut command = repo::command(&server);
    command.arg("--port").arg(demo.port.to_string());
    command
        .args(server_args(&demo.server_args))
        .stdout(Stdio::piped());

    let (stop_sender, stop) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone only when the demo is ending anyway.
        let _ = stop_sender.send(());
    })
    .context("taking over Ctrl-C")?;

    let mut child = command
        .spawn()
        .with_context(|| format!("starting {}", server.display()))?;
    let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
    let open = !demo.no_open && has_desktop();
    let printer = std::thread::spawn(move || pass_on(BufReader::new(stdout), open));

    let status = wait(&mut child, &stop)?;
    // A browser started from here may hold nothing of the pipe: its end is the server's end.
    let _ = printer.join();
    Ok(exit_code(status))
}

/// The first of the user's arguments for sensor-sim that is meant for the demo itself.
fn misplaced(own: &[String]) -> Option<&str> {
    let mut flags = own.iter().map(|arg| arg.split('=').next().unwrap_or_default());
    flags.find(|flag| ["--no-open", "--port"].contains(flag))
}

/// The demo's defaults, less those that the user's own arguments replace, then the user's. Without a replay none has a meaning.
fn server_args(own: &[String]) -> Vec<String> {
    let is_given = |flag: &str| {
        own.iter()
            .any(|arg| arg == flag || arg.starts_with(&format!("{flag}=")))
    };
    let mut args = Vec::new();
    for (flag, value) in DEFAULTS {
        // A file of one's own instead of a data set, recorded times instead of a rate.
        let instead = match flag {
            "--dataset" => "--data",
            "--rate" => "--speed",
            flag => flag,
        };
        if !["--no-replay", flag, instead].into_iter().any(is_given) {
            args.push(flag.to_owned());
            args.extend(value.map(str::to_owned));
        }
    }
    args.extend(own.iter().cloned());
    args
}

/// Prints the server's lines and opens the first address among them.
fn pass_on(lines: impl std::io::BufRead, mut open: bool) {
    for line in lines.lines().map_while(Result::ok) {
        // Whoever reads our output may have left; the server's pipe has to be drained all the same.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        if open && let Some(url) = address_in(&line) {
            open = false;
            open_browser(url);
        }
    }
}

/// The page's address, if the line holds one.
fn address_in(line: &str) -> Option<&str> {
    let from = line.find("http://").or_else(|| line.find("https://"))?;
    line[from..].split_whitespace().next()
}

fn has_desktop() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("CI") || is_set("SSH_CONNECTION") {
        return false;
    }
    cfg!(any(target_os = "macos", windows)) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

fn open_browser(url: &str) {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("cmd");
        command.args(["/C", "start", ""]);
        command
    } else {
        Command::new("xdg-open")
    };
    let spawned = command
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = spawned {
        eprintln!("could not open the browser ({error}); open {url} yourself");
    }
}

/// Waits for the server's end; a stop that it has not heard of by itself is passed on to it.
fn wait(child: &mut Child, stop: &mpsc::Receiver<()>) -> Result<ExitStatus> {
    let mut pass_on_at = None;
    loop {
        if let Some(status) = child.try_wait().context("waiting for sensor-sim")? {
            return Ok(status);
        }
        if stop.recv_timeout(Duration::from_millis(50)).is_ok() {
            pass_on_at = Some(Instant::now() + GRACE);
        }
        if pass_on_at.is_some_and(|at| Instant::now() >= at) {
            pass_on_at = None;
            interrupt(child)?;
        }
    }
}

#[cfg(unix)]
fn interrupt(child: &mut Child) -> Result<()> {
    repo::run(Command::new("kill").arg("-INT").arg(child.id().to_string()))
}

#[cfg(not(unix))]
fn interrupt(child: &mut Child) -> Result<()> {
    child.kill().context("ending sensor-sim")
}

fn exit_code(status: ExitStatus) -> ExitCode {
    // Killed by a signal: no code of its own.
    let code = status.code().unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(own: &[&str], expected: &str) {
        let own: Vec<String> = own.iter().map(|&arg| arg.to_owned()).collect();
        assert_eq!(server_args(&own).join(" "), expected);
    }

    #[test]
    fn own_arguments_replace_the_demos() {
        check(&[], "--dataset covertype --rate 1000 --loop");
        check(&["--dataset", "wine"], "--rate 1000 --loop --dataset wine");
        check(&["--rate=max"], "--dataset covertype --loop --rate=max");
        check(&["--data", "my.csv"], "--rate 1000 --loop --data my.csv");
        check(&["--speed", "60"], "--dataset covertype --loop --speed 60");
        check(&["--no-replay"], "--no-replay");
    }

    #[test]
    fn the_demos_own_options_are_told_from_the_servers() {
        let misplaced =
            |arg: &str| super::misplaced(&["--loop".to_owned(), arg.to_owned()]).map(str::to_owned);
        assert_eq!(misplaced("--no-open").as_deref(), Some("--no-open"));
        assert_eq!(misplaced("--port=0").as_deref(), Some("--port"));
        assert_eq!(misplaced("--no-replay"), None);
    }

    #[test]
    fn the_address_is_found_in_a_line() {
        assert_eq!(
            address_in("page: http://127.0.0.1:9001/ (Ctrl-C ends)"),
            Some("http://127.0.0.1:9001/")
        );
        assert_eq!(
            address_in("https://127.0.0.1:9001/"),
            Some("https://127.0.0.1:9001/")
        );
        assert_eq!(address_in("nothing here"), None);
    }
}
