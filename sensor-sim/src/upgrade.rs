//! WebSocket handshakes: checks them, answers, and hands the connection to its session.
//!
//! Source: RFC 6455, section 4.2. axum's own WebSocket extractor is not used: it brings another tungstenite along.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tracing::debug;

use crate::accept::{Cipher, Connection};
use crate::access::Permission;
use crate::ending::close;
use crate::http::Refusal;
use crate::server::Server;
use crate::viewer_session;

/// Answers `GET /live`.
pub(crate) async fn live(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
) -> Response {
    accept_viewer(&server, connection, &mut request).unwrap_or_else(|refusal| refusal.into_response())
}

fn accept_viewer(
    server: &Arc<Server>,
    connection: Connection,
    request: &mut Request,
) -> Result<Response, Refusal> {
    let headers = request.headers();
    let key = check(headers, connection.cipher, "/live")?;
    let subprotocol = choose_subprotocol(headers)?;
    let pending = server
        .gate
        .require_of_socket(headers, Permission::Read, connection.peer)?;
    check_seats(server)?;
    let session_server = Arc::clone(server);
    let config = viewer_session::socket_config();
    upgrade(request, server, config, async move |mut socket| {
        if let Some(pending) = pending {
            if !pending.settle(&session_server, &mut socket).await {
                return;
            }
            // Others may have come meanwhile.
            if let Err(refusal) = check_seats(&session_server) {
                return close(&mut socket, &refusal.into(), protocol::MAX_VIEWER_MESSAGE_BYTES).await;
            }
        }
        viewer_session::run(socket, session_server).await;
    });
    Ok(switching_protocols(
        &key,
        subprotocol.map(HeaderValue::from_static),
    ))
}

/// Whether one more viewer may connect.
fn check_seats(server: &Server) -> Result<(), Refusal> {
    if server.n_viewers.load(Ordering::Relaxed) < server.limits.viewers.get() {
        return Ok(());
    }
    let message = format!(
        "{} viewers are connected, as many as may be (--max-viewers)",
        server.limits.viewers
    );
    Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message))
}

/// The WebSocket once the handshake is over.
pub(crate) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Spawns the session of a connection that is about to become a WebSocket.
pub(crate) fn upgrade<F>(
    request: &mut Request,
    server: &Server,
    config: WebSocketConfig,
    session: impl FnOnce(Socket) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let upgrade = hyper::upgrade::on(request);
    server.sessions.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let io = TokioIo::new(upgraded);
                session(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await).await;
            }
            Err(error) => debug!(%error, "a client left during the handshake"),
        }
    });
}

/// The answer that makes a connection a WebSocket.
pub(crate) fn switching_protocols(key: &HeaderValue, subprotocol: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept =
        HeaderValue::from_str(&derive_accept_key(key.as_bytes())).expect("base64 is valid in a header");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(subprotocol) = subprotocol {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    response
}

/// Whether a request asks for a WebSocket at all.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, header::UPGRADE, "websocket") && has_token(headers, header::CONNECTION, "upgrade")
}

/// The client's key, or why it gets no WebSocket at `path`.
pub(crate) fn check(headers: &HeaderMap, cipher: Cipher, path: &str) -> Result<HeaderValue, Refusal> {
    let refuse = |message| Refusal::new(StatusCode::UPGRADE_REQUIRED, message);
    if !is_upgrade(headers) {
        let message = format!("{path} is a WebSocket: connect with a WebSocket client, e.g. websocat");
        return Err(refuse(message).offering(header::UPGRADE, "websocket"));
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        let message = "expected WebSocket version 13".to_owned();
        return Err(refuse(message).offering(header::SEC_WEBSOCKET_VERSION, "13"));
    }
    check_origin(headers, cipher)?;
    match headers.get(header::SEC_WEBSOCKET_KEY) {
        Some(key) => Ok(key.clone()),
        None => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "expected a header Sec-WebSocket-Key",
        )),
    }
}

