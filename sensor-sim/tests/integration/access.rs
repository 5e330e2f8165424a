//! Who gets in: tokens in the head and as the first message, names, and what the program says of all that.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use sensor_sim::{Access, Config, Limits, Token};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::program_with_log::{Program, sensor_sim};
use crate::support::{TestServer, config, within_limit};

const PUBLISH: &str = "publish-5f1d0e6c2b7a4938";
const READ: &str = "read-0c9b8a7d6e5f4a3b2c1d";

fn guarded() -> Config {
    Config {
        access: Access {
            publish: Some(Token::new(PUBLISH).unwrap()),
            read: Some(Token::new(READ).unwrap()),
            ..Access::default()
        },
        ..config()
    }
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn auth(token: &str) -> String {
    format!("{{\"op\":\"auth\",\"token\":\"{token}\"}}")
}

/// A client's WebSocket.
#[derive(Debug)]
struct Socket(WebSocketStream<TcpStream>);

impl Socket {
    /// Connects; status and text if the handshake is refused.
    async fn open(address: &str, path: &str, token: Option<&str>) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        match within_limit(tokio_tungstenite::client_async(request, tcp)).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn send(&mut self, message: impl Into<Message>) {
        self.0.send(message.into()).await.unwrap();
    }

    /// The next text's `op` and `code`.
    async fn next(&mut self) -> (String, String) {
        loop {
            if let Message::Text(text) = within_limit(self.0.next()).await.unwrap().unwrap() {
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
                return (field("op"), field("code"));
            }
        }
    }

    /// The server's closing code and reason; what comes before is read over.
    async fn end(&mut self) -> (u16, String) {
        loop {
            match within_limit(self.0.next()).await {
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.unwrap();
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("expected a close frame, got {other:?}"),
            }
        }
    }
}

/// Asked for the token.
fn asked() -> (String, String) {
    ("err".to_owned(), "auth-required".to_owned())
}

/// Let in.
fn greeted() -> (String, String) {
    ("hello".to_owned(), String::new())
}

#[tokio::test]
async fn each_token_opens_what_it_is_for() {
    let server = TestServer::start(guarded()).await;
    let check = async |request: &str, headers: &str, status: u16| {
        let (head, _) = server.http_with(request, headers, b"{\"a\":1}").await;
        assert!(
            head.starts_with(&format!("http/1.1 {status} ")),
            "{request} {headers}: {head}"
        );
        assert_eq!(
            head.contains("\r\nwww-authenticate: bearer"),
            status == 401,
            "{head}"
        );
    };
    for request in ["POST /ingest/a", "GET /model/1"] {
        check(request, "", 401).await;
        check(request, &bearer(&PUBLISH[1..]), 401).await;
        check(request, &bearer(&format!("{READ}x")), 401).await;
        check(request, "Authorization: Basic YTpi\r\n", 401).await;
        check(request, "Authorization: Bearer\r\n", 401).await;
    }
    check("POST /ingest/a", &bearer(PUBLISH), 200).await;
    check("POST /ingest/a", &bearer(READ), 401).await;
    check("GET /model/1", &bearer(READ), 200).await;
    check("GET /model/1", &bearer(PUBLISH), 401).await;
    // The page's files are the same for everybody.
    check("GET /", "", 200).await;
    check("GET /healthz", &bearer(PUBLISH), 401).await;
}

#[tokio::test]
async fn strangers_learn_no_more_than_that_the_server_is_up() {
    let server = TestServer::start(guarded()).await;
    let (_, body) = server.http("GET /healthz", "").await;
    assert_eq!(body, b"{\"status\":\"ok\"}\n");
    let (_, body) = server.http("GET /healthz", &bearer(READ)).await;
    let health: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(health["channels"][0]["source"], "small");
}

#[tokio::test]
async fn sockets_take_the_token_in_the_head_or_as_the_first_message() {
    let server = TestServer::start(guarded()).await;
    let address = server.address.to_string();
    for (path, right, other) in [("/live", READ, PUBLISH), ("/ingest/a", PUBLISH, READ)] {
        let mut socket = Socket::open(&address, path, Some(right)).await.unwrap();
        assert_eq!(socket.next().await, greeted(), "{path}");
        let (status, reason) = Socket::open(&address, path, Some(other)).await.unwrap_err();
        assert_eq!(status, 401, "{path}");
        assert!(reason.contains("this is not the "), "{reason}");

        let mut socket = Socket::open(&address, path, None).await.unwrap();
        assert_eq!(socket.next().await, asked(), "{path}");
        socket.send(auth(right).as_str()).await;
        assert_eq!(socket.next().await, greeted(), "{path}");

        for wrong in [
            auth(other).as_str().into(),
            auth("").as_str().into(),
            Message::text("{\"temp\":1}"),
            Message::binary(right.as_bytes().to_vec()),
        ] {
            let mut socket = Socket::open(&address, path, None).await.unwrap();
            socket.send(wrong.clone()).await;
            let (code, reason) = socket.end().await;
            assert_eq!(code, 4401, "{path} {wrong}: {reason}");
            assert!(reason.contains(" token"), "{reason}");
        }
    }
}

#[tokio::test]
async fn a_client_that_shows_no_token_is_cut_by_the_handshakes_limit() {
    let limits = Limits {
        handshake: Duration::from_secs(2),
        ..Limits::default()
    };
    let server = TestServer::start(Config { limits, ..guarded() }).await;
    for path in ["/live", "/ingest/a"] {
        let mut socket = Socket::open(&server.address.to_string(), path, None)
            .await
            .unwrap();
        // Pings are no token.
        socket.send(Message::Ping("x".into())).await;
        let (code, reason) = socket.end().await;
        assert_eq!(code, 4401, "{reason}");
        assert!(reason.contains(" within "), "{reason}");
    }
}

#[tokio::test]
async fn strangers_take_no_source_and_no_place() {
    let limits = Limits {
        sources: NonZeroUsize::MIN,
        viewers: NonZeroUsize::MIN,
        sensors: NonZeroUsize::MIN,
        ..Limits::default()
    };
    let server = TestServer::start(Config { limits, ..guarded() }).await;
    let address = server.address.to_string();
    let mut late_sensor = Socket::open(&address, "/ingest/strange", None).await.unwrap();
    let mut late_viewer = Socket::open(&address, "/live", None).await.unwrap();
    assert_eq!(
        (late_sensor.next().await, late_viewer.next().await),
        (asked(), asked())
    );
    let mut sensor = Socket::open(&address, "/ingest/known", Some(PUBLISH))
        .await
        .unwrap();
    assert_eq!(sensor.next().await, greeted());
    let mut viewer = Socket::open(&address, "/live", Some(READ)).await.unwrap();
    assert_eq!(viewer.next().await, greeted());
    // What HTTP would have answered, plus 4000.
    late_sensor.send(auth(PUBLISH).as_str()).await;
    assert_eq!(late_sensor.end().await.0, 4503);
    late_viewer.send(auth(READ).as_str()).await;
    assert_eq!(late_viewer.end().await.0, 4503);
}

#[tokio::test]
async fn waiting_strangers_are_bounded_and_keep_nobody_out() {
    let limits = Limits {
        strangers: NonZeroUsize::new(3).unwrap(),
        // Nobody goes because of this.
        handshake: Duration::from_secs(3_600),
        ..Limits::default()
    };
    let server = TestServer::start(Config { limits, ..guarded() }).await;
    let address = server.address.to_string();
    let mut strangers = Vec::new();
    for _ in 0..9 {
        let mut stranger = Socket::open(&address, "/live", None).await.unwrap();
        assert_eq!(stranger.next().await, asked());
        strangers.push(stranger);
    }
    // The oldest are gone, three are left; one more comes, as a page does, and shows the token.
    for stranger in &mut strangers[..6] {
        let (code, reason) = stranger.end().await;
        assert_eq!(code, 4503, "{reason}");
    }
    let mut page = Socket::open(&address, "/live", None).await.unwrap();
    assert_eq!(page.next().await, asked());
    page.send(auth(READ).as_str()).await;
    assert_eq!(page.next().await, greeted());
    assert_eq!(strangers[6].end().await.0, 4503);
    // The page has left its waiting place, so the next newcomer finds it free.
    let mut newcomer = Socket::open(&address, "/ingest/a", None).await.unwrap();
    assert_eq!(newcomer.next().await, asked());
    for stranger in &mut strangers[7..] {
        stranger.send(auth(READ).as_str()).await;
        assert_eq!(stranger.next().await, greeted());
    }
}

#[tokio::test]
async fn a_token_that_nobody_asked_for_does_no_harm() {
    let server = TestServer::start(config()).await;
    let address = server.address.to_string();
    let mut viewer = Socket::open(&address, "/live", Some("anything")).await.unwrap();
    viewer.send(auth("anything").as_str()).await;
    viewer.send("{\"op\":\"ping\",\"viewer_sent_micros\":1}").await;
    let mut ops = Vec::new();
    while ops.last().map(String::as_str) != Some("pong") {
        ops.push(viewer.next().await.0);
    }
    assert!(!ops.contains(&"err".to_owned()), "{ops:?}");

    let mut sensor = Socket::open(&address, "/ingest/a?ack=1", None).await.unwrap();
    assert_eq!(sensor.next().await, greeted());
    sensor.send(auth("anything").as_str()).await;
    sensor.send("{\"temp\":1}").await;
    assert_eq!(sensor.next().await.0, "ack");
}

#[tokio::test]
async fn names_given_with_host_are_answered_and_no_others() {
    let mut config = guarded();
    config.access.hosts = vec!["box.local".parse().unwrap()];
    let server = TestServer::start(config).await;
    let check = async |host: &str, status: &str| {
        let (head, _) = server.http("GET /", &format!("Host: {host}\r\n")).await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{host}: {head}");
        assert_eq!(
            head.contains(&format!("connect-src 'self' ws://{host}")),
            status == "200",
            "{host}: {head}"
        );
    };
    check("box.local:9001", "200").await;
    check("localhost:9001", "200").await;
    check("other.local:9001", "421").await;
    check("192.0.2.7:9001", "421").await;
    let origin = "Host: box.local\r\nOrigin: http://evil.example\r\n";
    let (head, _) = server
        .http_with("POST /ingest/a", &format!("{origin}{}", bearer(PUBLISH)), b"1")
        .await;
    assert!(head.starts_with("http/1.1 403 "), "{head}");
}

#[test]
fn one_token_for_both_is_warned_of() {
    let check = |read, is_warned| {
        let variables = [("RUNNEL_PUBLISH_TOKEN", PUBLISH), ("RUNNEL_READ_TOKEN", read)];
        let log = Program::start("twice", "", &variables).log();
        assert_eq!(log.contains("the publish token too"), is_warned, "{log}");
    };
    check(PUBLISH, true);
    check(READ, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_ever_logged() {
    let wrong = "wrong-8d7c6b5a49382716";
    let variables = [
        ("RUNNEL_PUBLISH_TOKEN", PUBLISH),
        ("RUNNEL_READ_TOKEN", READ),
        ("RUST_LOG", "trace"),
    ];
    let program = Program::start("trace", "", &variables);
    let address = program.address["http://".len()..]
        .trim_end_matches('/')
        .to_owned();
    for path in ["/live", "/ingest/a"] {
        for token in [READ, PUBLISH, wrong] {
            let _ = Socket::open(&address, path, Some(token)).await;
            let mut socket = Socket::open(&address, path, None).await.unwrap();
            assert_eq!(socket.next().await, asked());
            socket.send(auth(token).as_str()).await;
            let _ = within_limit(socket.0.next()).await;
            // Where it is no use.
            let _ = Socket::open(&address, &format!("{path}?token={token}"), None).await;
        }
    }
    for token in [READ, PUBLISH, wrong] {
        // Shown to the server as a reading by mistake, once it has let the sensor in.
        let mut sensor = Socket::open(&address, "/ingest/a", Some(PUBLISH)).await.unwrap();
        assert_eq!(sensor.next().await, greeted());
        sensor.send("1").await;
        sensor.send(auth(token).as_str()).await;
        while sensor.next().await.0 != "err" {}
    }
    let log = program.log();
    assert!(
        log.contains("this is not the read token") && log.contains("peer=127.0.0.1"),
        "{log}"
    );
    assert!(log.contains("DEBUG"), "{log}");
    for token in [READ, PUBLISH, wrong] {
        assert!(!log.contains(token), "{token} is in {log}");
        assert!(!log.contains(&token[token.len() - 12..]), "{token} is in {log}");
    }
}

#[test]
fn another_address_needs_tokens_or_a_plain_word() {
    let run = |args: &str| {
        let output = sensor_sim("--port 0 --no-replay")
            .args(args.split_whitespace())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, log) = run("--bind 0.0.0.0");
    assert_eq!(code, Some(2), "{log}");
    assert!(
        log.contains("--insecure") && log.contains("RUNNEL_READ_TOKEN"),
        "{log}"
    );
    // TEST-NET-1: nobody has it.
    let (code, log) = run("--bind 192.0.2.1 --insecure");
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("no address 192.0.2.1"), "{log}");

    let program = Program::start("bind", "--bind 127.0.0.1 --host box.local --insecure", &[]);
    assert!(program.log().contains("everybody"), "{}", program.log());
    assert!(
        program.address.starts_with("http://127.0.0.1:"),
        "{}",
        program.address
    );
}
