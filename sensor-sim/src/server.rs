//! Puts the parts together: models, a replay, channels, and sensors and viewers on one listener.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use classifier::{KnnOptions, Preparation};
use datasets::{Column, Dataset, Order};
use protocol::{ErrorMessage, Feature, GapCause, NumberType, SourceState, Status, Subscribe};
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::accept::accept;
use crate::announcement::{Announcement, ServedModel, Shape};
use crate::bridges::{Bridge, BridgeStatus};
use crate::candidates::Candidate;
use crate::channel::{Channel, Command};
use crate::channels::Channels;
use crate::clock::SessionClock;
use crate::command_line::command_line;
use crate::config::{Config, Start};
use crate::gate::Gate;
use crate::http::router;
use crate::limits::Limits;
use crate::model::{self, FitFailure, ModelError, ModelFile};
use crate::parts::{self, PartsError};
use crate::replay::{Replay, Stream};
use crate::requests::problem;
use crate::schedule::Pace;
use crate::sources::Sources;
use crate::twins::n_twins;

/// How long viewers and downloads get to end when the server does.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// How often sources are looked after: what has fallen silent is said so, what is abandoned is forgotten.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// What every request and every session needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) clock: SessionClock,
    pub(crate) session: String,
    pub(crate) channels: Arc<Channels>,
    /// What sensors feed.
    pub(crate) sources: Sources,
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) default_queue: u32,
    /// Viewers connected now, and since the start.
    pub(crate) n_viewers: AtomicUsize,
    pub(crate) n_viewers_ever: AtomicUsize,
    /// Sensors connected now.
    pub(crate) n_sensors: AtomicUsize,
    /// The connections that the server makes by itself.
    pub(crate) bridges: Vec<Arc<BridgeStatus>>,
    /// One task a viewer, sensor or bridge.
    pub(crate) sessions: TaskTracker,
    /// Cancelled when the server ends.
    pub(crate) shutdown: CancellationToken,
}

impl Server {
    /// A server that serves nobody yet.
    pub(crate) fn new(
        config: &Config,
        candidates: Vec<Candidate>,
        channels: Arc<Channels>,
        clock: SessionClock,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            clock,
            session: new_session(&clock),
            sources: Sources::new(
                Arc::clone(&channels),
                candidates,
                options_for_sources(config),
                config.limits.clone(),
            ),
            channels,
            limits: config.limits.clone(),
            gate: Gate::new(config.access.clone(), config.limits.strangers),
            default_queue: config.queue.get(),
            n_viewers: AtomicUsize::new(0),
            n_viewers_ever: AtomicUsize::new(0),
            n_sensors: AtomicUsize::new(0),
            bridges: config.bridges.iter().map(Bridge::status).collect(),
            sessions: TaskTracker::new(),
            shutdown,
        }
    }

    /// Where a subscription begins; `None`: with the next reading.
    ///
    /// # Errors
    ///
    /// What to tell the viewer if it cannot go on where it asks; it begins with the next reading then.
    pub(crate) fn resume_point(
        &self,
        channel: &Channel,
        request: &Subscribe,
    ) -> Result<Option<u64>, ErrorMessage> {
        let Some(resume) = &request.resume else {
            return Ok(None);
        };
        let next_seq = channel.next_seq();
        if resume.session != self.session {
            let message = "the session to resume is another one; readings go on with the next";
            Err(problem("not-possible", message))
        } else if resume.next_seq > next_seq {
            let message = format!(
                "expected resume.next_seq up to {next_seq}, which comes next, got {}; readings go on with the next",
                resume.next_seq
            );
            Err(problem("bad-value", message))
        } else {
            Ok(Some(resume.next_seq))
        }
    }
}

/// Why a server cannot be prepared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// There are no rows to train with, or none to stream.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The model cannot be fitted.
    #[error("the model cannot be fitted: {0}")]
    Fit(#[from] FitFailure),
    /// The model file is of no use.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// A server that needs only a listener: the data are split, the model is fitted.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    replayed: Option<Replayed>,
    /// For the sources that have their features, the file of `--model` first.
    candidates: Vec<Candidate>,
}

/// What is replayed, and the model that labels it.
#[derive(Debug)]
struct Replayed {
    stream: Stream,
    model: Arc<ModelFile>,
    /// Rows of the stream that the model was trained with as well, but for the class.
    n_twins: u64,
}

impl Prepared {
    /// Splits the data and fits the model. Takes seconds for large data: not for a tokio worker.
    ///
    /// # Errors
    ///
    /// See [`PrepareError`].
    pub fn new(config: Config) -> Result<Self, PrepareError> {
        let mut candidates = Vec::new();
        if let Some(path) = &config.model {
            candidates.push(model::read(path)?);
        }
        let replayed = match &config.dataset {
            Some(dataset) => Some(Replayed::new(&config, dataset)?),
            None => None,
        };
        if let (Some(replayed), Some(dataset)) = (&replayed, &config.dataset) {
            candidates.push(Candidate {
                origin: dataset.name.clone(),
                feature_names: dataset
                    .features
                    .iter()
                    .map(|feature| feature.name.clone())
                    .collect(),
                class_names: dataset.classes.clone(),
                file: Arc::clone(&replayed.model),
            });
        }
        Ok(Self {
            config,
            replayed,
            candidates,
        })
    }
}

