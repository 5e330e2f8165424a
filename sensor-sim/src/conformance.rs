//! The WebSocket itself against the Autobahn test suite, which plays a client that knows every way to be awkward.
//!
//! The suite wants its messages back. So this server echoes, on what sensors' connections are made of: [`accept`], the
//! handshake of [`upgrade`], and [`socket_config`]. `cargo xtask conformance` installs the suite and runs it; on its own
//! the test has no suite and says so.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;

use crate::accept::{Cipher, accept};
use crate::channels::Channels;
use crate::clock::SessionClock;
use crate::config::Config;
use crate::ingest::session::socket_config;
use crate::limits::Limits;
use crate::server::Server;
use crate::upgrade::{Socket, check, first_subprotocol, switching_protocols, upgrade};

/// The suite's largest message.
const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// As for a sensor that may send so much, but for the way out: a sensor gets short answers, here messages come back.
fn config() -> WebSocketConfig {
    let limits = Limits {
        message_bytes: MESSAGE_BYTES,
        ..Limits::default()
    };
    socket_config(&limits).max_write_buffer_size(usize::MAX)
}

async fn echo(State(server): State<Arc<Server>>, mut request: Request) -> Response {
    let key = match check(request.headers(), Cipher::Clear, "/echo") {
        Ok(key) => key,
        Err(refusal) => return refusal.into_response(),
    };
    let subprotocol = first_subprotocol(request.headers());
    upgrade(&mut request, &server, config(), echo_messages);
    switching_protocols(&key, subprotocol)
}

async fn echo_messages(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        let is_data = message.is_text() || message.is_binary();
        if is_data && socket.send(message).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn autobahn_finds_no_fault() {
    let (Some(suite), Some(folder)) = (
        std::env::var_os("RUNNEL_AUTOBAHN"),
        std::env::var_os("RUNNEL_AUTOBAHN_REPORTS").map(PathBuf::from),
    ) else {
        // What `cargo xtask test` shows for a test that could not be.
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: the Autobahn suite is not there; `cargo xtask conformance` installs and runs it\n",
        );
        return;
    };
    let server = Arc::new(Server::new(
        &Config::without_replay(),
        Vec::new(),
        Arc::new(Channels::new()),
        SessionClock::start(),
        CancellationToken::new(),
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new()
        .route("/echo", get(echo))
        .with_state(Arc::clone(&server));
    let serving = tokio::spawn(accept(listener, router, Arc::clone(&server)));
    let spec = folder.join("spec.json");
    let text = json!({
        "outdir": folder,
        "servers": [{ "agent": "sensor-sim", "url": format!("ws://127.0.0.1:{port}/echo") }],
        "cases": ["*"],
        // Of permessage-deflate, which the server does not offer: 216 cases that would say so.
        "exclude-cases": ["12.*", "13.*"],
        "exclude-agent-cases": {},
    });
    fs::write(&spec, text.to_string()).unwrap();
    let status = tokio::process::Command::new(suite)
        .args(["--mode", "fuzzingclient", "--spec"])
        .arg(&spec)
        .current_dir(&folder)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .unwrap();
    assert!(status.success(), "the suite failed: {status}");
    server.shutdown.cancel();
    serving.await.unwrap().unwrap();
    let report: Value = serde_json::from_slice(&fs::read(folder.join("index.json")).unwrap()).unwrap();
    let cases = report["sensor-sim"].as_object().unwrap();
    assert!(cases.len() > 200, "only {} cases were run", cases.len());
    let is_fault = |case: &Value| {
        let good = ["OK", "NON-STRICT", "INFORMATIONAL"];
        ["behavior", "behaviorClose"]
            .iter()
            .any(|key| !good.contains(&case[key].as_str().unwrap_or("none")))
    };
    let faults: Vec<_> = cases.iter().filter(|(_, case)| is_fault(case)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}
