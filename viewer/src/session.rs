//! The viewer's side of `runnel.v1`: [`Session`], a state machine without a socket, a clock or JavaScript.
//!
//! What happens comes in as method calls with the time on our clock in microseconds; what is to be done goes out as
//! [`Action`]s; what the caller has to know comes back as [`Heard`]. The order is always connect, `hello`, `schema`,
//! fetch the model, `subscribe`: while a model is on its way no reading waits or is given up for want of it. A source
//! that has no model is subscribed at once, for its values; they go on while its first model is fetched.
//!
//! A connection that ends, or on which nothing was heard for `SILENCE_MICROS`, is made again after a [`Backoff`].
//! In the same session the subscription goes on at the first reading without a label; in another one everything begins
//! afresh. Waits grow until readings are labelled again, so a server that greets and then cuts is not besieged.

mod hearing;
mod model;
mod token;

use std::collections::{BTreeMap, VecDeque};

use evaluation::ClockOffset;
use protocol::{
    Auth, ChannelOnly, Gap, GapCause, Hello, Label, Model, Ping, Schema, Seek, SourceState, Speed, Stats,
    Status, ViewerMessage,
};

use crate::backoff::Backoff;
pub use model::{LoadedModel, ModelState};

/// How often a `ping` asks for the server's time once the offset is known.
const PING_EVERY_MICROS: f64 = 1_000_000.0;

/// Pings sent at every tick at the start of a connection: the shortest of eight round trips is a good first offset.
const N_FIRST_PINGS: u32 = 8;

/// A connection that is silent for so long is dead: a server answers a `ping` every second.
const SILENCE_MICROS: f64 = 10_000_000.0;

/// Ticks further apart than this were missed.
const MISSED_TICK_MICROS: f64 = 1_000_000.0;

/// What the caller has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Open a socket to the server.
    Connect,
    /// Close the socket; nothing more is wanted from it.
    Disconnect,
    /// Send a message.
    Send(ViewerMessage),
    /// Fetch a model, then call [`Session::model_ready`] or one of its siblings.
    FetchModel(Model),
}

/// What a message from the server means for the readings.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// Nothing.
    Nothing,
    /// All counts begin afresh: another session, other features or classes, or the model is gone.
    Afresh,
    /// The schema came again, and all counts go on: the features are the same, and so are the classes, but for new ones
    /// behind them.
    Revised,
    /// The same session goes on over a new connection.
    Resumed,
    /// Readings will not come; to be counted after those received before.
    Gap(Gap),
    /// The true label of a reading that was delivered without it; to be scored after those received before.
    Truth(Label),
    /// The server has produced all readings below this sequence number.
    Produced(u64),
}

/// Why all counts began afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfreshReason {
    /// The server was started again.
    Restarted,
    /// The stream has other classes than before.
    Classes,
    /// The stream has other features than before.
    Features,
    /// The stream has no model any more.
    ModelGone,
}

/// The socket.
#[derive(Debug, Clone, PartialEq)]
pub enum Connection {
    /// `start` was not called.
    Idle,
    /// Opening, or waiting for `hello`.
    Connecting,
    /// `hello` has come.
    Open,
    /// Gone, or never there; tried again at `retry_at`.
    Lost {
        /// Our time of the next try.
        retry_at: f64,
        /// What is known of the cause, for people; may be empty.
        reason: String,
    },
    /// Of no use to us; not tried again.
    Refused(String),
    /// The server lets in who has its read token, and we have none, or another; not tried again.
    Locked(String),
}

/// Most features and classes of a stream that is followed. What is kept of the last readings grows with both, and a
/// page cannot show more; arbitrary, not tuned.
pub const MAX_FEATURES: usize = 4_096;

/// See [`MAX_FEATURES`].
pub const MAX_CLASSES: usize = 1_024;

/// What a viewer asks of the replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Control {
    /// Go on.
    Play,
    /// Hold.
    Pause,
    /// Go to a row, `0..n_rows`.
    Seek(u64),
    /// Change the speed, 1 being the rate that the server was started with.
    Speed(f64),
}

/// Messages that were of no use.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Errors {
    /// Texts and batches that could not be decoded.
    pub n_malformed: u64,
    /// Messages of a later version or for a channel that is not followed.
    pub n_ignored: u64,
    /// Readings that the classifier refused: a feature that is not a number.
    pub n_not_classified: u64,
    /// What the server, the decoder or the classifier said last.
    pub last: Option<String>,
}

/// A source that the server has, followed or not.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Announced {
    /// Its name.
    pub name: String,
    /// Whether a model labels it.
    pub has_model: bool,
    /// What it does, where the server has said so.
    pub state: Option<SourceState>,
}

