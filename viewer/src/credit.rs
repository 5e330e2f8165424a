//! Which acknowledgement to send: [`AckWindow`] keeps the readings in flight to what is labelled in a moment.
//!
//! The server never has more than [`CREDIT`] unacknowledged readings under way to us, and keeps at most [`QUEUE`] more
//! waiting before it gives up the oldest. Both bound the age of what we label:
//!
//! - 512 readings of credit are half a second at 1,000 readings/s, so that no pause of the worker or the network below
//!   that stops the flow, and [`QUEUE`] gives it another half second before anything is missed. At a round trip of
//!   1 ms, credit alone would allow 512,000 readings/s.
//! - A viewer that labels only 50 readings/s would need 10 s for 512 readings in flight, and everything that it labels
//!   would be that old. So it acknowledges late: with `window` readings wanted in flight, the last `CREDIT - window`
//!   labelled ones stay unacknowledged. The server cannot tell and need not: its bound holds as well, only tighter.
//!   `window` follows the measured speed, to hold what is labelled in `IN_FLIGHT_MICROS`.
//!
//! What then waits at the server is fresh, since the queue gives up its oldest.

/// Most readings delivered to us and not acknowledged.
pub const CREDIT: u32 = 512;

/// Most readings that wait for us at the server.
pub const QUEUE: u32 = 512;

/// Fewest readings in flight: with less, one network round trip per reading would set the speed.
const MIN_WINDOW: usize = 8;

/// How long the readings in flight may take us. Long beside a round trip, short for someone who watches.
const IN_FLIGHT_MICROS: f64 = 200_000.0;

/// Acknowledge at least every so many readings, also within a message: an eighth of the credit keeps the server sending.
const ACK_EVERY: usize = CREDIT as usize / 8;

/// The readings done with and not yet acknowledged.
#[derive(Debug)]
pub struct AckWindow {
    /// For each such reading the sequence number after it, oldest first; a ring of `CREDIT` places.
    done: Box<[u64]>,
    first: usize,
    len: usize,
    /// How many of them are kept back.
    withheld: usize,
}

impl Default for AckWindow {
    fn default() -> Self {
        Self {
            done: vec![0; CREDIT as usize].into_boxed_slice(),
            first: 0,
            len: 0,
            withheld: 0,
        }
    }
}

impl AckWindow {
    /// Forgets everything, for a new subscription.
    pub fn clear(&mut self) {
        self.first = 0;
        self.len = 0;
    }

    /// Sets how many readings are wanted in flight from what one costs us.
    pub fn set_cost(&mut self, micros_per_reading: f64) {
        let credit = CREDIT as usize;
        // A float cast saturates, so a cost of 0 is all of the credit.
        let affordable = (IN_FLIGHT_MICROS / micros_per_reading) as usize;
        self.withheld = credit - affordable.clamp(MIN_WINDOW, credit);
    }

    /// The reading before `next_seq` is labelled or given up.
    pub fn done(&mut self, next_seq: u64) {
        if self.len == self.done.len() {
            // More in flight than the credit: the server's mistake. The oldest is covered by the acknowledgement of any later one.
            self.first = (self.first + 1) % self.done.len();
            self.len -= 1;
        }
        let last = (self.first + self.len) % self.done.len();
        self.done[last] = next_seq;
        self.len += 1;
    }

    /// `n` readings before `next_seq` could not be read, and are given up.
    pub fn done_many(&mut self, next_seq: u64, n: u32) {
        for _ in 0..n.min(CREDIT) {
            self.done(next_seq);
        }
    }

    /// Whether enough was labelled that an acknowledgement should not wait for the message's end.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.len >= self.withheld + ACK_EVERY
    }

    /// The `next_seq` to acknowledge now, if there is anything to acknowledge.
    pub fn take(&mut self) -> Option<u64> {
        let n = self.len.checked_sub(self.withheld).filter(|&n| n > 0)?;
        let next_seq = self.done[(self.first + n - 1) % self.done.len()];
        self.first = (self.first + n) % self.done.len();
        self.len -= n;
        Some(next_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(window: &mut AckWindow, seqs: std::ops::Range<u64>) {
        for seq in seqs {
            window.done(seq + 1);
        }
    }

    #[test]
    fn a_fast_viewer_acknowledges_all() {
        let mut window = AckWindow::default();
        window.set_cost(3.0);
        assert_eq!(window.take(), None);
        done(&mut window, 0..40);
        assert_eq!(window.take(), Some(40));
        assert_eq!(window.take(), None);
    }

    #[test]
    fn a_slow_viewer_keeps_back_all_but_its_window() {
        let mut window = AckWindow::default();
        window.set_cost(20_000.0); // 200 ms hold 10 readings.
        done(&mut window, 0..502);
        assert_eq!(window.take(), None);
        done(&mut window, 502..505);
        assert_eq!(window.take(), Some(3));
    }

    #[test]
    fn gaps_do_not_count_as_readings_in_flight() {
        let mut window = AckWindow::default();
        window.set_cost(f64::INFINITY);
        for i in 0..CREDIT as u64 {
            window.done(i * 1_000 + 1);
        }
        assert_eq!(window.take(), Some((MIN_WINDOW as u64 - 1) * 1_000 + 1));
    }

    #[test]
    fn getting_fast_again_releases_what_was_kept_back() {
        let mut window = AckWindow::default();
        window.set_cost(20_000.0);
        done(&mut window, 0..400);
        assert_eq!(window.take(), None);
        window.set_cost(0.0);
        assert_eq!(window.take(), Some(400));
    }

    #[test]
    fn due_within_a_long_message() {
        let mut window = AckWindow::default();
        done(&mut window, 0..63);
        assert!(!window.is_due());
        done(&mut window, 63..64);
        assert!(window.is_due());
    }

    #[test]
    fn more_than_the_credit_does_not_overflow() {
        let mut window = AckWindow::default();
        done(&mut window, 0..2_000);
        assert_eq!(window.take(), Some(2_000));
    }
}
