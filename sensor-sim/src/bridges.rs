//! Connections that the server makes by itself to fetch readings: [`Bridge`]s to MQTT brokers and to devices that serve a
//! WebSocket.
//!
//! A bridge lives as long as the server. A lost connection is made again, with growing waits, and whatever the other end
//! sends stops neither the bridge nor the server. Readings sent while there is no connection are not made up for.

mod address;
mod intake;
mod mqtt;
mod pull;
mod status;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::rustls::ClientConfig;
use tokio_util::sync::CancellationToken;
use tracing::warn;

pub use self::address::AddressError;
use self::mqtt::{MqttAddress, Subscriber};
use self::pull::{PullAddress, Puller};
pub(crate) use self::status::BridgeStatus;
use crate::client_tls::{TrustError, client_config};
use crate::server::Server;

/// The first wait before another try to connect, and the longest: each is twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// After a connection that lasted as long the waits begin anew. One that is cut sooner, again and again, is not helped by
/// haste.
const LASTING: Duration = Duration::from_secs(60);

/// How long connecting may take, logging in and subscribing included; a small device may have to wake up first.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// How long the last words of a connection may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Where to fetch readings from.
#[derive(Debug, Clone)]
pub struct Bridge {
    target: Target,
    /// For addresses with TLS.
    tls: Option<Arc<ClientConfig>>,
}

#[derive(Debug, Clone)]
enum Target {
    Mqtt(MqttAddress),
    Pull(PullAddress),
}

/// Why there can be no such bridge.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The certificates to trust cannot be had.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// Why a connection is over.
#[derive(Debug)]
enum End {
    /// The server ends.
    Stopped,
    /// A sentence for the log.
    Lost(String),
}

/// What connecting comes to, unless it takes too long or the server ends meanwhile.
async fn opened<T>(
    shutdown: &CancellationToken,
    opening: impl Future<Output = Result<T, String>>,
) -> Result<T, End> {
    match shutdown
        .run_until_cancelled(timeout(CONNECT_LIMIT, opening))
        .await
    {
        None => Err(End::Stopped),
        Some(Ok(opened)) => opened.map_err(End::Lost),
        Some(Err(_)) => Err(End::Lost(format!(
            "no answer within {} s",
            CONNECT_LIMIT.as_secs()
        ))),
    }
}

impl Bridge {
    /// A subscription to the topics of an MQTT broker: `mqtt://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC/FILTER`, `mqtts` for
    /// TLS. `password` is for a user whose password the address does not hold; `ca` a PEM file with the certificates to
    /// trust, and no others.
    ///
    /// # Errors
    ///
    /// [`BridgeError`].
    pub fn mqtt(address: &str, password: Option<&str>, ca: Option<&Path>) -> Result<Self, BridgeError> {
        let address = MqttAddress::new(address, password)?;
        Ok(Self {
            tls: address.is_tls().then(|| client_config(ca)).transpose()?,
            target: Target::Mqtt(address),
        })
    }

    /// A connection to a device that serves a WebSocket: `[NAME=]ws://HOST[:PORT][/PATH]`, `wss` for TLS. Without `NAME` the
    /// source is named after host, port and path. `ca` as for [`Bridge::mqtt`].
    ///
    /// # Errors
    ///
    /// [`BridgeError`].
    pub fn pull(address: &str, ca: Option<&Path>) -> Result<Self, BridgeError> {
        let address = PullAddress::new(address)?;
        Ok(Self {
            tls: address.is_tls().then(|| client_config(ca)).transpose()?,
            target: Target::Pull(address),
        })
    }

    /// Its state, before it is started. The name in it is the address without user and password.
    pub(crate) fn status(&self) -> Arc<BridgeStatus> {
        let name = match &self.target {
            Target::Mqtt(address) => address.to_string(),
            Target::Pull(address) => address.to_string(),
        };
        Arc::new(BridgeStatus::new(name))
    }

    /// Fetches readings until the server ends.
    pub(crate) async fn run(self, status: Arc<BridgeStatus>, server: Arc<Server>) {
        let mut fetcher = match self.target {
            Target::Mqtt(address) => {
                Fetcher::Mqtt(Box::new(Subscriber::new(address, self.tls, &status, &server)))
            }
            Target::Pull(address) => Fetcher::Pull(Puller::new(address, self.tls, &status, &server)),
        };
        let mut wait = FIRST_WAIT;
        loop {
            let started = Instant::now();
            let end = match &mut fetcher {
                Fetcher::Mqtt(subscriber) => subscriber.session().await,
                Fetcher::Pull(puller) => puller.session().await,
            };
            let End::Lost(reason) = end else { return };
            if started.elapsed() >= LASTING {
                wait = FIRST_WAIT;
            }
            warn!("{}: {reason}; next try in {} s", status.name, wait.as_secs_f64());
            status.lost(&reason);
            if server.shutdown.run_until_cancelled(sleep(wait)).await.is_none() {
                return;
            }
            wait = (2 * wait).min(LONGEST_WAIT);
        }
    }
}

/// What goes from one connection of a bridge to the next.
#[derive(Debug)]
enum Fetcher {
    Mqtt(Box<Subscriber>),
    Pull(Puller),
}
