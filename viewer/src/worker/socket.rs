//! The WebSocket: [`Socket`], at most one connection at a time, read by a task of its own.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use futures_core::Stream as _;
use futures_sink::Sink as _;
use gloo_net::websocket::futures::WebSocket;
use gloo_net::websocket::{Message, WebSocketError};
use protocol::SUBPROTOCOL;

use super::Inner;

/// The code with which a server closes that has been shown another token than its own.
const TOKEN_REFUSED: u16 = 4_401;

/// A connection, or none.
#[derive(Default)]
pub(super) struct Socket {
    open: RefCell<Option<WebSocket>>,
    /// Counts connections, so that the task of an old one knows that it is over.
    n_opened: Cell<u64>,
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Socket")
            .field("n_opened", &self.n_opened)
            .finish_non_exhaustive()
    }
}

impl Socket {
    /// Opens a connection in place of the old one. What comes over it goes to `inner`.
    pub(super) fn open(&self, url: &str, inner: Rc<Inner>) -> Result<(), String> {
        self.close();
        let socket = WebSocket::open_with_protocol(url, SUBPROTOCOL).map_err(|error| error.to_string())?;
        self.open.replace(Some(socket));
        let number = self.n_opened.get() + 1;
        self.n_opened.set(number);
        wasm_bindgen_futures::spawn_local(read(inner, number));
        Ok(())
    }

    /// Closes the connection. Its task ends without a word.
    pub(super) fn close(&self) {
        self.n_opened.set(self.n_opened.get() + 1);
        // Taken out first: dropping it calls back.
        let socket = self.open.take();
        drop(socket);
    }

    /// Sends a text on an open connection.
    pub(super) fn send(&self, text: String) -> Result<(), WebSocketError> {
        match self.open.borrow_mut().as_mut() {
            Some(socket) => Pin::new(socket).start_send(Message::Text(text)),
            None => Ok(()),
        }
    }

    async fn next(&self, number: u64) -> Option<Result<Message, WebSocketError>> {
        poll_fn(|context| {
            if self.n_opened.get() != number {
                return Poll::Ready(None);
            }
            match self.open.borrow_mut().as_mut() {
                Some(socket) => Pin::new(socket).poll_next(context),
                None => Poll::Ready(None),
            }
        })
        .await
    }
}

async fn read(inner: Rc<Inner>, number: u64) {
    let mut reason = String::new();
    let mut is_token_refused = false;
    while let Some(received) = inner.socket.next(number).await {
        match received {
            Ok(Message::Bytes(bytes)) => inner.received_bytes(bytes),
            Ok(Message::Text(text)) => inner.received_text(&text),
            Err(WebSocketError::ConnectionClose(event)) if event.code == TOKEN_REFUSED => {
                is_token_refused = true
            }
            Err(WebSocketError::ConnectionClose(event)) if !event.reason.is_empty() => reason = event.reason,
            // 1006 says only that the connection is gone, which the state says better.
            Err(WebSocketError::ConnectionClose(event)) if event.code != 1006 => {
                reason = format!("code {}", event.code);
            }
            Err(_) => {}
        }
    }
    if inner.socket.n_opened.get() == number {
        inner.socket.close();
        if is_token_refused {
            inner.token_refused();
        } else {
            inner.closed(&reason);
        }
    }
}
