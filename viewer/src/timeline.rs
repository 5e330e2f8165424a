//! The last minute in bins of a quarter second: [`Timeline`].
//!
//! A bin takes what was labelled, mistaken or found missing while it lasted, by our clock. Memory is fixed by the
//! number of classes; recording allocates nothing.

use crate::widen::widened;

/// Length of a bin. Four a second is as often as a person reads a changing word.
pub const BIN_MILLIS: u32 = 250;

/// Bins kept: one minute.
pub const N_BINS: usize = 240;

const BIN_MICROS: f64 = BIN_MILLIS as f64 * 1_000.0;

/// What happened in a bin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bin {
    /// Readings labelled.
    pub n: u32,
    /// Of those, predicted otherwise than their true label.
    pub n_mistakes: u32,
    /// Readings found missing.
    pub n_missing: u32,
    /// Sequence number of the newest reading labelled.
    pub newest_seq: u64,
}

/// The commonest predicted class of a bin.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Commonest {
    /// The class.
    pub class: u32,
    /// Its share of the bin's readings.
    pub share: f64,
    /// Readings in the bin.
    pub n: u32,
    /// Sequence number of the bin's newest reading.
    pub seq: u64,
}

/// The last minute.
#[derive(Debug)]
pub struct Timeline {
    n_classes: usize,
    /// A ring: the bin with number `i` is at `i % N_BINS`.
    bins: Box<[Bin]>,
    /// Predicted classes by bin, `N_BINS × n_classes`.
    counts: Box<[u32]>,
    /// Number of the first bin ever, and of the newest one; `None` before anything happened.
    range: Option<(u64, u64)>,
}

impl Timeline {
    /// An empty time line.
    #[must_use]
    pub fn new(n_classes: usize) -> Self {
        Self {
            n_classes,
            bins: vec![Bin::default(); N_BINS].into_boxed_slice(),
            counts: vec![0; N_BINS * n_classes].into_boxed_slice(),
            range: None,
        }
    }

    /// There are now so many classes; those before keep their ids and counts. With fewer than before, nothing changes.
    pub fn grow(&mut self, n_classes: usize) {
        if n_classes > self.n_classes {
            self.counts = widened(&self.counts, N_BINS, self.n_classes, n_classes);
            self.n_classes = n_classes;
        }
    }

    /// A reading was labelled.
    pub fn labelled(&mut self, now: f64, seq: u64, predicted: u32, is_mistake: bool) {
        let place = self.place(now);
        let bin = &mut self.bins[place];
        bin.n += 1;
        bin.n_mistakes += u32::from(is_mistake);
        bin.newest_seq = seq;
        if let Some(count) = self.counts[place * self.n_classes..].get_mut(predicted as usize) {
            *count += 1;
        }
    }

    /// A reading that was labelled at this time has turned out to be a mistake.
    pub fn mistaken(&mut self, labelled_at: f64) {
        let number = (labelled_at / BIN_MICROS) as u64;
        let is_kept = self
            .range
            .is_some_and(|(_, newest)| (self.first_bin()..=newest).contains(&number));
        if is_kept {
            let place = self.place_of(number);
            self.bins[place].n_mistakes += 1;
        }
    }

    /// Readings were found missing.
    pub fn missing(&mut self, now: f64, n: u64) {
        let place = self.place(now);
        let bin = &mut self.bins[place];
        bin.n_missing = bin.n_missing.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
    }

    /// Makes `now`'s bin the newest one; those between are empty.
    pub fn advance(&mut self, now: f64) {
        if self.range.is_some() {
            self.place(now);
        }
    }

    /// Number of the oldest bin that `bins` returns.
    #[must_use]
    pub fn first_bin(&self) -> u64 {
        self.range.map_or(0, |(first, newest)| {
            first.max((newest + 1).saturating_sub(N_BINS as u64))
        })
    }

    /// The bins kept, oldest first, each with the readings of each predicted class (`n_classes` long).
    pub fn bins(&self) -> impl Iterator<Item = (Bin, &[u32])> {
        let numbers = self
            .range
            .map_or(0..0, |(_, newest)| self.first_bin()..newest + 1);
        numbers.map(|number| {
            let place = self.place_of(number);
            (self.bins[place], self.counts_at(place))
        })
    }

    /// The commonest class of the newest whole bin, or of the newest bin with a reading if that one had none.
    ///
    /// So what it says changes at most once a bin on a fast stream, and with every reading on a slow one.
    #[must_use]
    pub fn now(&self) -> Option<Commonest> {
        let (_, newest) = self.range?;
        let first = self.first_bin();
        let whole = newest.checked_sub(1).filter(|&number| number >= first);
        let candidates = whole.into_iter().chain((first..=newest).rev());
        candidates.map(|number| self.place_of(number)).find_map(|place| {
            let (class, count) = commonest(self.counts_at(place))?;
            let bin = self.bins[place];
            Some(Commonest {
                class,
                share: f64::from(count) / f64::from(bin.n),
                n: bin.n,
                seq: bin.newest_seq,
            })
        })
    }

