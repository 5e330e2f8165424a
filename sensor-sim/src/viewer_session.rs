//! One viewer's connection: reads its messages, sends its readings, closes in an orderly way.
//!
//! The reading half and the writing half run side by side in one task, so that acknowledgements and pings are taken in
//! while the socket holds the writer back. What the reader wants written goes through a bounded queue; when that is full
//! the reader waits, and with it the viewer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{Encoding, ErrorMessage, Hello, Pong, ServerMessage, Status, Subscribe, ViewerMessage};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, error::CapacityError};
use tracing::{debug, info, warn};

use crate::channel::{Command, to_text};
use crate::delivery::Delivery;
use crate::losses::Losses;
use crate::requests::{parse, problem};
use crate::server::Server;

/// The server pings a viewer this often, so that a live one is never silent for long.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// A viewer that sends nothing at all, not even pongs, for this long is gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);

/// A socket that takes nothing for this long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(45);

/// Counts are sent this often.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// How long the closing handshake may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Answers and requests that may wait for the writer.
const MAX_WAITING_REPLIES: usize = 64;

/// Bytes reserved for reading from each viewer: they send little.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// Bytes of messages put together before they go to the socket; a flush sends less at once.
const WRITE_BUFFER_BYTES: usize = 64 * 1024;

/// What a viewer's WebSocket may cost.
pub(crate) fn socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(protocol::MAX_VIEWER_MESSAGE_BYTES))
        .max_frame_size(Some(protocol::MAX_VIEWER_MESSAGE_BYTES))
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
}

/// Why a session is over.
#[derive(Debug)]
enum End {
    /// The viewer closed, or its connection broke.
    Left,
    Silent,
    Stuck,
    ServerEnds,
    Broken(tungstenite::Error),
}

/// What the reader hands to the writer.
#[derive(Debug)]
enum ToWriter {
    Subscribe(Subscribe),
    Acknowledge {
        next_seq: u64,
    },
    Pong {
        viewer_sent_micros: f64,
        server_received_micros: u64,
    },
    Refuse(ErrorMessage),
}

/// Serves one viewer until it leaves, breaks the protocol, or the server ends.
pub(crate) async fn run<S>(socket: WebSocketStream<S>, server: Arc<Server>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let n_viewers = server.n_viewers.fetch_add(1, Ordering::Relaxed) + 1;
    server.n_viewers_ever.fetch_add(1, Ordering::Relaxed);
    info!(n_viewers, "viewer connected");

    let (sink, mut stream) = socket.split();
    let (to_writer, requests) = mpsc::channel(MAX_WAITING_REPLIES);
    let mut writer = Writer {
        sink,
        server: &server,
        status: server.channel.watch_status(),
        delivery: None,
        losses: Losses::default(),
        n_delivered: 0,
    };
    let end = tokio::select! {
        // The reader first: when both end, it knows why.
        biased;
        end = read(&mut stream, &server, to_writer) => end,
        end = writer.run(requests) => end,
    };
    let n_delivered = writer.n_delivered;
    if let Some(n) = writer.losses.take_rest() {
        warn_of_losses(n);
    }
    // Frees the readings held and lets a `max` replay go on before the last words are said.
    drop(writer.delivery.take());
    let mut socket = stream
        .reunite(writer.sink)
        .expect("both halves are of one socket");
    close(&mut socket, &end).await;

    let n_viewers = server.n_viewers.fetch_sub(1, Ordering::Relaxed) - 1;
    match end {
        End::Left | End::ServerEnds => info!(n_delivered, n_viewers, "viewer left"),
        End::Silent => info!(
            n_delivered,
            n_viewers,
            "viewer closed: silent for {} s",
            SILENCE_LIMIT.as_secs()
        ),
        End::Stuck => info!(
            n_delivered,
            n_viewers,
            "viewer closed: took nothing for {} s",
            WRITE_LIMIT.as_secs()
        ),
        End::Broken(error) => info!(n_delivered, n_viewers, %error, "viewer closed: broke the protocol"),
    }
}

