//! The `Origin` that WebSocket libraries for microcontrollers send, though no page is at work there: [`is_board`].

use axum::http::{HeaderMap, header};

use crate::accept::Connection;

/// *WebSockets* by Markus Sattler (arduinoWebSockets). A browser says the same of a page from its disk.
const FILE: &str = "file://";

/// *ArduinoWebsockets* by Gil Maimon. A browser sends no path, so none says this.
const TINY_WEBSOCKETS: &str = "https://github.com/gilmaimon/TinyWebsockets";

/// Whether the handshake is a board's, so that its `Origin` says nothing.
///
/// `file://` counts from other machines only. A page from this machine's disk could otherwise feed a server that is open to
/// nobody else; on a network there is a token, which a page does not have, or everybody may publish.
pub(super) fn is_board(headers: &HeaderMap, connection: Connection) -> bool {
    let (peer, local) = (
        connection.peer.ip().to_canonical(),
        connection.local.ip().to_canonical(),
    );
    match headers.get(header::ORIGIN).map(|origin| origin.as_bytes()) {
        Some(origin) if origin == FILE.as_bytes() => !peer.is_loopback() && peer != local,
        Some(origin) => origin == TINY_WEBSOCKETS.as_bytes(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::accept::Cipher;

    #[test]
    fn a_file_of_this_machine_is_no_board() {
        let check = |origin: &'static str, peer: &str, local: &str, expected: bool| {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
            let connection = Connection {
                peer: format!("{peer}:50000").parse().unwrap(),
                local: format!("{local}:9001").parse().unwrap(),
                cipher: Cipher::Clear,
            };
            assert_eq!(
                is_board(&headers, connection),
                expected,
                "{origin} from {peer} to {local}"
            );
        };
        check(FILE, "192.168.1.30", "192.168.1.20", true);
        check(FILE, "[fe80::2]", "[fe80::1]", true);
        check(FILE, "127.0.0.1", "127.0.0.1", false);
        check(FILE, "127.0.0.1", "127.0.0.2", false);
        check(FILE, "192.168.1.20", "192.168.1.20", false);
        check(FILE, "[::ffff:127.0.0.1]", "[::ffff:127.0.0.2]", false);
        check(TINY_WEBSOCKETS, "127.0.0.1", "127.0.0.1", true);
        for origin in [
            "https://github.com",
            "null",
            "file:///",
            "http://192.168.1.20:9001",
        ] {
            check(origin, "192.168.1.30", "192.168.1.20", false);
        }
    }
}
