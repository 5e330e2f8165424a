//! One viewer's connection: reads its messages, sends its readings, closes in an orderly way.
//!
//! The reading half and the writing half run side by side in one task, so that acknowledgements and pings are taken in
//! while the socket holds the writer back. What the reader wants written goes through a bounded queue; when that is full
//! the reader waits, and with it the viewer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    Encoding, ErrorMessage, Hello, Label, Pong, ServerMessage, SourceState, Status, Subscribe, ViewerMessage,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, error::CapacityError};
use tracing::{debug, info, warn};

use crate::announcement::{Announcement, Shape};
use crate::channel::{Channel, Command, to_text};
use crate::delivery::Delivery;
use crate::late_labels::LateLabel;
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
    Subscribe(Arc<Channel>, Subscribe),
    Acknowledge {
        channel: u16,
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
        changes: server.channels.changes().follow(),
        told: BTreeMap::new(),
        owes_schema: false,
        deliveries: Vec::new(),
        wake: Arc::new(Notify::new()),
        labels: Vec::new(),
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
    writer.deliveries.clear();
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
    let (id, request) = match message {
        ViewerMessage::Ping(ping) => {
            return Some(ToWriter::Pong {
                viewer_sent_micros: ping.viewer_sent_micros,
                server_received_micros,
            });
        }
        ViewerMessage::Subscribe(subscribe) => (subscribe.channel, Wish::Subscribe(subscribe)),
        ViewerMessage::Ack(ack) => (ack.channel, Wish::Acknowledge(ack.next_seq)),
        ViewerMessage::Play(play) => (play.channel, Wish::Command(Command::Play)),
        ViewerMessage::Pause(pause) => (pause.channel, Wish::Command(Command::Pause)),
        ViewerMessage::Seek(seek) => (seek.channel, Wish::Command(Command::Seek(seek.position))),
        ViewerMessage::Speed(speed) => (speed.channel, Wish::Command(Command::Speed(speed.factor))),
    };
    let Some(channel) = server.channels.get(id) else {
        return Some(ToWriter::Refuse(unknown_channel(id, server)));
    };
    match request {
        Wish::Subscribe(subscribe) => Some(ToWriter::Subscribe(channel, subscribe)),
        Wish::Acknowledge(next_seq) => Some(ToWriter::Acknowledge {
            channel: id,
            next_seq,
        }),
        Wish::Command(command) => {
            let error = channel.command(command).await.err()?;
            Some(ToWriter::Refuse(error))
        }
    }
}

/// What a viewer wants of a channel.
#[derive(Debug)]
enum Wish {
    Subscribe(Subscribe),
    Acknowledge(u64),
    Command(Command),
}

fn unknown_channel(id: u16, server: &Server) -> ErrorMessage {
    let known: Vec<String> = server
        .channels
        .all()
        .iter()
        .map(|channel| channel.id().to_string())
        .collect();
    let expected = match known.as_slice() {
        [] => "no channel yet".to_owned(),
        [only] => format!("channel {only}"),
        several => format!("one of the channels {}", several.join(", ")),
    };
    problem("unknown-channel", format!("expected {expected}, got {id}"))
}

/// What a viewer has been told of a channel.
#[derive(Debug)]
struct Told {
    channel: Arc<Channel>,
    announcement: Arc<Announcement>,
    status: Status,
}

impl Told {
    /// The status as it is sent. A replay's says which row has which sequence number; with sensors the number moves on
    /// without a word.
    fn status_message(&self) -> ServerMessage {
        let mut status = self.status.clone();
        if status.position.is_none() {
            status.next_seq = self.channel.next_seq();
        }
        ServerMessage::Status(status)
    }
}

