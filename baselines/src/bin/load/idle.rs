//! What a connection costs that says nothing: memory of the server with very many of them.

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::payload::Payloads;
use crate::servers::Server;
use crate::wire::{self, Inbox, Wire};

/// Files that a process has open besides the connections.
const SPARE_FILES: u64 = 200;

/// How long the server may take until all have been served.
const SERVED_LIMIT: Duration = Duration::from_secs(30);

/// Connects `wanted` sensors, or as many as files may be open, each of which sends one reading and then nothing.
///
/// With sensor-sim each has a source of its own, so a channel, its schema and its ring are in the figure.
pub(crate) fn measure(wire: Wire, server: &Server, payloads: &Payloads, wanted: u64) -> Result<Value> {
    let max_files = max_open_files()?;
    let n = wanted.min(max_files.saturating_sub(SPARE_FILES));
    let before = server.usage()?;
    let payload = &payloads.messages[0];
    let mut held = Vec::new();
    let started = Instant::now();
    for idx in 0..n {
        let mut sensor = match wire {
            Wire::WebSocket => wire::open_websocket(server.port, &format!("/ingest/sensor-{idx}"))?,
            wire => wire::open_publisher(wire, server.port, &format!("sensor-{idx}"))?,
        };
        sensor.tcp.write_all(&wire::encode(wire, payload, true))?;
        // The buffer goes, the connection stays.
        held.push(sensor.tcp);
    }
    let connect_secs = started.elapsed().as_secs_f64();
    wait_until_served(wire, server, n)?;
    let after = server.usage()?;
    drop(held);
    Ok(json!({
        "n_connections": n,
        "n_wanted": wanted,
        "max_open_files": max_files,
        "connect_secs": connect_secs,
        "bytes_before": before.rss_bytes,
        "bytes_with": after.rss_bytes,
        "bytes_per_connection": after.rss_bytes.saturating_sub(before.rss_bytes) as f64 / n as f64,
    }))
}

/// sensor-sim says how many readings it has; of the others it is seen from their memory, which no longer grows.
fn wait_until_served(wire: Wire, server: &Server, n: u64) -> Result<()> {
    let deadline = Instant::now() + SERVED_LIMIT;
    let mut rss = 0;
    loop {
        let is_served = match wire {
            Wire::WebSocket | Wire::Http | Wire::MqttBridge => {
                health(server.port)?["n_produced"].as_u64() == Some(n)
            }
            Wire::Mqtt | Wire::Nats => {
                let now = server.usage()?.rss_bytes;
                std::mem::replace(&mut rss, now) == now
            }
        };
        if is_served {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "the server has not served {n} sensors");
        thread::sleep(Duration::from_millis(250));
    }
}

/// What sensor-sim says of itself.
pub(crate) fn health(port: u16) -> Result<Value> {
    let mut inbox = Inbox::new(wire::dial(port)?);
    inbox
        .tcp
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let (_, body) = inbox.http_answer()?;
    serde_json::from_str(&body).context("reading /healthz")
}

/// The soft limit, which the servers inherit from this process.
fn max_open_files() -> Result<u64> {
    let limits =
        fs::read_to_string("/proc/self/limits").context("reading the limits; the figures need Linux")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next());
    match soft {
        Some("unlimited") => Ok(u64::MAX),
        Some(n) => Ok(n.parse()?),
        None => anyhow::bail!("/proc/self/limits does not tell of open files"),
    }
}
