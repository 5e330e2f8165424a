//! TLS toward servers that this program connects to: whose certificates it trusts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::tls::provider;

/// Why there is nobody to trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read.
    #[error("reading certificates: {reason}: {}", path.display())]
    Unreadable {
        /// What the system says.
        reason: io::Error,
        /// The file.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error(
        "expected certificates in PEM (-----BEGIN CERTIFICATE-----), {reason}: {}", path.display()
    )]
    NotCertificates {
        /// What was found.
        reason: String,
        /// The file.
        path: PathBuf,
    },
}

/// A client that trusts the certificates of a PEM file and no others; without one, those that browsers trust (Mozilla's list).
///
/// # Errors
///
/// [`TrustError`].
pub(crate) fn client_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let roots = match ca {
        Some(path) => roots_of_file(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("ring has what TLS 1.2 and 1.3 need")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, TrustError> {
    let not_certificates = |reason: String| TrustError::NotCertificates {
        reason,
        path: path.to_owned(),
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| match error {
            pem::Error::Io(reason) => TrustError::Unreadable {
                reason,
                path: path.to_owned(),
            },
            error => not_certificates(error.to_string()),
        })?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|error: rustls::Error| not_certificates(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(not_certificates("there are none".to_owned()));
    }
    Ok(roots)
}
