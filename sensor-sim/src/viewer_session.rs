//! One viewer's connection: reads its messages, sends its readings, closes in an orderly way.
//!
//! The reading half and the writing half run side by side in one task, so that acknowledgements and pings are taken in
//! while the socket holds the writer back. What the reader wants written goes through a bounded queue; when that is full
//! the reader waits, and with it the viewer.

mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::SplitSink;
use futures::{SinkExt as _, StreamExt as _};
use protocol::{Encoding, Hello, Label, Pong, ServerMessage, SourceState, Status, Subscribe};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tracing::{debug, info, warn};

use self::reader::{SILENCE_LIMIT, ToWriter, read};
use crate::announcement::{Announcement, Shape};
use crate::channel::{Channel, Command, to_text};
use crate::delivery::Delivery;
use crate::ending::{End, close};
use crate::late_labels::LateLabel;
use crate::losses::Losses;
use crate::requests::problem;
use crate::server::Server;

/// The server pings a viewer this often, so that a live one is never silent for long.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// A socket that takes nothing for this long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(45);

/// Counts are sent this often.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

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
    close(&mut socket, &end, protocol::MAX_VIEWER_MESSAGE_BYTES).await;

    let n_viewers = server.n_viewers.fetch_sub(1, Ordering::Relaxed) - 1;
    match end {
        End::Left | End::ServerEnds | End::Refused { .. } => info!(n_delivered, n_viewers, "viewer left"),
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
                Ok(()) = self.changes.changed() => {
                    self.follow_changes().await?;
                    self.send_labels().await?;
                }
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
    /// nothing else. One with more classes need not wait: readings from before mean the same by it.
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
                let is_read_the_same = announcement.shape.extends(&told.announcement.shape);
                let has_waiting = self
                    .deliveries
                    .iter()
                    .any(|delivery| delivery.channel().id() == id && delivery.has_waiting());
                if is_read_the_same || !has_waiting {
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

    /// Announces the shape of the readings that come next, unless they mean the same by the one announced. Returns the
    /// revision that they go by.
    async fn tell_shape(&mut self, channel: &Arc<Channel>, shape: &Arc<Shape>) -> Result<u32, WriteError> {
        let Some(told) = self.told.get_mut(&channel.id()) else {
            return Ok(shape.revision); // Forgotten this moment.
        };
        if !told.announcement.shape.extends(shape) {
            let current = channel.announcement();
            told.announcement = if current.shape.extends(shape) {
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
        if self.owes_schema {
            self.follow_changes().await?;
        }
        self.send_labels().await
    }

    /// Late labels of readings that this viewer has had. One of a class that it has not been told of waits until it is.
    async fn send_labels(&mut self) -> Result<(), WriteError> {
        let mut messages = Vec::new();
        for delivery in &mut self.deliveries {
            let channel = delivery.channel().id();
            let Some(told) = self.told.get(&channel) else {
                continue; // Forgotten this moment.
            };
            let n_lost = delivery.take_labels(told.announcement.revision, &mut self.labels);
            if n_lost > 0 {
                debug!(
                    n_lost,
                    "late labels lost for a viewer that takes them more slowly than they come"
                );
            }
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