/// A browser says which page sends a request; only our own may. Other programs send no `Origin`.
///
/// Ours are those of the same host, port and scheme. Where we speak in the clear, `https` is ours too: a proxy before us
/// ends TLS. Where we speak TLS, `http` is not: anybody on the way can make such a page.
pub(crate) fn check_origin(headers: &HeaderMap, cipher: Cipher) -> Result<(), Refusal> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin_host = origin
        .to_str()
        .ok()
        .and_then(|origin| match origin.split_once("://") {
            Some(("https", host)) => Some(host),
            Some(("http", host)) if cipher != Cipher::Tls => Some(host),
            _ => None,
        });
    match (origin_host, host) {
        (Some(origin_host), Some(host)) if origin_host.eq_ignore_ascii_case(host) => Ok(()),
        _ => {
            debug!(?origin, ?host, "refused a page from elsewhere");
            Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "only the page served from this address may do this: the Origin is another",
            ))
        }
    }
}

/// None offered: accepted, none confirmed. Otherwise ours has to be among those offered.
fn choose_subprotocol(headers: &HeaderMap) -> Result<Option<&'static str>, Refusal> {
    let mut offered = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).peekable();
    if offered.peek().is_none() {
        return Ok(None);
    }
    if offered.any(|name| name == protocol::SUBPROTOCOL) {
        return Ok(Some(protocol::SUBPROTOCOL));
    }
    let message = format!("expected the subprotocol {} or none", protocol::SUBPROTOCOL);
    Err(Refusal::new(StatusCode::BAD_REQUEST, message))
}

/// The first subprotocol that a client offers: a sensor's library may insist on its own, and refuse an answer without it.
pub(crate) fn first_subprotocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let first = tokens(headers, header::SEC_WEBSOCKET_PROTOCOL).next()?;
    HeaderValue::from_str(first).ok()
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// The comma-separated values of all headers of this name.
fn tokens(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn only_pages_from_the_same_host_and_port_pass() {
        let check_by = |cipher, origin: &'static str, host: &'static str, passes: bool| {
            let headers = headers(&[(header::ORIGIN, origin), (header::HOST, host)]);
            assert_eq!(
                check_origin(&headers, cipher).is_ok(),
                passes,
                "{origin} at {host}, {cipher:?}"
            );
        };
        let check = |origin, host, passes| {
            check_by(Cipher::Clear, origin, host, passes);
        };
        check("http://127.0.0.1:9001", "127.0.0.1:9001", true);
        check("http://localhost:9001", "LOCALHOST:9001", true);
        check("http://localhost:9002", "localhost:9001", false);
        check("http://localhost:9001", "127.0.0.1:9001", false);
        check("https://demo.example", "demo.example", true);
        check("https://demo.example:444", "demo.example", false);
        check("ftp://127.0.0.1:9001", "127.0.0.1:9001", false);
        check_by(Cipher::Tls, "https://127.0.0.1:9001", "127.0.0.1:9001", true);
        check_by(Cipher::Tls, "http://127.0.0.1:9001", "127.0.0.1:9001", false);
        check_by(Cipher::Tls, "https://127.0.0.1:9002", "127.0.0.1:9001", false);
        check("https://example.org", "127.0.0.1:9001", false);
        check("null", "127.0.0.1:9001", false);
        assert!(check_origin(&headers(&[(header::HOST, "127.0.0.1:9001")]), Cipher::Tls).is_ok());
    }

    #[test]
    fn subprotocols_are_confirmed_only_if_offered() {
        let check = |offer: &'static str| {
            choose_subprotocol(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, offer)]))
                .map_err(|refusal| refusal.status)
        };
        assert_eq!(choose_subprotocol(&HeaderMap::new()).ok(), Some(None));
        assert_eq!(check("runnel.v1"), Ok(Some("runnel.v1")));
        assert_eq!(check("soap, runnel.v1"), Ok(Some("runnel.v1")));
        assert_eq!(check("arduino"), Err(StatusCode::BAD_REQUEST));
        let first =
            |offer: &'static str| first_subprotocol(&headers(&[(header::SEC_WEBSOCKET_PROTOCOL, offer)]));
        assert_eq!(first("arduino, x"), Some(HeaderValue::from_static("arduino")));
        assert_eq!(first(" , "), None);
    }
}
