//! Readings from an MQTT broker: a subscription, each topic of it a source. [`Subscriber`].
//!
//! It asks for MQTT 5 and goes over to 3.1.1 where the broker knows no better. It subscribes with QoS 1 in a session that
//! ends with the connection: what publishers send with QoS 1 waits in the broker while the server is busy, and nothing old
//! is sent again after a cut. Messages that the broker has kept (retained) are of some time before, so they are counted
//! and not taken.

mod address;
mod naming;
mod packets;
mod topics;

use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_rustls::rustls::ClientConfig;
use tracing::info;

pub(super) use self::address::MqttAddress;
use self::packets::{Packet, PacketError, Packets, Version};
use self::topics::Topics;
use super::intake::shown;
use super::stream::connect;
use super::{BridgeStatus, CLOSE_LIMIT, End, opened};
use crate::dial::Carrier;
use crate::server::Server;

/// Neither end is silent for longer: a broken connection is noticed within one and a half of it.
const KEEP_ALIVE_SECS: u16 = 30;

/// A broker that takes no acknowledgement for this long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// What goes from one connection to a broker to the next.
#[derive(Debug)]
pub(super) struct Subscriber {
    address: MqttAddress,
    tls: Option<Arc<ClientConfig>>,
    client_id: String,
    /// That of the last connection that was accepted.
    version: Version,
    topics: Topics,
}

/// A connection with a subscription.
struct Connection {
    packets: Packets<ReadHalf<Box<dyn Carrier>>>,
    writer: WriteHalf<Box<dyn Carrier>>,
    keep_alive: Duration,
}

/// Why there is no connection.
enum NotOpen {
    /// The broker may know another version of MQTT.
    Version(String),
    Other(String),
}

impl From<String> for NotOpen {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl Subscriber {
    pub(super) fn new(
        address: MqttAddress,
        tls: Option<Arc<ClientConfig>>,
        status: &Arc<BridgeStatus>,
        server: &Arc<Server>,
    ) -> Self {
        Self {
            address,
            tls,
            // The 22 characters are what every broker has to take, and no two programs may have the same.
            client_id: format!("runnel{:016x}", RandomState::new().build_hasher().finish()),
            version: Version::V5,
            topics: Topics::new(status, server),
        }
    }

    /// Connects and takes messages until the connection or the server ends.
    pub(super) async fn session(&mut self) -> End {
        let shutdown = self.topics.intake.server.shutdown.clone();
        let mut connection = match opened(&shutdown, self.open()).await {
            Ok(connection) => connection,
            Err(end) => return end,
        };
        let status = &self.topics.intake.status;
        status.connected();
        info!("{}: subscribed ({})", status.name, self.version.name());
        let following = connection.follow(&mut self.topics);
        if let Some(reason) = shutdown.run_until_cancelled(following).await {
            return End::Lost(reason);
        }
        let goodbye = async {
            // Errors mean that the broker is gone already, which is what is wanted.
            let _ = connection.writer.write_all(&packets::DISCONNECT).await;
            let _ = connection.writer.shutdown().await;
        };
        let _ = timeout(CLOSE_LIMIT, goodbye).await;
        End::Stopped
    }

    /// Connects in the version that was right the last time, or else in the other.
    async fn open(&mut self) -> Result<Connection, String> {
        let reason = match self.open_in(self.version).await {
            Ok(connection) => return Ok(connection),
            Err(NotOpen::Other(reason)) => return Err(reason),
            Err(NotOpen::Version(reason)) => reason,
        };
        let other = self.version.other();
        match self.open_in(other).await {
            Ok(connection) => {
                self.version = other;
                Ok(connection)
            }
            Err(NotOpen::Other(reason)) => Err(reason),
            Err(NotOpen::Version(_)) => Err(reason),
        }
    }

