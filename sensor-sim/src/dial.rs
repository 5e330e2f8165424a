//! Connects to another server as a client, encrypted or not: [`dial`], and to its WebSocket: [`Dialler`].

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, handshake::client::Request};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client_tls::client_config;

/// A connection, whatever carries it.
pub(crate) type ClientSocket = WebSocketStream<Box<dyn Carrier>>;

/// TCP, or TLS over it.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// Knows whom to trust and what to show.
pub(crate) struct Dialler {
    tls: Arc<ClientConfig>,
    /// Sent as `Authorization`.
    bearer: Option<HeaderValue>,
}

impl Dialler {
    /// Trusts the certificates in the file `ca` and no others; without one, those that browsers trust (Mozilla's list).
    /// Shows `token`, if there is one.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no certificate, or no header can carry the token, which is not repeated.
    pub(crate) fn new(ca: Option<&Path>, token: Option<&str>) -> Result<Self> {
        let bearer = token
            .map(|token| {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
                value.set_sensitive(true);
                anyhow::Ok(value)
            })
            .transpose()
            .context("the token has characters that no header can carry")?;
        Ok(Self {
            tls: client_config(ca)?,
            bearer,
        })
    }

    /// One try to connect to `url`, `ws://…` or `wss://…`.
    ///
    /// # Errors
    ///
    /// As tungstenite's own connecting has them; a certificate that is not trusted is [`Error::Io`], see [`distrust`].
    pub(crate) async fn connect(&self, url: &str) -> Result<ClientSocket, Error> {
        let mut request: Request = url.into_client_request()?;
        if let Some(bearer) = &self.bearer {
            request
                .headers_mut()
                .insert(header::AUTHORIZATION, bearer.clone());
        }
        let uri = request.uri();
        let is_encrypted = uri.scheme_str() == Some("wss");
        let host = uri.host().ok_or(Error::Url(UrlError::NoHostName))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
        let dialled = dial(&host, port, is_encrypted.then_some(&self.tls)).await;
        let carrier = dialled.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => Error::Url(UrlError::NoHostName),
            _ => Error::Io(error),
        })?;
        let (socket, _) = client_async(request, carrier).await?;
        Ok(socket)
    }
}

/// Connects to a host, by its name or its address without brackets; with TLS if there is something to go by.
///
/// # Errors
///
/// What the system says, or TLS: [`io::ErrorKind::InvalidInput`] for what is no host, and see [`distrust`].
pub(crate) async fn dial(
    host: &str,
    port: u16,
    tls: Option<&Arc<ClientConfig>>,
) -> io::Result<Box<dyn Carrier>> {
    let tcp = TcpStream::connect((host, port)).await?;
    // Readings are small and must not wait for one another.
    tcp.set_nodelay(true)?;
    let Some(config) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let connector = TlsConnector::from(Arc::clone(config));
    Ok(Box::new(connector.connect(name, tcp).await?))
}

/// Why the server's certificate is not trusted, if that is what went wrong.
pub(crate) fn distrust(error: &io::Error) -> Option<&rustls::CertificateError> {
    let inner: &(dyn std::error::Error + 'static) = error.get_ref()?;
    match inner.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => Some(reason),
        _ => None,
    }
}
