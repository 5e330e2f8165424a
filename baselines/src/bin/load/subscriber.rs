//! The other end: counts every reading that comes out of a server, and compares it with what was sent.

use std::io::{ErrorKind, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use protocol::{ReadingBatch, RecordLayout, ServerMessage};

use crate::payload::Payloads;
use crate::wire::{self, Inbox, TOPIC, Wire, websocket_frame, websocket_next, websocket_payload};

/// How often a waiting subscriber looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What has come so far; read by the sender while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Readings that came, and those that were jumped over.
    n_passed: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    pub(crate) fn n_passed(&self) -> u64 {
        self.n_passed.load(Ordering::Acquire)
    }
}

/// What came in all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Count {
    pub(crate) n_received: u64,
    /// Seen to be missing, as later ones came.
    pub(crate) n_jumped: u64,
    /// Messages that are none of those sent.
    pub(crate) n_wrong: u64,
    /// When the last reading came.
    pub(crate) last_at: Option<Instant>,
    /// When each came, if asked for.
    pub(crate) arrivals: Vec<Instant>,
}

/// How messages are taken apart.
#[derive(Debug)]
enum Reader {
    Broker {
        next: wire::Next,
        payloads: Arc<Payloads>,
        next_idx: usize,
    },
    Live {
        layout: RecordLayout,
        payloads: Arc<Payloads>,
        first_seq: u64,
        next_seq: u64,
        row: Vec<f64>,
    },
}

/// A subscriber that is ready; nothing has been sent yet.
#[derive(Debug)]
pub(crate) struct Subscriber {
    inbox: Inbox,
    reader: Reader,
}

/// A subscriber at work.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) progress: Arc<Progress>,
    thread: JoinHandle<Result<Count>>,
}

impl Subscriber {
    /// At a broker.
    pub(crate) fn at_broker(wire: Wire, port: u16, payloads: &Arc<Payloads>) -> Result<Self> {
        Ok(Self {
            inbox: wire::open_subscriber(wire, port)?,
            reader: Reader::Broker {
                next: if wire == Wire::Mqtt {
                    wire::mqtt_next
                } else {
                    wire::nats_next
                },
                payloads: Arc::clone(payloads),
                next_idx: 0,
            },
        })
    }

    /// At `/live` of sensor-sim: binary batches, nothing left out. The source is `source`, which gets a first reading here, since
    /// without one there is nothing to subscribe to.
    pub(crate) fn at_live(port: u16, source: &str, payloads: &Arc<Payloads>) -> Result<Self> {
        let mut poster = Inbox::new(wire::dial(port)?);
        let is_text = payloads.is_text;
        let content_type = if is_text {
            "application/json"
        } else {
            "application/octet-stream"
        };
        let first = wire::http_request(&format!("/ingest/{source}"), content_type, &payloads.messages[0]);
        poster.tcp.write_all(&first)?;
        let (status, body) = poster.http_answer()?;
        ensure!(
            status == 200,
            "the first reading was refused with {status}: {body}"
        );
        let mut inbox = wire::open_websocket(port, "/live")?;
        let schema = loop {
            if let ServerMessage::Schema(schema) = next_message(&mut inbox)?
                && schema.source == source
            {
                break schema;
            }
        };
        let layout = RecordLayout::of_schema(&schema);
        // Answered in turn: with the pong the subscription holds.
        for message in [
            format!(
                "{{\"op\":\"subscribe\",\"channel\":{},\"encoding\":\"binary\",\"policy\":\"lossless\"}}",
                schema.channel
            ),
            "{\"op\":\"ping\",\"viewer_sent_micros\":0}".to_owned(),
        ] {
            inbox.tcp.write_all(&websocket_frame(1, message.as_bytes()))?;
        }
        loop {
            match next_message(&mut inbox)? {
                ServerMessage::Pong(_) => break,
                ServerMessage::Err(error) => bail!("the subscription was refused: {}", error.message),
                _ => {}
            }
        }
        // Nobody else feeds the source.
        let first_seq = serde_json::from_str::<serde_json::Value>(&body)?["next_seq"]
            .as_u64()
            .context("the server says which reading comes next")?;
        Ok(Self {
            inbox,
            reader: Reader::Live {
                layout,
                payloads: Arc::clone(payloads),
                first_seq,
                next_seq: first_seq,
                row: Vec::new(),
            },
        })
    }

