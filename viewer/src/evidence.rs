//! How many different rows of a replay were scored: [`Evidence`].
//!
//! A row that is shown again, by a replay that loops or was moved back, says nothing new about a model that answers it
//! as before. So an interval counts rows, not readings. Costs one bit for each row of the replay.

use std::collections::{HashMap, VecDeque};

use protocol::Replay;

/// Moves of the replay that are remembered: late truths are for readings from before the last ones. Arbitrary, not tuned.
const N_MOVES: usize = 64;

/// Rows told apart, 8 MiB of bits: the number of rows is the server's word. Further ones count as one.
const MAX_ROWS: u64 = 1 << 26;

/// Counts the rows that were scored, all and those of the last readings. Every reading of a source that is no replay
/// is evidence of its own.
#[derive(Debug)]
pub struct Evidence {
    /// Rows in one pass, and whether the first follows the last; `None` if the source is no replay.
    pass: Option<(u64, bool)>,
    /// From this sequence number on rows follow one another from this position on; in the order of the former.
    moves: VecDeque<(u64, u64)>,
    /// A bit for each row.
    seen: Vec<u64>,
    n_seen: u64,
    /// Rows of the last scored readings, and how often each is among them.
    window: VecDeque<u64>,
    n_in_window: HashMap<u64, u32>,
    n_window: usize,
}

impl Evidence {
    /// Nothing scored yet; the window has `n_window` readings.
    #[must_use]
    pub fn new(replay: Option<&Replay>, n_window: usize) -> Self {
        Self {
            pass: replay
                .filter(|replay| replay.n_rows > 0)
                .map(|replay| (replay.n_rows, replay.looping)),
            moves: VecDeque::from([(0, 0)]),
            seen: Vec::new(),
            n_seen: 0,
            window: VecDeque::new(),
            n_in_window: HashMap::new(),
            n_window,
        }
    }

    /// The reading `next_seq` is the row at `position`.
    pub fn moved(&mut self, next_seq: u64, position: u64) {
        if self.pass.is_none() || self.row(next_seq) == self.row_at(position) {
            return;
        }
        while self.moves.back().is_some_and(|&(seq, _)| seq >= next_seq) {
            self.moves.pop_back();
        }
        if self.moves.len() == N_MOVES {
            self.moves.pop_front();
        }
        self.moves.push_back((next_seq, position));
    }

    /// A reading was scored.
    pub fn scored(&mut self, seq: u64) {
        let Some(row) = self.row(seq) else {
            return;
        };
        let (word, bit) = ((row / 64) as usize, 1 << (row % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        self.n_seen += u64::from(self.seen[word] & bit == 0);
        self.seen[word] |= bit;
        if self.window.len() == self.n_window
            && let Some(oldest) = self.window.pop_front()
            && let Some(n) = self.n_in_window.get_mut(&oldest)
        {
            *n -= 1;
            if *n == 0 {
                self.n_in_window.remove(&oldest);
            }
        }
        self.window.push_back(row);
        *self.n_in_window.entry(row).or_insert(0) += 1;
    }

    /// Different rows among all that were scored; `None` if the source is no replay.
    #[must_use]
    pub fn n_rows(&self) -> Option<u64> {
        self.pass.map(|_| self.n_seen)
    }

    /// The same of those in the window.
    #[must_use]
    pub fn n_rows_windowed(&self) -> Option<u64> {
        self.pass.map(|_| self.n_in_window.len() as u64)
    }

    /// The row of a reading. One from before all moves that are remembered passes for the first row after them.
    fn row(&self, seq: u64) -> Option<u64> {
        let after = self.moves.partition_point(|&(from, _)| from <= seq);
        let &(from, position) = self.moves.get(after.saturating_sub(1))?;
        self.row_at(position.saturating_add(seq.saturating_sub(from)))
    }

    fn row_at(&self, position: u64) -> Option<u64> {
        let (n_rows, looping) = self.pass?;
        let row = if looping {
            position % n_rows
        } else {
            position.min(n_rows - 1)
        };
        Some(row.min(MAX_ROWS - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(n_rows: u64, n_window: usize) -> Evidence {
        let replay = Replay {
            n_rows,
            looping: true,
            ..Replay::default()
        };
        Evidence::new(Some(&replay), n_window)
    }

    #[test]
    fn rows_that_a_replay_shows_again_count_once() {
        let mut evidence = evidence(100, 20);
        // Restarted after each ten readings, which say so themselves or come before the next status.
        for pass in 0..5 {
            evidence.moved(10 * pass, 0);
            (10 * pass..10 * pass + 10).for_each(|seq| evidence.scored(seq));
            evidence.moved(10 * pass + 10, 10);
        }
        assert_eq!(
            (evidence.n_rows(), evidence.n_rows_windowed()),
            (Some(10), Some(10))
        );
        // It goes on from there, through the end of the pass.
        (50..150).for_each(|seq| evidence.scored(seq));
        assert_eq!(
            (evidence.n_rows(), evidence.n_rows_windowed()),
            (Some(100), Some(20))
        );
    }

    #[test]
    fn a_late_truth_is_for_the_row_of_its_time() {
        let mut evidence = evidence(100, 20);
        evidence.moved(50, 0);
        evidence.scored(3);
        evidence.scored(53);
        evidence.scored(54);
        assert_eq!(evidence.n_rows(), Some(2));
    }

    #[test]
    fn absurd_numbers_take_no_memory() {
        let mut evidence = evidence(u64::MAX, 20);
        evidence.moved(0, u64::MAX - 1);
        evidence.scored(0);
        evidence.scored(7);
        assert!(evidence.seen.len() as u64 <= MAX_ROWS / 64);
    }

    #[test]
    fn readings_of_a_sensor_are_all_new() {
        let mut evidence = Evidence::new(None, 20);
        evidence.scored(0);
        assert_eq!((evidence.n_rows(), evidence.n_rows_windowed()), (None, None));
    }
}
