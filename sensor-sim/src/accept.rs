//! Takes connections in and hands them to HTTP, within bounds: [`accept`].
//!
//! axum's own loop has no time limit for a request's head and no bound on connections, so that a client which sends a
//! byte now and then would hold memory for as long as it likes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::seats::{Seat, Seats};
use crate::server::Server;
use crate::tls::Accepted;

/// Most bytes of a request's head; a larger one is answered with 431.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How long to wait when no connection can be taken in, e.g. because there are no file handles left.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);

/// Serves connections until the server shuts down, then lets the requests under way end.
pub(crate) async fn accept(listener: TcpListener, router: Router, server: Arc<Server>) -> io::Result<()> {
    let seats = Seats::new(server.limits.connections);
    let connections = TaskTracker::new();
    while let Some(accepted) = server.shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((tcp, peer)) => {
                let seat = Arc::new(seats.take());
                let connection =
                    serve_connection(tcp, peer, router.clone(), Arc::clone(&server), Arc::clone(&seat));
                connections.spawn(async move {
                    tokio::select! {
                        () = connection => {}
                        () = seat.lost() => debug!(%peer, "a newcomer got the place of this connection"),
                    }
                });
            }
            Err(error) => {
                warn!(%error, "a connection could not be taken in");
                sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
    // Until nobody is being answered any more.
    connections.close();
    connections.wait().await;
    Ok(())
}

/// What requests are told of the connection that they come over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection {
    /// Who is at the other end.
    pub(crate) peer: SocketAddr,
    /// The address of ours that was connected to.
    pub(crate) local: SocketAddr,
    pub(crate) cipher: Cipher,
}

/// Whether a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cipher {
    Tls,
    /// In the clear, as the server was told.
    Clear,
    /// In the clear, where TLS is expected: no request over it is taken.
    ClearByMistake,
}

async fn serve_connection(
    tcp: TcpStream,
    peer: SocketAddr,
    router: Router,
    server: Arc<Server>,
    seat: Arc<Seat>,
) {
    let Ok(local) = tcp.local_addr() else {
        return; // It is gone already.
    };
    let connection = |cipher| Connection { peer, local, cipher };
    // Readings are small and must not wait for one another.
    if let Err(error) = tcp.set_nodelay(true) {
        warn!(%error, "switching off Nagle's algorithm for a connection failed");
    }
    let Some(tls) = &server.gate.access.tls else {
        return serve_http(tcp, connection(Cipher::Clear), router, &server, seat).await;
    };
    let shaking = timeout(server.limits.handshake, tls.accept(tcp));
    match server.shutdown.run_until_cancelled(shaking).await {
        Some(Ok(Ok(Accepted::Encrypted(stream)))) => {
            serve_http(stream, connection(Cipher::Tls), router, &server, seat).await;
        }
        Some(Ok(Ok(Accepted::Clear(tcp)))) => {
            serve_http(tcp, connection(Cipher::ClearByMistake), router, &server, seat).await;
        }
        // Also who does not trust a certificate of our own making: at every visit, so it is no more than this.
        Some(Ok(Err(error))) => debug!(%error, %peer, "no TLS handshake"),
        Some(Err(_)) => debug!(%peer, "no TLS handshake in time"),
        None => {}
    }
}

async fn serve_http<S>(stream: S, connection: Connection, router: Router, server: &Server, seat: Arc<Seat>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request| {
        request.extensions_mut().insert(connection);
        let answering = router.call(request);
        let seat = Arc::clone(&seat);
        async move {
            let answer = answering.await;
            // The request came whole, its body too.
            seat.prove();
            answer
        }
    });
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(server.limits.handshake)
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    let mut is_ending = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    debug!(%error, "a connection ended early");
                }
                return;
            }
            () = server.shutdown.cancelled(), if !is_ending => {
                connection.as_mut().graceful_shutdown();
                is_ending = true;
            }
        }
    }
}
