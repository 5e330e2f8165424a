//! How a WebSocket ends, a viewer's as well as a sensor's: why, and with which last words.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message};
use tokio_tungstenite::tungstenite::{self, error::CapacityError, error::ProtocolError};

/// How long the closing handshake may take.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Why a session is over.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer closed, or its connection broke.
    Left,
    Silent,
    Stuck,
    ServerEnds,
    /// Not let in; `code` is 4000 and the status that HTTP has for it.
    Refused {
        code: u16,
        reason: String,
    },
    Broken(tungstenite::Error),
}

impl End {
    /// Not let in, for a reason that HTTP has a status for.
    pub(crate) fn refused(status: StatusCode, reason: String) -> Self {
        let code = 4_000 + status.as_u16();
        Self::Refused { code, reason }
    }

    /// What it means that a socket has no next message, or an error instead.
    pub(crate) fn of(message: Option<Result<Message, tungstenite::Error>>) -> Self {
        match message {
            None | Some(Ok(_)) => Self::Left,
            Some(Err(
                tungstenite::Error::ConnectionClosed
                | tungstenite::Error::Io(_)
                | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            )) => Self::Left,
            Some(Err(error)) => Self::Broken(error),
        }
    }

    /// What the peer is told.
    fn frame(&self, max_message_bytes: usize) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Self::Left | Self::Stuck => return None,
            Self::Silent => (CloseCode::Policy, "silent for too long".into()),
            Self::Refused { code, reason } => (CloseCode::from(*code), within_frame(reason).into()),
            Self::ServerEnds => (CloseCode::Away, "the server is shutting down".into()),
            Self::Broken(tungstenite::Error::Capacity(CapacityError::MessageTooLong { .. })) => (
                CloseCode::Size,
                format!("a message may have {max_message_bytes} bytes").into(),
            ),
            Self::Broken(tungstenite::Error::Utf8(_)) => {
                (CloseCode::Invalid, "text that is not UTF-8".into())
            }
            Self::Broken(_) => (CloseCode::Protocol, "not a valid WebSocket frame".into()),
        };
        Some(CloseFrame { code, reason })
    }
}

/// Most bytes of a reason: a control frame has 125, and two are the code.
const MAX_REASON_BYTES: usize = 123;

/// As much of the reason as a closing frame holds.
fn within_frame(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}

/// Says why the session is over, then waits a moment for the peer to hang up, unless its socket takes nothing. Bytes still
/// coming are read and thrown away: closing a socket that holds unread bytes resets the connection, and the peer might
/// never see the reason.
pub(crate) async fn close<S>(socket: &mut WebSocketStream<S>, end: &End, max_message_bytes: usize)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if matches!(end, End::Stuck) {
        return;
    }
    let handshake = async {
        // Errors mean that the peer is gone already, which is what is wanted.
        let _ = socket.close(end.frame(max_message_bytes)).await;
        let _ = socket.get_mut().shutdown().await;
        let mut rest = [0; 1024];
        while socket.get_mut().read(&mut rest).await.is_ok_and(|n| n > 0) {}
    };
    let _ = timeout(CLOSE_LIMIT, handshake).await;
}
