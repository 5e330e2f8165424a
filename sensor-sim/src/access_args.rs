//! The arguments that say who may reach the server and what they have to show: [`AccessArgs`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use tracing::{info, warn};

use crate::access::{Access, Host, Token};
use crate::addresses;
use crate::cli::UsageError;
use crate::tls::{self, SelfSigned, Tls, TlsError};

/// The environment variable with the publish token, of a server and of `sensor-sim publish`.
pub const PUBLISH_TOKEN_VARIABLE: &str = "RUNNEL_PUBLISH_TOKEN";

/// The environment variable with the read token.
pub const READ_TOKEN_VARIABLE: &str = "RUNNEL_READ_TOKEN";

/// Who may reach the server, and what they have to show.
///
/// Tokens are no arguments: every user of the machine sees those of all programs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access")]
pub struct AccessArgs {
    /// Address to listen on: 0.0.0.0 or :: for all of this machine's, others than its own 127.0.0.1 with both tokens only
    #[arg(long, value_name = "ADDR", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_parser = parse_bind)]
    pub bind: IpAddr,
    /// A name under which the server is asked for, as box.local; may be repeated. Needs both tokens
    #[arg(long = "host", value_name = "NAME", value_parser = clap::value_parser!(Host))]
    pub hosts: Vec<Host>,
    /// File with the token that sensors have to show [default: the variable RUNNEL_PUBLISH_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub publish_token_file: Option<PathBuf>,
    /// File with the token that viewers have to show [default: the variable RUNNEL_READ_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub read_token_file: Option<PathBuf>,
    /// File with the certificate for TLS, in PEM, and after it those that vouch for it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// File with the certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Speak TLS with a certificate made here, which is kept; browsers warn of it once
    #[arg(long, conflicts_with_all = ["tls_cert", "tls_key"])]
    pub tls_self_signed: bool,
    /// Show the address of the phone's page as a QR code even if stderr is no terminal
    #[arg(long)]
    pub qr: bool,
    /// Let in everybody who reaches the port where there is no token
    #[arg(long)]
    pub insecure: bool,
}

impl AccessArgs {
    /// Reads the tokens, and refuses to let strangers in unasked.
    ///
    /// # Errors
    ///
    /// [`UsageError`] if others than this machine's own programs would get in without a token, or if a token is none;
    /// otherwise what went wrong with reading one.
    pub fn access(&self) -> Result<Access> {
        self.access_with(|name| match std::env::var(name) {
            Ok(text) => Ok(Some(text)),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(error) => Err(UsageError(format!("{name}: {error}"))),
        })
    }

