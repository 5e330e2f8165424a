//! One sensor's WebSocket: takes messages as they come, and says what was wrong with one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use protocol::sensor::SensorDecoder;
use protocol::{ErrorMessage, IngestFormat, IngestHello, IngestMessage, ViewerMessage};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tracing::{debug, info};

use super::{ack, decode};
use crate::ending::{End, close};
use crate::limits::Limits;
use crate::requests::problem;
use crate::seldom::Seldom;
use crate::server::Server;
use crate::source::{SourceUser, TakeError};
use crate::upgrade::Socket;

/// A sensor is told of its mistakes this often; those in between are counted.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// A socket that takes no answer for this long is given up. Short: a sensor that reads nothing has buffers for many.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What a sensor's WebSocket may cost.
pub(crate) fn socket_config(limits: &Limits) -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(limits.message_bytes))
        .max_frame_size(Some(limits.message_bytes))
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        // tungstenite wants it above the write buffer's size; the answers are short.
        .max_write_buffer_size(64 * 1024)
}

/// What a connection needs.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) server: Arc<Server>,
    pub(super) source: SourceUser,
    pub(super) decoder: SensorDecoder,
    pub(super) wants_ack: bool,
}

/// Mistakes, told at most once in a while.
#[derive(Debug)]
struct Complaints(Seldom);

impl Complaints {
    /// The message to send now, if it is time for one.
    fn add(&mut self, mut error: ErrorMessage, now: Instant) -> Option<IngestMessage> {
        let n_untold = self.0.say(now)?;
        if n_untold > 0 {
            error.message = format!("{} (and {n_untold} more like this or other)", error.message);
        }
        Some(IngestMessage::Err(error))
    }
}

impl Session {
    /// Serves one sensor until it leaves, breaks the protocol, or the server ends.
    pub(super) async fn run(mut self, mut socket: Socket) {
        let server = Arc::clone(&self.server);
        let n_sensors = server.n_sensors.fetch_add(1, Ordering::Relaxed) + 1;
        info!(source = self.source.name, n_sensors, "sensor connected");
        let end = self.serve(&mut socket).await;
        if !matches!(end, End::Left) {
            close(&mut socket, &end, server.limits.message_bytes).await;
        }
        let n_sensors = server.n_sensors.fetch_sub(1, Ordering::Relaxed) - 1;
        info!(source = self.source.name, n_sensors, ?end, "sensor left");
    }

