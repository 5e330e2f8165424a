//! The snippets of docs/connect.md and README.md, run as they stand: real clients against a real server.
//!
//! A snippet is a fenced block with an address of `/ingest/NAME` or a topic `desk/NAME`; its info string says what runs it.
//! Nothing in it is changed but host and port, and the name for the second of two. A program that is not there leaves its snippets out,
//! and says so; one that is named in the environment, as `cargo xtask test` does, has to be there.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use protocol::{Schema, ServerMessage};
use sensor_sim::{Access, Bridge, Config, Token};

use crate::broker::Broker;
use crate::clients::{NODE_PATH, node, program};
use crate::sensor::{early_viewer, names, sensors_only};
use crate::support::{TestServer, Viewer, within_limit};

const DOCUMENTS: [&str; 2] = [
    include_str!("../../../docs/connect.md"),
    include_str!("../../../README.md"),
];

/// The server's address in the documents.
const ADDRESS: &str = "127.0.0.1:9001";

/// The MQTT broker's port in the documents.
const BROKER_PORT: &str = "1883";

/// Info strings of what needs a board.
const NOT_RUN: [&str; 2] = ["cpp", "python micropython"];

/// What sensors show where they have to; `sensor-sim publish` has it from the environment, as it should.
const PUBLISH: &str = "publish-5f1d0e6c2b7a4938";

/// Two of each program start at once, whatever else the machine does.
const LIMIT: Duration = Duration::from_secs(120);

/// What a viewer should see of a snippet.
struct Expected {
    source: &'static str,
    features: &'static [&'static str],
    /// With these an endless one is to get a model.
    classes: &'static [&'static str],
    is_endless: bool,
}

const fn expected(source: &'static str, features: &'static [&'static str]) -> Expected {
    Expected {
        source,
        features,
        classes: &[],
        is_endless: true,
    }
}

const EXPECTED: [Expected; 10] = [
    Expected {
        is_endless: false,
        ..expected("curl1", &["temp", "hum"])
    },
    Expected {
        is_endless: false,
        classes: &["closed", "open"],
        ..expected("curl2", &["temp", "hum"])
    },
    expected("shell1", &["processes", "second"]),
    expected("linux1", &["load1", "load5", "load15"]),
    Expected {
        classes: &["closed", "open"],
        ..expected("python1", &["temp", "hum"])
    },
    Expected {
        classes: &["closed", "open"],
        ..expected("py1", &["temp", "hum"])
    },
    expected("node1", &["rss", "heapUsed"]),
    expected("nodered1", &["wave", "noise"]),
    expected("desk.shell2", &["processes"]),
    expected("desk.paho1", &["temp", "hum"]),
];

/// A fenced block that names a source.
struct Snippet {
    language: &'static str,
    text: &'static str,
    /// Where the source is named: an address, or a topic.
    place: &'static str,
    source: String,
}

impl Snippet {
    fn is_mqtt(&self) -> bool {
        self.place.starts_with("desk/")
    }

    /// The text for these servers and for a source with `suffix` after its name, after the changes: what to write
    /// instead of what. `None` without a broker that it needs.
    fn text_for(&self, servers: Servers<'_>, suffix: &str, changes: &[(&str, String)]) -> Option<String> {
        let (before, after) = match self.is_mqtt() {
            true => (BROKER_PORT, servers.broker?.port.to_string()),
            false => (ADDRESS, servers.server.address.to_string()),
        };
        assert!(self.text.contains(before), "{}", self.source);
        let changed = changes
            .iter()
            .fold(self.text.to_owned(), |text, (before, after)| {
                text.replacen(before, after, 1)
            });
        let place = format!("{}{suffix}", self.place);
        Some(changed.replace(before, &after).replace(self.place, &place))
    }
}

/// What the snippets send to.
#[derive(Clone, Copy)]
struct Servers<'a> {
    server: &'a TestServer,
    broker: Option<&'a Broker>,
}

fn snippets() -> Vec<Snippet> {
    let mut found = Vec::new();
    for document in DOCUMENTS {
        // Prose and blocks by turns.
        for block in document.split("\n```").skip(1).step_by(2) {
            let (language, text) = block.split_once('\n').unwrap();
            let places = ["/ingest/", "desk/"].into_iter();
            if let Some(start) = places.filter_map(|place| text.find(place)).next() {
                let is_in_place = |c: char| c.is_ascii_alphanumeric() || c == '/';
                let length = text[start..].find(|c| !is_in_place(c));
                let place = &text[start..][..length.unwrap_or(text.len() - start)];
                let source = place.trim_start_matches("/ingest/").replace('/', ".");
                found.push(Snippet {
                    language,
                    text,
                    place,
                    source,
                });
            }
        }
    }
    found
}