    fn place_of(&self, number: u64) -> usize {
        (number % N_BINS as u64) as usize
    }

    /// The place of `now`'s bin. A clock that went back counts into the newest bin.
    fn place(&mut self, now: f64) -> usize {
        let number = (now / BIN_MICROS) as u64;
        let (first, newest) = self.range.unwrap_or((number, number));
        let number = number.max(newest);
        // After a pause of over a minute, clearing each place once is enough.
        for cleared in (newest + 1).max((number + 1).saturating_sub(N_BINS as u64))..=number {
            let place = self.place_of(cleared);
            self.bins[place] = Bin::default();
            self.counts[place * self.n_classes..][..self.n_classes].fill(0);
        }
        self.range = Some((first, number));
        self.place_of(number)
    }

    fn counts_at(&self, place: usize) -> &[u32] {
        &self.counts[place * self.n_classes..][..self.n_classes]
    }
}

/// The class with most readings and their number; of equals the smallest class, and none without a reading.
#[must_use]
pub fn commonest(counts: &[u32]) -> Option<(u32, u32)> {
    let mut best: Option<(u32, u32)> = None;
    for (class, &count) in counts.iter().enumerate() {
        if count > best.map_or(0, |(_, most)| most) {
            best = Some((class as u32, count));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: f64 = 1.7e15;

    fn at(bin: u32) -> f64 {
        START + f64::from(bin) * BIN_MICROS + 1.0
    }

    #[test]
    fn bins_say_class_count_mistakes_and_missing() {
        let mut timeline = Timeline::new(3);
        timeline.labelled(at(0), 1, 2, false);
        timeline.labelled(at(0), 2, 2, true);
        timeline.labelled(at(0), 3, 0, false);
        timeline.missing(at(2), 40);
        let bins: Vec<_> = timeline
            .bins()
            .map(|(bin, counts)| (counts, bin.n, bin.n_mistakes, bin.n_missing))
            .collect();
        let expected: [(&[u32], u32, u32, u32); 3] = [
            (&[1, 0, 2], 3, 1, 0),
            (&[0, 0, 0], 0, 0, 0),
            (&[0, 0, 0], 0, 0, 40),
        ];
        assert_eq!(bins, expected);
        assert_eq!(commonest(bins[0].0), Some((2, 2)));
        assert_eq!(commonest(bins[1].0), None);
        assert_eq!(commonest(&[0, 4, 4]), Some((1, 4)), "of equals the smallest");
        assert_eq!(timeline.first_bin(), (START / BIN_MICROS) as u64);
    }

    #[test]
    fn a_mistake_that_shows_later_counts_where_its_reading_does() {
        let mut timeline = Timeline::new(1);
        timeline.mistaken(at(0));
        timeline.labelled(at(1), 0, 0, false);
        timeline.labelled(at(240), 0, 0, false);
        for bin in [0, 1, 241] {
            timeline.mistaken(at(bin));
        }
        timeline.advance(at(241));
        timeline.mistaken(at(1));
        let mistakes: Vec<u32> = timeline.bins().map(|(bin, _)| bin.n_mistakes).collect();
        assert_eq!(
            (mistakes.len(), mistakes.iter().sum::<u32>()),
            (N_BINS, 0),
            "bin 1 is over"
        );
        timeline.mistaken(at(240));
        assert_eq!(timeline.bins().nth(N_BINS - 2).unwrap().0.n_mistakes, 1);
    }

    #[test]
    fn now_is_the_last_whole_bin() {
        let mut timeline = Timeline::new(2);
        assert_eq!(timeline.now(), None);
        timeline.labelled(at(0), 7, 1, false);
        assert_eq!(timeline.now().unwrap().class, 1, "nothing else is known yet");
        timeline.labelled(at(1), 8, 0, false);
        timeline.labelled(at(1), 9, 0, false);
        assert_eq!(timeline.now().unwrap().seq, 7);
        timeline.advance(at(2));
        let now = timeline.now().unwrap();
        assert_eq!((now.class, now.n, now.seq, now.share), (0, 2, 9, 1.0));
        timeline.advance(at(9));
        assert_eq!(timeline.now().unwrap().seq, 9, "the newest reading stays");
    }

    #[test]
    fn a_minute_is_kept() {
        let mut timeline = Timeline::new(1);
        for bin in 0..1_000 {
            timeline.labelled(at(bin), u64::from(bin), 0, false);
        }
        assert_eq!(timeline.bins().count(), N_BINS);
        timeline.labelled(at(100_000), 5, 0, false);
        assert_eq!(timeline.bins().map(|(bin, _)| bin.n).sum::<u32>(), 1);
    }

    #[test]
    fn a_clock_that_goes_back_loses_nothing() {
        let mut timeline = Timeline::new(1);
        timeline.labelled(at(5), 0, 0, false);
        timeline.labelled(at(3), 1, 0, false);
        assert_eq!(timeline.bins().map(|(bin, _)| bin.n).sum::<u32>(), 2);
    }
}
