//! Puts the parts together: a model, a replay, a channel, and the viewers on one listener.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use classifier::FitError;
use datasets::{Column, Dataset, Order};
use protocol::{ErrorMessage, Feature, GapCause, NumberType, ReplayState, Schema, Status, Subscribe};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::channel::{Channel, Command};
use crate::clock::SessionClock;
use crate::command_line::command_line;
use crate::config::{Config, Start};
use crate::http::router;
use crate::model::{self, ModelFile};
use crate::parts::{self, PartsError};
use crate::replay::{Replay, Stream};
use crate::requests::problem;
use crate::schedule::Pace;
use crate::twins::n_twins;

/// The only channel so far.
const CHANNEL: u16 = 1;

/// How long viewers and downloads get to end when the server does.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(3);

/// What every request and every session needs.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) clock: SessionClock,
    pub(crate) session: String,
    pub(crate) channel: Arc<Channel>,
    pub(crate) model: Option<ModelFile>,
    pub(crate) default_queue: u32,
    /// Viewers connected now, and since the start.
    pub(crate) n_viewers: AtomicUsize,
    pub(crate) n_viewers_ever: AtomicUsize,
    /// One task a viewer.
    pub(crate) sessions: TaskTracker,
    /// Cancelled when the server ends.
    pub(crate) shutdown: CancellationToken,
}

impl Server {
    /// Where a subscription begins; `None`: with the next reading.
    ///
    /// # Errors
    ///
    /// What to tell the viewer if it cannot go on where it asks; it begins with the next reading then.
    pub(crate) fn resume_point(&self, request: &Subscribe) -> Result<Option<u64>, ErrorMessage> {
        let Some(resume) = &request.resume else {
            return Ok(None);
        };
        let next_seq = self.channel.next_seq();
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
    Fit(#[from] FitError),
}

/// A server that needs only a listener: the data are split, the model is fitted.
#[derive(Debug)]
pub struct Prepared {
    config: Config,
    stream: Stream,
    model: ModelFile,
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
        let n_rows = config.dataset.n_rows();
        let split = parts::split(
            &config.dataset,
            config.training_share,
            config.order,
            config.seed,
            config.filter_iqr,
        )?;
        let n_twins = n_twins(&config.dataset, &split.training, &split.stream);
        let model = model::fit(&config, &split.training)?;
        info!(
            n_training = split.training.len(),
            n_stream = split.stream.len(),
            "{}: {} rows, {} features, {} classes",
            config.dataset.name,
            n_rows,
            config.dataset.n_features(),
            config.dataset.classes.len()
        );
        info!(
            n_twins,
            "rows of the stream whose features all occur in a training row: a nearest neighbour knows these beforehand"
        );
        let labels = &config.dataset.labels;
        let mut trained = split.training.iter().map(|&row| labels[row as usize]);
        let first = trained.next();
        if trained.all(|label| Some(label) == first) {
            warn!(
                "all rows that train the model are of one class, so it can name no other; another --label, --split or --order may help"
            );
        }
        let stream = Stream {
            dataset: Arc::clone(&config.dataset),
            rows: split.stream,
            looping: config.looping,
        };
        Ok(Self {
            config,
            stream,
            model,
            n_twins,
        })
    }
}

/// Serves until `shutdown` completes, then says goodbye to every viewer.
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
        stream,
        model,
        n_twins,
    } = prepared;
    let clock = SessionClock::start();
    let waiting = Status {
        channel: CHANNEL,
        state: ReplayState::Waiting,
        position: 0,
        next_seq: 0,
        speed: 1.0,
    };
    let schema = schema_of(&config, &stream, &model, n_twins);
    let (channel, requests) = Channel::new(schema, waiting, config.history_bytes);
    let server = Arc::new(Server {
        clock,
        session: new_session(&clock),
        channel: Arc::clone(&channel),
        model: Some(model),
        default_queue: config.queue.get(),
        n_viewers: AtomicUsize::new(0),
        n_viewers_ever: AtomicUsize::new(0),
        sessions: TaskTracker::new(),
        shutdown: CancellationToken::new(),
    });
    let replay = Replay::new(stream, config.pace, Arc::clone(&channel), clock);
    let mut replay = tokio::spawn(
        server
            .shutdown
            .clone()
            .run_until_cancelled_owned(replay.run(requests)),
    );
    if config.start == Start::Now {
        // The replay was just started and takes every command.
        let _ = channel.command(Command::Begin).await;
    }

    let listener = listener.tap_io(|tcp| {
        // Readings are small and must not wait for one another.
        if let Err(error) = tcp.set_nodelay(true) {
            warn!(%error, "switching off Nagle's algorithm for a connection failed");
        }
    });
    let stop = server.shutdown.clone().cancelled_owned();
    let http = axum::serve(listener, router(Arc::clone(&server))).with_graceful_shutdown(stop);
    let mut http = tokio::spawn(async move { http.await });
    tokio::select! {
        () = shutdown => {}
        result = &mut http => result??,
        // It has no end of its own: a panic in it would leave every viewer waiting for ever.
        result = &mut replay => {
            let error = result.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
            server.shutdown.cancel();
            return Err(io::Error::other(format!("the replay failed: {error}")));
        }
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
        let tally = &server.channel.tally;
        Self {
            elapsed: server.clock.elapsed(),
            n_produced: server.channel.next_seq(),
            n_viewers: server.n_viewers_ever.load(Ordering::Relaxed),
            n_delivered: tally.n_delivered.load(Ordering::Relaxed),
            n_dropped: tally.n_dropped(),
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

fn schema_of(config: &Config, stream: &Stream, model: &ModelFile, n_twins: u64) -> Schema {
    Schema {
        channel: CHANNEL,
        source: config.dataset.name.clone(),
        revision: 1,
        features: features_of(&config.dataset),
        classes: config.dataset.classes.clone(),
        oldest_seq: 0,
        next_seq: 0,
        replay: Some(protocol::Replay {
            dataset: config.dataset.name.clone(),
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
            n_twins: Some(n_twins),
            command: command_line(config, model.preparation),
        }),
        model: Some(protocol::Model {
            url: format!("/model/{CHANNEL}"),
            n_bytes: model.bytes.len() as u64,
            sha256: model.sha256.clone(),
            description: model.description.clone(),
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
