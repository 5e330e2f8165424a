//! Connects to another server's WebSocket as a client, encrypted or not: [`Dialler`].

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, handshake::client::Request};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::tls::provider;

/// A connection, whatever carries it.
pub(crate) type ClientSocket = WebSocketStream<Box<dyn Carrier>>;

/// TCP, or TLS over it.
pub(crate) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

/// Knows whom to trust and what to show.
pub(crate) struct Dialler {
    tls: TlsConnector,
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
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                let reading = || format!("reading the certificates in {}", path.display());
                for certificate in CertificateDer::pem_file_iter(path).with_context(reading)? {
                    roots
                        .add(certificate.with_context(reading)?)
                        .with_context(reading)?;
                }
                anyhow::ensure!(
                    !roots.is_empty(),
                    "expected a certificate in PEM (a text with BEGIN CERTIFICATE): {}",
                    path.display()
                );
            }
        }
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("preparing TLS")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let bearer = token
            .map(|token| {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
                value.set_sensitive(true);
                anyhow::Ok(value)
            })
            .transpose()
            .context("the token has characters that no header can carry")?;
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
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
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        // Readings are small and must not wait for one another.
        tcp.set_nodelay(true)?;
        let carrier: Box<dyn Carrier> = if is_encrypted {
            let name = ServerName::try_from(host).map_err(|_| Error::Url(UrlError::NoHostName))?;
            Box::new(self.tls.connect(name, tcp).await?)
        } else {
            Box::new(tcp)
        };
        let (socket, _) = client_async(request, carrier).await?;
        Ok(socket)
    }
}

/// Why the server's certificate is not trusted, if that is what went wrong.
pub(crate) fn distrust(error: &Error) -> Option<&rustls::CertificateError> {
    let Error::Io(error) = error else { return None };
    let inner: &(dyn std::error::Error + 'static) = io::Error::get_ref(error)?;
    match inner.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => Some(reason),
        _ => None,
    }
}
