//! Where a broker is and what to subscribe to there: [`MqttAddress`].

use std::fmt;

use crate::bridges::address::{AddressError, Endpoint, percent_decoded};

const EXPECTED: &str =
    "mqtt://[USER[:PASSWORD]@]HOST[:PORT]/TOPIC/FILTER, such as mqtt://127.0.0.1/home/# (mqtts:// for TLS)";

/// The registered ports, without TLS and with it.
const PORT: u16 = 1_883;
const TLS_PORT: u16 = 8_883;

/// Most bytes of a text in a packet.
const MAX_TEXT_BYTES: usize = u16::MAX as usize;

/// A broker, who is let in there, and a topic filter. Shown and debugged without the password.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::bridges) struct MqttAddress {
    pub(super) endpoint: Endpoint,
    is_tls: bool,
    user: Option<String>,
    password: Option<String>,
    pub(super) filter: String,
}

impl MqttAddress {
    /// Reads an address. The filter is everything after the slash behind the host, just as it stands; user and password
    /// may have `%40` for `@` and so on. `password` counts if there is a user and none in the address.
    ///
    /// # Errors
    ///
    /// [`AddressError`].
    pub(in crate::bridges) fn new(address: &str, password: Option<&str>) -> Result<Self, AddressError> {
        Self::parse(address, password).map_err(|problem| AddressError::new(problem, EXPECTED, address))
    }

    fn parse(address: &str, password: Option<&str>) -> Result<Self, String> {
        let (is_tls, rest) = match address.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err("this is no address of an MQTT broker".to_owned()),
        };
        let (authority, filter) = rest
            .split_once('/')
            .ok_or("there is no topic filter (# is for all topics)")?;
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let endpoint = Endpoint::parse(host, if is_tls { TLS_PORT } else { PORT })?;
        let (user, given_password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            Some(Err(user)) => (Some(percent_decoded(user)?), None),
            Some(Ok((user, password))) => (Some(percent_decoded(user)?), Some(percent_decoded(password)?)),
        };
        if user.as_deref() == Some("") {
            return Err("there is no user before the @".to_owned());
        }
        let password = given_password.or_else(|| password.filter(|_| user.is_some()).map(str::to_owned));
        check_filter(filter)?;
        for text in [user.as_deref(), password.as_deref(), Some(filter)]
            .into_iter()
            .flatten()
        {
            if text.len() > MAX_TEXT_BYTES {
                return Err(format!(
                    "user, password or filter is longer than {MAX_TEXT_BYTES} bytes"
                ));
            }
        }
        Ok(Self {
            endpoint,
            is_tls,
            user,
            password,
            filter: filter.to_owned(),
        })
    }

    pub(in crate::bridges) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Who to log in as, if anybody, and with what.
    pub(super) fn login(&self) -> Option<(&str, Option<&str>)> {
        let user = self.user.as_deref()?;
        Some((user, self.password.as_deref()))
    }
}

/// Source: MQTT 5.0, section 4.7.1.
fn check_filter(filter: &str) -> Result<(), String> {
    if filter.is_empty() {
        return Err("the topic filter is empty (# is for all topics)".to_owned());
    }
    if filter.contains('\0') {
        return Err("a topic filter has no zero bytes".to_owned());
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        if level.contains('#') && (level != "#" || levels.peek().is_some()) {
            return Err(format!(
                "`#` stands for all levels from there on, so it is the last one, alone, not as in `{filter}`"
            ));
        }
        if level.contains('+') && level != "+" {
            return Err(format!("`+` stands for a whole level, not as in `{filter}`"));
        }
    }
    Ok(())
}

impl fmt::Display for MqttAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}/{}", self.endpoint, self.filter)
    }
}

impl fmt::Debug for MqttAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MqttAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let check = |text: &str, shown: &str, login: Option<(&str, Option<&str>)>| {
            let address = MqttAddress::new(text, Some("from-env")).unwrap();
            assert_eq!((address.to_string().as_str(), address.login()), (shown, login));
            assert!(!format!("{address:?}").contains("from-env"));
        };
        check("mqtt://127.0.0.1/home/#", "mqtt://127.0.0.1:1883/home/#", None);
        check("mqtt://b:18830/#", "mqtt://b:18830/#", None);
        check("mqtt://[::1]//a/+/b", "mqtt://[::1]:1883//a/+/b", None);
        check(
            "mqtts://me@b/a",
            "mqtts://b:8883/a",
            Some(("me", Some("from-env"))),
        );
        check(
            "mqtt://me:pw@b/a b",
            "mqtt://b:1883/a b",
            Some(("me", Some("pw"))),
        );
        check(
            "mqtt://m%40e:p:%2Fw@b/a@b%20",
            "mqtt://b:1883/a@b%20",
            Some(("m@e", Some("p:/w"))),
        );
        check(
            "mqtt://me:@b/$share/g/a",
            "mqtt://b:1883/$share/g/a",
            Some(("me", Some(""))),
        );
    }

    #[test]
    fn bad_addresses_are_refused_with_what_was_expected_and_without_the_password() {
        let check = |text: &str, part: &str| {
            let error = MqttAddress::new(text, None).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(
                error.contains("mqtt://127.0.0.1/home/#") && !error.contains("secret"),
                "{error}"
            );
        };
        check("127.0.0.1/home", "no address of an MQTT broker");
        check("http://127.0.0.1/home", "no address of an MQTT broker");
        check("mqtt://127.0.0.1", "no topic filter");
        check("mqtt://127.0.0.1/", "filter is empty");
        check("mqtt:///a", "no host");
        check("mqtt://me:secret@:18/a", "no host");
        check("mqtt://me:secret@b:x/a", "no port");
        check("mqtt://me:secret%@b/a", "hexadecimal");
        check("mqtt://@b/a", "no user");
        check("mqtt://b/a/#/c", "the last one");
        check("mqtt://b/a#", "the last one");
        check("mqtt://b/a+/c", "a whole level");
        check("mqtt://b/a\0", "zero");
        check(&format!("mqtt://b/{}", "a".repeat(65_536)), "longer than 65535");
    }
}
