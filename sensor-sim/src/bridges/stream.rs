//! A connection to another host, with TLS or without.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::Endpoint;

/// What both kinds of connection can do.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Connects; the error is a sentence for the log.
pub(super) async fn connect(
    endpoint: &Endpoint,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Box<dyn Stream>, String> {
    let Endpoint { host, port } = endpoint;
    let tcp = TcpStream::connect((host.as_str(), *port))
        .await
        .map_err(|error| format!("no connection: {error}"))?;
    // The answers are short and wanted at once; without it they are only slower.
    let _ = tcp.set_nodelay(true);
    let Some(config) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(host.clone()).map_err(|_| format!("{host} is no name that TLS knows"))?;
    match TlsConnector::from(Arc::clone(config)).connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(format!(
            "no TLS: {error} (--bridge-ca FILE names the certificate to trust)"
        )),
        Err(error) => Err(format!("no TLS: {error}")),
    }
}