#[test]
fn every_snippet_is_run_or_needs_a_board() {
    let snippets = snippets();
    for snippet in &snippets {
        let is_expected = EXPECTED.iter().any(|expected| expected.source == snippet.source);
        let needs_board = NOT_RUN.contains(&snippet.language);
        assert!(is_expected != needs_board, "{}", snippet.source);
    }
    for Expected { source, .. } in EXPECTED {
        let n = snippets.iter().filter(|snippet| snippet.source == source).count();
        assert_eq!(n, 1, "{source}");
    }
}

/// What runs the snippets, as far as it is there.
struct Programs {
    curl: Option<PathBuf>,
    websocat: Option<PathBuf>,
    python: Option<PathBuf>,
    python_with_mqtt: Option<PathBuf>,
    node: Option<PathBuf>,
}

impl Programs {
    fn find() -> Self {
        Self {
            curl: program("RUNNEL_CURL", "curl", &["--version"]),
            websocat: program("RUNNEL_WEBSOCAT", "websocat", &["--version"]),
            python: program("RUNNEL_PYTHON", "python3", &["-c", "import websockets"]),
            python_with_mqtt: program("RUNNEL_PYTHON", "python3", &["-c", "import paho.mqtt.client"]),
            node: node(),
        }
    }

    /// The command of a snippet, with `text` for its text.
    fn command(&self, snippet: &Snippet, text: &str, dir: &Path) -> Option<Command> {
        let with_text = |program: &Option<PathBuf>, option: &str| {
            let mut command = Command::new(program.as_ref()?);
            command.args([option, text]);
            Some(command)
        };
        match snippet.language {
            "sh" => {
                let own = PathBuf::from(env!("CARGO_BIN_EXE_sensor-sim"));
                let program = match text {
                    text if text.contains("websocat") => self.websocat.as_ref()?,
                    text if text.contains("curl") => self.curl.as_ref()?,
                    _ => &own,
                };
                let mut command = Command::new("sh");
                command.args(["-c", text]).env("PATH", path_with(program));
                Some(command)
            }
            "python" if snippet.is_mqtt() => with_text(&self.python_with_mqtt, "-c"),
            "python" => with_text(&self.python, "-c"),
            "javascript" => with_text(&self.node, "-e"),
            "json node-red" => {
                // Without editor, pages of its own, and news from its makers.
                let settings = "module.exports = { httpAdminRoot: false, httpNodeRoot: false, telemetry: { enabled: false } };";
                fs::write(dir.join("settings.js"), settings).unwrap();
                fs::write(dir.join("flow.json"), text).unwrap();
                let mut command = Command::new(self.node.as_ref()?);
                command
                    .arg(Path::new(NODE_PATH).join("node-red/red.js"))
                    .args(["--userDir", "."])
                    .arg("flow.json");
                Some(command)
            }
            language => panic!("nothing runs {language}"),
        }
    }
}

/// The search path, beginning with the folder of `program`.
fn path_with(program: &Path) -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let first = program.parent().map(Path::to_owned).into_iter();
    std::env::join_paths(first.chain(std::env::split_paths(&rest))).unwrap()
}

/// A snippet's process, and all that it has started; ended with this.
struct Running {
    source: String,
    expected: &'static Expected,
    child: Child,
    dir: PathBuf,
}