async fn read<S>(
    stream: &mut SplitStream<WebSocketStream<S>>,
    server: &Server,
    to_writer: mpsc::Sender<ToWriter>,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let message = match timeout(SILENCE_LIMIT, stream.next()).await {
            Err(_) => return End::Silent,
            Ok(None) => return End::Left,
            Ok(Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::Io(_)))) => {
                return End::Left;
            }
            Ok(Some(Err(tungstenite::Error::Protocol(
                tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            )))) => return End::Left,
            Ok(Some(Err(error))) => return End::Broken(error),
            Ok(Some(Ok(message))) => message,
        };
        let request = match message {
            Message::Text(text) => answer(&text, server).await,
            Message::Binary(_) => {
                let error = problem("malformed", "expected a JSON text message, got a binary one");
                Some(ToWriter::Refuse(error))
            }
            // tungstenite answers pings and the closing handshake by itself.
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => None,
        };
        if let Some(request) = request
            && to_writer.send(request).await.is_err()
        {
            return End::Left;
        }
    }
}

/// Acts on a viewer's message, and says what the writer has to do about it.
async fn answer(text: &str, server: &Server) -> Option<ToWriter> {
    let server_received_micros = server.clock.now_micros();
    let message = match parse(text) {
        Ok(message) => message,
        Err(error) => return Some(ToWriter::Refuse(error)),
    };
    let (channel, command) = match message {
        ViewerMessage::Ping(ping) => {
            return Some(ToWriter::Pong {
                viewer_sent_micros: ping.viewer_sent_micros,
                server_received_micros,
            });
        }
        ViewerMessage::Subscribe(request) => (request.channel, Err(ToWriter::Subscribe(request))),
        ViewerMessage::Ack(ack) => (
            ack.channel,
            Err(ToWriter::Acknowledge {
                next_seq: ack.next_seq,
            }),
        ),
        ViewerMessage::Play(play) => (play.channel, Ok(Command::Play)),
        ViewerMessage::Pause(pause) => (pause.channel, Ok(Command::Pause)),
        ViewerMessage::Seek(seek) => (seek.channel, Ok(Command::Seek(seek.position))),
        ViewerMessage::Speed(speed) => (speed.channel, Ok(Command::Speed(speed.factor))),
    };
    let known = server.channel.id();
    if channel != known {
        let error = problem(
            "unknown-channel",
            format!("expected channel {known}, got {channel}"),
        );
        return Some(ToWriter::Refuse(error));
    }
    match command {
        Err(to_writer) => Some(to_writer),
        Ok(command) => {
            let error = server.channel.command(command).await.err()?;
            Some(ToWriter::Refuse(error))
        }
    }
}

/// The writing half.
struct Writer<'a, S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    server: &'a Server,
    /// The replay's state; what was not yet sent of it counts as changed.
    status: watch::Receiver<Status>,
    /// Set by `subscribe`.
    delivery: Option<Delivery>,
    /// Over all subscriptions of the connection, for the log.
    losses: Losses,
    /// Over all subscriptions of the connection, for the log.
    n_delivered: u64,
}

