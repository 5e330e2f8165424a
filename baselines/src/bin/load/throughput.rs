//! As many readings as go through, from one publisher to one subscriber.

use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::payload::Payloads;
use crate::servers::Server;
use crate::subscriber::{Progress, subscribe};
use crate::wire::{self, Wire};

/// Most readings that are on their way: enough that no server ever waits for the client, and so few that none has to drop.
const WINDOW: u64 = 4_096;

/// Bytes that are sent by one `write`, as a client does whose messages come faster than it can send them one by one.
const WRITE_BYTES: usize = 16 * 1024;

/// Sends for `duration`; readings/s from the first byte sent to the last reading received, lost readings, and what the server used.
pub(crate) fn measure(
    wire: Wire,
    server: &Server,
    payloads: &Arc<Payloads>,
    duration: Duration,
) -> Result<Value> {
    let subscriber = subscribe(wire, server.port, payloads)?;
    let mut publisher = wire::open_publisher(wire, server.publisher_port(), "publisher")?;
    let running = subscriber.start(Some(thread::current()), false)?;
    let before = server.usage()?;
    let started = Instant::now();
    let n_sent = if wire == Wire::Http {
        request(&mut publisher, payloads, duration)?
    } else {
        drain(&publisher)?;
        stream(&mut publisher, wire, payloads, duration, &running.progress)?
    };
    let count = running.finish(n_sent)?;
    let after = server.usage()?;
    let elapsed = count.last_at.unwrap_or(started).duration_since(started);
    ensure!(
        count.n_wrong == 0,
        "{} readings are not those sent",
        count.n_wrong
    );
    ensure!(count.n_received > 0, "not one of {n_sent} readings came");
    Ok(json!({
        "n_sent": n_sent,
        "n_lost": n_sent - count.n_received,
        "seconds": elapsed.as_secs_f64(),
        "readings_per_sec": count.n_received as f64 / elapsed.as_secs_f64(),
        "server_cpu_micros_per_reading": (after.cpu - before.cpu).as_secs_f64() * 1e6 / count.n_received as f64,
        "peak_bytes": after.peak_bytes,
    }))
}

/// Sends without waiting for answers, with at most [`WINDOW`] readings on their way.
fn stream(
    publisher: &mut wire::Inbox,
    wire: Wire,
    payloads: &Payloads,
    duration: Duration,
    progress: &Progress,
) -> Result<u64> {
    let messages: Vec<Vec<u8>> = payloads
        .messages
        .iter()
        .map(|payload| wire::encode(wire, payload, payloads.is_text))
        .collect();
    let n_each = payloads.n_each as u64;
    let (mut n_sent, mut next) = (0, messages.iter().cycle());
    let mut out = Vec::with_capacity(2 * WRITE_BYTES);
    let started = Instant::now();
    while started.elapsed() < duration {
        out.clear();
        let most = progress.n_passed() + WINDOW;
        while out.len() < WRITE_BYTES && n_sent + n_each <= most {
            out.extend_from_slice(next.next().expect("a cycle has no end"));
            n_sent += n_each;
        }
        if out.is_empty() {
            thread::park_timeout(Duration::from_millis(1));
        } else {
            publisher.tcp.write_all(&out)?;
        }
    }
    Ok(n_sent)
}

/// Posts one message after the other, each once the one before was answered: what HTTP clients do.
fn request(publisher: &mut wire::Inbox, payloads: &Payloads, duration: Duration) -> Result<u64> {
    let messages = payloads.messages.iter();
    let requests: Vec<Vec<u8>> = messages
        .map(|payload| wire::encode(Wire::Http, payload, payloads.is_text))
        .collect();
    let (mut n_sent, mut next) = (0, requests.iter().cycle());
    let started = Instant::now();
    while started.elapsed() < duration {
        publisher
            .tcp
            .write_all(next.next().expect("a cycle has no end"))?;
        let (status, body) = publisher.http_answer()?;
        ensure!(status == 200, "expected 200, got {status}: {body}");
        n_sent += payloads.n_each as u64;
    }
    Ok(n_sent)
}

/// Reads and forgets what the server says to the publisher, so that it never has to wait with saying it.
pub(crate) fn drain(publisher: &wire::Inbox) -> Result<()> {
    let tcp = publisher.tcp.try_clone()?;
    tcp.set_read_timeout(None)?;
    let mut inbox = wire::Inbox::new(tcp);
    // Ends when the connection does.
    thread::spawn(move || {
        while inbox.fill().is_ok_and(|n| n > 0) {
            inbox.forget();
        }
    });
    Ok(())
}
