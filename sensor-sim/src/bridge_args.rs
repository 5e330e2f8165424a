//! The arguments that name what to fetch readings from: [`BridgeArgs`].

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::bridges::{Bridge, BridgeError};
use crate::cli::UsageError;

/// The password for brokers whose address holds a user alone.
const PASSWORD_VARIABLE: &str = "RUNNEL_MQTT_PASSWORD";

/// What to fetch readings from.
///
/// Addresses are read after the arguments, so that a refused one is not shown with its password.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Readings from elsewhere")]
pub struct BridgeArgs {
    /// An MQTT broker and a topic filter, mqtt://[USER@]HOST[:PORT]/home/# (mqtts for TLS), each topic a source; the user's
    /// password from RUNNEL_MQTT_PASSWORD; may be repeated
    #[arg(long, value_name = "URL")]
    pub mqtt: Vec<String>,
    /// A device that serves a WebSocket, [NAME=]ws://HOST[:PORT][/PATH] (wss for TLS), read as if it sent to /ingest/NAME; may
    /// be repeated
    #[arg(long, value_name = "[NAME=]URL")]
    pub pull: Vec<String>,
    /// File with the certificates to trust there with TLS, in PEM, and no others [default: those that browsers trust]
    #[arg(long, value_name = "FILE")]
    pub bridge_ca: Option<PathBuf>,
}

impl BridgeArgs {
    /// # Errors
    ///
    /// [`UsageError`] for addresses that are none, otherwise what is wrong with the certificates.
    pub(crate) fn bridges(&self) -> Result<Vec<Bridge>> {
        let password = match std::env::var(PASSWORD_VARIABLE) {
            Ok(password) => Some(password),
            Err(std::env::VarError::NotPresent) => None,
            Err(std::env::VarError::NotUnicode(_)) => {
                return Err(UsageError(format!("{PASSWORD_VARIABLE} is not UTF-8")).into());
            }
        };
        let ca = self.bridge_ca.as_deref();
        let brokers = self.mqtt.iter().map(|address| {
            let bridge = Bridge::mqtt(address, password.as_deref(), ca);
            ("--mqtt", bridge)
        });
        let devices = self
            .pull
            .iter()
            .map(|address| ("--pull", Bridge::pull(address, ca)));
        brokers
            .chain(devices)
            .map(|(option, bridge)| match bridge {
                Err(BridgeError::Address(error)) => Err(UsageError(format!("{option} {error}")).into()),
                bridge => Ok(bridge?),
            })
            .collect()
    }
}