impl<S> Writer<'_, S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    async fn run(&mut self, mut requests: mpsc::Receiver<ToWriter>) -> End {
        match self.serve(&mut requests).await {
            Ok(end) => end,
            Err(WriteError::Stuck) => End::Stuck,
            Err(WriteError::Socket(error)) => {
                debug!(%error, "writing to a viewer failed");
                End::Left
            }
        }
    }

    async fn serve(&mut self, requests: &mut mpsc::Receiver<ToWriter>) -> Result<End, WriteError> {
        let mut head = self.server.channel.watch_head();
        let mut stats_tick = interval_at(Instant::now() + STATS_INTERVAL, STATS_INTERVAL);
        let mut ping_tick = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        // A viewer that was held up gets one set of counts, not those of every second it missed.
        stats_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);

        self.greet().await?;
        loop {
            head.mark_unchanged();
            let is_ready = self.delivery.as_ref().is_some_and(Delivery::is_ready);
            tokio::select! {
                // Readings last: a stream at full speed shall not hold up the rest.
                biased;
                () = self.server.shutdown.cancelled() => return Ok(End::ServerEnds),
                Some(request) = requests.recv() => self.handle(request).await?,
                _ = ping_tick.tick() => self.send(Message::Ping(Bytes::new())).await?,
                _ = stats_tick.tick() => self.send_stats().await?,
                Ok(()) = self.status.changed() => self.send_status().await?,
                () = std::future::ready(()), if is_ready => self.send_readings().await?,
                Ok(()) = head.changed(), if !is_ready && self.delivery.is_some() => {}
            }
        }
    }

    async fn greet(&mut self) -> Result<(), WriteError> {
        let hello = Hello {
            version: protocol::VERSION,
            server: crate::SERVER_NAME.to_owned(),
            session: self.server.session.clone(),
            now_micros: self.server.clock.now_micros(),
            capabilities: vec!["binary".to_owned(), "replay-control".to_owned()],
        };
        self.feed(to_message(&ServerMessage::Hello(hello))).await?;
        let schema = self.server.channel.schema();
        self.send_message(&ServerMessage::Schema(schema)).await
    }

    async fn handle(&mut self, request: ToWriter) -> Result<(), WriteError> {
        match request {
            ToWriter::Subscribe(request) => self.subscribe(&request).await,
            ToWriter::Acknowledge { next_seq } => self.acknowledge(next_seq).await,
            ToWriter::Pong {
                viewer_sent_micros,
                server_received_micros,
            } => {
                let pong = Pong {
                    viewer_sent_micros,
                    server_received_micros,
                    server_sent_micros: self.server.clock.now_micros(),
                };
                self.send_message(&ServerMessage::Pong(pong)).await
            }
            ToWriter::Refuse(error) => self.send_message(&ServerMessage::Err(error)).await,
        }
    }

    async fn subscribe(&mut self, request: &Subscribe) -> Result<(), WriteError> {
        let start_seq = match self.server.resume_point(request) {
            Ok(start_seq) => start_seq,
            Err(error) => {
                self.feed(to_message(&ServerMessage::Err(error))).await?;
                None
            }
        };
        // Before the replay begins, so that its first reading finds the viewer waiting.
        self.delivery = None;
        let channel = &self.server.channel;
        self.delivery = Some(Delivery::new(
            channel,
            request,
            start_seq,
            self.server.default_queue,
        ));
        // A replay that has ended for good has no use for this; its status says so.
        let _ = channel.command(Command::Begin).await;
        self.send_status().await
    }

    async fn send_status(&mut self) -> Result<(), WriteError> {
        let status = self.status.borrow_and_update().clone();
        self.send_message(&ServerMessage::Status(status)).await
    }

    async fn acknowledge(&mut self, next_seq: u64) -> Result<(), WriteError> {
        let error = match &mut self.delivery {
            None => problem("not-subscribed", "expected a subscribe before the first ack"),
            Some(delivery) => {
                if delivery.acknowledge(next_seq) {
                    return Ok(());
                }
                let most = delivery.next_seq();
                problem(
                    "bad-value",
                    format!("expected next_seq up to {most}, which comes next, got {next_seq}"),
                )
            }
        };
        self.send_message(&ServerMessage::Err(error)).await
    }

    async fn send_readings(&mut self) -> Result<(), WriteError> {
        let Some(mut delivery) = self.delivery.take() else {
            return Ok(());
        };
        delivery.take();
        let result = self.write_readings(&mut delivery).await;
        self.n_delivered += delivery.taken().len() as u64;
        delivery.sent();
        self.delivery = Some(delivery);
        result
    }

    async fn write_readings(&mut self, delivery: &mut Delivery) -> Result<(), WriteError> {
        self.feed_gaps(delivery).await?;
        match delivery.encoding() {
            Encoding::Json => {
                for entry in delivery.taken() {
                    let text = self.server.channel.text_of(entry);
                    self.feed(Message::Text(text)).await?;
                }
            }
            Encoding::Binary => {
                if let Some(batch) = delivery.batch() {
                    let bytes = batch.finish(self.server.clock.now_micros());
                    self.feed(Message::Binary(bytes.into())).await?;
                }
            }
        }
        self.flush().await
    }

    async fn send_stats(&mut self) -> Result<(), WriteError> {
        let Some(mut delivery) = self.delivery.take() else {
            return Ok(());
        };
        let stats = delivery.stats();
        self.feed_gaps(&mut delivery).await?;
        self.delivery = Some(delivery);
        self.send_message(&ServerMessage::Stats(stats)).await
    }

    async fn feed_gaps(&mut self, delivery: &mut Delivery) -> Result<(), WriteError> {
        for gap in delivery.take_gaps() {
            debug!(from = gap.from, until = gap.until, cause = ?gap.cause, "readings given up for a viewer");
            self.losses.add(gap.cause, gap.until - gap.from);
            self.feed(to_message(&ServerMessage::Gap(gap))).await?;
        }
        if let Some(n) = self.losses.take_due(Instant::now()) {
            warn_of_losses(n);
        }
        Ok(())
    }

    async fn send_message(&mut self, message: &ServerMessage) -> Result<(), WriteError> {
        self.send(to_message(message)).await
    }

    async fn send(&mut self, message: Message) -> Result<(), WriteError> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Puts a message into the write buffer, which goes to the socket when it is full or flushed.
    async fn feed(&mut self, message: Message) -> Result<(), WriteError> {
        within_limit(self.sink.feed(message)).await
    }

    async fn flush(&mut self) -> Result<(), WriteError> {
        within_limit(self.sink.flush()).await
    }
}

