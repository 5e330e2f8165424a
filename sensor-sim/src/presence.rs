//! Which features of a source still come, and which have stayed away for so long that they have left. [`Presence`].

/// A feature has left when this many readings in a row lack it. Arbitrary: soon made up for, yet more than the pause of a
/// feature that a sensor sends with every tenth reading or so.
pub(crate) const LEFT_AFTER: usize = 100;

/// How long each feature has been lacking.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    /// For each feature, how many readings in a row have lacked it.
    n_lacking: Vec<usize>,
}

impl Presence {
    /// Of so many features that have all just come.
    pub(crate) fn new(n_features: usize) -> Self {
        Self {
            n_lacking: vec![0; n_features],
        }
    }

    /// Notes what a reading has: a finite value for each feature that it does not lack.
    pub(crate) fn observe(&mut self, features: &[f64]) {
        for (n, value) in self.n_lacking.iter_mut().zip(features) {
            *n = if value.is_finite() { 0 } else { *n + 1 };
        }
    }

    /// The features that have left, by their positions; none if all have, as of a source that sends no value at all.
    pub(crate) fn left(&self) -> Vec<usize> {
        let left: Vec<usize> = (0..self.n_lacking.len())
            .filter(|&idx| self.n_lacking[idx] >= LEFT_AFTER)
            .collect();
        if left.len() == self.n_lacking.len() {
            return Vec::new();
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_leaves_when_it_stays_away_and_another_comes() {
        let mut presence = Presence::new(3);
        for n in 0..LEFT_AFTER {
            assert!(presence.left().is_empty(), "{n}");
            // The second comes now and then.
            let now_and_then = if n == 50 { 1.0 } else { f64::NAN };
            presence.observe(&[1.0, now_and_then, f64::NAN]);
        }
        assert_eq!(presence.left(), [2]);
        presence.observe(&[1.0, 1.0, 0.0]);
        assert!(presence.left().is_empty());
    }

    #[test]
    fn not_all_leave() {
        let mut presence = Presence::new(2);
        for _ in 0..2 * LEFT_AFTER {
            presence.observe(&[f64::NAN; 2]);
        }
        assert!(presence.left().is_empty());
    }
}