/// One viewer's conversation with one server.
#[derive(Debug)]
pub struct Session {
    /// The source to follow; the first one announced if `None`.
    source: Option<String>,
    /// Shown where the server asks for it.
    token: Option<Auth>,
    connection: Connection,
    /// When something was last heard, or a connection last tried.
    heard_at: f64,
    backoff: Backoff,
    hello: Option<Hello>,
    /// All sources, by channel.
    announced: BTreeMap<u16, Announced>,
    /// Of the followed one.
    schema: Option<Schema>,
    model: ModelState,
    /// What the model in memory is for.
    loaded: Option<LoadedModel>,
    /// Readings below this one may have trained the model in memory.
    trained_until: u64,
    /// Hash of a model that is fetched while the one before still labels.
    fetching: Option<String>,
    status: Option<Status>,
    stats: Option<Stats>,
    /// Readings that the gaps of the newest subscription say the server gave up for our slowness.
    n_announced_skips: u64,
    subscribed: bool,
    clock: ClockOffset,
    next_ping_at: f64,
    n_first_pings: u32,
    n_reconnects: u64,
    /// All readings below this one were received in this session, and need not come again.
    received_until: Option<u64>,
    /// When the counts last began afresh, and why.
    afresh: Option<(f64, AfreshReason)>,
    /// When `tick` was last called.
    ticked_at: f64,
    errors: Errors,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that follows `source`, or the first source announced; `seed` spreads reconnections.
    #[must_use]
    pub fn new(source: Option<String>, seed: u64) -> Self {
        Self {
            source,
            token: None,
            connection: Connection::Idle,
            heard_at: 0.0,
            backoff: Backoff::new(seed),
            hello: None,
            announced: BTreeMap::new(),
            schema: None,
            model: ModelState::Absent,
            trained_until: 0,
            fetching: None,
            status: None,
            stats: None,
            n_announced_skips: 0,
            subscribed: false,
            clock: ClockOffset::new(),
            next_ping_at: 0.0,
            n_first_pings: 0,
            n_reconnects: 0,
            received_until: None,
            afresh: None,
            ticked_at: f64::INFINITY,
            loaded: None,
            errors: Errors::default(),
            actions: VecDeque::new(),
        }
    }

    /// Takes the next thing to do.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Connects for the first time.
    pub fn start(&mut self, now: f64) {
        if self.connection == Connection::Idle {
            self.connect(now);
        }
    }

    /// Follows another source from its next reading on; `false` if it is followed already.
    ///
    /// Over a new connection, as readings of the one before may be on their way: version 1 has no message that stops them.
    pub fn follow_source(&mut self, name: String) -> bool {
        let followed = self.schema.as_ref().map(|schema| schema.source.as_str());
        if followed == Some(name.as_str()) {
            return false;
        }
        self.source = Some(name);
        self.afresh = None;
        self.errors = Errors::default();
        self.leave_source();
        if self.connection == Connection::Open {
            self.subscribed = false;
            self.actions.push_back(Action::Disconnect);
            self.connection = Connection::Lost {
                retry_at: self.heard_at,
                reason: "another source was chosen".to_owned(),
            };
        }
        true
    }

    /// Forgets what belongs to the followed source.
    fn leave_source(&mut self) {
        self.schema = None;
        self.status = None;
        self.stats = None;
        self.received_until = None;
        self.model = ModelState::Absent;
        self.fetching = None;
    }

    /// The socket closed, or could not be opened.
    pub fn closed(&mut self, reason: &str, now: f64) {
        if matches!(self.connection, Connection::Connecting | Connection::Open) {
            self.connection = Connection::Lost {
                retry_at: now + self.backoff.next_micros(),
                reason: reason.to_owned(),
            };
            self.subscribed = false;
        }
    }

    /// Time passed; to be called every 100 ms or so.
    pub fn tick(&mut self, now: f64) {
        // A time without ticks is our own silence (a sleeping computer, a model being built), not the server's.
        self.heard_at += (now - self.ticked_at - MISSED_TICK_MICROS).max(0.0);
        self.ticked_at = now;
        match &self.connection {
            Connection::Lost { retry_at, .. } if now >= *retry_at => self.connect(now),
            Connection::Connecting | Connection::Open if now - self.heard_at > SILENCE_MICROS => {
                self.actions.push_back(Action::Disconnect);
                self.closed("the server did not answer for 10 s", now);
            }
            Connection::Open => {
                if now >= self.next_ping_at {
                    self.ping(now);
                }
                if let ModelState::Failed(_, _, Some(retry_at)) = self.model
                    && now >= retry_at
                {
                    self.model = ModelState::Absent;
                    self.follow();
                }
            }
            _ => {}
        }
    }

    /// A batch of the followed channel came; it ends before `next_seq`.
    pub fn received(&mut self, next_seq: u64, now: f64) {
        self.heard_at = now;
        self.received_until = Some(self.received_until.unwrap_or(0).max(next_seq));
    }

    /// What was received from `next_seq` on is wanted again.
    pub fn resume_at(&mut self, next_seq: u64) {
        self.received_until = Some(next_seq);
    }

    /// More came than was asked for: the connection is given up, and made again.
    pub fn overrun(&mut self, reason: String, now: f64) {
        self.actions.push_back(Action::Disconnect);
        self.closed(&reason, now);
        self.errors.last = Some(reason);
    }

