//! The class of every training row, in the narrowest unsigned integer that holds them all.

use crate::ClassId;

/// One class per row.
#[derive(Debug)]
pub(crate) enum Labels {
    /// Up to 256 classes.
    U8(Vec<u8>),
    /// Up to 65,536 classes.
    U16(Vec<u16>),
    /// More.
    U32(Vec<u32>),
}

impl Labels {
    /// Room for classes below `n_classes`.
    pub(crate) fn new(n_classes: usize) -> Self {
        match n_classes {
            0..=0x100 => Self::U8(Vec::new()),
            0x101..=0x1_0000 => Self::U16(Vec::new()),
            _ => Self::U32(Vec::new()),
        }
    }

    /// Adds `labels`, all below the number of classes.
    pub(crate) fn extend(&mut self, labels: &[ClassId]) {
        // `as` cannot cut anything off: every label is below n_classes, which chose the arm.
        match self {
            Self::U8(to) => to.extend(labels.iter().map(|&label| label as u8)),
            Self::U16(to) => to.extend(labels.iter().map(|&label| label as u16)),
            Self::U32(to) => to.extend_from_slice(labels),
        }
    }

    /// Gives back the room for more.
    pub(crate) fn shrink_to_fit(&mut self) {
        match self {
            Self::U8(labels) => labels.shrink_to_fit(),
            Self::U16(labels) => labels.shrink_to_fit(),
            Self::U32(labels) => labels.shrink_to_fit(),
        }
    }

    /// The class of `row`.
    pub(crate) fn get(&self, row: usize) -> ClassId {
        match self {
            Self::U8(labels) => labels[row].into(),
            Self::U16(labels) => labels[row].into(),
            Self::U32(labels) => labels[row],
        }
    }

    /// How many rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::U8(labels) => labels.len(),
            Self::U16(labels) => labels.len(),
            Self::U32(labels) => labels.len(),
        }
    }

    /// The largest class present, `None` without rows.
    pub(crate) fn max(&self) -> Option<ClassId> {
        match self {
            Self::U8(labels) => labels.iter().max().map(|&label| label.into()),
            Self::U16(labels) => labels.iter().max().map(|&label| label.into()),
            Self::U32(labels) => labels.iter().max().copied(),
        }
    }

    /// Memory held.
    pub(crate) fn n_bytes(&self) -> usize {
        match self {
            Self::U8(labels) => labels.len(),
            Self::U16(labels) => 2 * labels.len(),
            Self::U32(labels) => 4 * labels.len(),
        }
    }
}
