//! The servers that are measured: started on a free port, looked at from outside, ended by their process id.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::idle::health;
use crate::wire::{TOKEN, TOPIC};

/// The programs, by path.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Programs {
    /// sensor-sim, built for release.
    #[arg(long)]
    pub(crate) server: PathBuf,
    /// mosquitto.
    #[arg(long)]
    pub(crate) mosquitto: PathBuf,
    /// nats-server.
    #[arg(long)]
    pub(crate) nats_server: PathBuf,
}

/// How long a server may take to answer on its port.
const START_LIMIT: Duration = Duration::from_secs(20);

/// sensor-sim's log, in its folder.
const LOG: &str = "log.txt";

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// For its files, if it needs any.
    folder: Option<PathBuf>,
    /// From which it fetches readings.
    broker: Option<Box<Server>>,
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Memory that is in use, and the most that ever was.
    pub(crate) rss_bytes: u64,
    pub(crate) peak_bytes: u64,
    /// Processor time since its start.
    pub(crate) cpu: Duration,
}

impl Server {
    /// sensor-sim with these arguments, for everybody on this machine.
    pub(crate) fn runnel(program: &Path, args: &[&str]) -> Result<Self> {
        Self::of_runnel(Command::new(program).args(args))
    }

    /// The same, subscribed to [`TOPIC`] at a mosquitto of its own.
    pub(crate) fn bridged_runnel(programs: &Programs, args: &[&str]) -> Result<Self> {
        let broker = Self::mosquitto(&programs.mosquitto)?;
        let address = format!("mqtt://127.0.0.1:{}/{TOPIC}", broker.port);
        let mut server = Self::runnel(&programs.server, &[args, &["--mqtt", &address]].concat())?;
        let deadline = Instant::now() + START_LIMIT;
        while health(server.port)?["bridges"][0]["state"] != "connected" {
            ensure!(
                Instant::now() < deadline,
                "sensor-sim does not subscribe at {address}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        server.broker = Some(Box::new(broker));
        Ok(server)
    }

    /// Where readings are sent to.
    pub(crate) fn publisher_port(&self) -> u16 {
        self.broker.as_ref().map_or(self.port, |broker| broker.port)
    }

    /// As [`Server::runnel`], but that [`TOKEN`] is asked of sensors.
    pub(crate) fn guarded_runnel(program: &Path, args: &[&str]) -> Result<Self> {
        Self::of_runnel(
            Command::new(program)
                .args(args)
                .env("RUNNEL_PUBLISH_TOKEN", TOKEN),
        )
    }

    fn of_runnel(command: &mut Command) -> Result<Self> {
        let folder = new_folder()?;
        let mut child = command
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join(LOG))?)
            .spawn()
            .context("starting sensor-sim")?;
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        let mut server = Self {
            child,
            port: 0,
            folder: Some(folder),
            broker: None,
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let port = line.trim_end().trim_end_matches('/').rsplit(':').next();
        server.port = port
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("sensor-sim printed no address but {line:?}: {command:?}"))?;
        Ok(server)
    }

    /// mosquitto that forwards at once and forgets nothing: no bound on its queues, no Nagle, no log.
    pub(crate) fn mosquitto(program: &Path) -> Result<Self> {
        let port = free_port()?;
        let folder = new_folder()?;
        let config = folder.join("mosquitto.conf");
        // `user root` has an effect for root alone: mosquitto could not read its own file otherwise.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n\
             persistence false\nlog_type none\nuser root\n"
        );
        fs::write(&config, text)?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config);
        Self::on_port(command, port, Some(folder))
    }

    /// nats-server as it comes.
    pub(crate) fn nats(program: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
        Self::on_port(command, port, None)
    }

    fn on_port(mut command: Command, port: u16, folder: Option<PathBuf>) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let mut server = Self {
            child,
            port,
            folder,
            broker: None,
        };
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended at once: {status}", command.get_program().display());
            }
            if Instant::now() > deadline {
                bail!(
                    "{} does not answer on port {port}",
                    command.get_program().display()
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", self.child.id());
            fs::read_to_string(&path).with_context(|| format!("reading {path}; the figures need Linux"))
        };
        let status = read("status")?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let n = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
            n.with_context(|| format!("no {name} in /proc"))
        };
        // Fields are counted after the name, which may hold spaces: the 12th and 13th are user and system time.
        let stat = read("stat")?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks: u64 = fields[11..13]
            .iter()
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        Ok(Usage {
            rss_bytes: kib("VmRSS:")? * 1024,
            peak_bytes: kib("VmHWM:")? * 1024,
            // USER_HZ is 100 on every Linux that Rust runs on.
            cpu: Duration::from_millis(ticks * 10),
        })
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// What sensor-sim has logged.
    pub(crate) fn log(&self) -> Result<String> {
        let path = self
            .folder
            .as_ref()
            .context("only sensor-sim's log is kept")?
            .join(LOG);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// A folder of its own for a server's files.
fn new_folder() -> Result<PathBuf> {
    static N_FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let n = N_FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("runnel-load-{}-{n}", std::process::id()));
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// A port that is free now; these servers cannot say which one they took.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
