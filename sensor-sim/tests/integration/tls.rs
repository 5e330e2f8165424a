//! Encrypted connections: a server with a certificate of its own making, and the clients that people have.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use sensor_sim::tls::{SelfSigned, Tls};
use sensor_sim::{Access, Config, Limits, Token};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command as AsyncCommand;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::program_with_log::{Program, sensor_sim};
use crate::support::{TestServer, within_limit};

const PUBLISH: &str = "publish-5f1d0e6c2b7a4938";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sensor-sim-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with a certificate for this machine's names, and the file that makes clients trust it.
async fn server(folder: &Folder, limits: Limits) -> (TestServer, PathBuf) {
    let names = ["localhost", "127.0.0.1"].map(|name| name.parse().unwrap());
    let made = SelfSigned::open(&folder.0, &names).unwrap();
    let config = Config {
        limits,
        access: Access {
            publish: Some(Token::new(PUBLISH).unwrap()),
            tls: Some(made.tls),
            ..Access::default()
        },
        ..Config::without_replay()
    };
    (TestServer::start(config).await, made.certificate)
}

/// Shakes hands as a client that trusts `certificate` alone.
async fn shake_hands(server: &TestServer, certificate: &Path) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificate).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = "127.0.0.1".try_into().unwrap();
    within_limit(TlsConnector::from(Arc::new(config)).connect(name, tcp))
        .await
        .unwrap()
}

