//! Everything on the port: the page, the model, the health report and the WebSocket, with the headers that keep them safe.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use crate::accept::{Cipher, Connection};
use crate::access::{Permission, is_own_name};
use crate::assets;
use crate::channel::Channel;
use crate::ending::End;
use crate::ingest;
use crate::server::Server;
use crate::sources::SourceError;
use crate::upgrade::live;

/// What the page may do: load code, style and data from here, compile wasm, be embedded by a page from here, and nothing
/// else.
///
/// Not every browser counts the WebSocket of the same host and port as `'self'`, so [`content_security_policy`] spells
/// its address out.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; \
     style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; \
     connect-src 'self'";

/// The same on every answer. COOP and COEP make the page cross-origin isolated: a 5 µs clock, memory measurement.
/// Of the devices that a page may ask for, ours needs a phone's motion and its screen kept on.
const FIXED_HEADERS: [(HeaderName, &str); 6] = [
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(self), gyroscope=(self), screen-wake-lock=(self), camera=(), geolocation=(), microphone=(), usb=()",
    ),
];

/// The description of both ends for programs.
const ASYNC_API: &str = include_str!("../../docs/asyncapi.yaml");

/// The routes.
pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route(
            "/",
            get(async |headers: HeaderMap| assets::serve("index.html", &headers)),
        )
        .route(
            "/phone",
            get(async |headers: HeaderMap| assets::serve("phone.html", &headers)),
        )
        .route("/model/{channel}", get(model))
        .route("/healthz", get(health))
        .route(
            "/asyncapi.yaml",
            get(async || ([(header::CONTENT_TYPE, "application/yaml")], ASYNC_API)),
        )
        .route("/live", get(live))
        .route("/ingest/{source}", get(ingest::socket).post(ingest::post))
        .route(
            "/ingest/{source}/{*rest}",
            any(async || Refusal::from(SourceError::BadName)),
        )
        .route(
            "/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| assets::serve(&path, &headers)),
        )
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "expected GET or HEAD; POST at /ingest/NAME alone",
            )
        })
        .layer(middleware::from_fn_with_state(Arc::clone(&server), guard))
        .with_state(server)
}

/// An answer that says in a sentence what was expected.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    message: Cow<'static, str>,
    /// What the client may ask for instead, where HTTP has a header for that.
    offer: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            offer: None,
        }
    }

    /// Adds what else may be done.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.message = format!("{}; {hint}", self.message).into();
        self
    }

    pub(crate) fn offering(mut self, name: HeaderName, value: &'static str) -> Self {
        self.offer = Some((name, value));
        self
    }
}

/// What it is to a WebSocket whose handshake is over.
impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::refused(refusal.status, refusal.message.into_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, format!("{}\n", self.message)).into_response();
        if let Some((name, value)) = self.offer {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// Refuses requests under foreign names and adds the headers.
async fn guard(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    if connection.cipher == Cipher::ClearByMistake {
        return speak_tls().into_response();
    }
    let is_own = is_own_name(&host, connection.local.ip(), &server.gate.access.hosts);
    // Source: RFC 9112, section 3.2.
    let mut response = if request.headers().get_all(header::HOST).iter().count() > 1 {
        Refusal::new(StatusCode::BAD_REQUEST, "expected one header Host, got several").into_response()
    } else if is_own {
        next.run(request).await
    } else {
        Refusal::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this server answers only as localhost, under the address that it is reached at, and under the names that it \
             was started with (--host NAME)",
        )
        .into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let own_host = is_own.then_some(host.as_str());
    let policy = content_security_policy(own_host, connection.cipher);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// What whoever speaks in the clear to a port with TLS is told. No redirection: a program that sends its token in the
/// clear shall fail, rather than do so unnoticed.
fn speak_tls() -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "this port speaks TLS: the address begins with https:// or wss://",
    )
}

