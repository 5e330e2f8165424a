//! A small data set, a server on a free port, and a client for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use datasets::{Column, Dataset, FeatureInfo, Order};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    Ack, Encoding, GapCause, Policy, ReadingBatch, RecordLayout, Resume, Schema, ServerMessage, Status,
    Subscribe, ViewerMessage,
};
use sensor_sim::{Config, Pace, Prepared, Summary, serve};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Request;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Whatever a test waits for takes much less, also where the machine has much else to do; without a limit a broken server
/// would hang the tests.
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) const CHANNEL: u16 = 1;

/// Rows of the stream part of [`dataset`].
pub(crate) const N_STREAM: u64 = 80;

/// 100 rows with a feature of each number type, in three classes.
pub(crate) fn dataset() -> Arc<Dataset> {
    let rows = 0..100_i32;
    Arc::new(Dataset {
        name: "small".to_owned(),
        features: ["short", "long", "single", "double"]
            .map(FeatureInfo::unitless)
            .to_vec(),
        columns: vec![
            Column::I16(rows.clone().map(|row| row as i16 - 50).collect()),
            Column::I32(rows.clone().map(|row| row * 1_000_003).collect()),
            Column::F32(rows.clone().map(|row| row as f32 * 0.5).collect()),
            Column::F64(rows.clone().map(|row| f64::from(row) * 0.1).collect()),
        ],
        labels: rows.map(|row| row as u32 % 3).collect(),
        classes: ["red", "green", "blue"].map(str::to_owned).to_vec(),
        times_micros: None,
    })
}

/// A fifth trains, the rest streams in file order, as fast as viewers take it.
pub(crate) fn config() -> Config {
    Config {
        order: Order::File,
        training_share: 0.2,
        pace: Pace::Max,
        ..Config::new(dataset())
    }
}

/// So fast that nothing waits for viewers.
pub(crate) const RUSH: Pace = Pace::Rate(1e6);

/// A server in this process.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<std::io::Result<Summary>>,
}