/// Sends a request over TLS; the whole answer in lower case.
async fn https(server: &TestServer, certificate: &Path, request: &str, headers: &str) -> String {
    let mut stream = shake_hands(server, certificate).await;
    let request = format!(
        "{request} HTTP/1.1\r\nHost: {}\r\n{headers}Connection: close\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    within_limit(stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).to_lowercase()
}

#[tokio::test]
async fn pages_come_encrypted_and_only_they_may_post() {
    let folder = Folder::new("pages");
    let (server, certificate) = server(&folder, Limits::default()).await;
    let page = https(&server, &certificate, "GET /", "").await;
    assert!(page.starts_with("http/1.1 200 "), "{page}");
    let policy = format!("connect-src 'self' wss://{}\r\n", server.address);
    assert!(page.contains(&policy), "{page}");
    assert!(!page.contains("strict-transport-security"), "{page}");

    let post = async |origin: &str| {
        let headers = format!("Origin: {origin}\r\nAuthorization: Bearer {PUBLISH}\r\nContent-Length: 0\r\n");
        let answer = https(&server, &certificate, "POST /ingest/a", &headers).await;
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    let own = server.address;
    assert_eq!(post(&format!("http://{own}")).await, "403");
    assert_eq!(post("https://example.org").await, "403");
    // Let in, and told that an empty message is none.
    assert_eq!(post(&format!("https://{own}")).await, "400");
}

#[tokio::test]
async fn who_speaks_in_the_clear_is_told_so() {
    let folder = Folder::new("clear");
    let (server, _) = server(&folder, Limits::default()).await;
    for (request, token) in [("GET /", ""), ("POST /ingest/a", PUBLISH)] {
        let headers = format!("Authorization: Bearer {token}\r\n");
        let (head, body) = server.http_with(request, &headers, b"{\"a\":1}").await;
        assert!(head.starts_with("http/1.1 400 "), "{head}");
        let body = String::from_utf8(body).unwrap();
        assert!(body.contains("https://"), "{body}");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut() {
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let folder = Folder::new("slow");
    let (server, _) = server(&folder, limits).await;
    // Nothing; the begin of a handshake; a whole record that promises more.
    for start in [
        &b""[..],
        &[22],
        &[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3],
        &[22, 3, 1, 255, 255, 0],
    ] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(start).await.unwrap();
        let mut rest = Vec::new();
        // Closed, or reset.
        let _ = within_limit(tcp.read_to_end(&mut rest)).await;
    }
    server.stop().await;
}

/// Runs `sensor-sim publish`, or another client, with this on stdin; exit code and stderr.
async fn run(mut command: Command, input: &str) -> (Option<i32>, String) {
    let mut child = command
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let Output { status, stderr, .. } = tokio::task::spawn_blocking(move || {
        // A client that is refused may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    })
    .await
    .unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn publish(url: &str, ca: Option<&Path>, token: Option<&str>) -> Command {
    let mut command = sensor_sim("publish");
    command.arg(url);
    if let Some(ca) = ca {
        command.arg("--ca").arg(ca);
    }
    if let Some(token) = token {
        command.env("RUNNEL_PUBLISH_TOKEN", token);
    }
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_sensor_gets_in_with_certificate_and_token() {
    let folder = Folder::new("publish");
    let (server, ca) = server(&folder, Limits::default()).await;
    let url = format!("wss://localhost:{}/ingest/desk", server.address.port());
    let ca = Some(ca.as_path());
    let (code, log) = run(publish(&url, ca, Some(PUBLISH)), "{\"temp\":1}\n{\"temp\":2}\n").await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("2 messages sent"), "{log}");

    let check = async |command: Command, part: &str| {
        let (code, log) = run(command, "{\"temp\":1}\n").await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(part) && !log.contains(PUBLISH), "{log}");
    };
    check(publish(&url, None, Some(PUBLISH)), "--ca").await;
    check(publish(&url, ca, None), "RUNNEL_PUBLISH_TOKEN").await;
    check(
        publish(&url, ca, Some("another-token-of-some-length")),
        "this is not the publish token",
    )
    .await;
    check(
        publish(&url, Some(Path::new("/nowhere/ca.pem")), None),
        "/nowhere/ca.pem",
    )
    .await;
    let summary = server.stop().await;
    assert_eq!(summary.n_produced, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_python_get_in() {
    let folder = Folder::new("clients");
    let (server, ca) = server(&folder, Limits::default()).await;
    let port = server.address.port();
    let mut n_expected = 0;
    match std::env::var_os("RUNNEL_CURL") {
        Some(curl) => {
            let mut command = Command::new(curl);
            command
                .args(["--silent", "--show-error", "--fail", "--data", "{\"temp\":1}"])
                .arg("--cacert")
                .arg(&ca)
                .arg("--header")
                .arg(format!("Authorization: Bearer {PUBLISH}"))
                .arg(format!("https://localhost:{port}/ingest/curl"));
            let (code, log) = run(command, "").await;
            assert_eq!(code, Some(0), "{log}");
            n_expected += 1;
        }
        None => say("skipped: curl, as RUNNEL_CURL is not set (cargo xtask test sets it)"),
    }
    match std::env::var_os("RUNNEL_PYTHON") {
        Some(python) => {
            let code = "
import json, ssl, sys
from websockets.sync.client import connect
port, ca, token = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
with connect(f'wss://127.0.0.1:{port}/ingest/python', ssl=context) as socket:
    assert json.loads(socket.recv())['code'] == 'auth-required'
    socket.send(json.dumps({'op': 'auth', 'token': token}))
    assert json.loads(socket.recv())['op'] == 'hello'
    socket.send(json.dumps({'temp': 21.5}))
";
            let mut command = Command::new(python);
            command
                .args(["-c", code, &port.to_string()])
                .arg(&ca)
                .arg(PUBLISH);
            let (code, log) = run(command, "").await;
            assert_eq!(code, Some(0), "{log}");
            n_expected += 1;
        }
        None => {
            say("skipped: Python with websockets, as RUNNEL_PYTHON is not set (cargo xtask test sets it)")
        }
    }
    assert_eq!(server.stop().await.n_produced, n_expected);
}

/// What was not tested, and why.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_keeps_its_certificate() {
    let folder = Folder::new("program");
    let home = folder.0.to_str().unwrap();
    let start = |name: &str, args: &str| {
        // Each of them, whatever the system.
        let variables = [("XDG_CONFIG_HOME", home), ("HOME", home), ("APPDATA", home)];
        Program::start(name, args, &variables)
    };
    let fingerprint = |program: &Program| {
        assert!(
            program.address.starts_with("https://127.0.0.1:"),
            "{}",
            program.address
        );
        let log = program.log();
        let (_, rest) = log.split_once("SHA-256: ").expect("the fingerprint is said");
        rest.lines().next().unwrap().to_owned()
    };
    let first = fingerprint(&start("tls-first", "--tls-self-signed"));
    let second = start("tls-second", "--tls-self-signed");
    assert_eq!(fingerprint(&second), first);
    drop(second);

    let kept = find(&folder.0, "server.pem").expect("it is kept");
    let kept = kept.to_str().unwrap();
    let own = start("tls-files", &format!("--tls-cert {kept} --tls-key {kept}"));
    assert!(own.address.starts_with("https://"), "{}", own.address);
}

/// A file of this name somewhere below `folder`.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, name)
        } else {
            (path.file_name()? == name).then_some(path)
        }
    })
}

#[tokio::test]
async fn files_that_are_no_certificate_are_named() {
    let folder = Folder::new("files");
    let names = ["localhost".parse().unwrap()];
    SelfSigned::open(&folder.0, &names).unwrap();
    let other = Folder::new("files-other");
    SelfSigned::open(&other.0, &names).unwrap();
    let text = folder.0.join("text");
    std::fs::write(&text, "no PEM").unwrap();
    let (own, public) = (folder.0.join("server.pem"), folder.0.join("certificate.pem"));
    let check = |certificate: &Path, key: &Path, part: &str| {
        let error = Tls::from_files(certificate, key).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check(&text, &own, "text");
    check(&own, &text, "text");
    check(&own, &public, "certificate.pem");
    check(Path::new("/nowhere/c.pem"), &own, "/nowhere/c.pem");
    check(&own, &other.0.join("server.pem"), "certificate and key");
    assert!(Tls::from_files(&public, &own).is_ok());

    let output = AsyncCommand::new(env!("CARGO_BIN_EXE_sensor-sim"))
        .args(["--port", "0", "--no-replay", "--tls-cert"])
        .arg(&text)
        .arg("--tls-key")
        .arg(&own)
        .env_remove("RUST_LOG")
        .output()
        .await
        .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}
