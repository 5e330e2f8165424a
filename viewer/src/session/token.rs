//! The read token, shown to a server that asks for it.

use protocol::{Auth, ErrorMessage, ViewerMessage};

use super::{Action, Connection, Session};

/// The `code` with which a server asks.
const AUTH_REQUIRED: &str = "auth-required";

impl Session {
    /// The same session, with a token to show where the server asks for one.
    #[must_use]
    pub fn with_token(mut self, token: Option<Auth>) -> Self {
        self.token = token;
        self
    }

    /// The token to show.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(|auth| auth.token.as_str())
    }

    /// Answers a server that asks for the token before it says `hello`; `false` if this error is another one.
    pub(super) fn answers_with_token(&mut self, error: &ErrorMessage) -> bool {
        if error.code != AUTH_REQUIRED || self.connection == Connection::Open {
            return false;
        }
        match self.token.clone() {
            Some(auth) => self.send(ViewerMessage::Auth(auth)),
            None => self.lock("This server asks for its read token."),
        }
        true
    }

    /// The server closed the socket because of the token; it is not tried again.
    pub fn token_refused(&mut self) {
        self.lock("The token is not this server's read token.");
    }

    fn lock(&mut self, reason: &str) {
        self.connection = Connection::Locked(reason.to_owned());
        self.subscribed = false;
        self.actions.push_back(Action::Disconnect);
    }
}
