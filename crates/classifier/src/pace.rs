//! Long work that can be put down and taken up again.
//!
//! To build a large model takes longer than a page or a server may stand still. The loops of a build are therefore
//! `async`, for one reason only: the compiler then remembers where they stood. There is no runtime and nothing is waited
//! for. A loop says what it has done by [`Pace::spend`], which gives way when the slice is used up; whoever drives the
//! work polls it again with a further slice ([`Pace::advance`]) or lets it run to its end ([`Pace::run`]).

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How far a piece of work is, and how far it may go. Clones are about the same work.
#[derive(Debug, Clone)]
pub(crate) struct Pace(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    /// Units of work done, about a nanosecond each.
    spent: u64,
    /// Where the work has to give way.
    until: u64,
    /// What `spent` is expected to be in the end.
    expected: u64,
    /// The largest progress there was: expectations change.
    progress: f64,
}

impl Pace {
    /// Nothing is done, and nothing may be done yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            spent: 0,
            until: 0,
            expected: 1,
            progress: 0.0,
        })))
    }

    /// Expects the rest of the work to take about `n_units`.
    pub(crate) fn expect(&self, n_units: u64) {
        let mut state = self.state();
        state.expected = state.spent + n_units.max(1);
    }

    /// Counts `n_units` of work and gives way if the slice is used up.
    pub(crate) fn spend(&self, n_units: usize) -> Spend<'_> {
        Spend { pace: self, n_units }
    }

    /// Units of work done.
    #[cfg(test)]
    pub(crate) fn spent(&self) -> u64 {
        self.state().spent
    }

    /// Share of the work that is done, `0..=1`, never falling.
    pub(crate) fn progress(&self) -> f64 {
        self.state().progress
    }

    /// Lets `work`, which gives way to this pace only, do `n_units` more; `None` if that did not finish it.
    pub(crate) fn advance<T>(
        &self,
        work: Pin<&mut (impl Future<Output = T> + ?Sized)>,
        n_units: u64,
    ) -> Option<T> {
        {
            let mut state = self.state();
            state.until = state.spent.saturating_add(n_units.max(1));
        }
        match work.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// Does the work at once.
    pub(crate) fn run<T, F: Future<Output = T>>(work: impl FnOnce(Self) -> F) -> T {
        let pace = Self::new();
        let result = pace.advance(pin!(work(pace.clone())), u64::MAX);
        result.expect("there is no end to this slice")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds this.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that was done, to be counted.
pub(crate) struct Spend<'a> {
    pace: &'a Pace,
    /// 0 once it is counted.
    n_units: usize,
}

impl Future for Spend<'_> {
    type Output = ();

    // There are dozens of places where work is counted; inlined, this would be in each of them.
    #[inline(never)]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let n_units = std::mem::take(&mut self.n_units);
        let mut state = self.pace.state();
        state.spent += n_units as u64;
        let progress = state.spent as f64 / state.expected as f64;
        state.progress = progress.min(1.0).max(state.progress);
        if state.spent < state.until {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
