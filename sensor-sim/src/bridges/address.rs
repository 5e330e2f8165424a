//! Addresses of what bridges connect to, as said on the command line.

use std::fmt;

/// An address that cannot be used. Its text holds no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{shown}: {problem}; expected {expected}")]
pub struct AddressError {
    pub(super) problem: String,
    pub(super) expected: &'static str,
    pub(super) shown: String,
}

impl AddressError {
    pub(super) fn new(problem: impl Into<String>, expected: &'static str, address: &str) -> Self {
        Self {
            problem: problem.into(),
            expected,
            shown: without_login(address),
        }
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Without the brackets of IPv6.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Endpoint {
    /// Reads `HOST[:PORT]`.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest
                    .split_once(']')
                    .ok_or("the bracket of an IPv6 address is open")?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(format!("[{host}] is no IPv6 address"));
                }
                match port.strip_prefix(':') {
                    None if !port.is_empty() => return Err(format!("`{port}` after the host")),
                    port => (host, port),
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() {
            return Err("there is no host".to_owned());
        }
        if !host.bytes().all(is_host) {
            return Err(format!("`{}` is no host", host.escape_debug()));
        }
        let port = match port {
            None => default_port,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(format!("`{}` is no port", port.escape_debug())),
            },
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The address as it may be shown: what stands between `://` and the last `@` before the path is left out.
fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => address.to_owned(),
    }
}

/// Reads `%41` as `A`, for a user or password with characters that mean something in an address.
pub(super) fn percent_decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(
                "a % in user or password without two hexadecimal digits (% itself is %25)".to_owned(),
            );
        };
        bytes.push((high * 16 + low) as u8);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| "user or password is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_read() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let got = Endpoint::parse(text, 1883).map(|endpoint| endpoint.to_string());
            match (&got, expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got, expected),
                (Err(got), Err(part)) => assert!(got.contains(part), "{text}: {got}"),
                _ => panic!("{text}: {got:?}"),
            }
        };
        check("broker", Ok("broker:1883"));
        check("127.0.0.1:18", Ok("127.0.0.1:18"));
        check("[::1]", Ok("[::1]:1883"));
        check("[::1]:99", Ok("[::1]:99"));
        check("", Err("no host"));
        check(":1", Err("no host"));
        check("a b", Err("no host"));
        check("a:", Err("no port"));
        check("a:0", Err("no port"));
        check("a:65536", Err("no port"));
        check("::1", Err("no host"));
        check("[::1", Err("bracket"));
        check("[::1]x", Err("after the host"));
        check("[broker]", Err("no IPv6 address"));
    }

    #[test]
    fn logins_are_never_shown() {
        assert_eq!(without_login("mqtt://me:pw@host/a@b"), "mqtt://host/a@b");
        assert_eq!(without_login("mqtt://me:p@w@host"), "mqtt://host");
        assert_eq!(without_login("mqtt://host/a"), "mqtt://host/a");
        assert_eq!(without_login("host"), "host");
    }

    #[test]
    fn percent_signs_are_undone() {
        assert_eq!(percent_decoded("p%40s%2fs%25").as_deref(), Ok("p@s/s%"));
        for text in ["%", "%4", "%zz", "%ff", "a%é"] {
            assert!(percent_decoded(text).is_err(), "{text}");
        }
    }
}