impl Replayed {
    fn new(config: &Config, dataset: &Arc<Dataset>) -> Result<Self, PrepareError> {
        let split = parts::split(
            dataset,
            config.training_share,
            config.order,
            config.seed,
            config.filter_iqr,
        )?;
        let n_twins = n_twins(dataset, &split.training, &split.stream);
        let model = model::fit(config, dataset, &split.training)?;
        info!(
            n_training = split.training.len(),
            n_stream = split.stream.len(),
            "{}: {} rows, {} features, {} classes",
            dataset.name,
            dataset.n_rows(),
            dataset.n_features(),
            dataset.classes.len()
        );
        info!(
            n_twins,
            "rows of the stream whose features all occur in a training row: a nearest neighbour knows these beforehand"
        );
        let labels = &dataset.labels;
        let mut trained = split.training.iter().map(|&row| labels[row as usize]);
        let first = trained.next();
        if trained.all(|label| Some(label) == first) {
            warn!(
                "all rows that train the model are of one class, so it can name no other; another --label, --split or --order may help"
            );
        }
        Ok(Self {
            stream: Stream {
                dataset: Arc::clone(dataset),
                rows: split.stream,
                looping: config.looping,
            },
            model: Arc::new(model),
            n_twins,
        })
    }
}

/// Serves until `shutdown` completes, then says goodbye to every viewer and sensor.
///
/// # Errors
///
/// If the listener or the replay fails.
pub async fn serve(
    listener: TcpListener,
    prepared: Prepared,
    shutdown: impl Future<Output = ()>,
) -> io::Result<Summary> {
    let Prepared {
        config,
        replayed,
        candidates,
    } = prepared;
    let clock = SessionClock::start();
    let channels = Arc::new(Channels::new());
    let stop = CancellationToken::new();
    let replay = replayed.map(|replayed| add_replay(&config, replayed, &channels, clock));
    let (replay, begin) = replay.unzip();
    // Without a replay this never completes: it is the server's other end.
    let mut replay = tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        match replay {
            Some(replay) => replay.await,
            None => std::future::pending().await,
        }
    }));
    let server = Arc::new(Server::new(&config, candidates, channels, clock, stop));
    if let Some(channel) = begin
        && config.start == Start::Now
    {
        // The replay was just started and takes every command.
        let _ = channel.command(Command::Begin).await;
    }
    for (bridge, status) in config.bridges.into_iter().zip(&server.bridges) {
        let running = bridge.run(Arc::clone(status), Arc::clone(&server));
        server.sessions.spawn(running);
    }
    let mut tending = tokio::spawn(
        server
            .shutdown
            .clone()
            .run_until_cancelled_owned(tend_sources(Arc::clone(&server))),
    );
    let mut http = tokio::spawn(accept(listener, router(Arc::clone(&server)), Arc::clone(&server)));
    tokio::select! {
        () = shutdown => {}
        result = &mut http => result??,
        // These have no end of their own: a panic in one would leave every viewer waiting for ever.
        result = &mut replay => return Err(failed(&server, "the replay", result)),
        result = &mut tending => return Err(failed(&server, "tending the sources", result)),
    }
    server.shutdown.cancel();
    server.sessions.close();
    let ending = async {
        server.sessions.wait().await;
        let _ = http.await;
        let _ = replay.await;
    };
    if timeout(SHUTDOWN_LIMIT, ending).await.is_err() {
        warn!(
            "some connections did not end in {} s and were cut",
            SHUTDOWN_LIMIT.as_secs()
        );
    }
    Ok(Summary::of(&server))
}

fn failed<T>(server: &Server, what: &str, result: Result<T, tokio::task::JoinError>) -> io::Error {
    let error = result
        .err()
        .map_or_else(|| "it ended".to_owned(), |error| error.to_string());
    server.shutdown.cancel();
    io::Error::other(format!("{what} failed: {error}"))
}

/// Makes the replay's channel. Returns what drives it, and the channel.
fn add_replay(
    config: &Config,
    replayed: Replayed,
    channels: &Channels,
    clock: SessionClock,
) -> (impl Future<Output = ()> + use<>, Arc<Channel>) {
    let announcement = announcement_of(config, &replayed);
    let stream = replayed.stream;
    let mut feed = None;
    let channel = channels.add(|id| {
        let waiting = Status {
            channel: id,
            state: SourceState::Waiting,
            position: Some(0),
            next_seq: 0,
            speed: Some(1.0),
            message: None,
        };
        let (channel, requests) = Channel::new(
            &stream.dataset.name,
            announcement,
            waiting,
            config.history_bytes,
            channels.changes().clone(),
        );
        feed = Some(requests);
        channel
    });
    let channel = channel.expect("the first channel has a number");
    let requests = feed.expect("the channel was made");
    let replay = Replay::new(stream, config.pace.clone(), Arc::clone(&channel), clock);
    (replay.run(requests), channel)
}

