//! Single values with times, put together to readings: those of one time are one, in order of time.

use std::collections::{HashMap, HashSet};

/// Values by their time.
#[derive(Debug, Default)]
pub(super) struct Groups<'n> {
    groups: Vec<Group<'n>>,
    /// The last group of a time, by the bits of the time.
    last: HashMap<Option<u64>, usize>,
    /// Names in a group already.
    names: HashSet<(usize, &'n str)>,
}

/// A time, if there is one, and the values of it in order of appearance: name, value, unit.
type Group<'n> = (Option<f64>, Vec<(&'n str, f64, Option<&'n str>)>);

impl<'n> Groups<'n> {
    /// Adds a value; one whose name occurred at this time already begins another reading of the same time.
    pub(super) fn add(&mut self, time: Option<f64>, name: &'n str, value: f64, unit: Option<&'n str>) {
        let idx = self.group(time, name);
        self.groups[idx].1.push((name, value, unit));
    }

    fn group(&mut self, time: Option<f64>, name: &'n str) -> usize {
        let time_bits = time.map(f64::to_bits);
        if let Some(&idx) = self.last.get(&time_bits)
            && self.names.insert((idx, name))
        {
            return idx;
        }
        let idx = self.groups.len();
        self.groups.push((time, Vec::new()));
        self.last.insert(time_bits, idx);
        self.names.insert((idx, name));
        idx
    }

    /// The groups in order of time, those without one first, and of one time in order of appearance.
    pub(super) fn into_sorted(mut self) -> Vec<Group<'n>> {
        let key = |time: Option<f64>| time.unwrap_or(f64::NEG_INFINITY);
        self.groups.sort_by(|a, b| key(a.0).total_cmp(&key(b.0)));
        self.groups
    }
}