fn warn_of_losses(n: u64) {
    warn!(
        n,
        "readings given up for a viewer that takes them more slowly than they come, or came too late"
    );
}

/// Why nothing more can be written.
#[derive(Debug)]
enum WriteError {
    Stuck,
    Socket(tungstenite::Error),
}

async fn within_limit(write: impl Future<Output = Result<(), tungstenite::Error>>) -> Result<(), WriteError> {
    match timeout(WRITE_LIMIT, write).await {
        Ok(result) => result.map_err(WriteError::Socket),
        Err(_) => Err(WriteError::Stuck),
    }
}

fn to_message(message: &ServerMessage) -> Message {
    Message::Text(to_text(message))
}

/// Says why, then waits for the viewer to hang up. Bytes still coming are read and thrown away: closing a socket that
/// holds unread bytes resets the connection, and the viewer might never see the reason.
async fn close<S>(socket: &mut WebSocketStream<S>, end: &End)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reason = |code, reason: &'static str| {
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    };
    let frame = match end {
        End::Left | End::Stuck => None,
        End::Silent => reason(CloseCode::Policy, "silent for too long"),
        End::ServerEnds => reason(CloseCode::Away, "the server is shutting down"),
        End::Broken(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => {
            reason(CloseCode::Size, "a message may have 65536 bytes")
        }
        End::Broken(tungstenite::Error::Utf8(_)) => reason(CloseCode::Invalid, "text that is not UTF-8"),
        End::Broken(_) => reason(CloseCode::Protocol, "not a valid WebSocket frame"),
    };
    let handshake = async {
        // Errors mean that the viewer is gone already, which is what is wanted.
        let _ = socket.close(frame).await;
        let _ = socket.get_mut().shutdown().await;
        let mut rest = [0; 1024];
        while socket.get_mut().read(&mut rest).await.is_ok_and(|n| n > 0) {}
    };
    if !matches!(end, End::Stuck) {
        let _ = timeout(CLOSE_LIMIT, handshake).await;
    }
}
