//! `sensor-sim publish`: acts as a sensor toward a server. Lines from stdin, so that any command piped in is a sensor, or
//! rows of a data set, go to `ws://HOST:PORT/ingest/NAME`, or `wss://`, each as one message.
//!
//! The server sets the pace if it is slower: what it does not read waits in the pipe. A lost connection is made again,
//! with growing waits; the messages that were on their way when it broke may be lost, and nothing tells which.

mod messages;

use std::io::{self, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use futures::{SinkExt as _, StreamExt as _};
use protocol::IngestMessage;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::{debug, info, warn};

use self::messages::{Messages, Outgoing, Rows};
use crate::access_args::PUBLISH_TOKEN_VARIABLE;
use crate::cli::{Rate, UsageError, parse_rate};
use crate::data_args::{Filters, Folders, SplitArgs, load, read_file};
use crate::dial::{ClientSocket, Dialler, distrust};
use crate::sources::{SourceError, is_name};

/// The first wait before another try to connect, and the longest: each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// A server that does not answer the closing handshake is not waited for longer.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// How long a server may take until it says whether this sensor is let in.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// Readings per second of a data set, unless said otherwise: a lively sensor.
const DEFAULT_RATE: f64 = 100.0;

/// What to send, and where.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// Where to send it, e.g. ws://127.0.0.1:9001/ingest/greenhouse; RUNNEL_PUBLISH_TOKEN is shown to that server
    #[arg(value_name = "URL", value_parser = parse_url)]
    pub url: String,
    /// File with the certificates to trust at a wss:// address, in PEM, and no others [default: those that browsers trust]
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Send the rows of this data set instead of the lines of stdin: those that the server streams after the same split
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    pub dataset: Option<String>,
    /// Send the rows of this CSV or Parquet file
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The column of FILE that holds the true class [default: the last]
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub label: Option<String>,
    /// Rows or lines per second, or `max`; labels that come later are not counted [default: lines as they come, rows at 100]
    #[arg(long, value_name = "N|max", value_parser = parse_rate, allow_negative_numbers = true)]
    pub rate: Option<Rate>,
    /// Start again after the last row
    #[arg(long = "loop")]
    pub looping: bool,
    /// Send each row's true label this many rows later, as a message of its own
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub label_delay: usize,
    /// How the rows are split.
    #[command(flatten)]
    pub split: SplitArgs,
    /// What is left out or renamed first.
    #[command(flatten)]
    pub filters: Filters,
    /// Where to look.
    #[command(flatten)]
    pub folders: Folders,
}

fn parse_url(text: &str) -> Result<String, String> {
    let expected = || "expected ws://HOST:PORT/ingest/NAME, or wss://".to_owned();
    let url = match text.split_once("://") {
        Some(("ws" | "http", rest)) => format!("ws://{rest}"),
        Some(("wss" | "https", rest)) => format!("wss://{rest}"),
        _ => return Err(expected()),
    };
    let uri: Uri = url.parse().map_err(|error| format!("{}: {error}", expected()))?;
    // A proxy may have the server under a path of its own.
    match uri.path().rsplit_once("/ingest/") {
        Some((_, name)) if is_name(name) => Ok(url),
        Some(_) => Err(SourceError::BadName.to_string()),
        None => Err(format!("{}; the path /ingest/NAME is missing", expected())),
    }
}

impl PublishArgs {
    /// Loads what is to be sent. Takes a while for large data: not for a tokio worker.
    ///
    /// # Errors
    ///
    /// [`UsageError`] for what makes no sense together, otherwise what went wrong with the data.
    fn messages(&self) -> Result<Messages> {
        let dataset = match (&self.data, &self.dataset) {
            (Some(path), _) => read_file(path, self.label.as_deref())?,
            (None, Some(name)) => load(name, &self.folders)?,
            (None, None) if self.looping || self.label_delay > 0 => {
                let message = "--loop and --label-delay are for rows: name a --dataset or a --data file";
                return Err(UsageError(message.to_owned()).into());
            }
            (None, None) => return Ok(Messages::lines(BufReader::new(io::stdin()))),
        };
        let dataset = self.filters.apply(dataset)?;
        let split = self.split.parts(&dataset, &self.filters)?;
        let rows = Rows::new(dataset, split.stream, self.looping, self.label_delay);
        Ok(Messages::Rows(Box::new(rows)))
    }

