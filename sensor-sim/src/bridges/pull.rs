//! Readings from a device that serves a WebSocket: what it sends is taken as if it had been sent to `/ingest`. [`Puller`].
//!
//! Nothing is ever sent to it but pings and what closing takes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_rustls::rustls::ClientConfig;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{self, error::CapacityError};
use tracing::info;

use super::address::{AddressError, Endpoint};
use super::intake::{Intake, shown};
use super::stream::connect;
use super::{BridgeStatus, CLOSE_LIMIT, End, opened};
use crate::dial::ClientSocket;
use crate::ingest;
use crate::server::Server;
use crate::sources::is_name;

const EXPECTED: &str = "[NAME=]ws://HOST[:PORT][/PATH], such as boiler=ws://192.168.4.1:81/ (wss:// for TLS)";

/// Where a device is, and what its source is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PullAddress {
    source: String,
    /// As tungstenite takes it.
    url: String,
    endpoint: Endpoint,
    is_tls: bool,
}

impl PullAddress {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`AddressError`].
    pub(super) fn new(address: &str) -> Result<Self, AddressError> {
        Self::parse(address).map_err(|problem| AddressError::new(problem, EXPECTED, address))
    }

    fn parse(address: &str) -> Result<Self, String> {
        let is_url = |text: &str| text.starts_with("ws://") || text.starts_with("wss://");
        let (name, url) = match address.split_once('=') {
            Some((name, url)) if is_url(url) && !is_url(address) => (Some(name), url),
            _ => (None, address),
        };
        let (is_tls, rest) = match url.split_once("://") {
            Some(("ws", rest)) => (false, rest),
            Some(("wss", rest)) => (true, rest),
            _ => return Err("this is no address of a WebSocket".to_owned()),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("a device is not told a user or a password".to_owned());
        }
        let endpoint = Endpoint::parse(authority, if is_tls { 443 } else { 80 })?;
        url.parse::<tungstenite::http::Uri>()
            .map_err(|error| error.to_string())?;
        let source = match name {
            Some(name) => name.to_owned(),
            None => source_name(authority, path),
        };
        if !is_name(&source) {
            return Err(format!(
                "`{}` cannot be a source's name (1 to 64 ASCII letters, digits, dots, dashes or underscores): put another before \
                 the address, NAME=ws://…",
                source.escape_debug()
            ));
        }
        Ok(Self {
            source,
            url: url.to_owned(),
            endpoint,
            is_tls,
        })
    }

    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }
}

/// `192.168.4.1:81/imu/left` is `192.168.4.1-81.imu.left`: what a name may not have is a dash, and what follows `?` does
/// not count.
fn source_name(authority: &str, path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let text = format!("{authority}{path}");
    let text = text.trim_end_matches('/').replace('/', ".");
    let chars = text.chars().map(|char| match char {
        '.' | '_' => char,
        char if char.is_ascii_alphanumeric() => char,
        _ => '-',
    });
    chars.collect()
}

impl fmt::Display for PullAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.source, self.url)
    }
}

/// What goes from one connection to a device to the next.
#[derive(Debug)]
pub(super) struct Puller {
    address: PullAddress,
    tls: Option<Arc<ClientConfig>>,
    intake: Intake,
}

impl Puller {
    pub(super) fn new(
        address: PullAddress,
        tls: Option<Arc<ClientConfig>>,
        status: &Arc<BridgeStatus>,
        server: &Arc<Server>,
    ) -> Self {
        Self {
            address,
            tls,
            intake: Intake::new(status, server),
        }
    }

    /// Connects and takes messages until the connection or the server ends.
    pub(super) async fn session(&mut self) -> End {
        let shutdown = self.intake.server.shutdown.clone();
        let mut socket = match opened(&shutdown, self.open()).await {
            Ok(socket) => socket,
            Err(end) => return end,
        };
        let status = Arc::clone(&self.intake.status);
        status.connected();
        info!("{}: connected", status.name);
        let end = match shutdown.run_until_cancelled(self.follow(&mut socket)).await {
            Some(Err(reason)) => End::Lost(reason),
            Some(Ok(())) => End::Lost("the device hung up".to_owned()),
            None => End::Stopped,
        };
        // Errors mean that the device is gone already, which is what is wanted.
        let _ = timeout(CLOSE_LIMIT, socket.close(None)).await;
        end
    }

