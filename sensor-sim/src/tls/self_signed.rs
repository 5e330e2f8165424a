//! A certificate that nobody vouches for: [`SelfSigned`].
//!
//! It is kept, so that a person or a program has to be told once that it is to be trusted, and made anew when a client
//! that trusts it would not take it any more: for a name that it lacks, or soon after its end.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::{Tls, TlsError, provider};
use crate::access::Host;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// How long one is good for: Apple's systems take none of more than 825 days.
const LIFE: Duration = Duration::from_secs(DAY.as_secs() * 800);

/// One that ends sooner than this is made anew.
const LAST_DAYS: Duration = Duration::from_secs(DAY.as_secs() * 30);

/// Certificate and key, for this server alone.
const OWN_FILE: &str = "server.pem";

/// The certificate alone, for clients.
const PUBLIC_FILE: &str = "certificate.pem";

/// A certificate that is kept in a folder, with its key.
#[derive(Debug)]
pub struct SelfSigned {
    /// For the server.
    pub tls: Tls,
    /// The file with the certificate alone: what a client is given to trust it.
    pub certificate: PathBuf,
    /// SHA-256 of the certificate as browsers show it, `AB:CD:…`: what a person compares.
    pub fingerprint: String,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// `runnel/tls` in the user's configuration folder (`$XDG_CONFIG_HOME`, by default `~/.config`). `None` if the user has
/// no home folder.
#[must_use]
pub fn default_folder() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    etcetera::choose_base_strategy()
        .ok()
        .map(|strategy| strategy.config_dir().join("runnel").join("tls"))
}

impl SelfSigned {
    /// The one kept in `folder`, if it is good for all these names and for a while; otherwise a new one, which is kept.
    ///
    /// # Errors
    ///
    /// [`TlsError`].
    pub fn open(folder: &Path, names: &[Host]) -> Result<Self, TlsError> {
        let own = folder.join(OWN_FILE);
        let (tls, certificate, is_new) = match read(&own) {
            Some((certificate, key)) if is_good(&certificate, names, SystemTime::now() + LAST_DAYS) => {
                (Tls::new(vec![certificate.clone()], key)?, certificate, false)
            }
            _ => {
                let (certificate, key) = make(folder, names)?;
                (Tls::new(vec![certificate.clone()], key)?, certificate, true)
            }
        };
        let digest = Sha256::digest(&certificate);
        let bytes: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Self {
            tls,
            certificate: folder.join(PUBLIC_FILE),
            fingerprint: bytes.join(":"),
            is_new,
        })
    }
}

/// The kept certificate and key; whatever is wrong with the file is mended by a new one.
fn read(own: &Path) -> Option<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let certificate = CertificateDer::from_pem_file(own).ok()?;
    let key = PrivateKeyDer::from_pem_file(own).ok()?;
    Some((certificate, key))
}

/// Whether a client that trusts this certificate and no other would take it, at this time, for each of these names.
fn is_good(certificate: &CertificateDer<'_>, names: &[Host], at: SystemTime) -> bool {
    let mut roots = RootCertStore::empty();
    let added = roots.add(certificate.clone().into_owned());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH);
    let (Ok(()), Ok(verifier), Ok(since_epoch)) = (added, verifier, since_epoch) else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(since_epoch);
    names.iter().all(|name| {
        ServerName::try_from(subject_name(name)).is_ok_and(|name| {
            verifier
                .verify_server_cert(certificate, &[], &name, &[], at)
                .is_ok()
        })
    })
}

/// As certificates have it: IPv6 without brackets.
fn subject_name(host: &Host) -> String {
    match host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.clone(),
    }
}

fn make(
    folder: &Path,
    names: &[Host],
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    let key = KeyPair::generate()?;
    let names: Vec<String> = names.iter().map(subject_name).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Runnel");
    let now = SystemTime::now();
    // A client's clock may be behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now - DAY + LIFE).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key)?;

    let public = certificate.pem();
    let own = format!("{public}{}", key.serialize_pem());
    let keep = |path: &Path| {
        let path = path.to_owned();
        move |reason| TlsError::Keep { reason, path }
    };
    fs::create_dir_all(folder).map_err(keep(folder))?;
    for (name, text) in [(OWN_FILE, &own), (PUBLIC_FILE, &public)] {
        let path = folder.join(name);
        replace(&path, text).map_err(keep(&path))?;
    }
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok((certificate.der().clone(), key))
}

/// Writes a file that its owner alone may read. Another server that starts meanwhile finds the old one or the new one,
/// and nothing in between.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let partial = path.with_extension(format!("{}.part", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options
        .open(&partial)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<Host> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn it_is_kept_until_a_name_is_missing_or_its_end_is_near() {
        let folder = std::env::temp_dir().join(format!("runnel-self-signed-{}", std::process::id()));
        let wanted = names(&["localhost", "127.0.0.1", "::1"]);
        let first = SelfSigned::open(&folder, &wanted).unwrap();
        assert!(first.is_new);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let fewer = SelfSigned::open(&folder, &wanted[1..]).unwrap();
        assert_eq!((fewer.is_new, &fewer.fingerprint), (false, &first.fingerprint));
        let more =
            SelfSigned::open(&folder, &[wanted, names(&["box.local", "192.168.1.5"])].concat()).unwrap();
        assert!(more.is_new && more.fingerprint != first.fingerprint);

        let (certificate, _) = read(&folder.join(OWN_FILE)).unwrap();
        let name = names(&["box.local"]);
        let now = SystemTime::now();
        assert!(is_good(&certificate, &name, now));
        assert!(is_good(&certificate, &name, now + LIFE - 2 * DAY));
        assert!(!is_good(&certificate, &name, now + LIFE));
        assert!(!is_good(&certificate, &names(&["other.local"]), now));

        // Whatever is wrong with the file.
        fs::write(folder.join(OWN_FILE), "nonsense").unwrap();
        assert!(SelfSigned::open(&folder, &name).unwrap().is_new);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("runnel-self-signed-key-{}", std::process::id()));
        let made = SelfSigned::open(&folder, &names(&["localhost"])).unwrap();
        let mode = fs::metadata(folder.join(OWN_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let public = fs::read_to_string(&made.certificate).unwrap();
        assert!(public.contains("BEGIN CERTIFICATE") && !public.contains("PRIVATE KEY"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
