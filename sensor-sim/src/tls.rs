//! Encryption: [`Tls`], from the files of a certificate or with one made here (`self_signed`).
//!
//! rustls with ring; TLS 1.3 and 1.2, which small devices speak.

mod self_signed;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

pub use self_signed::{SelfSigned, default_folder};

/// First byte of a TLS handshake (RFC 8446, section 5.1); no request of HTTP begins with it.
const HANDSHAKE_RECORD: u8 = 22;

/// What a server needs to encrypt.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Why a certificate is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file that cannot be read, or holds something else.
    #[error("expected {expected} in PEM (a text with BEGIN and END): {reason}: {}", path.display())]
    File {
        /// What it should hold.
        expected: &'static str,
        /// What went wrong.
        reason: pem::Error,
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or are of a kind that is not known.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(rustls::Error),
    /// A certificate cannot be made.
    #[error("making a certificate failed: {0}")]
    Make(#[from] rcgen::Error),
    /// A file or folder for a certificate cannot be written.
    #[error("keeping the certificate failed: {reason}: {}", path.display())]
    Keep {
        /// What went wrong.
        reason: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// There is nowhere to keep one.
    #[error(
        "there is no home folder to keep a certificate in; make one and name it with --tls-cert and --tls-key"
    )]
    Homeless,
}

/// What a connection turned out to be.
pub(crate) enum Accepted {
    Encrypted(Box<TlsStream<TcpStream>>),
    /// Something in the clear, as it came.
    Clear(TcpStream),
}

impl Tls {
    /// Reads a certificate, followed by those that vouch for it, and its key.
    ///
    /// # Errors
    ///
    /// [`TlsError::File`] or [`TlsError::Unusable`].
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let problem = |expected, path: &Path| {
            let path = path.to_owned();
            move |reason| TlsError::File {
                expected,
                reason,
                path,
            }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
        let chain = match chain {
            Ok(chain) if chain.is_empty() => Err(pem::Error::NoItemsFound),
            other => other,
        };
        let chain = chain.map_err(problem("a certificate", certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(problem("a private key", key))?;
        Self::new(chain, key)
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Shakes hands, or finds that the client speaks in the clear. The caller limits the time.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<Accepted> {
        let mut first = [0];
        // Nothing at all is left to HTTP, which ends it.
        if tcp.peek(&mut first).await? == 0 || first != [HANDSHAKE_RECORD] {
            return Ok(Accepted::Clear(tcp));
        }
        let stream = self.acceptor.accept(tcp).await?;
        Ok(Accepted::Encrypted(Box::new(stream)))
    }
}

/// The cryptography, for servers and clients.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
