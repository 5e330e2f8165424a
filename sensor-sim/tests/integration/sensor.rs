//! A client of `/ingest`, and what a viewer of `/live` sees of it.

use futures::{SinkExt as _, StreamExt as _};
use protocol::{IngestAck, IngestMessage, Schema, ServerMessage, Status};
use sensor_sim::{Config, Limits};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::support::{TestServer, Viewer, within_limit};

pub(crate) fn sensors_only() -> Config {
    Config::without_replay()
}

pub(crate) fn limited(limits: Limits) -> Config {
    Config {
        limits,
        ..sensors_only()
    }
}

/// A sensor's WebSocket.
pub(crate) struct Sensor(pub(crate) WebSocketStream<TcpStream>);

impl Sensor {
    /// Connects; status and text if it is refused.
    pub(crate) async fn connect(
        server: &TestServer,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{}/ingest/{path}", server.address)
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let tcp = TcpStream::connect(server.address).await.unwrap();
        match within_limit(tokio_tungstenite::client_async(request, tcp)).await {
            Ok((socket, response)) => {
                let offered = headers.iter().find(|(name, _)| *name == "sec-websocket-protocol");
                assert_eq!(
                    response
                        .headers()
                        .get("sec-websocket-protocol")
                        .map(|value| value.to_str().unwrap()),
                    offered.map(|(_, value)| value.split(',').next().unwrap())
                );
                Ok(Self(socket))
            }
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// The next message, pings left out.
    pub(crate) async fn next(&mut self) -> IngestMessage {
        loop {
            match within_limit(self.0.next()).await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("expected text, got {other:?}"),
            }
        }
    }

    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            match within_limit(self.0.next()).await {
                Some(Ok(Message::Close(frame))) => return frame.unwrap().code.into(),
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

/// Posts a body; status and answer.
pub(crate) async fn post(server: &TestServer, path: &str, headers: &str, body: &str) -> (u16, String) {
    let (head, body) = server
        .http_with(&format!("POST /ingest/{path}"), headers, body.as_bytes())
        .await;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

pub(crate) async fn post_ok(server: &TestServer, path: &str, body: &str) -> IngestAck {
    let (status, answer) = post(server, path, "", body).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// A viewer of a server that has no channel yet.
pub(crate) async fn early_viewer(server: &TestServer) -> Viewer {
    let mut viewer = server.handshake(&[]).await.unwrap();
    let ServerMessage::Hello(hello) = viewer.next().await else {
        panic!("expected hello");
    };
    viewer.session = hello.session;
    viewer
}

pub(crate) async fn next_schema(viewer: &mut Viewer) -> Schema {
    loop {
        if let ServerMessage::Schema(schema) = viewer.next().await {
            return schema;
        }
    }
}

pub(crate) fn names(schema: &Schema) -> Vec<&str> {
    schema
        .features
        .iter()
        .map(|feature| feature.name.as_str())
        .collect()
}

pub(crate) async fn next_status(viewer: &mut Viewer, wanted: impl Fn(&Status) -> bool) -> Status {
    loop {
        if let ServerMessage::Status(status) = viewer.next().await
            && wanted(&status)
        {
            return status;
        }
    }
}