    async fn open_in(&mut self, version: Version) -> Result<Connection, NotOpen> {
        let stream = connect(&self.address.endpoint, self.tls.as_ref()).await?;
        let (reader, mut writer) = split(stream);
        let max_payload = self.topics.intake.server.limits.message_bytes;
        let mut packets = Packets::new(reader, version, max_payload);
        let greeting = packets::connect(version, &self.client_id, KEEP_ALIVE_SECS, self.address.login());
        // A broker that hangs up on a version it does not know may do so while it is still being written to.
        let greeted = match writer.write_all(&greeting).await {
            Ok(()) => packets.next().await,
            Err(error) => Err(error.into()),
        };
        let keep_alive_secs = match greeted {
            Ok(Packet::ConnAck {
                code: 0,
                keep_alive_secs,
                ..
            }) => keep_alive_secs
                .filter(|&secs| secs > 0)
                .unwrap_or(KEEP_ALIVE_SECS),
            Ok(Packet::ConnAck { code, reason, .. }) => {
                let sentence = connect_refusal(code, reason.as_deref(), self.address.login().is_some());
                return Err(match code {
                    0x01 | 0x84 => NotOpen::Version(sentence),
                    _ => NotOpen::Other(sentence),
                });
            }
            Ok(_) => return Err("the broker does not answer as a broker does".to_owned().into()),
            Err(PacketError::Ended | PacketError::Io(_)) => {
                return Err(NotOpen::Version("the broker hung up on the greeting".to_owned()));
            }
            Err(error @ PacketError::Malformed(_)) => return Err(error.to_string().into()),
        };
        let mut connection = Connection {
            packets,
            writer,
            keep_alive: Duration::from_secs(u64::from(keep_alive_secs)),
        };
        let subscribe = packets::subscribe(version, &self.address.filter);
        write(&mut connection.writer, &subscribe).await?;
        loop {
            // The first messages may come before the answer.
            let packet = connection
                .packets
                .next()
                .await
                .map_err(|error| error.to_string())?;
            let Packet::SubAck { code, reason } = packet else {
                let mut acks = Vec::new();
                handle(packet, &mut self.topics, &mut acks)?;
                write(&mut connection.writer, &acks).await?;
                continue;
            };
            if code >= 0x80 {
                let words = reason.map_or_else(String::new, |reason| format!(": {}", shown(&reason)));
                return Err(format!(
                    "the broker refuses the subscription to {} (code {code:#04x}){words}",
                    self.address.filter
                )
                .into());
            }
            return Ok(connection);
        }
    }
}

async fn write(writer: &mut WriteHalf<Box<dyn Carrier>>, bytes: &[u8]) -> Result<(), String> {
    match timeout(WRITE_LIMIT, writer.write_all(bytes)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!(
            "the broker reads nothing for {} s",
            WRITE_LIMIT.as_secs()
        )),
    }
}

/// Why a broker lets nobody in, and what to do.
fn connect_refusal(code: u8, words: Option<&str>, is_login: bool) -> String {
    let reason = match code {
        0x01 | 0x84 => "it knows neither MQTT 5 nor 3.1.1",
        0x02 | 0x85 => "it does not like the client identifier",
        0x04 | 0x05 | 0x86 | 0x87 if is_login => {
            "user or password is wrong, or this user may not (the password stands in the address or in RUNNEL_MQTT_PASSWORD)"
        }
        0x04 | 0x05 | 0x86 | 0x87 => {
            "it wants a user and a password: mqtt://USER@HOST/…, and the password in RUNNEL_MQTT_PASSWORD"
        }
        0x03 | 0x88 => "it is not available",
        0x89 => "it is busy",
        0x8a => "this client is banned",
        0x97 | 0x9f => "there are too many connections",
        0x9c | 0x9d => "another broker is to be used",
        _ => "for a reason of its own",
    };
    let words = words.map_or_else(String::new, |words| format!(": {}", shown(words)));
    format!("the broker refuses the connection: {reason} (code {code:#04x}){words}")
}

impl Connection {
    /// Takes what comes, until the end: a sentence for the log.
    async fn follow(&mut self, topics: &mut Topics) -> String {
        match self.try_follow(topics).await {
            Ok(never) => match never {},
            Err(reason) => reason,
        }
    }

    async fn try_follow(&mut self, topics: &mut Topics) -> Result<Infallible, String> {
        let ping_interval = self.keep_alive / 2;
        let mut ping_tick = interval_at(Instant::now() + ping_interval, ping_interval);
        ping_tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        let mut acks = Vec::new();
        loop {
            tokio::select! {
                biased;
                _ = ping_tick.tick() => {
                    if heard_at.elapsed() >= 3 * ping_interval {
                        return Err("the broker says nothing any more".to_owned());
                    }
                    write(&mut self.writer, &packets::PING).await?;
                }
                packet = self.packets.next() => {
                    heard_at = Instant::now();
                    let mut next = Some(packet.map_err(|error| error.to_string())?);
                    while let Some(packet) = next {
                        handle(packet, topics, &mut acks)?;
                        next = self.packets.buffered().map_err(|error| error.to_string())?;
                    }
                    write(&mut self.writer, &acks).await?;
                    acks.clear();
                }
            }
        }
    }
}

/// Takes a packet, and adds to `acks` what the broker wants for it.
fn handle(packet: Packet, topics: &mut Topics, acks: &mut Vec<u8>) -> Result<(), String> {
    match packet {
        Packet::Publish(publish) => {
            topics.message(&publish);
            if let Some(id) = publish.packet_id {
                packets::put_ack(id, acks);
            }
            Ok(())
        }
        Packet::PingResp => Ok(()),
        Packet::Disconnect { code, reason } => Err(match (code, reason) {
            (_, Some(reason)) => format!("the broker ends the connection: {}", shown(&reason)),
            (0x8b, None) => "the broker is shutting down".to_owned(),
            (0x8e, None) => "another client has taken over this one's identifier".to_owned(),
            (code, None) => format!("the broker ends the connection (code {code:#04x})"),
        }),
        Packet::ConnAck { .. } | Packet::SubAck { .. } => {
            Err("the broker answers what it was not asked".to_owned())
        }
    }
}