    fn access_with(&self, variable: impl Fn(&str) -> Result<Option<String>, UsageError>) -> Result<Access> {
        let token = |file: Option<&Path>, name: &str| match file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading the token in {}", path.display()))?;
                parse_token(&text, &path.display().to_string()).map(Some)
            }
            None => variable(name)?.map(|text| parse_token(&text, name)).transpose(),
        };
        let access = Access {
            publish: token(self.publish_token_file.as_deref(), PUBLISH_TOKEN_VARIABLE)?,
            read: token(self.read_token_file.as_deref(), READ_TOKEN_VARIABLE)?,
            hosts: self.hosts.clone(),
            tls: None,
        };
        self.check(&access)?;
        if let (Some(publish), Some(read)) = (&access.publish, &access.read)
            && publish.equals(read)
        {
            warn!("the read token is the publish token too: whoever may read may also publish");
        }
        Ok(access)
    }

    /// Reads the certificate, or makes one. Apart from [`AccessArgs::access`], so that a server that may not start makes
    /// none.
    ///
    /// # Errors
    ///
    /// [`TlsError`], and what is wrong with it.
    pub fn tls(&self) -> Result<Option<Tls>, TlsError> {
        if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
            return Tls::from_files(certificate, key).map(Some);
        }
        if !self.tls_self_signed {
            return Ok(None);
        }
        let folder = tls::default_folder().ok_or(TlsError::Homeless)?;
        let made = SelfSigned::open(&folder, &self.names())?;
        info!(
            "{} certificate {}; browsers warn of it, and show this SHA-256: {}",
            if made.is_new { "made a" } else { "the" },
            made.certificate.display(),
            made.fingerprint
        );
        Ok(Some(made.tls))
    }

    /// All names that the server goes by.
    fn names(&self) -> Vec<Host> {
        let loopback = [
            Host::Name("localhost".to_owned()),
            Host::Address(Ipv4Addr::LOCALHOST.into()),
            Host::Address(Ipv6Addr::LOCALHOST.into()),
        ];
        let bound = (!self.bind.is_unspecified()).then_some(self.bind);
        let addresses = addresses::for_others(self.bind).into_iter().chain(bound);
        let mut names: Vec<Host> = Vec::new();
        for name in loopback
            .into_iter()
            .chain(addresses.map(|address| Host::Address(address.to_canonical())))
            .chain(self.hosts.iter().cloned())
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether others than this machine's own programs can reach the server.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.bind.is_loopback() || self.hosts.iter().any(|host| !host.is_loopback())
    }

    fn check(&self, access: &Access) -> Result<(), UsageError> {
        let missing = match (&access.publish, &access.read) {
            (Some(_), Some(_)) => return Ok(()),
            (None, Some(_)) => format!("a publish token ({PUBLISH_TOKEN_VARIABLE} or --publish-token-file)"),
            (Some(_), None) => format!("a read token ({READ_TOKEN_VARIABLE} or --read-token-file)"),
            (None, None) => format!(
                "two tokens ({PUBLISH_TOKEN_VARIABLE} and {READ_TOKEN_VARIABLE}, or --publish-token-file and \
                 --read-token-file)"
            ),
        };
        if self.insecure || !self.is_open() {
            return Ok(());
        }
        let what = if self.bind.is_loopback() {
            "--host"
        } else {
            "--bind"
        };
        Err(UsageError(format!(
            "{what} lets in others than this machine's own programs, which needs {missing}; `openssl rand -hex 16` makes \
             one. With --insecure everybody who reaches the port may do what no token guards"
        )))
    }
}

fn parse_bind(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address of this machine, as 127.0.0.1, or 0.0.0.0 for all; a name is for --host"
            .to_owned()
    })
}

fn parse_token(text: &str, place: &str) -> Result<Token> {
    Token::new(text).map_err(|error| UsageError(format!("{place}: {error}")).into())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    const TOKEN: &str = "b1946ac92492d2347c6235b4d2611184";

    fn access(args: &str, variables: &[(&str, &str)]) -> Result<Access> {
        let args = ["sensor-sim"].into_iter().chain(args.split_whitespace());
        Cli::try_parse_from(args)?.serve.access.access_with(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn strangers_are_let_in_with_tokens_or_when_said_so() {
        let both = [(PUBLISH_TOKEN_VARIABLE, TOKEN), (READ_TOKEN_VARIABLE, TOKEN)];
        for args in ["", "--bind ::1", "--bind 127.0.0.2", "--host localhost"] {
            assert!(access(args, &[]).is_ok(), "{args}");
        }
        for (args, variables, part) in [
            ("--bind 0.0.0.0", &[][..], "two tokens"),
            ("--bind ::", &[], "two tokens"),
            ("--bind 192.168.1.5", &both[..1], "a read token"),
            ("--bind 192.168.1.5", &both[1..], "a publish token"),
            ("--host demo.example", &[], "--host lets in others"),
        ] {
            let error = access(args, variables).expect_err(args);
            assert!(error.is::<UsageError>(), "{args}");
            let error = error.to_string();
            assert!(
                error.contains(part) && error.contains("--insecure"),
                "{args}: {error}"
            );
            assert!(access(&format!("{args} --insecure"), variables).is_ok(), "{args}");
            assert!(access(args, &both).is_ok(), "{args}");
        }
    }

    #[test]
    fn a_token_that_is_none_is_named_by_its_place_and_not_repeated() {
        let error = access("", &[(READ_TOKEN_VARIABLE, "hunter2")])
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("RUNNEL_READ_TOKEN: expected"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let error = access("--read-token-file /nowhere/token", &[]).unwrap_err();
        assert!(format!("{error:#}").contains("/nowhere/token"), "{error:#}");
    }

    #[test]
    fn hosts_and_addresses_are_checked() {
        for args in [
            "--bind localhost",
            "--bind 1.2.3",
            "--host http://box",
            "--host box:9001",
        ] {
            assert!(access(args, &[]).is_err(), "{args}");
        }
    }
}
