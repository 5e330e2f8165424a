//! `/ingest/{source}`: readings from real sensors, posted one request at a time or sent over a WebSocket.

mod boards;
pub(crate) mod session;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use protocol::IngestAck;
use protocol::sensor::{DecoderOptions, SensorDecoder, SensorError, SensorEvent, SensorFormat};
use tokio::time::{Instant, timeout};

use self::session::Session;
pub(crate) use self::session::socket_config;
use crate::accept::Connection;
use crate::access::Permission;
use crate::ending::close;
use crate::http::{Refusal, json};
use crate::limits::Limits;
use crate::server::Server;
use crate::source::Taken;
use crate::sources::SourceError;
use crate::upgrade::{check, check_origin, first_subprotocol, switching_protocols, upgrade};

/// What the address may say after `?`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wishes {
    /// Otherwise it is found from the messages.
    format: Option<SensorFormat>,
    /// Whether each WebSocket message is to be answered.
    ack: bool,
}

impl Wishes {
    fn from_query(query: Option<&str>) -> Result<Self, Refusal> {
        let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, message);
        let mut wishes = Self::default();
        let parts = query
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty());
        for part in parts {
            match part.split_once('=').unwrap_or((part, "")) {
                ("format", name) => {
                    wishes.format = Some(
                        name.parse()
                            .map_err(|error: protocol::sensor::UnknownFormat| bad(error.to_string()))?,
                    );
                }
                ("ack", "1" | "true" | "") => wishes.ack = true,
                ("ack", "0" | "false") => wishes.ack = false,
                (name, _) => {
                    let name: String = name.chars().take(40).collect();
                    return Err(bad(format!(
                        "expected ?format=NAME or ?ack=1, got `{}`",
                        name.escape_debug()
                    )));
                }
            }
        }
        Ok(wishes)
    }
}

/// A decoder that keeps to the limits.
pub(crate) fn decoder(
    limits: &Limits,
    format: Option<SensorFormat>,
    max_message_bytes: usize,
) -> SensorDecoder {
    SensorDecoder::new(DecoderOptions {
        format,
        max_message_bytes,
        max_features: limits.features,
        ..DecoderOptions::default()
    })
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let status = match &error {
            SourceError::BadName => StatusCode::NOT_FOUND,
            SourceError::IsReplay { .. } => StatusCode::CONFLICT,
            SourceError::TooMany { .. } => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

/// Answers `GET /ingest/{source}`, which has to be a WebSocket handshake.
pub(crate) async fn socket(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    mut request: Request,
) -> Response {
    accept_socket(&server, connection, name, query.as_deref(), &mut request)
        .unwrap_or_else(|refusal| refusal.into_response())
}

fn accept_socket(
    server: &Arc<Server>,
    connection: Connection,
    name: String,
    query: Option<&str>,
    request: &mut Request,
) -> Result<Response, Refusal> {
    if boards::is_board(request.headers(), connection) {
        request.headers_mut().remove(header::ORIGIN);
    }
    let key = check(request.headers(), connection.cipher, "GET /ingest/NAME").map_err(|refusal| {
        refusal.with_hint("or post readings: curl -d '{\"temp\":21.5}' http://…/ingest/NAME")
    })?;
    let wishes = Wishes::from_query(query)?;
    let headers = request.headers();
    let pending = server
        .gate
        .require_of_socket(headers, Permission::Publish, connection.peer)?;
    let subprotocol = first_subprotocol(headers);
    let config = session::socket_config(&server.limits);
    match pending {
        None => {
            let session = open_session(server, &name, wishes)?;
            upgrade(request, server, config, |socket| session.run(socket));
        }
        // A stranger opens no source and takes no sensor's place.
        Some(pending) => {
            let session_server = Arc::clone(server);
            upgrade(request, server, config, async move |mut socket| {
                if !pending.settle(&session_server, &mut socket).await {
                    return;
                }
                match open_session(&session_server, &name, wishes) {
                    Ok(session) => session.run(socket).await,
                    Err(refusal) => {
                        close(&mut socket, &refusal.into(), session_server.limits.message_bytes).await;
                    }
                }
            });
        }
    }
    Ok(switching_protocols(&key, subprotocol))
}

fn open_session(server: &Arc<Server>, name: &str, wishes: Wishes) -> Result<Session, Refusal> {
    if server.n_sensors.load(Ordering::Relaxed) >= server.limits.sensors.get() {
        let message = format!(
            "{} sensors are connected, as many as may be (--max-sensors)",
            server.limits.sensors
        );
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
    }
    Ok(Session {
        server: Arc::clone(server),
        source: server.sources.open(name, Instant::now())?,
        decoder: decoder(&server.limits, wishes.format, server.limits.message_bytes),
        wants_ack: wishes.ack,
    })
}

/// Answers `POST /ingest/{source}`: one message in any of the formats, which may hold many readings.
pub(crate) async fn post(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match take_post(&server, connection, &name, query.as_deref(), &headers, body).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn take_post(
    server: &Server,
    connection: Connection,
    name: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    check_origin(headers, connection.cipher)?;
    server
        .gate
        .require(headers, Permission::Publish, connection.peer)?;
    let wishes = Wishes::from_query(query)?;
    check_encoding(headers)?;
    let source = server.sources.open(name, Instant::now())?;
    let wait = source.wait(Instant::now());
    if !wait.is_zero() {
        return Ok(too_many(server, wait));
    }
    let body = read_body(server, headers, body).await?;
    let arrived_micros = server.clock.now_micros();
    // Each request is decoded for itself, so that one source can be tried in several formats by hand; only the device's
    // clock goes on.
    let mut decoder =
        decoder(&server.limits, wishes.format, server.limits.post_bytes).with_clock(source.posted_clock());
    let events = decode(&mut decoder, &body, is_binary(headers, &body), arrived_micros)
        .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    source.keep_posted_clock(decoder.clock());
    if events.is_empty() {
        // Over a WebSocket a header may go ahead of its rows; here the next request would know nothing of it.
        let message = "expected readings, got words alone, which could only be the header of a CSV table; \
                       post a header together with its rows, or JSON such as {\"temp\":21.5}";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, message));
    }
    let (result, taken) = server
        .sources
        .take(&source, &events, arrived_micros, Instant::now());
    match result {
        Ok(()) => Ok(json(StatusCode::OK, &ack(taken).to_json())),
        Err(error) => {
            let message = format!("{error}; readings taken before it: {}", taken.n_readings);
            Err(Refusal::new(StatusCode::BAD_REQUEST, message))
        }
    }
}

/// Bodies are taken as they are: one that unfolds could fill the memory.
fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    let message = "expected a body that is not compressed, without Content-Encoding";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
        .offering(header::ACCEPT_ENCODING, "identity"))
}