impl TestServer {
    pub(crate) async fn start(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let prepared = Prepared::new(config).unwrap();
        let running = tokio::spawn(serve(listener, prepared, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            stop,
            running,
        }
    }

    pub(crate) async fn stop(self) -> Summary {
        let _ = self.stop.send(());
        within_limit(self.running).await.unwrap().unwrap()
    }

    /// Waits until the server gives up.
    pub(crate) async fn ended_by_itself(self) -> std::io::Error {
        let result = within_limit(self.running).await.unwrap();
        result.expect_err("nobody told it to stop")
    }

    /// Sends a request and returns head and body.
    pub(crate) async fn http(&self, request_line: &str, headers: &str) -> (String, Vec<u8>) {
        self.http_raw(request_line, headers, b"").await
    }

    /// The same with a body.
    pub(crate) async fn http_with(
        &self,
        request_line: &str,
        headers: &str,
        body: &[u8],
    ) -> (String, Vec<u8>) {
        let headers = format!("{headers}Content-Length: {}\r\n", body.len());
        self.http_raw(request_line, &headers, body).await
    }

    /// The same with a body as it goes over the wire; the headers have to say how long it is.
    pub(crate) async fn http_raw(&self, request_line: &str, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
        let host = if headers.to_lowercase().contains("host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.address)
        };
        let request = format!("{request_line} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n");
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        // A server that refuses need not read the rest.
        let _ = socket.write_all(body).await;
        let mut response = Vec::new();
        let _ = within_limit(socket.read_to_end(&mut response)).await;
        let end = response
            .windows(4)
            .position(|bytes| bytes == b"\r\n\r\n")
            .expect("a complete head")
            + 4;
        let body = response.split_off(end);
        (String::from_utf8(response).unwrap().to_lowercase(), body)
    }

    pub(crate) async fn health(&self) -> serde_json::Value {
        let (_, body) = self.http("GET /healthz", "").await;
        serde_json::from_slice(&body).unwrap()
    }

    /// Waits for the end of the replay; who connects later is told no status before it subscribes.
    pub(crate) async fn ended(&self) {
        within_limit(async { while self.health().await["channels"][0]["state"] != "ended" {} }).await;
    }

    /// A WebSocket handshake with more headers; the status if it is refused.
    pub(crate) async fn handshake(&self, headers: &[(&'static str, &str)]) -> Result<Viewer, (u16, String)> {
        let mut request: Request<()> = format!("ws://{}/live", self.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(self.address).await.unwrap();
        match within_limit(tokio_tungstenite::client_async(request, tcp)).await {
            Ok((socket, response)) => Ok(Viewer {
                socket,
                subprotocol: response
                    .headers()
                    .get("sec-websocket-protocol")
                    .map(|value| value.to_str().unwrap().to_owned()),
                session: String::new(),
                schema: None,
                last_status: None,
                layout: RecordLayout::new(Vec::new()),
            }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// A viewer that has been greeted.
    pub(crate) async fn viewer(&self) -> Viewer {
        let mut viewer = self.handshake(&[]).await.unwrap();
        match viewer.next().await {
            ServerMessage::Hello(hello) => viewer.session = hello.session,
            other => panic!("expected hello, got {other:?}"),
        }
        match viewer.next().await {
            ServerMessage::Schema(schema) => {
                viewer.layout = RecordLayout::of_schema(&schema);
                viewer.schema = Some(schema);
            }
            other => panic!("expected schema, got {other:?}"),
        }
        viewer
    }
}

/// A client of `/live`.
pub(crate) struct Viewer {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) subprotocol: Option<String>,
    pub(crate) session: String,
    pub(crate) schema: Option<Schema>,
    last_status: Option<Status>,
    layout: RecordLayout,
}

/// What reached a viewer, in the order of sequence numbers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Got {
    Reading {
        seq: u64,
        features: Vec<f64>,
        true_label: Option<u32>,
    },
    Gap {
        from: u64,
        until: u64,
        cause: GapCause,
    },
}

impl Viewer {
    pub(crate) async fn send(&mut self, message: &ViewerMessage) {
        self.send_text(&message.to_json()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// The next message of either kind, pings and counts left out.
    pub(crate) async fn next_message(&mut self) -> Message {
        // One limit for all: counts come every second and would start it anew.
        let message = within_limit(async {
            loop {
                let message = self.socket.next().await.expect("the connection is open").unwrap();
                match &message {
                    Message::Ping(_) | Message::Pong(_) => {}
                    Message::Text(text) if text.starts_with("{\"op\":\"stats\"") => {}
                    _ => return message,
                }
            }
        })
        .await;
        if let Message::Text(text) = &message
            && let Ok(ServerMessage::Status(status)) = ServerMessage::from_json(text)
        {
            self.last_status = Some(status);
        }
        message
    }

    /// The next text message.
    pub(crate) async fn next(&mut self) -> ServerMessage {
        match self.next_message().await {
            Message::Text(text) => ServerMessage::from_json(&text).unwrap(),
            other => panic!("expected text, got {other:?}"),
        }
    }

    pub(crate) async fn subscribe(&mut self, change: impl FnOnce(&mut Subscribe)) {
        let mut request = Subscribe {
            channel: CHANNEL,
            encoding: Encoding::Json,
            policy: Policy::DropOldest,
            queue: None,
            credit: None,
            resume: None,
        };
        change(&mut request);
        self.send(&ViewerMessage::Subscribe(request)).await;
    }

    pub(crate) async fn acknowledge(&mut self, next_seq: u64) {
        self.send(&ViewerMessage::Ack(Ack {
            channel: CHANNEL,
            next_seq,
        }))
        .await;
    }

    /// The code of the next error.
    pub(crate) async fn next_error(&mut self) -> String {
        loop {
            if let ServerMessage::Err(error) = self.next().await {
                return error.code;
            }
        }
    }

    /// The last status, if it passes the check and was not asked for yet; otherwise reads on until one does.
    pub(crate) async fn status(&mut self, wanted: impl Fn(&Status) -> bool) -> Status {
        loop {
            if let Some(status) = self.last_status.take().filter(&wanted) {
                return status;
            }
            if let Message::Close(close) = self.next_message().await {
                panic!("closed: {close:?}");
            }
        }
    }

    /// Reads on until everything below `until` has come or is in a gap; acknowledges all of it.
    ///
    /// Panics if a sequence number comes twice or is left out without a word.
    pub(crate) async fn collect(&mut self, from: u64, until: u64) -> Vec<Got> {
        let (mut got, mut next_seq) = (Vec::new(), from);
        while next_seq < until {
            let first = next_seq;
            match self.next_message().await {
                Message::Text(text) => match ServerMessage::from_json(&text).unwrap() {
                    ServerMessage::Reading(reading) => {
                        assert_eq!(reading.seq, next_seq);
                        next_seq += 1;
                        let (seq, features, true_label) = (reading.seq, reading.features, reading.true_label);
                        got.push(Got::Reading {
                            seq,
                            features,
                            true_label,
                        });
                    }
                    ServerMessage::Gap(gap) => {
                        assert_eq!(gap.from, next_seq);
                        next_seq = gap.until;
                        let (from, until, cause) = (gap.from, gap.until, gap.cause);
                        got.push(Got::Gap { from, until, cause });
                    }
                    _ => {}
                },
                Message::Binary(bytes) => {
                    let batch = ReadingBatch::decode(&bytes, &self.layout).unwrap();
                    assert_eq!(batch.header().first_seq, next_seq);
                    next_seq = batch.header().next_seq();
                    got.extend(batch.readings().map(|record| {
                        let mut features = Vec::new();
                        let head = record.read(&mut features);
                        Got::Reading {
                            seq: head.seq,
                            features,
                            true_label: head.true_label,
                        }
                    }));
                }
                other => panic!("expected readings, got {other:?}"),
            }
            if next_seq > first {
                self.acknowledge(next_seq).await;
            }
        }
        got
    }

    /// Sequence numbers of the next `n` readings, not acknowledged.
    pub(crate) async fn take(&mut self, n: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < n {
            if let ServerMessage::Reading(reading) = self.next().await {
                seqs.push(reading.seq);
            }
        }
        seqs
    }

    /// Sequence numbers of the readings that come before the answer to a ping sent now.
    pub(crate) async fn readings_before_pong(&mut self) -> Vec<u64> {
        self.send_text("{\"op\":\"ping\",\"viewer_sent_micros\":0}").await;
        let mut seqs = Vec::new();
        loop {
            match self.next().await {
                ServerMessage::Reading(reading) => seqs.push(reading.seq),
                ServerMessage::Pong(_) => return seqs,
                _ => {}
            }
        }
    }

    /// Reads on until the server closes; what it says.
    pub(crate) async fn close_frame(&mut self) -> Option<CloseFrame> {
        loop {
            match within_limit(self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }

    /// Asks for the time and reads on until the answer: the connection is alive.
    pub(crate) async fn ping(&mut self) {
        self.send_text("{\"op\":\"ping\",\"viewer_sent_micros\":12.5}")
            .await;
        loop {
            if let Message::Text(text) = self.next_message().await
                && let ServerMessage::Pong(pong) = ServerMessage::from_json(&text).unwrap()
            {
                assert_eq!(pong.viewer_sent_micros, 12.5);
                assert!(pong.server_received_micros <= pong.server_sent_micros);
                return;
            }
        }
    }

    pub(crate) fn resume_at(&self, next_seq: u64) -> Option<Resume> {
        Some(Resume {
            session: self.session.clone(),
            next_seq,
        })
    }
}

/// The reading that the stream part of [`dataset`] has at this position.
pub(crate) fn reading(seq: u64) -> Got {
    let (data, row) = (dataset(), 20 + (seq % N_STREAM) as usize);
    let mut features = Vec::new();
    data.row_into(row, &mut features);
    Got::Reading {
        seq,
        features,
        true_label: Some(data.labels[row]),
    }
}

pub(crate) async fn within_limit<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future)
        .await
        .expect("within the limit")
}
