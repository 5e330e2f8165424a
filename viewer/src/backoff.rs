//! How long to wait before the next try to connect: [`Backoff`].
//!
//! The first wait is about a quarter of a second, each further one twice as long up to 8 s. Each is shortened by a
//! random part of up to a half, so that the viewers of a server that was restarted do not all come back at once.

/// The longest first wait: a restarted server is back in a moment.
const FIRST_MICROS: f64 = 250_000.0;

/// The longest wait: someone who watches the page should not wait much longer than the server does.
const LONGEST_MICROS: f64 = 8_000_000.0;

/// Waits that grow until a connection is made.
#[derive(Debug)]
pub struct Backoff {
    n_tries: i32,
    random: u64,
}

impl Backoff {
    /// Starts with the shortest wait; `seed` sets the random part.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // xorshift stays at 0 for ever.
        Self {
            n_tries: 0,
            random: seed | 1,
        }
    }

    /// A connection was made: the next wait is short again.
    pub fn reset(&mut self) {
        self.n_tries = 0;
    }

    /// The next wait.
    pub fn next_micros(&mut self) -> f64 {
        let longest = (FIRST_MICROS * 2_f64.powi(self.n_tries)).min(LONGEST_MICROS);
        self.n_tries = self.n_tries.saturating_add(1).min(30);
        // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003): spreads viewers apart, nothing depends on its quality.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        longest * (1.0 - 0.5 * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_eight_seconds() {
        let mut backoff = Backoff::new(7);
        for longest in [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0] {
            let secs = backoff.next_micros() / 1e6;
            assert!(secs > longest / 2.0 && secs <= longest, "{secs} of {longest}");
        }
        backoff.reset();
        assert!(backoff.next_micros() <= 250_000.0);
    }

    #[test]
    fn two_viewers_wait_differently() {
        assert_ne!(
            Backoff::new(1).next_micros(),
            Backoff::new(2_000_003).next_micros()
        );
    }
}