/// Looks after the sources for as long as the server lives.
async fn tend_sources(server: Arc<Server>) {
    let mut tick = interval(TEND_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        server.sources.tend(Instant::now());
    }
}

/// How models of sensors' readings are trained: as asked for, and scaled if nothing is asked for, since measurements
/// come in units of all sizes.
fn options_for_sources(config: &Config) -> KnnOptions {
    KnnOptions {
        k: usize::from(config.k.get()),
        metric: config.metric,
        voting: config.voting,
        preparation: config.preparation.unwrap_or(Preparation::Standard),
        ..KnnOptions::default()
    }
}

/// What a session came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How long the server ran.
    pub elapsed: Duration,
    /// Readings published.
    pub n_produced: u64,
    /// Viewers that connected.
    pub n_viewers: usize,
    /// Readings handed to viewers' sockets; each viewer counts.
    pub n_delivered: u64,
    /// Readings given up for viewers, by cause; each viewer counts.
    pub n_dropped: BTreeMap<GapCause, u64>,
}

impl Summary {
    fn of(server: &Server) -> Self {
        let totals = server.channels.totals();
        Self {
            elapsed: server.clock.elapsed(),
            n_produced: totals.n_produced,
            n_viewers: server.n_viewers_ever.load(Ordering::Relaxed),
            n_delivered: totals.n_delivered,
            n_dropped: totals.n_dropped,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.elapsed.as_secs_f64();
        write!(
            f,
            "{} readings in {secs:.1} s; {} viewers, {} delivered, {} dropped",
            self.n_produced,
            self.n_viewers,
            self.n_delivered,
            self.n_dropped.values().sum::<u64>()
        )?;
        let mut separator = " (";
        for (cause, n) in self.n_dropped.iter().filter(|(_, n)| **n > 0) {
            let cause = match cause {
                GapCause::SlowViewer => "slow viewer",
                GapCause::HistoryLost => "history lost",
                GapCause::Latest => "latest only",
            };
            write!(f, "{separator}{cause} {n}")?;
            separator = ", ";
        }
        if separator == ", " {
            f.write_str(")")
        } else {
            Ok(())
        }
    }
}

fn announcement_of(config: &Config, replayed: &Replayed) -> Announcement {
    let Replayed {
        stream,
        model,
        n_twins,
    } = replayed;
    let dataset = &stream.dataset;
    Announcement {
        revision: 1,
        shape: Shape::new(1, features_of(dataset), dataset.classes.clone(), false),
        replay: Some(protocol::Replay {
            dataset: dataset.name.clone(),
            order: match config.order {
                Order::Shuffled => "shuffled".to_owned(),
                Order::File => "file".to_owned(),
            },
            seed: config.seed,
            n_rows: stream.rows.len() as u64,
            looping: config.looping,
            pace: match config.pace {
                Pace::Rate(_) => protocol::Pace::Rate,
                Pace::Recorded(_) => protocol::Pace::Recorded,
                Pace::Max => protocol::Pace::Max,
            },
            rate: match config.pace {
                Pace::Rate(rate) => Some(rate),
                Pace::Recorded(_) | Pace::Max => None,
            },
            speed: match &config.pace {
                Pace::Recorded(times) => Some(times.speed()),
                Pace::Rate(_) | Pace::Max => None,
            },
            n_twins: Some(*n_twins),
            command: command_line(config, model.preparation),
        }),
        model: Some(ServedModel {
            file: Arc::clone(model),
            trained_until: None,
        }),
    }
}

fn features_of(dataset: &Dataset) -> Vec<Feature> {
    let feature = |(info, column): (&datasets::FeatureInfo, &Column)| Feature {
        name: info.name.clone(),
        unit: info.unit.clone(),
        number_type: match column {
            Column::I16(_) => NumberType::I16,
            Column::I32(_) => NumberType::I32,
            Column::F32(_) => NumberType::F32,
            Column::F64(_) => NumberType::F64,
        },
        min: column.range().map(|(min, _)| min),
        max: column.range().map(|(_, max)| max),
    };
    dataset
        .features
        .iter()
        .zip(&dataset.columns)
        .map(feature)
        .collect()
}

/// A name that no other run of the server has: its time of start, and randomness from the standard library's hash keys,
/// which is unguessable enough for a name that guards nothing.
fn new_session(clock: &SessionClock) -> String {
    format!(
        "{:x}-{:016x}",
        clock.now_micros(),
        RandomState::new().build_hasher().finish()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_only_causes_that_happened() {
        let mut summary = Summary {
            elapsed: Duration::from_millis(60_040),
            n_produced: 60_000,
            n_viewers: 2,
            n_delivered: 119_000,
            n_dropped: BTreeMap::from([(GapCause::SlowViewer, 0), (GapCause::Latest, 0)]),
        };
        assert_eq!(
            summary.to_string(),
            "60000 readings in 60.0 s; 2 viewers, 119000 delivered, 0 dropped"
        );
        summary.n_dropped = BTreeMap::from([(GapCause::SlowViewer, 900), (GapCause::Latest, 100)]);
        assert!(
            summary
                .to_string()
                .ends_with("1000 dropped (slow viewer 900, latest only 100)")
        );
    }
}
