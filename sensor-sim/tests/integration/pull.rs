//! Readings from devices that serve a WebSocket: a Python one, and ones made here that misbehave.

use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use sensor_sim::{Bridge, Config, Limits};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::broker::{Folder, bridge_until, certificate, connected, lost, readings};
use crate::clients::program;
use crate::support::{TestServer, within_limit};

fn pulled(address: &str) -> Config {
    Config {
        bridges: vec![Bridge::pull(address, None).unwrap()],
        ..Config::without_replay()
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("imu=ws://{}/data", listener.local_addr().unwrap());
    (listener, address)
}

async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    let (stream, _) = within_limit(listener.accept()).await.unwrap();
    accept_async(stream).await.unwrap()
}

#[tokio::test]
async fn a_device_that_drops_the_connection_is_followed_again_and_told_nothing() {
    let (listener, address) = listen().await;
    let server = TestServer::start(pulled(&address)).await;
    let mut first = accept(&listener).await;
    first.send(r#"{"ax":1}"#.into()).await.unwrap();
    first.send("what?{".into()).await.unwrap();
    first.send(Message::binary(&b"\xa1\x62ax\x02"[..])).await.unwrap();
    bridge_until(&server, |bridge| bridge["n_readings"] == 2).await;
    drop(first);
    lost(&server, "").await;
    let mut second = accept(&listener).await;
    second.send("ax:3".into()).await.unwrap();
    assert_eq!(readings(&server, "imu", 3).await.1, [[1.0], [2.0], [3.0]]);
    second.close(None).await.unwrap();
    lost(&server, "the device hung up").await;
    let mut third = accept(&listener).await;
    connected(&server).await;
    server.stop().await;
    // Nothing but the end.
    let told = within_limit(third.next()).await.unwrap().unwrap();
    assert!(told.is_close(), "{told:?}");
}

#[tokio::test]
async fn a_python_device_is_pulled() {
    const SCRIPT: &str = "
import asyncio
import websockets

async def serve(socket):
    for number in range(50):
        await socket.send('{\"t_in\":%d,\"t_out\":%d}' % (number, -number))
    async for message in socket:
        print('got', message, flush=True)

async def main():
    async with websockets.serve(serve, '127.0.0.1', 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()

asyncio.run(main())
";
    let Some(python) = program("RUNNEL_PYTHON", "python3", &["-c", "import websockets"]) else {
        return;
    };
    let mut device = Command::new(python)
        .args(["-c", SCRIPT])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(device.stdout.take().unwrap()).lines();
    let port = within_limit(lines.next_line()).await.unwrap().expect("its port");
    let server = TestServer::start(pulled(&format!("ws://127.0.0.1:{port}/a/b?c=d"))).await;
    let (names, got) = readings(&server, &format!("127.0.0.1-{port}.a.b"), 50).await;
    assert_eq!(names, ["t_in", "t_out"]);
    assert_eq!(got[49], [49.0, -49.0]);
    server.stop().await;
    device.kill().await.unwrap();
    assert_eq!(lines.next_line().await.unwrap(), None, "it was sent nothing");
}

#[tokio::test]
async fn with_tls_the_certificate_has_to_be_trusted() {
    let folder = Folder::new();
    let (certificate, key) = certificate();
    let ca = folder.write("cert.pem", &certificate);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listen().await;
    let address = address.replace("ws://", "wss://");
    let other = folder.write("other.pem", &self::certificate().0);
    let config = |ca| Config {
        bridges: vec![Bridge::pull(&address, Some(ca)).unwrap()],
        ..Config::without_replay()
    };
    let server = TestServer::start(config(&other)).await;
    let (stream, _) = within_limit(listener.accept()).await.unwrap();
    let refused: Result<_, std::io::Error> = acceptor.accept(stream).await;
    assert!(matches!(
        refused
            .unwrap_err()
            .get_ref()
            .and_then(|error| error.downcast_ref()),
        Some(rustls::Error::AlertReceived(_))
    ));
    lost(&server, "--bridge-ca").await;
    server.stop().await;
    let server = TestServer::start(config(&ca)).await;
    // The one before may have tried again.
    let mut device = within_limit(async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                return accept_async(stream).await.unwrap();
            }
        }
    })
    .await;
    device.send("1,2".into()).await.unwrap();
    assert_eq!(readings(&server, "imu", 1).await.1, [[1.0, 2.0]]);
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_device_is_named() {
    let (listener, address) = listen().await;
    let limits = Limits {
        message_bytes: 100,
        ..Limits::default()
    };
    let config = Config {
        limits,
        ..pulled(&address)
    };
    let server = TestServer::start(config).await;
    let (mut stream, _) = within_limit(listener.accept()).await.unwrap();
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.unwrap();
    lost(&server, "answers 404 Not Found").await;
    accept(&listener)
        .await
        .send("1,".repeat(100).into())
        .await
        .unwrap();
    lost(&server, "more than 100 bytes (--max-message-kib)").await;
    server.stop().await;
    drop(listener);
    let server = TestServer::start(pulled(&address)).await;
    lost(&server, "no connection").await;
    server.stop().await;
}

#[tokio::test]
async fn the_replays_name_is_taken() {
    let (listener, address) = listen().await;
    let config = Config {
        bridges: vec![Bridge::pull(&address.replace("imu=", "small="), None).unwrap()],
        ..crate::support::config()
    };
    let server = TestServer::start(config).await;
    let _device = accept(&listener).await;
    lost(&server, "small is the name of the replay").await;
    server.stop().await;
}
