//! Readings/s that a page in Chromium labels, while a sensor sends as many as the page keeps up with.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::idle::health;
use crate::payload::Payloads;
use crate::servers::Server;
use crate::throughput::drain;
use crate::wire::{self, Inbox, TOPIC, Wire, websocket_next};

/// Most readings that are sent and not yet handed to the page: as many as it lets wait for it at the server.
const WINDOW: u64 = 512;

/// The page, as a program for Node.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PageDriver {
    /// Node.
    #[arg(long)]
    pub(crate) node: PathBuf,
    /// viewer/e2e/bench-ingest.mjs.
    #[arg(long)]
    pub(crate) page_script: PathBuf,
}

impl PageDriver {
    /// Sends for `duration` to a server that has a model for Wine; what the page made of it.
    pub(crate) fn measure(
        &self,
        server: &Server,
        payloads: &Arc<Payloads>,
        duration: Duration,
    ) -> Result<Value> {
        // The page waits for its source, which a first reading makes.
        let mut publisher = wire::open_websocket(server.port, &format!("/ingest/{TOPIC}"))?;
        publisher
            .next(websocket_next)
            .context("waiting for the server's hello")?;
        let messages: Vec<Vec<u8>> = payloads
            .messages
            .iter()
            .map(|payload| wire::encode(Wire::WebSocket, payload, payloads.is_text))
            .collect();
        drain(&publisher)?;
        publisher.tcp.write_all(&messages[0])?;
        let mut page = Command::new(&self.node)
            .arg(&self.page_script)
            .arg(format!("http://127.0.0.1:{}/?source={TOPIC}", server.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting Node")?;
        let result = send_to(&mut page, &mut publisher, server, payloads, &messages, duration);
        if result.is_err() {
            let _ = page.kill();
        }
        page.wait()?;
        result
    }
}

fn send_to(
    page: &mut Child,
    publisher: &mut Inbox,
    server: &Server,
    payloads: &Payloads,
    messages: &[Vec<u8>],
    duration: Duration,
) -> Result<Value> {
    let mut answers = BufReader::new(page.stdout.take().context("a pipe was asked for")?).lines();
    let mut answer = || {
        answers
            .next()
            .context("the page's program ended early")?
            .context("reading its answer")
    };
    let ready = answer()?;
    ensure!(ready == "ready", "expected the page to be ready, got {ready}");
    let n_each = payloads.n_each as u64;
    let (mut n_sent, mut next) = (0, messages.iter().cycle());
    let started = Instant::now();
    while started.elapsed() < duration {
        let room = (n_delivered(server.port)? + WINDOW).saturating_sub(n_sent);
        let out: Vec<u8> = next
            .by_ref()
            .take((room / n_each) as usize)
            .flatten()
            .copied()
            .collect();
        if out.is_empty() {
            thread::sleep(Duration::from_micros(200));
            continue;
        }
        publisher.tcp.write_all(&out)?;
        n_sent += room / n_each * n_each;
    }
    let mut stdin = page.stdin.take().context("a pipe was asked for")?;
    writeln!(stdin, "{n_sent}")?;
    let seen: Value = serde_json::from_str(&answer()?).context("reading what the page has seen")?;
    let elapsed = started.elapsed().as_secs_f64();
    let n_labelled = seen["labelled"].as_u64().context("the page counts its labels")?;
    Ok(json!({
        "n_sent": n_sent,
        "n_lost": n_sent - n_labelled,
        "seconds": elapsed,
        "readings_per_sec": n_labelled as f64 / elapsed,
        "engine": seen["engine"],
        "browser": seen["browser"],
    }))
}

/// Readings handed to the page so far.
fn n_delivered(port: u16) -> Result<u64> {
    let report = health(port)?;
    let channels = report["channels"].as_array().context("/healthz lists channels")?;
    let ours = channels.iter().find(|channel| channel["source"] == TOPIC);
    ours.and_then(|channel| channel["n_delivered"].as_u64())
        .context("/healthz knows our source")
}
