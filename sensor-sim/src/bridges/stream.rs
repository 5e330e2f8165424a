//! A connection to another host; what goes wrong is a sentence for the log.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use super::address::Endpoint;
use crate::dial::{Carrier, dial, distrust};

/// Connects, with TLS if there is something to go by.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Box<dyn Carrier>, String> {
    let dialled = dial(&endpoint.host, endpoint.port, tls).await;
    dialled.map_err(|error| {
        if distrust(&error).is_some() {
            format!("the certificate is not trusted: {error}; if it is the other end's own, name its file with --bridge-ca")
        } else {
            format!("no connection: {error}")
        }
    })
}