    async fn serve(&mut self, socket: &mut Socket) -> End {
        let limits = &self.server.limits;
        let hello = IngestMessage::Hello(IngestHello {
            server: crate::SERVER_NAME.to_owned(),
            session: self.server.session.clone(),
            source: self.source.name.clone(),
            next_seq: self.source.next_seq(),
            max_message_bytes: limits.message_bytes as u64,
            max_rate: limits.rate.get(),
        });
        if let Err(end) = send(socket, &hello).await {
            return end;
        }
        let ping_interval = limits.silence / 3;
        let mut ping_tick = interval_at(Instant::now() + ping_interval, ping_interval);
        ping_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let mut complaints = Complaints(Seldom::every(TELL_INTERVAL));
        let mut is_pinned = false;
        let mut is_first = true;
        let shutdown = self.server.shutdown.clone();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::ServerEnds,
                _ = ping_tick.tick() => {
                    if heard_at.elapsed() >= self.server.limits.silence {
                        return End::Silent;
                    }
                    if let Err(end) = send_message(socket, Message::Ping(Bytes::new())).await {
                        return end;
                    }
                }
                message = socket.next() => {
                    heard_at = Instant::now();
                    let message = match message {
                        Some(Ok(message)) => message,
                        other => return End::of(other),
                    };
                    let (bytes, is_binary) = match &message {
                        Message::Text(text) => (text.as_bytes(), false),
                        Message::Binary(bytes) => (bytes.as_ref(), true),
                        // tungstenite answers pings and the closing handshake by itself.
                        Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => continue,
                    };
                    // It is in already: no token is needed, or the head had it.
                    if std::mem::take(&mut is_first) && is_auth(&message) {
                        continue;
                    }
                    for answer in self.take(bytes, is_binary, &mut complaints, &mut is_pinned) {
                        if let Err(end) = send(socket, &answer).await {
                            return end;
                        }
                    }
                }
            }
            let wait = self.source.wait(Instant::now());
            if !wait.is_zero() {
                let error = problem(
                    "too-fast",
                    format!(
                        "{}; nothing is lost, but taken later",
                        self.server.limits.too_fast()
                    ),
                );
                if let Some(answer) = complaints.add(error, Instant::now())
                    && let Err(end) = send(socket, &answer).await
                {
                    return end;
                }
                // Reading nothing meanwhile fills the socket, which holds the sensor back.
                if shutdown.run_until_cancelled(sleep(wait)).await.is_none() {
                    return End::ServerEnds;
                }
                heard_at = Instant::now();
            }
        }
    }

    /// Takes a message, and says what to answer.
    fn take(
        &mut self,
        bytes: &[u8],
        is_binary: bool,
        complaints: &mut Complaints,
        is_pinned: &mut bool,
    ) -> impl Iterator<Item = IngestMessage> + use<> {
        let (arrived_micros, now) = (self.server.clock.now_micros(), Instant::now());
        let mut answers = [None, None, None];
        let events = match decode(&mut self.decoder, bytes, is_binary, arrived_micros) {
            Ok(events) => events,
            Err(error) => {
                debug!(source = self.source.name, %error, "a message was not understood");
                let error = problem(error.code(), error.to_string());
                answers[0] = complaints.add(error, now);
                // Nonsense costs as much as a reading, or it could be sent without bound.
                let _ = self.server.sources.take(&self.source, &[], arrived_micros, now);
                return answers.into_iter().flatten();
            }
        };
        if !*is_pinned && self.decoder.is_pinned() {
            *is_pinned = true;
            let format = self
                .decoder
                .format()
                .map_or_else(String::new, |format| format.to_string());
            answers[0] = Some(IngestMessage::Format(IngestFormat { format }));
        }
        let (result, taken) = self
            .server
            .sources
            .take(&self.source, &events, arrived_micros, now);
        let error = match &result {
            Err(error @ TakeError::Schema { .. }) => Some(problem("bad-value", error.to_string())),
            Err(error @ TakeError::NoChannel) => Some(problem("not-possible", error.to_string())),
            Ok(()) if taken.n_unknown > 0 => Some(problem(
                "unknown-reading",
                format!(
                    "{} labels are for readings that are not known, or not any more",
                    taken.n_unknown
                ),
            )),
            Ok(()) => None,
        };
        let is_whole = result.is_ok();
        answers[1] = error.and_then(|error| complaints.add(error, now));
        answers[2] = (self.wants_ack && is_whole).then(|| IngestMessage::Ack(ack(taken)));
        answers.into_iter().flatten()
    }
}

/// Whether a message shows a token, which is no reading.
fn is_auth(message: &Message) -> bool {
    let Message::Text(text) = message else {
        return false;
    };
    matches!(ViewerMessage::from_json(text), Ok(ViewerMessage::Auth(_)))
}

async fn send(socket: &mut Socket, message: &IngestMessage) -> Result<(), End> {
    send_message(socket, Message::text(message.to_json())).await
}

async fn send_message(socket: &mut Socket, message: Message) -> Result<(), End> {
    match timeout(WRITE_LIMIT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Left),
        Err(_) => Err(End::Stuck),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_once_in_a_while_and_the_others_counted() {
        let start = Instant::now();
        let mut complaints = Complaints(Seldom::every(TELL_INTERVAL));
        let error = || problem("malformed", "not JSON");
        assert!(complaints.add(error(), start).is_some());
        assert_eq!(complaints.add(error(), start), None);
        assert_eq!(complaints.add(error(), start + TELL_INTERVAL / 2), None);
        let Some(IngestMessage::Err(told)) = complaints.add(error(), start + TELL_INTERVAL) else {
            panic!("it is time");
        };
        assert_eq!(told.message, "not JSON (and 2 more like this or other)");
    }
}
