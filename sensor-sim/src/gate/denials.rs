//! Wrong tokens in the log: [`Denials`].
//!
//! Nobody is locked out for them: a token has at least 64 bits, which nobody guesses over a network, whereas an address
//! that is shared, or made up, would shut out those who belong. What a person needs is to be told, with the address, and
//! not so often that the log fills.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use crate::access::Permission;

/// A line comes at most this often; the wrong tokens in between are counted in the next one.
const TELL_INTERVAL: Duration = Duration::from_secs(10);

/// Lines that may come at once: one's own mistyped token is seen beside a guesser's.
const MAX_BURST: u32 = 5;

/// Counts wrong tokens and tells of them.
#[derive(Debug, Default)]
pub(super) struct Denials {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// When the present interval began.
    since: Option<Instant>,
    n_told: u32,
    n_untold: u64,
}

impl Denials {
    /// Somebody at `peer` showed a wrong token.
    pub(super) fn note(&self, peer: SocketAddr, permission: Permission) {
        let n_untold = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.add(Instant::now())
        };
        let Some(n_untold) = n_untold else { return };
        let peer = peer.ip().to_canonical();
        let what = permission.token_name();
        if n_untold == 0 {
            warn!(%peer, "refused: this is not the {what}");
        } else {
            warn!(%peer, n_untold, "refused: this is not the {what}; {n_untold} before it were not logged");
        }
    }
}

impl Told {
    /// How many went untold before this one, if it may be told.
    fn add(&mut self, now: Instant) -> Option<u64> {
        let is_new = self
            .since
            .is_none_or(|since| now.saturating_duration_since(since) >= TELL_INTERVAL);
        if is_new {
            self.since = Some(now);
            self.n_told = 0;
        }
        if self.n_told >= MAX_BURST {
            self.n_untold += 1;
            return None;
        }
        self.n_told += 1;
        Some(std::mem::take(&mut self.n_untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guesser_fills_no_log_and_is_counted() {
        let start = Instant::now();
        let mut told = Told::default();
        let answers: Vec<Option<u64>> = (0..8).map(|_| told.add(start)).collect();
        assert_eq!(answers[..5], [Some(0); 5]);
        assert_eq!(answers[5..], [None; 3]);
        assert_eq!(told.add(start + TELL_INTERVAL), Some(3));
        assert_eq!(told.add(start + TELL_INTERVAL), Some(0));
    }
}