    fn pace(&self) -> Option<Interval> {
        let is_lines = self.dataset.is_none() && self.data.is_none();
        let rate = match self.rate {
            Some(Rate::Max) => return None,
            Some(Rate::PerSecond(rate)) => rate,
            None if is_lines => return None,
            None => DEFAULT_RATE,
        };
        let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
        // After a cut or a slow stretch the rate holds from then on.
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Some(pace)
    }
}

/// What became of the messages.
#[derive(Debug, Default)]
struct Tally {
    n_sent: u64,
    /// Those that the server confirmed; the others were refused, or lost with a connection.
    n_taken: u64,
    /// Whether the server said that it refused any. It does not say so of each.
    is_any_refused: bool,
}

/// Sends everything, or what there is until `stop` completes. Says on stderr what the server answers.
///
/// # Errors
///
/// If the data cannot be read, stdin fails, or the server refuses the source or a message.
pub async fn run(args: PublishArgs, stop: impl Future<Output = ()>) -> Result<()> {
    let mut tally = Tally::default();
    let result = tokio::select! {
        result = send_all(args, &mut tally) => result,
        () = stop => Ok(()),
    };
    let Tally {
        n_sent,
        n_taken,
        is_any_refused,
    } = tally;
    // Where nothing was sent because of an error, that says it all.
    if n_sent > 0 || result.is_ok() {
        info!("{n_sent} messages sent, {n_taken} of them taken");
    }
    result?;
    anyhow::ensure!(
        !is_any_refused,
        "the server has refused messages: {} of {n_sent} were not taken",
        n_sent - n_taken
    );
    Ok(())
}

async fn send_all(args: PublishArgs, tally: &mut Tally) -> Result<()> {
    let token = match std::env::var(PUBLISH_TOKEN_VARIABLE) {
        Ok(token) => Some(token.trim().to_owned()),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => return Err(UsageError(format!("{PUBLISH_TOKEN_VARIABLE}: {error}")).into()),
    };
    let dialler = Dialler::new(args.ca.as_deref(), token.as_deref())?;
    let (args, mut messages) = tokio::task::spawn_blocking(move || {
        let messages = args.messages();
        messages.map(|messages| (args, messages))
    })
    .await
    .context("loading the data")??;
    let mut pace = args.pace();
    let mut socket = connect(&dialler, &args.url, tally).await?;
    let mut waiting: Option<Outgoing> = None;
    loop {
        // Both can be called off at any point: what was read stays in `waiting`.
        let ready = async {
            if waiting.is_none() {
                waiting = messages.next().await?;
            }
            if let (Some(message), Some(pace)) = (&waiting, &mut pace)
                && !message.is_late_label
            {
                pace.tick().await;
            }
            anyhow::Ok(())
        };
        let lost = tokio::select! {
            result = ready => {
                result?;
                let Some(message) = &waiting else { break };
                // One at a time and at once: a sensor's reading is worth most while it is fresh.
                match socket.send(message.text.as_str().into()).await {
                    Ok(()) => {
                        tally.n_sent += 1;
                        waiting = None;
                        continue;
                    }
                    Err(error) => error,
                }
            }
            // Also while there is nothing to send: the server's pings want answers.
            answer = socket.next() => match answer {
                Some(Ok(answer)) => {
                    tally.hear(&answer, &args.url)?;
                    if !answer.is_close() {
                        continue;
                    }
                    Error::ConnectionClosed
                }
                None => Error::ConnectionClosed,
                Some(Err(error)) => error,
            },
        };
        warn!(
            "the connection was lost, and what was on its way with it: {}",
            reason(lost)
        );
        // What was said before it went, e.g. why; reading on also answers a closing frame.
        while let Ok(Some(Ok(answer))) = timeout(CLOSE_LIMIT, socket.next()).await {
            tally.hear(&answer, &args.url)?;
        }
        socket = connect(&dialler, &args.url, tally).await?;
    }
    let closing = async {
        if socket.close(None).await.is_ok() {
            while let Some(Ok(answer)) = socket.next().await {
                tally.hear(&answer, &args.url)?;
            }
        }
        Ok(())
    };
    timeout(CLOSE_LIMIT, closing).await.unwrap_or_else(|_| {
        warn!("the server did not confirm the end");
        Ok(())
    })
}

