//! The names under which the server answers: [`Host`], [`is_own_name`].
//!
//! A page of a stranger can be made to reach this server under a name of the stranger's (DNS rebinding): the browser
//! then takes server and page for one origin. What gives it away is the name, which the browser sends as `Host`. So a
//! name has to be `localhost`, or one that `--host` gave. An address in digits cannot be rebound; it has to be the one
//! that the connection came to, or one that `--host` gave, e.g. that of a machine which forwards the port.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Longest name that DNS has.
const MAX_NAME_CHARS: usize = 253;

/// A name or an address of the server, without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, in lower case and without the final dot.
    Name(String),
}

/// What is no [`Host`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a name such as demo.example or box.local, or an address, without scheme and port")]
pub struct HostError;

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if name.len() <= MAX_NAME_CHARS && name.split('.').all(is_label) {
            Ok(Self::Name(name.to_ascii_lowercase()))
        } else {
            Err(HostError)
        }
    }
}

/// As an address of a page has it: IPv6 in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Host {
    /// The host of a `Host` header, which may have a port.
    pub(crate) fn of_header(header: &str) -> Option<Self> {
        let host = match header.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => header,
        };
        // An IPv6 address has brackets here.
        if host.contains(':') && !host.starts_with('[') {
            return None;
        }
        host.parse().ok()
    }

    /// Whether this machine alone is meant.
    pub(crate) fn is_loopback(&self) -> bool {
        match self {
            Self::Address(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}

/// Whether a `Host` header, with or without a port, names this server, for a connection that came to `local`.
pub(crate) fn is_own_name(header: &str, local: IpAddr, hosts: &[Host]) -> bool {
    Host::of_header(header).is_some_and(|host| {
        host.is_loopback() || host == Host::Address(local.to_canonical()) || hosts.contains(&host)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read() {
        let check = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), expected, "{text}");
        };
        check("Box.Local", "box.local");
        check("demo.example.", "demo.example");
        check("192.168.1.5", "192.168.1.5");
        check("::ffff:192.168.1.5", "192.168.1.5");
        check("fe80::1", "[fe80::1]");
        check("[fe80::1]", "[fe80::1]");
        for text in [
            "",
            ".",
            "a..b",
            "box:9001",
            "http://box",
            "a b",
            "bücher.example",
            "*.example",
            "[box]",
        ] {
            assert_eq!(text.parse::<Host>(), Err(HostError), "{text}");
        }
    }

    #[test]
    fn the_server_answers_to_its_own_names_only() {
        let local = "192.168.1.5".parse().unwrap();
        let hosts = ["box.local".parse().unwrap(), "10.0.0.9".parse().unwrap()];
        for header in [
            "localhost",
            "LocalHost:9001",
            "127.0.0.1:9001",
            "[::1]:9001",
            "[::1]",
            "192.168.1.5:9001",
            "[::ffff:192.168.1.5]",
            "box.local",
            "BOX.local:9001",
            "box.local.:9001",
            "10.0.0.9",
        ] {
            assert!(is_own_name(header, local, &hosts), "{header}");
        }
        for header in [
            "",
            ":9001",
            "example.org:9001",
            "127.0.0.1.example.org",
            "localhost.example.org",
            "localhost:x",
            "[::2]:9001",
            "192.168.1.6",
            "192.168.1.5.example.org",
            "evil.box.local",
            "::1",
            "0.0.0.0",
            "3232235781",
            "box.local box.local",
        ] {
            assert!(!is_own_name(header, local, &hosts), "{header}");
        }
    }
}