    /// A batch came that could not be read.
    pub fn malformed(&mut self, reason: String) {
        self.errors.n_malformed += 1;
        self.errors.last = Some(reason);
    }

    /// A batch came that nobody asked for.
    pub fn ignored(&mut self) {
        self.errors.n_ignored += 1;
    }

    /// A reading could not be classified.
    pub fn not_classified(&mut self, reason: String) {
        self.errors.n_not_classified += 1;
        self.errors.last = Some(reason);
    }

    /// Acknowledges all readings below `next_seq`.
    pub fn acknowledge(&mut self, next_seq: u64) {
        if let Some(channel) = self.subscribed_channel() {
            // Only now the connection has proved to be of use: one that is cut before any label is tried less and less.
            self.backoff.reset();
            self.send(ViewerMessage::Ack(protocol::Ack { channel, next_seq }));
        }
    }

    /// Passes a wish on to the server; without a channel there is nothing to control.
    pub fn control(&mut self, control: Control) {
        let Some(channel) = self.schema.as_ref().map(|schema| schema.channel) else {
            return;
        };
        let only = ChannelOnly { channel };
        let message = match control {
            Control::Play => ViewerMessage::Play(only),
            Control::Pause => ViewerMessage::Pause(only),
            Control::Seek(position) => ViewerMessage::Seek(Seek { channel, position }),
            Control::Speed(factor) => ViewerMessage::Speed(Speed { channel, factor }),
        };
        if self.connection != Connection::Open {
            return;
        }
        match message.validate() {
            Ok(()) => self.send(message),
            Err(error) => self.errors.last = Some(error.to_string()),
        }
    }

    fn refuse(&mut self, reason: String) {
        self.connection = Connection::Refused(reason);
        self.subscribed = false;
        self.actions.push_back(Action::Disconnect);
    }

    fn connect(&mut self, now: f64) {
        self.connection = Connection::Connecting;
        self.heard_at = now;
        self.actions.push_back(Action::Connect);
    }

    fn ping(&mut self, now: f64) {
        self.n_first_pings = self.n_first_pings.saturating_sub(1);
        self.next_ping_at = if self.n_first_pings > 0 {
            now
        } else {
            now + PING_EVERY_MICROS
        };
        self.send(ViewerMessage::Ping(Ping {
            viewer_sent_micros: now,
        }));
    }

    fn send(&mut self, message: ViewerMessage) {
        self.actions.push_back(Action::Send(message));
    }

    fn subscribed_channel(&self) -> Option<u16> {
        let schema = self.schema.as_ref()?;
        self.subscribed.then_some(schema.channel)
    }
}

/// What others may look at.
impl Session {
    /// The socket.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The server's last `hello`.
    #[must_use]
    pub fn last_hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// The source that was asked for by name.
    #[must_use]
    pub fn wanted_source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// All sources that the server has, by channel.
    pub fn sources(&self) -> impl Iterator<Item = &Announced> {
        self.announced.values()
    }

    /// Readings below this one may have trained the model in use: what it makes of them is no sign of its accuracy.
    #[must_use]
    pub fn trained_until(&self) -> u64 {
        self.trained_until
    }

    /// The followed channel.
    #[must_use]
    pub fn followed(&self) -> Option<&Schema> {
        self.schema.as_ref()
    }

    /// The model of the followed channel.
    #[must_use]
    pub fn model(&self) -> &ModelState {
        &self.model
    }

    /// Whether readings are to be labelled; those of a source without a model are taken as they are.
    #[must_use]
    pub fn labels(&self) -> bool {
        matches!(self.model, ModelState::Ready(_))
    }

    /// The replay's state, as last announced.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// The server's counts for us, as last announced.
    #[must_use]
    pub fn stats(&self) -> Option<&Stats> {
        self.stats.as_ref()
    }

    /// Readings that the server has given up for our slowness and that none of its gaps has named yet: those come in
    /// turn, after what we have still to acknowledge.
    #[must_use]
    pub fn n_unannounced_skips(&self) -> u64 {
        let stats = self.stats.as_ref();
        let n_skipped = stats.and_then(|stats| stats.n_dropped.get(&GapCause::SlowViewer));
        n_skipped.map_or(0, |n| n.saturating_sub(self.n_announced_skips))
    }

    /// Whether readings were asked for.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// The server's clock.
    #[must_use]
    pub fn clock(&self) -> &ClockOffset {
        &self.clock
    }

    /// Connections made after the first.
    #[must_use]
    pub fn n_reconnects(&self) -> u64 {
        self.n_reconnects
    }

    /// When the counts last began afresh of themselves, and why.
    #[must_use]
    pub fn afresh(&self) -> Option<(f64, AfreshReason)> {
        self.afresh
    }

    /// Messages that were of no use.
    #[must_use]
    pub fn errors(&self) -> &Errors {
        &self.errors
    }
}