    /// Counts in a thread of its own, and wakes `sender` each time something came.
    pub(crate) fn start(mut self, sender: Option<Thread>, keeps_arrivals: bool) -> Result<Running> {
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        self.inbox.tcp.set_read_timeout(Some(LOOK))?;
        let thread = thread::spawn(move || {
            let mut count = Count::default();
            loop {
                match self.inbox.fill() {
                    Ok(0) => bail!(
                        "the server cut the subscriber off after {} readings",
                        count.n_received
                    ),
                    Ok(_) => {}
                    Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                        if shared.stop.load(Ordering::Relaxed) {
                            return Ok(count);
                        }
                        continue;
                    }
                    Err(error) => return Err(error).context("reading as a subscriber"),
                }
                let before = count.n_received;
                self.reader.read(&mut self.inbox, &mut count)?;
                if count.n_received > before {
                    let now = Instant::now();
                    count.last_at = Some(now);
                    if keeps_arrivals {
                        count.arrivals.resize(count.n_received as usize, now);
                    }
                    shared
                        .n_passed
                        .store(count.n_received + count.n_jumped, Ordering::Release);
                    if let Some(sender) = &sender {
                        sender.unpark();
                    }
                }
            }
        });
        Ok(Running { progress, thread })
    }
}

impl Running {
    /// Waits until `n` readings have passed, or nothing came for two seconds; what came.
    pub(crate) fn finish(self, n: u64) -> Result<Count> {
        let (mut seen, mut seen_at) = (self.progress.n_passed(), Instant::now());
        while seen < n && seen_at.elapsed() < Duration::from_secs(2) && !self.thread.is_finished() {
            thread::sleep(Duration::from_millis(1));
            let now = self.progress.n_passed();
            if now != seen {
                (seen, seen_at) = (now, Instant::now());
            }
        }
        self.progress.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(count) => count,
            Err(_) => bail!("the subscriber panicked"),
        }
    }
}

impl Reader {
    /// Counts all messages that are there.
    fn read(&mut self, inbox: &mut Inbox, count: &mut Count) -> Result<()> {
        match self {
            Self::Broker {
                next,
                payloads,
                next_idx,
            } => {
                let n = payloads.messages.len();
                while let Some(message) = inbox.take(*next)? {
                    let expected = |skipped: usize| &payloads.messages[(*next_idx + skipped) % n];
                    match (0..n).find(|&skipped| expected(skipped) == message) {
                        Some(skipped) => {
                            count.n_received += payloads.n_each as u64;
                            count.n_jumped += (skipped * payloads.n_each) as u64;
                            *next_idx = (*next_idx + skipped + 1) % n;
                        }
                        None if message == b"PING" => inbox.tcp.write_all(b"PONG\r\n")?,
                        None => count.n_wrong += 1,
                    }
                }
            }
            Self::Live {
                layout,
                payloads,
                first_seq,
                next_seq,
                row,
            } => {
                while let Some(frame) = inbox.take(websocket_next)? {
                    let (opcode, payload) = websocket_payload(frame);
                    if opcode != 2 {
                        if opcode == 9 {
                            let pong = websocket_frame(10, payload);
                            inbox.tcp.write_all(&pong)?;
                        }
                        continue;
                    }
                    let batch = ReadingBatch::decode(payload, layout)?;
                    count.n_jumped += batch.header().first_seq - *next_seq;
                    *next_seq = batch.header().next_seq();
                    for reading in batch.readings() {
                        let head = reading.read(row);
                        let expected = &payloads.rows[(head.seq - *first_seq) as usize % payloads.rows.len()];
                        count.n_wrong += u64::from(row != expected);
                    }
                    count.n_received += batch.len() as u64;
                }
            }
        }
        Ok(())
    }
}

fn next_message(inbox: &mut Inbox) -> Result<ServerMessage> {
    loop {
        let frame = inbox.next(websocket_next)?;
        let (opcode, payload) = websocket_payload(&frame);
        if opcode == 1 {
            return Ok(ServerMessage::from_json(std::str::from_utf8(payload)?)?);
        }
    }
}

/// Of the source that throughput is measured with.
pub(crate) fn subscribe(wire: Wire, port: u16, payloads: &Arc<Payloads>) -> Result<Subscriber> {
    match wire {
        Wire::WebSocket | Wire::Http | Wire::MqttBridge => Subscriber::at_live(port, TOPIC, payloads),
        Wire::Mqtt | Wire::Nats => Subscriber::at_broker(wire, port, payloads),
    }
}
