//! Fetching the model: streamed, so that progress is seen, and checked against the size and hash that the schema gave.

use std::rc::Rc;

use gloo_net::http::Request;
use js_sys::{Reflect, Uint8Array};
use protocol::Model;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStreamDefaultReader, WorkerGlobalScope};

use super::Inner;
use crate::model_address::model_address;

/// Largest model taken: wasm has 4 GB of addresses, and the index is built beside the file.
const MAX_BYTES: u64 = 1 << 30;

/// Why a model did not come.
enum Failure {
    /// It may come another time: the server is busy, or away.
    Passing(String),
    /// It came and is another one.
    Lasting(String),
}

/// Fetches a model and hands it to the viewer, or the reason why not.
pub(super) async fn fetch_model(inner: Rc<Inner>, model: Model) {
    let result = fetch(&inner, &model).await;
    match result {
        Ok(bytes) => inner
            .viewer
            .borrow_mut()
            .model_file(&model.sha256, &bytes, &|| inner.now()),
        Err(Failure::Passing(reason)) => {
            let now = inner.now();
            inner
                .viewer
                .borrow_mut()
                .session
                .model_not_fetched(&model.sha256, reason, now);
        }
        Err(Failure::Lasting(reason)) => inner
            .viewer
            .borrow_mut()
            .session
            .model_not_usable(&model.sha256, reason),
    }
    inner.perform();
}

async fn fetch(inner: &Inner, model: &Model) -> Result<Vec<u8>, Failure> {
    let n_bytes = model.n_bytes;
    if n_bytes > MAX_BYTES {
        return Err(Failure::Lasting(format!(
            "{n_bytes} bytes are more than this page takes, {MAX_BYTES}"
        )));
    }
    let address = model_address(inner.viewer.borrow().url(), &model.url);
    let passing = |what: &str| Failure::Passing(format!("{what}: {address}"));
    let mut request = Request::get(&address);
    // A model that the server names by a whole address may be elsewhere, where the token is nobody's business.
    if !model.url.contains("://")
        && let Some(token) = inner.viewer.borrow().session.token()
    {
        request = request.header("Authorization", &format!("Bearer {token}"));
    }
    let response = request
        .send()
        .await
        .map_err(|_| passing("the server did not answer"))?;
    if !response.ok() {
        return Err(passing(&format!("the server answered {}", response.status())));
    }
    let body = response.body().ok_or_else(|| passing("the answer is empty"))?;
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(n_bytes as usize)
        .map_err(|_| Failure::Lasting(format!("no memory for {n_bytes} bytes")))?;
    loop {
        let read = JsFuture::from(reader.read())
            .await
            .map_err(|_| passing("the connection broke"))?;
        let field = |name: &str| Reflect::get(&read, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        if field("done").is_truthy() {
            break;
        }
        let chunk: Uint8Array = field("value").unchecked_into();
        let n_before = bytes.len();
        let n_after = n_before + chunk.length() as usize;
        if n_after as u64 > n_bytes {
            return Err(Failure::Lasting(format!(
                "the file has more than the {n_bytes} bytes announced"
            )));
        }
        bytes.resize(n_after, 0);
        chunk.copy_to(&mut bytes[n_before..]);
        inner.viewer.borrow_mut().model_progress(n_after as u64);
    }
    if (bytes.len() as u64) < n_bytes {
        return Err(passing(&format!("only {} of {n_bytes} bytes came", bytes.len())));
    }
    match sha256(&bytes).await {
        Some(actual) if actual != model.sha256 => Err(Failure::Lasting(
            "the file is not the one announced (its SHA-256 differs)".to_owned(),
        )),
        _ => Ok(bytes),
    }
}

/// SHA-256 in lower-case hexadecimal, by the browser. `None` where pages may not have it: without TLS, on another host
/// than this one. There the size alone is checked.
async fn sha256(bytes: &[u8]) -> Option<String> {
    let global: WorkerGlobalScope = js_sys::global().unchecked_into();
    let subtle = global.crypto().ok()?.subtle();
    if subtle.is_undefined() {
        return None;
    }
    // The browser copies the bytes before it returns, as the specification asks.
    let digest = subtle.digest_with_str_and_u8_array("SHA-256", bytes).ok()?;
    let digest = Uint8Array::new(&JsFuture::from(digest).await.ok()?).to_vec();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