    async fn open(&self) -> Result<ClientSocket, String> {
        let stream = connect(&self.address.endpoint, self.tls.as_ref()).await?;
        let config = ingest::socket_config(&self.intake.server.limits);
        match client_async_with_config(&self.address.url, stream, Some(config)).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => Err(format!(
                "the device answers {} instead of opening a WebSocket",
                answer.status()
            )),
            Err(error) => Err(format!("no WebSocket: {}", shown(&error.to_string()))),
        }
    }

    /// Takes what comes; `Ok` when the device ends the connection.
    async fn follow(&mut self, socket: &mut ClientSocket) -> Result<(), String> {
        let server = Arc::clone(&self.intake.server);
        let limits = &server.limits;
        let source = server
            .sources
            .open(&self.address.source, Instant::now())
            .map_err(|error| error.to_string())?;
        // A new connection may be a device that has started anew, with another clock.
        let mut decoder = ingest::decoder(limits, None, limits.message_bytes);
        let ping_interval = limits.silence / 3;
        let mut ping_tick = interval_at(Instant::now() + ping_interval, ping_interval);
        ping_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        loop {
            let message = tokio::select! {
                biased;
                _ = ping_tick.tick() => {
                    if heard_at.elapsed() >= limits.silence {
                        return Err("the device says nothing any more, and answers no pings".to_owned());
                    }
                    let ping = socket.send(Message::Ping(Bytes::new()));
                    match timeout(ping_interval, ping).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => return Err(error.to_string()),
                        Err(_) => return Err("the device reads nothing".to_owned()),
                    }
                }
                message = socket.next() => message,
            };
            heard_at = Instant::now();
            let message = match message {
                None => return Ok(()),
                Some(Ok(message)) => message,
                Some(Err(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. }))) => {
                    return Err(format!(
                        "the device sent a message of more than {} bytes (--max-message-kib)",
                        limits.message_bytes
                    ));
                }
                Some(Err(error)) => return Err(shown(&error.to_string())),
            };
            let (bytes, is_binary) = match &message {
                Message::Text(text) => (text.as_bytes(), false),
                Message::Binary(bytes) => (bytes.as_ref(), true),
                Message::Close(_) => return Ok(()),
                // tungstenite answers pings by itself.
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            self.intake.received();
            let arrived_micros = server.clock.now_micros();
            match ingest::decode(&mut decoder, bytes, is_binary, arrived_micros) {
                Ok(events) => {
                    self.intake
                        .take(&source, &events, arrived_micros, &self.address.source);
                }
                Err(error) => {
                    self.intake.refused(&self.address.source, &error);
                    // Nonsense costs as much as a reading, or it could be sent without bound.
                    let _ = server.sources.take(&source, &[], arrived_micros, heard_at);
                }
            }
            let wait = source.wait(Instant::now());
            if !wait.is_zero() {
                // Reading nothing meanwhile fills the socket, which holds the device back.
                sleep(wait).await;
                heard_at = Instant::now();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_or_named_after_the_address() {
        let check = |text: &str, source: &str, endpoint: &str| {
            let address = PullAddress::new(text).unwrap();
            assert_eq!(
                (address.source.as_str(), address.endpoint.to_string().as_str()),
                (source, endpoint)
            );
        };
        check("boiler=ws://h/", "boiler", "h:80");
        check("ws://h", "h", "h:80");
        check("wss://h", "h", "h:443");
        check("ws://192.168.4.1:81/", "192.168.4.1-81", "192.168.4.1:81");
        check("ws://h:81/imu/left?a=ws://b", "h-81.imu.left", "h:81");
        check("ws://[::1]:8/x", "---1--8.x", "[::1]:8");
        check("a=ws://h/?type=b", "a", "h:80");
    }

    #[test]
    fn bad_addresses_are_refused_with_what_was_expected() {
        let check = |text: &str, part: &str| {
            let error = PullAddress::new(text).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("boiler=ws://"),
                "{text}: {error}"
            );
            assert!(!error.contains("secret"), "{error}");
        };
        check("h:81", "no address of a WebSocket");
        check("http://h/", "no address of a WebSocket");
        check("a=h:81", "no address of a WebSocket");
        check("ws://", "no host");
        check("ws://h:x/", "no port");
        check("ws://me:secret@h/", "not told a user");
        check("a b=ws://h/", "cannot be a source's name");
        check("=ws://h/", "cannot be a source's name");
        check(&format!("ws://h/{}", "a".repeat(80)), "NAME=ws://");
    }
}