fn too_many(server: &Server, wait: Duration) -> Response {
    let message = format!(
        "{}; go on in {:.1} s",
        server.limits.too_fast(),
        wait.as_secs_f64()
    );
    let mut response = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message).into_response();
    let secs = wait.as_secs_f64().ceil() as u64;
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(secs));
    response
}

async fn read_body(server: &Server, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let max = server.limits.post_bytes;
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("expected a body of at most {max} bytes (--max-post-kib); post fewer readings at once"),
        )
    };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if announced.is_some_and(|n| n > max as u64) {
        return Err(too_large());
    }
    match timeout(server.limits.handshake, axum::body::to_bytes(body, max)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) if is_length_limit(&error) => Err(too_large()),
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "the body ended too early")),
        Err(_) => Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "expected the body within {} s (--handshake-secs)",
                server.limits.handshake.as_secs()
            ),
        )),
    }
}

/// Whether a body was not read because it is too long; axum says so only as the innermost cause.
fn is_length_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit") {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether a body is bytes rather than text: said by its type, else seen from it.
fn is_binary(headers: &HeaderMap, body: &[u8]) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_said = [
        "application/octet-stream",
        "application/cbor",
        "application/senml+cbor",
    ]
    .iter()
    .any(|binary| content_type.trim().to_ascii_lowercase().starts_with(binary));
    is_said || looks_binary(body)
}

/// Whether these are bytes rather than text. No text starts with a control character.
pub(crate) fn looks_binary(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|&byte| byte < b'\t') || std::str::from_utf8(bytes).is_err()
}

/// What a message holds.
pub(crate) fn decode(
    decoder: &mut SensorDecoder,
    bytes: &[u8],
    is_binary: bool,
    arrived_micros: u64,
) -> Result<Vec<SensorEvent>, SensorError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !is_binary => decoder.text(text, arrived_micros),
        _ => decoder.binary(bytes, arrived_micros),
    }
}

fn ack(taken: Taken) -> IngestAck {
    IngestAck {
        accepted: taken.n_readings,
        labels: taken.n_labels,
        unknown: taken.n_unknown,
        next_seq: taken.next_seq,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn wishes_are_read_from_the_query() {
        let wishes = |query| Wishes::from_query(query).map_err(|refusal| refusal.status);
        assert_eq!(wishes(None), Ok(Wishes::default()));
        let expected = Wishes {
            format: Some(SensorFormat::Csv),
            ack: true,
        };
        assert_eq!(wishes(Some("format=csv&ack=1")), Ok(expected));
        assert_eq!(wishes(Some("ack=0&")), Ok(Wishes::default()));
        for query in ["format=", "format=xml", "ack=2", "token=abc", "=", "a%00"] {
            assert_eq!(wishes(Some(query)), Err(StatusCode::BAD_REQUEST), "{query}");
        }
    }

    #[test]
    fn bytes_are_told_from_text() {
        let check = |content_type: &'static str, body: &[u8], expected: bool| {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_static("content-type"),
                HeaderValue::from_static(content_type),
            )]);
            assert_eq!(is_binary(&headers, body), expected, "{content_type} {body:?}");
        };
        check("application/x-www-form-urlencoded", b"{\"a\":1}", false);
        check("application/json", b"\n[1]", false);
        check("application/cbor", b"", true);
        check("Application/SenML+CBOR; x=y", b"a", true);
        check("text/plain", &[0xa1, 0x61, 0x61, 0x01], true);
        check("text/plain", &[1, 0, 0], true);
    }
}
