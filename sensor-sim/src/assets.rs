//! The page's files, put into the program when it is built (see `build.rs`), compressed once and for all.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use crate::http::{Refusal, is_known};

/// One file of the page.
#[derive(Debug)]
struct Asset {
    /// Where it is served, without the first slash.
    path: &'static str,
    content_type: &'static str,
    /// SHA-256 of the plain bytes, quoted.
    etag: &'static str,
    plain: &'static [u8],
    /// `None` where compressing saves nothing.
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

// `static ASSETS: &[Asset]`, sorted by path; empty if the build named no page.
include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What a build without a page says instead.
const NO_PAGE: &str = "This sensor-sim was built without its page: `cargo xtask demo` builds both and starts them. \
     The stream itself is at /live.";

/// Answers with a file of the page in the smallest encoding that the browser accepts.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Response {
    let Ok(idx) = ASSETS.binary_search_by(|asset| asset.path.cmp(path)) else {
        let refusal = match path {
            "index.html" => Refusal::new(StatusCode::OK, NO_PAGE),
            _ => Refusal::new(StatusCode::NOT_FOUND, "there is nothing here; the page is at /"),
        };
        return refusal.into_response();
    };
    let asset = &ASSETS[idx];
    let (encoding, body) = choose(asset, headers);
    // Each encoding is another representation, so it has its own tag.
    let etag = match encoding {
        Some(encoding) => format!("{}-{encoding}\"", asset.etag.trim_end_matches('"')),
        None => asset.etag.to_owned(),
    };
    let caching = [
        (header::ETAG, etag.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
    ];
    if is_known(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let content_type = [(header::CONTENT_TYPE, asset.content_type)];
    let content_encoding = encoding.map(|encoding| [(header::CONTENT_ENCODING, encoding)]);
    let body = Body::from(Bytes::from_static(body));
    match content_encoding {
        Some(content_encoding) => (caching, content_type, content_encoding, body).into_response(),
        None => (caching, content_type, body).into_response(),
    }
}

fn choose(asset: &Asset, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    [("br", asset.brotli), ("gzip", asset.gzip)]
        .into_iter()
        .find_map(|(name, bytes)| {
            bytes
                .filter(|_| accepts(headers, name))
                .map(|bytes| (Some(name), bytes))
        })
        .unwrap_or((None, asset.plain))
}

/// Whether `Accept-Encoding` names the encoding, and not with a quality of 0.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let lists = headers
        .get_all(header::ACCEPT_ENCODING)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        is_named && quality.is_none_or(|quality| quality.parse::<f32>().is_ok_and(|quality| quality > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const ASSET: Asset = Asset {
        path: "a.js",
        content_type: "text/javascript",
        etag: "\"x\"",
        plain: b"plain",
        gzip: Some(b"gzip"),
        brotli: Some(b"brotli"),
    };

    #[test]
    fn the_smallest_accepted_encoding_is_chosen() {
        let check = |accepted: &'static str, expected: Option<&str>| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            assert_eq!(choose(&ASSET, &headers).0, expected, "{accepted}");
        };
        check("gzip, deflate, br, zstd", Some("br"));
        check("gzip;q=1.0", Some("gzip"));
        check("br;q=0, gzip", Some("gzip"));
        check("identity", None);
        check("", None);
    }
}
