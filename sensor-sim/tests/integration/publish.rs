//! `sensor-sim publish` from outside: the program on one side, a server made here on the other.

use std::io::Write as _;
use std::process::{Child, Output, Stdio};

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::program_with_log::sensor_sim;
use crate::sensor::sensors_only;
use crate::support::TestServer;

struct Publisher(Option<Child>);

impl Publisher {
    fn start(url: &str, args: &str) -> Self {
        let child = sensor_sim("publish")
            .arg(url)
            .args(args.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self(Some(child))
    }

    fn write(&mut self, text: &str) {
        let stdin = self.0.as_mut().unwrap().stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Ends its input and waits for its end.
    fn finish(mut self) -> (Option<i32>, String) {
        let Output { status, stderr, .. } = self.0.take().unwrap().wait_with_output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ingest/test", listener.local_addr().unwrap());
    (listener, url)
}

/// A sensor that is greeted.
async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
    socket.send("{\"op\":\"hello\"}".into()).await.unwrap();
    socket
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> String {
    socket
        .next()
        .await
        .unwrap()
        .unwrap()
        .into_text()
        .unwrap()
        .to_string()
}

/// The texts up to the closing handshake, which is answered.
async fn texts(mut socket: WebSocketStream<TcpStream>) -> Vec<String> {
    let mut texts = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            texts.push(message.into_text().unwrap().to_string());
        }
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_become_messages_and_the_end_is_clean() {
    let (listener, url) = listen().await;
    let mut publisher = Publisher::start(&url, "");
    publisher.write("temp:21.5,hum:40\n\n{\"temp\":22}\n1,2");
    let socket = accept(&listener).await;
    let end = tokio::task::spawn_blocking(|| publisher.finish());
    assert_eq!(texts(socket).await, ["temp:21.5,hum:40", "{\"temp\":22}", "1,2"]);
    let (code, log) = end.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("3 messages sent"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_counted_and_is_an_error() {
    let server = TestServer::start(sensors_only()).await;
    let publish = async |lines: &'static str| {
        let mut publisher = Publisher::start(&format!("ws://{}/ingest/p1", server.address), "");
        publisher.write(lines);
        tokio::task::spawn_blocking(|| publisher.finish()).await.unwrap()
    };
    let (code, log) = publish("{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":2}\n{\"b\"\n").await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("4 messages sent, 2 of them taken"), "{log}");
    assert!(log.contains("2 of 4 were not taken"), "{log}");
    let (code, log) = publish("a,b\n1,2\n3,4\n").await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("3 messages sent, 3 of them taken"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again() {
    let (listener, url) = listen().await;
    let mut publisher = Publisher::start(&url, "");
    publisher.write("1\n");
    let mut first = accept(&listener).await;
    assert_eq!(text(&mut first).await, "1");
    first.close(None).await.unwrap();
    while first.next().await.is_some() {}
    drop(first);
    publisher.write("2\n3\n");
    let second = accept(&listener).await;
    let end = tokio::task::spawn_blocking(|| publisher.finish());
    assert_eq!(texts(second).await, ["2", "3"]);
    let (code, log) = end.await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the connection was lost"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_it_with_the_servers_words() {
    let (listener, url) = listen().await;
    let publisher = Publisher::start(&url, "");
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = [0; 1024];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 14\r\n\r\nwrong token!?\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    let (code, log) = tokio::task::spawn_blocking(|| publisher.finish()).await.unwrap();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("403") && log.contains("wrong token!?"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_said_to_be_sent() {
    let (listener, url) = listen().await;
    let mut publisher = Publisher::start(&url, "");
    publisher.write("1\n");
    let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
    let question = "{\"op\":\"err\",\"code\":\"auth-required\",\"message\":\"\"}";
    socket.send(question.into()).await.unwrap();
    let (code, log) = tokio::task::spawn_blocking(|| publisher.finish()).await.unwrap();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("RUNNEL_PUBLISH_TOKEN"), "{log}");
    assert!(!log.contains("connected to") && !log.contains("sent"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_with_their_labels_later() {
    let (listener, url) = listen().await;
    let publisher = Publisher::start(&url, "--dataset wine --rate max --label-delay 5");
    let socket = accept(&listener).await;
    let end = tokio::task::spawn_blocking(|| publisher.finish());
    let texts = texts(socket).await;
    // 20 % of the rows, each with its label.
    assert_eq!(texts.len(), 2 * 980);
    assert!(texts[0].contains("\"alcohol\":") && texts[0].contains("\"id\":0"));
    assert!(!texts[0].contains("label"));
    assert!(texts[6].starts_with("{\"id\":0,\"label\":"), "{}", texts[6]);
    assert_eq!(end.await.unwrap().0, Some(0));
}

#[test]
fn mistakes_are_named() {
    let check = |url: &str, args: &str, part: &str| {
        let (code, log) = Publisher::start(url, args).finish();
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(part), "{log}");
    };
    check("localhost:9001", "", "expected ws://HOST:PORT/ingest/NAME");
    check("http://127.0.0.1:1", "", "/ingest/NAME is missing");
    check("ws://127.0.0.1:1/live", "", "/ingest/NAME is missing");
    check("ws:///ingest/a", "", "expected ws://HOST:PORT/ingest/NAME");
    check("ws://127.0.0.1:1/ingest/", "", "expected a source name");
    check("ws://127.0.0.1:1/ingest/a/b", "", "expected a source name");
    check("ws://127.0.0.1:1/ingest/a", "--loop", "--dataset");
    check(
        "ws://127.0.0.1:1/ingest/a",
        "--dataset whine",
        "did you mean wine?",
    );
}
