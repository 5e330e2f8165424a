//! Distances by the definition, without adding the zeros.
//!
//! A one-hot feature that is 0 in the query and in the row adds exactly nothing, and to add nothing changes no sum of
//! squares or of absolute values. So only the features that are in no group, the members that are not 0 in the query
//! and those that are 1 in the row are looked at, in feature order: of Covertype's 54 features 14 at most, if the
//! query is one-hot too. A feature of weight 0 is divided by an infinite scale, 0 wherever it is prepared, and goes the
//! same way.

use super::leaves::Leaves;
use crate::compact::{Columns, Feature};
use crate::measure::Measure;
use crate::question::Question;

/// What one query has to look at in every row.
#[derive(Debug)]
pub(super) struct Exact {
    /// Of each feature: what 0 is when prepared, if it is a member of a group or ignored.
    zeros: Vec<Option<f64>>,
    /// Whether each group's members come after those of the group before: false only for files that others wrote.
    is_ordered: bool,
    /// Ascending; members that are 0 in the query are not among them.
    features: Vec<usize>,
}

impl Exact {
    pub(super) fn new(columns: &Columns, measure: &Measure) -> Self {
        let mut zeros = Vec::with_capacity(columns.features.len());
        for (feature, form) in columns.features.iter().enumerate() {
            let prepared = measure.prepare(feature, 0.0);
            zeros.push(matches!(form, Feature::Member { .. } | Feature::Ignored).then_some(prepared));
        }
        let (mut is_ordered, mut last) = (true, 0);
        for group in &columns.groups {
            for &member in &group.members {
                is_ordered &= last <= member;
                last = member;
            }
        }
        Self {
            zeros,
            is_ordered,
            features: Vec::with_capacity(columns.features.len()),
        }
    }

    pub(super) fn prepare(&mut self, question: &Question<'_>) {
        self.features.clear();
        for (feature, prepared) in question.prepared.iter().enumerate() {
            if !self.is_ordered || self.zeros[feature] != Some(*prepared) {
                self.features.push(feature);
            }
        }
    }

    /// Squared (Manhattan: plain) distance of the query that was prepared to the row in a lane of a leaf.
    pub(super) fn distance(&self, question: &Question<'_>, leaves: &Leaves, leaf: usize, lane: usize) -> f64 {
        let groups = &question.columns.groups;
        let codes = leaves.tiles.codes.of(leaf);
        // What is 1 in the row, to be put between the others by feature. Without order among groups, all their members
        // are in `features` anyway.
        let n_groups = if self.is_ordered { groups.len() } else { 0 };
        let mut ones = groups[..n_groups].iter().zip(codes).filter_map(|(group, codes)| {
            let member = usize::from(codes[lane]).checked_sub(1)?;
            Some(group.members[member])
        });
        let mut next_one = ones.next();
        let mut sum = 0.0;
        for &feature in &self.features {
            while let Some(one) = next_one.filter(|one| *one <= feature) {
                if one < feature {
                    sum += question.cost(one, 1.0);
                }
                next_one = ones.next();
            }
            sum += question.cost(feature, leaves.value(question.columns, leaf, lane, feature));
        }
        while let Some(one) = next_one {
            sum += question.cost(one, 1.0);
            next_one = ones.next();
        }
        sum
    }

    /// Memory held.
    pub(super) fn n_bytes(&self) -> usize {
        size_of_val(&self.zeros[..]) + size_of::<usize>() * self.features.capacity()
    }
}