impl Running {
    /// Starts the snippet with these changes: what to write instead of what.
    fn start(
        programs: &Programs,
        servers: Servers<'_>,
        expected: &'static Expected,
        suffix: &str,
        changes: &[(&str, String)],
    ) -> Option<Self> {
        let snippets = snippets();
        let snippet = snippets
            .iter()
            .find(|snippet| snippet.source == expected.source)
            .unwrap();
        let text = snippet.text_for(servers, suffix, changes)?;
        let source = format!("{}{suffix}", expected.source);
        let dir =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("connect-{}-{source}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let log = File::create(dir.join("log")).unwrap();
        let child = programs
            .command(snippet, &text, &dir)?
            .current_dir(&dir)
            .env("NODE_PATH", NODE_PATH)
            .env("RUNNEL_PUBLISH_TOKEN", PUBLISH)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Self {
            source,
            expected,
            child,
            dir,
        })
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("log")).unwrap()).into_owned()
    }

    /// Panics if it has ended and should not, or the other way round.
    fn check(&mut self) {
        let ended = self.child.try_wait().unwrap();
        let is_good = ended.is_none_or(|status| status.success() && !self.expected.is_endless);
        assert!(is_good, "{} ended, {ended:?}: {}", self.source, self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // What has ended has no group any more.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).output();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// What a viewer has seen of a channel.
struct Seen {
    schema: Schema,
    n_readings: u64,
}

impl Seen {
    fn is_as(&self, expected: &Expected) -> bool {
        let needs_model = expected.is_endless && !expected.classes.is_empty();
        let mut classes = self.schema.classes.clone();
        classes.sort();
        names(&self.schema) == expected.features
            && classes == expected.classes
            && self.n_readings >= if expected.is_endless { 3 } else { 1 }
            && (!needs_model || self.schema.model.is_some())
    }
}

/// Looks at all channels until each process is seen as it should be.
async fn watch(viewer: &mut Viewer, running: &mut [Running]) {
    let mut channels: BTreeMap<u16, Seen> = BTreeMap::new();
    loop {
        match viewer.next().await {
            ServerMessage::Schema(schema) => {
                let channel = schema.channel;
                if let Some(seen) = channels.get_mut(&channel) {
                    seen.schema = schema;
                } else {
                    let seen = Seen {
                        schema,
                        n_readings: 0,
                    };
                    channels.insert(channel, seen);
                    let resume = viewer.resume_at(0);
                    let subscribe = |request: &mut protocol::Subscribe| {
                        (request.channel, request.resume) = (channel, resume);
                    };
                    viewer.subscribe(subscribe).await;
                }
            }
            ServerMessage::Reading(reading) => {
                let seen = channels.get_mut(&reading.channel).unwrap();
                assert_eq!(reading.features.len(), seen.schema.features.len());
                assert!(reading.features.iter().all(|value| value.is_finite()));
                seen.n_readings += 1;
            }
            _ => {}
        }
        running.iter_mut().for_each(Running::check);
        let is_seen = |one: &Running| {
            let mut all = channels.values();
            all.any(|seen| seen.schema.source == one.source && seen.is_as(one.expected))
        };
        if running.iter().all(is_seen) {
            return;
        }
    }
}

async fn watch_within_limit(viewer: &mut Viewer, running: &mut [Running]) {
    let watched = tokio::time::timeout(LIMIT, watch(viewer, running)).await;
    if watched.is_err() {
        let logs: Vec<_> = running.iter().map(|one| (&one.source, one.log())).collect();
        panic!("not all of these were seen as they should be: {logs:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_each_snippet_at_once_are_seen_by_a_viewer() {
    let broker = Broker::open().await;
    let bridge = broker
        .as_ref()
        .map(|broker| Bridge::mqtt(&broker.url("desk/#"), None, None).unwrap());
    let server = TestServer::start(Config {
        bridges: bridge.into_iter().collect(),
        ..sensors_only()
    })
    .await;
    let servers = Servers {
        server: &server,
        broker: broker.as_ref(),
    };
    let mut viewer = early_viewer(&server).await;
    let programs = Programs::find();
    let mut running: Vec<Running> = EXPECTED
        .iter()
        .flat_map(|expected| ["", "b"].map(|suffix| (expected, suffix)))
        .filter_map(|(expected, suffix)| Running::start(&programs, servers, expected, suffix, &[]))
        .collect();
    watch_within_limit(&mut viewer, &mut running).await;
    for one in running.iter_mut().filter(|one| !one.expected.is_endless) {
        // A viewer may see its reading before it has its answer.
        within_limit(async {
            while one.child.try_wait().unwrap().is_none() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(one.log().contains("{\"accepted\":"), "{}", one.log());
    }
}

/// The table of what to write instead of what where the server asks for this token.
fn changes_for(token: &str) -> Vec<(&'static str, String)> {
    let (_, table) = DOCUMENTS[0]
        .split_once("| client | instead of | write |\n|---|---|---|\n")
        .unwrap();
    let rows = table.lines().map_while(|line| line.strip_prefix("| "));
    let change = |row: &'static str| {
        // Client, code, bar, code, bar.
        let mut cells = row.split('`');
        let (before, after) = (cells.nth(1).unwrap(), cells.nth(1).unwrap());
        assert!(after.contains("TOKEN"), "{row}");
        (before, after.replace("TOKEN", token))
    };
    rows.map(change).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn snippets_with_a_token_are_let_in() {
    const READ: &str = "read-0c9b8a7d6e5f4a3b2c1d";
    let access = Access {
        publish: Some(Token::new(PUBLISH).unwrap()),
        read: Some(Token::new(READ).unwrap()),
        ..Access::default()
    };
    let server = TestServer::start(Config {
        access,
        ..sensors_only()
    })
    .await;
    let changes = changes_for(PUBLISH);
    for (before, _) in &changes {
        let n_found = snippets()
            .iter()
            .filter(|snippet| snippet.text.contains(before))
            .count();
        assert!(n_found > 0, "{before}");
    }
    let servers = Servers {
        server: &server,
        broker: None,
    };
    let bearer = format!("Bearer {READ}");
    let mut viewer = server.handshake(&[("authorization", &bearer)]).await.unwrap();
    let ServerMessage::Hello(hello) = viewer.next().await else {
        panic!("expected hello");
    };
    viewer.session = hello.session;
    let programs = Programs::find();
    // The README's has no row of its own.
    let mut running: Vec<Running> = EXPECTED
        .iter()
        .filter(|expected| expected.source != "py1")
        .filter_map(|expected| Running::start(&programs, servers, expected, "t", &changes))
        .collect();
    watch_within_limit(&mut viewer, &mut running).await;
}