/// Tries until there is a connection; only a refusal in so many words ends it.
async fn connect(dialler: &Dialler, url: &str, tally: &mut Tally) -> Result<ClientSocket> {
    let mut wait = FIRST_WAIT;
    let joint = if url.contains('?') { '&' } else { '?' };
    let url_with_acks = format!("{url}{joint}ack=1");
    loop {
        let greeted = match dialler.connect(&url_with_acks).await {
            Ok(socket) => greeting(socket, url, tally).await?,
            Err(error) => Err(error),
        };
        match greeted {
            Ok(socket) => {
                info!("connected to {url}");
                return Ok(socket);
            }
            Err(Error::Http(response)) if response.status().is_client_error() => {
                let body = response.body().as_deref().unwrap_or_default();
                let reason = String::from_utf8_lossy(body);
                anyhow::bail!("{url} refuses ({}): {}", response.status(), reason.trim());
            }
            Err(Error::Io(error)) if distrust(&error).is_some() => {
                anyhow::bail!(
                    "{url} has a certificate that is not trusted: {error}; if it is the server's own, name its file with --ca"
                );
            }
            Err(error @ (Error::Url(_) | Error::HttpFormat(_))) => {
                return Err(UsageError(format!("{url} is no address: {error}")).into());
            }
            Err(error) => {
                warn!(
                    "no connection to {url}: {}; next try in {} ms",
                    reason(error),
                    wait.as_millis()
                );
                sleep(wait).await;
                wait = (2 * wait).min(LONGEST_WAIT);
            }
        }
    }
}

/// Waits for the server's first word: its greeting comes before a reading counts.
///
/// # Errors
///
/// The outer one as in [`Tally::hear`]; the inner one if another try may help.
async fn greeting(
    mut socket: ClientSocket,
    url: &str,
    tally: &mut Tally,
) -> Result<Result<ClientSocket, Error>> {
    let Ok(first) = timeout(GREETING_LIMIT, socket.next()).await else {
        let silent = io::Error::new(io::ErrorKind::TimedOut, "the server does not greet");
        return Ok(Err(Error::Io(silent)));
    };
    let first = match first {
        Some(Ok(first)) => first,
        Some(Err(error)) => return Ok(Err(error)),
        None => return Ok(Err(Error::ConnectionClosed)),
    };
    tally.hear(&first, url)?;
    Ok(match first {
        Message::Close(Some(frame)) if !frame.reason.is_empty() => {
            Err(Error::Io(io::Error::other(frame.reason.to_string())))
        }
        Message::Close(_) => Err(Error::ConnectionClosed),
        _ => Ok(socket),
    })
}

/// What went wrong, without the kind of error before it.
fn reason(error: Error) -> String {
    match error {
        Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

impl Tally {
    /// Counts and passes on what the server says: refusals loudly, the rest to who asks for it.
    ///
    /// # Errors
    ///
    /// If it does not let this sensor in: another try would end alike.
    fn hear(&mut self, answer: &Message, url: &str) -> Result<()> {
        let text = match answer {
            Message::Text(text) => text,
            // 4000 and a status of HTTP that blames the client.
            Message::Close(Some(frame)) if (4_400..4_500).contains(&u16::from(frame.code)) => {
                anyhow::bail!("{url} refuses: {}", frame.reason);
            }
            _ => return Ok(()),
        };
        match serde_json::from_str(text) {
            Ok(IngestMessage::Err(error)) if error.code == "auth-required" => {
                anyhow::bail!("{url} asks for its publish token: put it into {PUBLISH_TOKEN_VARIABLE}");
            }
            Ok(IngestMessage::Err(error)) => {
                warn!("the server says: {}", error.message);
                // What comes too fast is taken later.
                self.is_any_refused |= error.code != "too-fast";
            }
            // A label of an unknown reading is refused, though it came in a good message.
            Ok(IngestMessage::Ack(ack)) => self.n_taken += u64::from(ack.unknown == 0),
            _ => debug!("the server says: {text}"),
        }
        Ok(())
    }
}
