//! A mosquitto on a free port, what publishes to it, and what a server makes of that.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::{Resume, ServerMessage};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::support::{TestServer, within_limit};

/// A port that another program has taken meanwhile is no reason to fail.
const MAX_TRIES: usize = 20;

/// A folder of one test, removed with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static N_FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let n = N_FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sensor-sim-bridge-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file, and says where it is.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate for 127.0.0.1 and its key, as PEM; it is its own authority.
pub(crate) fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// `RUNNEL_MOSQUITTO`, else from `PATH` or where Debian puts it; `None`, with a word, if there is none.
fn mosquitto() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("RUNNEL_MOSQUITTO") {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no mosquitto (Debian: apt-get install mosquitto mosquitto-clients)");
    }
    found
}

/// A running mosquitto; killed if a test fails before it ends it.
pub(crate) struct Broker {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    program: PathBuf,
    pub(crate) port: u16,
    settings: String,
    folder: Folder,
}

impl Broker {
    /// Starts one with these lines in its configuration; `None` if there is no mosquitto.
    pub(crate) async fn start(settings: &str) -> Option<Self> {
        let program = mosquitto()?;
        for _ in 0..MAX_TRIES {
            let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let folder = Folder::new();
            if let Some((child, log)) = spawn(&program, port, settings, &folder).await {
                return Some(Self {
                    child,
                    log,
                    program,
                    port,
                    settings: settings.to_owned(),
                    folder,
                });
            }
        }
        panic!("mosquitto did not start");
    }

    /// One that lets everybody in.
    pub(crate) async fn open() -> Option<Self> {
        Self::start("allow_anonymous true").await
    }

    pub(crate) async fn stop(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again after [`Broker::stop`], on the same port.
    pub(crate) async fn start_again(&mut self) {
        let started = spawn(&self.program, self.port, &self.settings, &self.folder).await;
        (self.child, self.log) = started.expect("nobody else has taken the port");
    }

    /// Has it read its password file again.
    pub(crate) async fn reload(&self) {
        let id = self.child.id().unwrap().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status().await;
        assert!(status.unwrap().success());
    }

    /// Reads its log up to a line with this text.
    pub(crate) async fn logs(&mut self, part: &str) -> String {
        loop {
            let line = within_limit(self.log.next_line()).await.unwrap();
            let line = line.expect("the broker is running");
            if line.contains(part) {
                return line;
            }
        }
    }

    pub(crate) fn url(&self, filter: &str) -> String {
        format!("mqtt://127.0.0.1:{}/{filter}", self.port)
    }

    /// Publishes by mosquitto_pub, from a file: a command line has no room for large messages.
    pub(crate) async fn publish(&self, topic: &str, payload: &str, more: &[&str]) {
        let payload = self.folder.write("payload", payload);
        let output = Command::new("mosquitto_pub")
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-t", topic])
            .arg("-f")
            .arg(payload)
            .args(more)
            .output()
            .await
            .expect("mosquitto_pub (Debian: apt-get install mosquitto-clients)");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// Starts it; `None` if it ends at once, as it does if the port is taken.
async fn spawn(
    program: &Path,
    port: u16,
    settings: &str,
    folder: &Folder,
) -> Option<(Child, Lines<BufReader<ChildStderr>>)> {
    // As root it would become another user, which may not read the files of the test.
    let config = format!("listener {port} 127.0.0.1\nuser root\npersistence false\n{settings}\n");
    let config = folder.write("mosquitto.conf", &config);
    let mut child = Command::new(program)
        .arg("-c")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    while let Some(line) = within_limit(log.next_line()).await.unwrap() {
        if line.ends_with(" running") {
            return Some((child, log));
        }
    }
    None
}

/// Waits until the only bridge's report passes the check.
pub(crate) async fn bridge_until(server: &TestServer, wanted: impl Fn(&Value) -> bool) -> Value {
    within_limit(async {
        loop {
            let report = server.health().await["bridges"][0].take();
            if wanted(&report) {
                return report;
            }
        }
    })
    .await
}

pub(crate) async fn connected(server: &TestServer) {
    bridge_until(server, |bridge| bridge["state"] == "connected").await;
}

/// Waits until the bridge has lost its connection, or had none, for a reason with this text.
pub(crate) async fn lost(server: &TestServer, part: &str) -> Value {
    let is_it = |bridge: &Value| {
        bridge["message"]
            .as_str()
            .is_some_and(|message| message.contains(part))
    };
    bridge_until(server, |bridge| bridge["state"] == "lost" && is_it(bridge)).await
}

/// A source's features, and its first `n` readings, as a viewer gets them.
pub(crate) async fn readings(server: &TestServer, source: &str, n: usize) -> (Vec<String>, Vec<Vec<f64>>) {
    let mut viewer = server.handshake(&[]).await.unwrap();
    let (mut session, mut names, mut got) = (String::new(), Vec::new(), Vec::new());
    let mut channel = None;
    while got.len() < n {
        match viewer.next().await {
            ServerMessage::Hello(hello) => session = hello.session,
            ServerMessage::Schema(schema) if schema.source == source => {
                names = schema.features.into_iter().map(|feature| feature.name).collect();
                if channel.is_none() {
                    channel = Some(schema.channel);
                    let session = session.clone();
                    let subscribe = |request: &mut protocol::Subscribe| {
                        request.channel = schema.channel;
                        request.resume = Some(Resume { session, next_seq: 0 });
                    };
                    viewer.subscribe(subscribe).await;
                }
            }
            ServerMessage::Reading(reading) => got.push(reading.features),
            _ => {}
        }
    }
    (names, got)
}
