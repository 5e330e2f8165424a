//! Wrong tokens in the log: [`Denials`].
//!
//! Nobody is locked out for them: a token has at least 64 bits, which nobody guesses over a network, whereas an address
//! that is shared, or made up, would shut out those who belong. What a person needs is to be told, with the address, and
//! not so often that the log fills.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::access::Permission;
use crate::channel::lock;
use crate::seldom::Seldom;

/// A line comes at most this often; the wrong tokens in between are counted in the next one.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Lines that may come at once: one's own mistyped token is seen beside a guesser's.
const MAX_BURST: u32 = 5;

/// Counts wrong tokens and tells of them.
#[derive(Debug)]
pub(super) struct Denials(Mutex<Seldom>);

impl Denials {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Seldom::up_to(MAX_BURST, TELL_INTERVAL)))
    }

    /// Somebody at `peer` showed a wrong token.
    pub(super) fn note(&self, peer: SocketAddr, permission: Permission) {
        let Some(n_untold) = lock(&self.0).say(Instant::now()) else {
            return;
        };
        let peer = peer.ip().to_canonical();
        let what = permission.token_name();
        if n_untold == 0 {
            warn!(%peer, "refused: this is not the {what}");
        } else {
            warn!(%peer, n_untold, "refused: this is not the {what}; {n_untold} before it were not logged");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guesser_fills_no_log_and_is_counted() {
        let start = Instant::now();
        let denials = Denials::new();
        let mut told = lock(&denials.0);
        let answers: Vec<Option<u64>> = (0..8).map(|_| told.say(start)).collect();
        assert_eq!(answers[..5], [Some(0); 5]);
        assert_eq!(answers[5..], [None; 3]);
        assert_eq!(told.say(start + TELL_INTERVAL), Some(3));
        assert_eq!(told.say(start + TELL_INTERVAL), Some(0));
    }
}
