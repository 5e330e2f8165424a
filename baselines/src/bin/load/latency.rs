//! How long a reading takes from the sensor's `write` to the subscriber, at a rate that every server holds with ease.

use std::io::Write as _;
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::payload::Payloads;
use crate::servers::Server;
use crate::subscriber::{Subscriber, subscribe};
use crate::throughput::drain;
use crate::wire::{self, Inbox, Wire};

/// One publisher and one subscriber, connected and ready.
#[derive(Debug)]
pub(crate) struct Pair {
    subscriber: Subscriber,
    publisher: Inbox,
    /// As they are sent, in turn.
    messages: Vec<Vec<u8>>,
    is_answered: bool,
}

impl Pair {
    /// Connects both.
    pub(crate) fn connect(wire: Wire, server: &Server, payloads: &Arc<Payloads>) -> Result<Self> {
        ensure!(payloads.n_each == 1, "latency is that of a reading alone");
        let pair = Self {
            subscriber: subscribe(wire, server.port, payloads)?,
            publisher: wire::open_publisher(wire, server.publisher_port(), "publisher")?,
            messages: payloads
                .messages
                .iter()
                .map(|payload| wire::encode(wire, payload, payloads.is_text))
                .collect(),
            is_answered: wire == Wire::Http,
        };
        if !pair.is_answered {
            drain(&pair.publisher)?;
        }
        Ok(pair)
    }

    /// Sends `rate` readings a second for `duration`; the client's own clock on both ends. Lost readings are an error.
    pub(crate) fn measure(mut self, rate: u32, duration: Duration) -> Result<Value> {
        let running = self.subscriber.start(None, true)?;
        let interval = Duration::from_secs(1) / rate;
        let mut sent_at = Vec::new();
        let started = Instant::now();
        for message in self.messages.iter().cycle() {
            let due = interval * sent_at.len() as u32;
            if due >= duration {
                break;
            }
            thread::sleep(due.saturating_sub(started.elapsed()));
            sent_at.push(Instant::now());
            self.publisher.tcp.write_all(message)?;
            if self.is_answered {
                self.publisher.http_answer()?;
            }
        }
        let count = running.finish(sent_at.len() as u64)?;
        // Else the thread that drains it would keep it open.
        let _ = self.publisher.tcp.shutdown(Shutdown::Both);
        let n_lost = sent_at.len() as u64 - count.n_received;
        ensure!(n_lost == 0, "{n_lost} readings were lost at {rate} a second");
        // Nothing was lost and nothing overtakes: the n-th that came is the n-th that was sent.
        let mut micros: Vec<f64> = count
            .arrivals
            .iter()
            .zip(&sent_at)
            .map(|(came, sent)| came.duration_since(*sent).as_secs_f64() * 1e6)
            .collect();
        Ok(json!({
            "rate": rate,
            "n": micros.len(),
            "p50_micros": percentile(&mut micros, 0.50),
            "p99_micros": percentile(&mut micros, 0.99),
            "max_micros": percentile(&mut micros, 1.0),
        }))
    }
}

/// The smallest value that at least this share of the values do not exceed; the values are sorted on the way.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let mut values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let found = [0.5, 0.99, 1.0].map(|share| percentile(&mut values, share));
        assert_eq!(found, [100.0, 198.0, 200.0]);
        assert_eq!(percentile(&mut [7.0], 0.01), 7.0);
    }
}