/// The writing half.
struct Writer<'a, S> {
    sink: SplitSink<WebSocketStream<S>, Message>,
    server: &'a Server,
    /// Moves when a channel, a schema or a status changes.
    changes: watch::Receiver<u64>,
    /// By channel.
    told: BTreeMap<u16, Told>,
    /// A new schema waits for the readings before it to go out.
    owes_schema: bool,
    /// One a channel that was subscribed to.
    deliveries: Vec<Delivery>,
    /// Notified of readings and labels of the deliveries' channels.
    wake: Arc<Notify>,
    /// Reused.
    labels: Vec<LateLabel>,
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
        let mut stats_tick = interval_at(Instant::now() + STATS_INTERVAL, STATS_INTERVAL);
        let mut ping_tick = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        // A viewer that was held up gets one set of counts, not those of every second it missed.
        stats_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);

        self.greet().await?;
        loop {
            let is_ready = self.deliveries.iter().any(Delivery::is_ready);
            tokio::select! {
                // Readings last: a stream at full speed shall not hold up the rest.
                biased;
                () = self.server.shutdown.cancelled() => return Ok(End::ServerEnds),
                Some(request) = requests.recv() => self.handle(request).await?,
                _ = ping_tick.tick() => self.send(Message::Ping(Bytes::new())).await?,
                _ = stats_tick.tick() => self.send_stats().await?,
                Ok(()) = self.changes.changed() => self.follow_changes().await?,
                () = std::future::ready(()), if is_ready => self.send_readings().await?,
                () = self.wake.notified(), if !is_ready => self.send_labels().await?,
            }
        }
    }

    async fn greet(&mut self) -> Result<(), WriteError> {
        let hello = Hello {
            version: protocol::VERSION,
            server: crate::SERVER_NAME.to_owned(),
            session: self.server.session.clone(),
            now_micros: self.server.clock.now_micros(),
            capabilities: ["binary", "replay-control", "labels"].map(str::to_owned).to_vec(),
        };
        self.feed(to_message(&ServerMessage::Hello(hello))).await?;
        self.changes.mark_unchanged();
        for channel in self.server.channels.all() {
            self.tell_of(&channel).await?;
        }
        self.flush().await
    }

    /// Tells of a channel that the viewer knows nothing of.
    async fn tell_of(&mut self, channel: &Arc<Channel>) -> Result<(), WriteError> {
        let told = Told {
            channel: Arc::clone(channel),
            announcement: channel.announcement(),
            status: channel.status(),
        };
        let schema = channel.schema(&told.announcement);
        self.feed(to_message(&ServerMessage::Schema(schema))).await?;
        // A replay's state means something to its viewers; whether sensors send, and what they lack, to whoever chooses.
        if told.announcement.replay.is_none() {
            self.feed(to_message(&told.status_message())).await?;
        }
        self.told.insert(channel.id(), told);
        Ok(())
    }

    /// Passes on what has changed: new channels, schemas, states.
    ///
    /// A schema for other readings than before has to wait until the readings before them are out; they are told apart by
    /// nothing else.
    async fn follow_changes(&mut self) -> Result<(), WriteError> {
        self.owes_schema = false;
        let new: Vec<Arc<Channel>> = self
            .server
            .channels
            .all()
            .into_iter()
            .filter(|channel| !self.told.contains_key(&channel.id()))
            .collect();
        for channel in new {
            self.tell_of(&channel).await?;
        }
        let mut messages = Vec::new();
        let mut gone = Vec::new();
        for (&id, told) in &mut self.told {
            let announcement = told.channel.announcement();
            if !Arc::ptr_eq(&announcement, &told.announcement) {
                let is_same_shape = Arc::ptr_eq(&announcement.shape, &told.announcement.shape);
                let has_waiting = self
                    .deliveries
                    .iter()
                    .any(|delivery| delivery.channel().id() == id && delivery.has_waiting());
                if is_same_shape || !has_waiting {
                    messages.push(ServerMessage::Schema(told.channel.schema(&announcement)));
                    told.announcement = announcement;
                } else {
                    self.owes_schema = true;
                }
            }
            let status = told.channel.status();
            if status != told.status {
                told.status = status;
                messages.push(told.status_message());
            }
            if told.status.state == SourceState::Gone {
                gone.push(id);
            }
        }
        for message in messages {
            self.feed(to_message(&message)).await?;
        }
        for id in gone {
            self.told.remove(&id);
            self.deliveries.retain(|delivery| delivery.channel().id() != id);
        }
        self.flush().await
    }

    /// Announces the shape of the readings that come next, if it is not the one announced. Returns its revision.
    async fn tell_shape(&mut self, channel: &Arc<Channel>, shape: &Arc<Shape>) -> Result<u32, WriteError> {
        let Some(told) = self.told.get_mut(&channel.id()) else {
            return Ok(shape.revision); // Forgotten this moment.
        };
        if !Arc::ptr_eq(&told.announcement.shape, shape) {
            let current = channel.announcement();
            told.announcement = if Arc::ptr_eq(&current.shape, shape) {
                current
            } else {
                // Readings of an earlier time, for a viewer that resumed; what labelled them then is not served any more.
                self.owes_schema = true;
                Arc::new(Announcement::of_shape(shape))
            };
            let schema = channel.schema(&told.announcement);
            let revision = told.announcement.revision;
            self.feed(to_message(&ServerMessage::Schema(schema))).await?;
            return Ok(revision);
        }
        Ok(told.announcement.revision)
    }

    async fn handle(&mut self, request: ToWriter) -> Result<(), WriteError> {
        match request {
            ToWriter::Subscribe(channel, request) => self.subscribe(&channel, &request).await,
            ToWriter::Acknowledge { channel, next_seq } => self.acknowledge(channel, next_seq).await,
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

    async fn subscribe(&mut self, channel: &Arc<Channel>, request: &Subscribe) -> Result<(), WriteError> {
        let start_seq = match self.server.resume_point(channel, request) {
            Ok(start_seq) => start_seq,
            Err(error) => {
                self.feed(to_message(&ServerMessage::Err(error))).await?;
                None
            }
        };
        if !self.told.contains_key(&channel.id()) {
            // A channel so new that this viewer has guessed its number.
            self.tell_of(channel).await?;
        }
        // Before the replay begins, so that its first reading finds the viewer waiting.
        self.deliveries
            .retain(|delivery| delivery.channel().id() != channel.id());
        self.deliveries.push(Delivery::new(
            channel,
            request,
            start_seq,
            self.server.default_queue,
            &self.wake,
        ));
        // A replay that has ended for good has no use for this; its status says so. Sensors begin by themselves.
        let _ = channel.command(Command::Begin).await;
        let Some(told) = self.told.get_mut(&channel.id()) else {
            return Ok(()); // Told of above.
        };
        told.status = channel.status();
        let message = told.status_message();
        self.send_message(&message).await
    }

    async fn acknowledge(&mut self, channel: u16, next_seq: u64) -> Result<(), WriteError> {
        let delivery = self
            .deliveries
            .iter_mut()
            .find(|delivery| delivery.channel().id() == channel);
        let error = match delivery {
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
        let mut deliveries = std::mem::take(&mut self.deliveries);
        let mut result = Ok(());
        for delivery in deliveries.iter_mut().filter(|delivery| delivery.is_ready()) {
            delivery.take();
            result = self.write_readings(delivery).await;
            self.n_delivered += delivery.taken().len() as u64;
            delivery.sent();
            if result.is_err() {
                break;
            }
        }
        self.deliveries = deliveries;
        result?;
        self.send_labels().await?;
        if self.owes_schema {
            self.follow_changes().await?;
        }
        Ok(())
    }

    /// Late labels of readings that this viewer has had.
    async fn send_labels(&mut self) -> Result<(), WriteError> {
        let mut messages = Vec::new();
        for delivery in &mut self.deliveries {
            let n_lost = delivery.take_labels(&mut self.labels);
            if n_lost > 0 {
                debug!(
                    n_lost,
                    "late labels lost for a viewer that takes them more slowly than they come"
                );
            }
            let channel = delivery.channel().id();
            messages.extend(self.labels.drain(..).map(|label| Label {
                channel,
                revision: label.revision,
                seq: label.seq,
                true_label: label.true_label,
            }));
        }
        if messages.is_empty() {
            return Ok(());
        }
        for label in messages {
            self.feed(to_message(&ServerMessage::Label(label))).await?;
        }
        self.flush().await
    }

    async fn write_readings(&mut self, delivery: &mut Delivery) -> Result<(), WriteError> {
        self.feed_gaps(delivery).await?;
        let channel = Arc::clone(delivery.channel());
        let revision = match delivery.taken_shape() {
            Some(shape) => self.tell_shape(&channel, shape).await?,
            None => return self.flush().await,
        };
        match delivery.encoding() {
            Encoding::Json => {
                for entry in delivery.taken() {
                    let text = channel.text_of(entry);
                    self.feed(Message::Text(text)).await?;
                }
            }
            Encoding::Binary => {
                if let Some(batch) = delivery.batch(revision) {
                    let bytes = batch.finish(self.server.clock.now_micros());
                    self.feed(Message::Binary(bytes.into())).await?;
                }
            }
        }
        self.flush().await
    }

    async fn send_stats(&mut self) -> Result<(), WriteError> {
        let mut deliveries = std::mem::take(&mut self.deliveries);
        let result = self.feed_stats(&mut deliveries).await;
        let is_quiet = deliveries.is_empty();
        self.deliveries = deliveries;
        result?;
        if is_quiet { Ok(()) } else { self.flush().await }
    }

    async fn feed_stats(&mut self, deliveries: &mut [Delivery]) -> Result<(), WriteError> {
        for delivery in deliveries {
            let stats = delivery.stats();
            self.feed_gaps(delivery).await?;
            self.feed(to_message(&ServerMessage::Stats(stats))).await?;
        }
        Ok(())
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

/// Says why the session is over.
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
    if !matches!(end, End::Stuck) {
        close_with(socket, frame, CLOSE_LIMIT).await;
    }
}

/// Closes with a reason, then waits for the peer to hang up. Bytes still coming are read and thrown away: closing a
/// socket that holds unread bytes resets the connection, and the peer might never see the reason.
pub(crate) async fn close_with<S>(socket: &mut WebSocketStream<S>, frame: Option<CloseFrame>, limit: Duration)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = async {
        // Errors mean that the peer is gone already, which is what is wanted.
        let _ = socket.close(frame).await;
        let _ = socket.get_mut().shutdown().await;
        let mut rest = [0; 1024];
        while socket.get_mut().read(&mut rest).await.is_ok_and(|n| n > 0) {}
    };
    let _ = timeout(limit, handshake).await;
}
