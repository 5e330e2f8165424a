//! How neighbours vote: one vote each, or by the inverse of their distances.
//!
//! Semantics are those of scikit-learn's `KNeighborsClassifier(weights="uniform" | "distance")`.
//!
//! Source: S. Dudani, "The distance-weighted k-nearest-neighbor rule", IEEE Trans. Syst. Man Cybern. 6(4), 1976, whose
//! second rule is the inverse of the distance.

use std::fmt;

use crate::{ClassId, Neighbour};

/// What a neighbour's vote is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voting {
    /// One, whatever its distance.
    #[default]
    Uniform,
    /// The inverse of its distance; where neighbours are at distance 0, one each, and the others do not vote.
    Distance,
}

impl fmt::Display for Voting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::Distance => "distance",
        })
    }
}

/// Distances up to this count as 0: 255 inverses of it would add up to infinity. scikit-learn's own limit, where a
/// single inverse is infinite, is 256 times smaller.
const NO_DISTANCE: f64 = 256.0 / f64::MAX;

/// The votes of one query, and room for those of the next.
#[derive(Debug)]
pub(crate) struct Votes {
    /// Of each class: what it got, added up in the order of the neighbours.
    sums: Vec<f64>,
    shares: Vec<f64>,
}

impl Votes {
    /// Room for `n_classes`, which is the only allocation.
    pub(crate) fn new(n_classes: usize) -> Self {
        Self {
            sums: vec![0.0; n_classes],
            shares: vec![0.0; n_classes],
        }
    }

    /// Counts the votes of `neighbours`, nearest first, and says which class has most; of equals the smallest.
    pub(crate) fn count<R: Copy>(
        &mut self,
        voting: Voting,
        neighbours: &[Neighbour<R>],
        class_of: impl Fn(R) -> ClassId,
    ) -> ClassId {
        self.sums.fill(0.0);
        let nearest = neighbours.first().map_or(0.0, |nearest| nearest.distance);
        let vote = |neighbour: &Neighbour<R>| match voting {
            Voting::Uniform => 1.0,
            Voting::Distance if nearest <= NO_DISTANCE => {
                f64::from(u8::from(neighbour.distance <= NO_DISTANCE))
            }
            // All distances overflowed: none is nearer than another.
            Voting::Distance if nearest == f64::INFINITY => 1.0,
            Voting::Distance => neighbour.distance.recip(),
        };
        for neighbour in neighbours {
            self.sums[class_of(neighbour.row) as usize] += vote(neighbour);
        }
        let mut winner = 0;
        for (class, &sum) in self.sums.iter().enumerate() {
            if sum > self.sums[winner] {
                winner = class;
            }
        }
        winner as ClassId
    }

    /// The share of the votes that each class got, for the votes counted last.
    pub(crate) fn shares(&mut self) -> &[f64] {
        let total: f64 = self.sums.iter().sum();
        for (share, sum) in self.shares.iter_mut().zip(&self.sums) {
            *share = sum / total;
        }
        &self.shares
    }
}
