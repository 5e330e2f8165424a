//! The worker in the browser: the only module with JavaScript in it.
//!
//! `page/worker.js` loads the module, calls `start` of the exported [`Worker`] once and `handle` with each message of the
//! page. Everything that happens ends in [`Inner::perform`], which does what the [`Viewer`] asks for.
//!
//! One task reads the socket. It takes the time as soon as a message is there and labels at once, for at most
//! [`SLICE_MICROS`]; what is left goes on after a message to itself through a `MessageChannel`, so that the page's
//! questions and the socket's next messages come in between. A timer would wait 4 ms or more.

mod download;
mod socket;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_timers::callback::Interval;
use js_sys::Function;
use protocol::ViewerMessage;
use wasm_bindgen::prelude::*;
use web_sys::{MessageChannel, MessagePort, Performance, WorkerGlobalScope};

use crate::page::{Request, Start};
use crate::session::Action;
use crate::viewer::{SLICE_MICROS, Viewer};
use socket::Socket;

/// Time between two ticks: what a reconnection may be late by.
const TICK_MILLIS: u32 = 100;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(text: &str);
}

/// The worker as its few lines of JavaScript see it.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Worker {
    inner: Option<Rc<Inner>>,
}

#[wasm_bindgen]
impl Worker {
    /// A worker that has not been told where to connect.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        // Without it a panic says only "unreachable".
        std::panic::set_hook(Box::new(|info| console_error(&info.to_string())));
        Self { inner: None }
    }

    /// Takes a message of the page as JSON text, and returns the answer as JSON text if there is one.
    ///
    /// # Errors
    ///
    /// A message that is none, with what was expected; the page has a mistake.
    pub fn handle(&mut self, text: &str) -> Result<Option<String>, JsError> {
        let request = Request::from_json(text).map_err(|reason| JsError::new(&reason))?;
        let Some(inner) = &self.inner else {
            return match request {
                Request::Start(start) => {
                    self.inner = Some(Inner::start(start)?);
                    Ok(None)
                }
                // The page waits for the answer to each of these.
                Request::Snapshot => Ok(Some(Viewer::new(Start::default(), 0).snapshot(0.0))),
                _ => Ok(None),
            };
        };
        let mut viewer = inner.viewer.borrow_mut();
        let answer = match request {
            // Another address needs another worker.
            Request::Start(_) => None,
            Request::Snapshot => Some(viewer.snapshot(inner.now())),
            Request::Follow { source } => {
                viewer.follow(source);
                None
            }
            Request::Control(control) => {
                viewer.session.control(control);
                None
            }
            Request::Neighbours { seq } => Some(viewer.neighbours(seq)),
            Request::Cell {
                true_label,
                predicted,
            } => Some(viewer.cell(true_label, predicted)),
        };
        drop(viewer);
        inner.perform();
        Ok(answer)
    }
}

/// What the callbacks share.
#[derive(Debug)]
struct Inner {
    viewer: RefCell<Viewer>,
    performance: Performance,
    /// Start of `performance`'s time, in microseconds since the Unix epoch.
    origin_micros: f64,
    socket: Socket,
    /// Posting to it lets the event loop run before the labelling goes on.
    turn: MessagePort,
    /// Whether the labelling will go on by itself.
    is_turn_awaited: Cell<bool>,
}

impl Inner {
    fn start(start: Start) -> Result<Rc<Self>, JsError> {
        let global: WorkerGlobalScope = js_sys::global().unchecked_into();
        let performance = global
            .performance()
            .ok_or_else(|| JsError::new("this worker has no clock"))?;
        let channel = MessageChannel::new().map_err(|_| JsError::new("this worker has no MessageChannel"))?;
        let seed = (js_sys::Math::random() * u64::MAX as f64) as u64;
        let inner = Rc::new(Self {
            viewer: RefCell::new(Viewer::new(start, seed)),
            origin_micros: performance.time_origin() * 1e3,
            performance,
            socket: Socket::default(),
            turn: channel.port2(),
            is_turn_awaited: Cell::new(false),
        });

        // These two live as long as the worker.
        let this = Rc::clone(&inner);
        let on_turn = Closure::<dyn FnMut()>::new(move || {
            this.is_turn_awaited.set(false);
            this.work();
        });
        channel
            .port1()
            .set_onmessage(Some(on_turn.as_ref().unchecked_ref::<Function>()));
        on_turn.forget();
        let this = Rc::clone(&inner);
        Interval::new(TICK_MILLIS, move || {
            let now = this.now();
            this.viewer.borrow_mut().session.tick(now);
            this.perform();
        })
        .forget();

        inner.viewer.borrow_mut().session.start(inner.now());
        inner.perform();
        Ok(inner)
    }

    /// Microseconds since the Unix epoch on a clock that never goes back. Its ticks are 5 µs when the page is
    /// cross-origin isolated, else 100 µs.
    fn now(&self) -> f64 {
        self.origin_micros + self.performance.now() * 1e3
    }

    /// Does what the viewer asks for.
    fn perform(self: &Rc<Self>) {
        loop {
            // The borrow ends before anything is done that may call back.
            let action = self.viewer.borrow_mut().next_action(self.now());
            match action {
                None => return,
                Some(Action::Connect) => {
                    let url = self.viewer.borrow().url().to_owned();
                    if let Err(reason) = self.socket.open(&url, Rc::clone(self)) {
                        self.closed(&reason);
                    }
                }
                Some(Action::Disconnect) => self.socket.close(),
                Some(Action::Send(message)) => self.send(&message),
                Some(Action::FetchModel(model)) => {
                    wasm_bindgen_futures::spawn_local(download::fetch_model(Rc::clone(self), model));
                }
            }
        }
    }

    fn send(self: &Rc<Self>, message: &ViewerMessage) {
        // A message that cannot be sent finds the socket closing; its close event is on its way.
        let _ = self.socket.send(message.to_json());
    }

    fn received_text(self: &Rc<Self>, text: &str) {
        self.viewer.borrow_mut().text(text, self.now());
        self.perform();
        self.work();
    }

    fn received_bytes(self: &Rc<Self>, bytes: Vec<u8>) {
        self.viewer.borrow_mut().binary(bytes, self.now());
        self.perform();
        self.work();
    }

    fn closed(self: &Rc<Self>, reason: &str) {
        self.viewer.borrow_mut().session.closed(reason, self.now());
        self.perform();
    }

    fn token_refused(self: &Rc<Self>) {
        self.viewer.borrow_mut().session.token_refused();
        self.perform();
    }

    /// Labels what has come, unless it will go on by itself.
    fn work(self: &Rc<Self>) {
        if self.is_turn_awaited.get() {
            return;
        }
        let until = self.now() + SLICE_MICROS;
        loop {
            let is_left = self.viewer.borrow_mut().work(until, &|| self.now());
            self.perform();
            if !is_left {
                return;
            }
            if self.now() >= until {
                self.is_turn_awaited.set(true);
                // Posting null cannot fail: there is nothing to clone.
                let _ = self.turn.post_message(&JsValue::NULL);
                return;
            }
        }
    }
}
