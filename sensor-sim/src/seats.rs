//! A bounded number of seats, of which there is always one for who comes next: [`Seats`].
//!
//! Whoever fills seats to keep others out loses them, the oldest first, as fast as others come.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use crate::channel::lock;

/// Seats that are given to newcomers when they are all taken.
#[derive(Debug, Clone)]
pub(crate) struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug)]
struct Taken {
    max: NonZeroUsize,
    /// The number of the next to come.
    next: u64,
    /// Those who have not kept what the seat is for yet, by their numbers, so oldest first: they go first.
    unproven: BTreeMap<u64, CancellationToken>,
    /// The others.
    proven: BTreeMap<u64, CancellationToken>,
}

/// A seat, free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    number: u64,
    lost: CancellationToken,
}

impl Seats {
    pub(crate) fn new(max: NonZeroUsize) -> Self {
        Self(Arc::new(Mutex::new(Taken {
            max,
            next: 0,
            unproven: BTreeMap::new(),
            proven: BTreeMap::new(),
        })))
    }

    /// A seat, at once; if all are taken the oldest unproven one is lost to its holder, or the oldest of all.
    pub(crate) fn take(&self) -> Seat {
        let mut taken = lock(&self.0);
        if taken.unproven.len() + taken.proven.len() >= taken.max.get() {
            let oldest = taken.unproven.pop_first().or_else(|| taken.proven.pop_first());
            if let Some((_, lost)) = oldest {
                lost.cancel();
            }
        }
        let number = taken.next;
        taken.next += 1;
        let lost = CancellationToken::new();
        taken.unproven.insert(number, lost.clone());
        Seat {
            seats: self.clone(),
            number,
            lost,
        }
    }
}

impl Seat {
    /// Its holder did what the seat is for: others lose theirs first.
    pub(crate) fn prove(&self) {
        let mut taken = lock(&self.seats.0);
        if let Some(lost) = taken.unproven.remove(&self.number) {
            taken.proven.insert(self.number, lost);
        }
    }

    /// Completes when the seat is lost to a newcomer.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.0);
        taken.unproven.remove(&self.number);
        taken.proven.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_get_the_oldest_unproven_seat_and_then_the_oldest() {
        let seats = Seats::new(NonZeroUsize::new(3).unwrap());
        let is_lost = |seat: &Seat| seat.lost.is_cancelled();
        let (first, second, third) = (seats.take(), seats.take(), seats.take());
        first.prove();
        third.prove();
        let fourth = seats.take();
        assert!(is_lost(&second) && !is_lost(&first) && !is_lost(&third));
        fourth.prove();
        let fifth = seats.take();
        assert!(is_lost(&first) && !is_lost(&third) && !is_lost(&fourth));
        // One that was lost counts no more, so its end frees nothing.
        drop((first, second));
        drop(third);
        let sixth = seats.take();
        assert!(!is_lost(&fourth) && !is_lost(&fifth));
        let _seventh = seats.take();
        assert!(is_lost(&fifth) && !is_lost(&fourth) && !is_lost(&sixth));
    }
}
