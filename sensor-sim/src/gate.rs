//! Lets a client in or not: [`Gate`] asks for tokens, in the head of a request or as the first message of a WebSocket.

mod denials;

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use axum::http::{HeaderMap, StatusCode, header};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use protocol::{ErrorMessage, ServerMessage, ViewerMessage};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use self::denials::Denials;
use crate::access::{Access, Permission};
use crate::ending::{End, close};
use crate::http::Refusal;
use crate::requests::problem;
use crate::seats::{Seat, Seats};
use crate::server::Server;
use crate::upgrade::Socket;

/// Keeps out who does not belong.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) access: Access,
    denials: Denials,
    /// Where WebSockets wait for their first message, so that strangers do not take the places of viewers and sensors.
    /// Clients that send the token in the head need none of them.
    strangers: Seats,
}

/// A WebSocket whose client has to show the token yet.
#[derive(Debug)]
pub(crate) struct Pending {
    permission: Permission,
    peer: SocketAddr,
    place: Seat,
}

/// What the head of a request says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    /// The token, or none is needed.
    Granted,
    /// Nothing.
    Silent,
}

impl Gate {
    /// Lets at most `max_strangers` WebSockets wait for their first message.
    pub(crate) fn new(access: Access, max_strangers: NonZeroUsize) -> Self {
        Self {
            access,
            denials: Denials::new(),
            strangers: Seats::new(max_strangers),
        }
    }

    /// Checks a request that has to show the token in its head.
    pub(crate) fn require(
        &self,
        headers: &HeaderMap,
        permission: Permission,
        peer: SocketAddr,
    ) -> Result<(), Refusal> {
        match self.head(headers, permission, peer)? {
            Head::Granted => Ok(()),
            Head::Silent => Err(unauthorized(
                format!(
                    "expected the {}: send the header `Authorization: Bearer TOKEN`",
                    permission.token_name()
                ),
                "Bearer",
            )),
        }
    }

    /// Checks the handshake of a WebSocket, which may show the token afterwards: browsers cannot set its headers.
    /// `None`: let in.
    pub(crate) fn require_of_socket(
        &self,
        headers: &HeaderMap,
        permission: Permission,
        peer: SocketAddr,
    ) -> Result<Option<Pending>, Refusal> {
        match self.head(headers, permission, peer)? {
            Head::Granted => Ok(None),
            Head::Silent => Ok(Some(Pending {
                permission,
                peer,
                place: self.strangers.take(),
            })),
        }
    }

    /// Whether the head shows what is needed to see more than that the server is up.
    pub(crate) fn knows_reader(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<bool, Refusal> {
        Ok(self.head(headers, Permission::Read, peer)? == Head::Granted)
    }

    fn head(&self, headers: &HeaderMap, permission: Permission, peer: SocketAddr) -> Result<Head, Refusal> {
        let Some(token) = self.access.token(permission) else {
            return Ok(Head::Granted);
        };
        let Some(shown) = headers.get(header::AUTHORIZATION) else {
            return Ok(Head::Silent);
        };
        let bearer = shown.to_str().ok().and_then(bearer_token);
        if bearer.is_some_and(|shown| token.is(shown)) {
            return Ok(Head::Granted);
        }
        self.denials.note(peer, permission);
        let name = permission.token_name();
        let message = match bearer {
            Some(_) => format!("this is not the {name}"),
            None => format!("expected `Authorization: Bearer TOKEN` with the {name}, got another kind"),
        };
        Err(unauthorized(message, "Bearer error=\"invalid_token\""))
    }
}

/// Source: RFC 6750, sections 2.1 and 3.
fn unauthorized(message: String, challenge: &'static str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, message).offering(header::WWW_AUTHENTICATE, challenge)
}

/// What stands after `Bearer`.
fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

impl Pending {
    /// Asks for the token and waits for it, at most as long as a handshake may take. If it does not come the socket is
    /// closed, with the reason, and `false` returned.
    pub(crate) async fn settle(self, server: &Server, socket: &mut Socket) -> bool {
        let limit = server.limits.handshake;
        let name = self.permission.token_name();
        let end = tokio::select! {
            first = timeout(limit, self.first_message(server, socket)) => match first {
                Ok(Ok(())) => return true,
                Ok(Err(end)) => end,
                Err(_) => End::refused(
                    StatusCode::UNAUTHORIZED,
                    format!("no {name} within {} s", limit.as_secs()),
                ),
            },
            () = server.shutdown.cancelled() => End::ServerEnds,
            () = self.place.lost() => {
                let reason = "too many connections have still to send their token; send it at once, or in the header";
                let end = End::refused(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned());
                // It is told, but not waited for: who comes fast would otherwise hold sockets after all.
                let _ = close(socket, &end, server.limits.message_bytes).now_or_never();
                return false;
            }
        };
        close(socket, &end, server.limits.message_bytes).await;
        false
    }

    async fn first_message(&self, server: &Server, socket: &mut Socket) -> Result<(), End> {
        let name = self.permission.token_name();
        let request = ServerMessage::Err(auth_required(name));
        if socket.send(Message::text(request.to_json())).await.is_err() {
            return Err(End::Left);
        }
        let text = loop {
            match socket.next().await {
                Some(Ok(Message::Text(text))) => break text,
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_))) => break "".into(),
                other => return Err(End::of(other)),
            }
        };
        let Ok(ViewerMessage::Auth(auth)) = ViewerMessage::from_json(&text) else {
            let message = format!("expected the {name} first, as {{\"op\":\"auth\",\"token\":\"…\"}}");
            return Err(End::refused(StatusCode::UNAUTHORIZED, message));
        };
        let token = server.gate.access.token(self.permission);
        if token.is_none_or(|token| token.is(&auth.token)) {
            return Ok(());
        }
        server.gate.denials.note(self.peer, self.permission);
        Err(End::refused(
            StatusCode::UNAUTHORIZED,
            format!("this is not the {name}"),
        ))
    }
}

/// How a client without the header is asked; viewers and sensors get the same.
fn auth_required(token_name: &str) -> ErrorMessage {
    problem(
        "auth-required",
        format!("this server asks for its {token_name}: send {{\"op\":\"auth\",\"token\":\"…\"}}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer_token("Bearer abc"), Some("abc"));
        assert_eq!(bearer_token("bearer  abc "), Some("abc"));
        for header in ["abc", "Basic abc", "Bearerabc", ""] {
            assert_eq!(bearer_token(header), None, "{header}");
        }
    }
}