/// The policy for a page at our own `host`; of an answer under a foreign name nothing is a page.
fn content_security_policy(host: Option<&str>, cipher: Cipher) -> HeaderValue {
    let scheme = if cipher == Cipher::Tls { "wss" } else { "ws" };
    host.and_then(|host| HeaderValue::from_str(&format!("{PAGE_POLICY} {scheme}://{host}")).ok())
        .unwrap_or_else(|| HeaderValue::from_static(PAGE_POLICY))
}

/// The model's file, with its size known so that the page can show progress.
async fn model(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    Path(channel): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = server.gate.require(&headers, Permission::Read, connection.peer) {
        return refusal.into_response();
    }
    let channel = channel.parse().ok().and_then(|id| server.channels.get(id));
    let announcement = channel.map(|channel| channel.announcement());
    let Some(model) = announcement.as_ref().and_then(|found| found.model.as_ref()) else {
        return Refusal::new(StatusCode::NOT_FOUND, "there is no model for this channel").into_response();
    };
    let file = &model.file;
    let wanted = query.as_deref().and_then(|query| query.strip_prefix("sha256="));
    if wanted.is_some_and(|sha256| sha256 != file.sha256) {
        let message = "this model was replaced; the channel's newest schema names the one that counts";
        return Refusal::new(StatusCode::GONE, message).into_response();
    }
    let caching = [
        (header::ETAG, file.etag.as_str()),
        // Where there is a read token, no cache on the way may give it to others.
        (header::CACHE_CONTROL, "no-cache, private"),
    ];
    if is_known(&headers, &file.etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, "application/octet-stream")];
    (caching, content_type, Body::from(file.bytes.clone())).into_response()
}

/// Whether the browser already holds what `etag` names.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers
        .get_all(header::IF_NONE_MATCH)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lists
        .flat_map(|list| list.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == etag || known == "*")
}

/// Whether the server is up; to whoever may read, also what it does.
async fn health(
    State(server): State<Arc<Server>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Response {
    match server.gate.knows_reader(&headers, connection.peer) {
        Ok(true) => {}
        Ok(false) => return json(StatusCode::OK, "{\"status\":\"ok\"}"),
        Err(refusal) => return refusal.into_response(),
    }
    let channels = server.channels.all();
    let channels: Vec<serde_json::Value> = channels.iter().map(|channel| channel_health(channel)).collect();
    let bridges: Vec<serde_json::Value> = server.bridges.iter().map(|bridge| bridge.report()).collect();
    let totals = server.channels.totals();
    let report = serde_json::json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "session": server.session,
        "uptime_secs": server.clock.elapsed().as_secs(),
        "n_viewers": server.n_viewers.load(Ordering::Relaxed),
        "n_sensors": server.n_sensors.load(Ordering::Relaxed),
        "n_produced": totals.n_produced,
        "n_delivered": totals.n_delivered,
        "n_dropped": totals.n_dropped,
        "channels": channels,
        "bridges": bridges,
    });
    json(StatusCode::OK, &report.to_string())
}

fn channel_health(channel: &Channel) -> serde_json::Value {
    let announcement = channel.announcement();
    let status = channel.status();
    serde_json::json!({
        "channel": channel.id(),
        "source": channel.source(),
        "state": status.state,
        "message": status.message,
        "revision": announcement.revision,
        "n_features": announcement.shape.features.len(),
        "n_classes": announcement.shape.classes.len(),
        "model": announcement.model.as_ref().map(|model| &model.file.description),
        "n_subscriptions": channel.n_subscriptions(),
        "n_produced": channel.next_seq(),
        "n_delivered": channel.tally.n_delivered(),
        "n_dropped": channel.tally.n_dropped(),
    })
}

/// A line of JSON.
pub(crate) fn json(status: StatusCode, line: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        format!("{line}\n"),
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_etag_is_found_in_a_list() {
        let known = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))]);
            is_known(&headers, "\"b\"")
        };
        assert!(known("\"b\"") && known("\"a\", W/\"b\"") && known("*"));
        assert!(!known("\"a\"") && !known(""));
    }
}
