//! A classifier whose rows come and go: a growing set, or the latest rows of a stream.
//!
//! [`OnlineKnn`] answers as [`Knn`](crate::Knn) does, to the last bit, at any time of a changing set of rows; the number of
//! a row, counted from the first insertion, takes the row's place in the rule for ties. Insertion and
//! removal, and so a step of the window, cost O(log n) node visits and no rebuild (`online/rtree.rs`); a query costs O(log n) where rows
//! have structure and up to O(n) where they have none, and allocates nothing. Rows are kept as prepared f64 and
//! take about twice 8 bytes a value, room and boxes included: for a set that stays as it is, `Knn` is smaller and faster.
//! (Covertype, 54 features, a window of 100,000: insertion and removal 9 µs, a query 90 µs, brute force in the same run
//! 31 ms; `examples/online_speed.rs`, one core of a shared server.)
//!
//! Nothing can be fitted to rows that are not there yet, and a scaling that changed with each row would change all
//! distances with it: features are taken raw or by a scaling that the caller has fitted once, to a first part of the stream.

mod nodes;
mod rtree;
mod table;

use std::fmt;
use std::num::NonZeroUsize;

use kernels::Nearest;

use self::rtree::RTree;
use crate::builder::check_counts;
use crate::knn::write_neighbours;
use crate::measure::Measure;
use crate::votes::Votes;
use crate::{
    ClassId, Classification, FitError, InsertError, KnnOptions, Metric, Neighbour, QueryError, Scaling,
    Voting,
};

/// How an [`OnlineKnn`] classifies and what it keeps.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlineOptions {
    /// How many neighbours vote, `1..=255`; with fewer rows all of them do.
    pub k: usize,
    /// The distance.
    pub metric: Metric,
    /// What each neighbour's vote is worth.
    pub voting: Voting,
    /// How much each prepared feature counts, as [`KnnOptions::feature_weights`].
    pub feature_weights: Vec<f64>,
    /// A preparation that was fitted before; `None` takes features as they are.
    pub scaling: Option<Scaling>,
    /// How many rows are kept: at the next insertion the oldest leaves. `None` keeps all.
    pub window: Option<NonZeroUsize>,
}

impl Default for OnlineOptions {
    /// [`KnnOptions::default`], all rows kept.
    fn default() -> Self {
        let KnnOptions {
            k,
            metric,
            voting,
            feature_weights,
            ..
        } = KnnOptions::default();
        Self {
            k,
            metric,
            voting,
            feature_weights,
            scaling: None,
            window: None,
        }
    }
}

/// A classifier that rows can be added to and taken from.
///
/// ```
/// use classifier::{OnlineKnn, OnlineOptions};
///
/// let options = OnlineOptions { k: 1, ..OnlineOptions::default() };
/// let mut knn = OnlineKnn::new(2, 2, &options)?;
/// let first = knn.insert(&[0.0, 0.0], 0)?;
/// let second = knn.insert(&[9.0, 9.0], 1)?;
/// assert_eq!(knn.predict(&[1.0, 0.0])?, 0);
/// assert_eq!(knn.remove(first), Some(0));
/// assert_eq!(knn.neighbours(&[1.0, 0.0])?[0].row, second);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OnlineKnn {
    n_classes: usize,
    options: OnlineOptions,
    measure: Measure,
    tree: RTree,
    /// Rows inserted so far, the number of the next one. At a million a second it lasts for half a million years.
    n_inserted: u64,
    /// Scratch of one query, kept so that the next one need not allocate.
    prepared: Vec<f64>,
    nearest: Nearest,
    neighbours: Vec<Neighbour<u64>>,
    votes: Votes,
}

/// Its size and options: the rows would fill screens.
impl fmt::Debug for OnlineKnn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnlineKnn")
            .field("n_rows", &self.n_rows())
            .field("n_features", &self.n_features())
            .field("n_classes", &self.n_classes)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl OnlineKnn {
    /// No rows yet, of `n_features` and with labels below `n_classes`; not every class need ever occur.
    ///
    /// # Errors
    ///
    /// [`FitError::TooManyFeatures`] above 2^18, [`FitError::TooManyClasses`] above 2^20, [`FitError::KOutOfRange`] unless
    /// `1 <= k <= 255`, [`FitError::FeatureWeightCount`], [`FitError::FeatureWeightOutOfRange`],
    /// [`FitError::NoFeatureWeighs`], [`FitError::Scaling`] unless it has a finite
    /// offset and a positive, finite scale for each feature.
    pub fn new(n_features: usize, n_classes: usize, options: &OnlineOptions) -> Result<Self, FitError> {
        let weights = &options.feature_weights;
        check_counts(n_features, n_classes)?;
        KnnOptions::check(options.k, weights, n_features)?;
        if options
            .scaling
            .as_ref()
            .is_some_and(|scaling| !scaling.is_usable(n_features))
        {
            return Err(FitError::Scaling { n_features });
        }
        let measure = Measure::new(options.metric, options.scaling.as_ref(), weights, n_features);
        Ok(Self {
            n_classes,
            options: options.clone(),
            tree: RTree::new(&measure.weight_roots),
            measure,
            n_inserted: 0,
            prepared: Vec::with_capacity(n_features),
            nearest: Nearest::new(options.k),
            neighbours: Vec::with_capacity(options.k),
            votes: Votes::new(n_classes),
        })
    }

    /// Adds a row and returns its number: 0 for the first, then 1 and so on, never the same again. If the window is full,
    /// the oldest row leaves.
    ///
    /// # Errors
    ///
    /// [`InsertError::Features`] as for a query, [`InsertError::LabelOutOfRange`]. Nothing has changed then.
    pub fn insert(&mut self, features: &[f64], label: ClassId) -> Result<u64, InsertError> {
        if label as usize >= self.n_classes {
            return Err(InsertError::LabelOutOfRange {
                label,
                n_classes: self.n_classes,
            });
        }
        self.measure.prepare_query(features, &mut self.prepared)?;
        if self
            .options
            .window
            .is_some_and(|window| self.n_rows() >= window.get())
        {
            self.remove_oldest();
        }
        let row = self.n_inserted;
        self.n_inserted += 1;
        self.tree.insert(row, &self.prepared, label);
        Ok(row)
    }

    /// Takes a row out and returns its label; `None` if there never was such a row or it has left already.
    pub fn remove(&mut self, row: u64) -> Option<ClassId> {
        self.tree.remove(row)
    }

    /// Takes the oldest row out and returns its number, if there is one.
    pub fn remove_oldest(&mut self) -> Option<u64> {
        let row = self.oldest()?;
        self.remove(row)?;
        Some(row)
    }

    /// The number of the oldest row that is there.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        self.tree.first_row()
    }

    /// How many rows there are now.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.tree.len()
    }

    /// How many features a row and a query have to have.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.measure.n_features()
    }

    /// How many classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// How it classifies and what it keeps.
    #[must_use]
    pub fn options(&self) -> &OnlineOptions {
        &self.options
    }

    /// The label of a row; `None` if there never was such a row or it has left.
    #[must_use]
    pub fn label(&self, row: u64) -> Option<ClassId> {
        self.tree.class(row)
    }

    /// Bytes held for the rows and the boxes around them, without the table of row numbers. Room that rows have left is
    /// kept for the next ones.
    #[must_use]
    pub fn index_bytes(&self) -> usize {
        self.tree.n_bytes()
    }

    /// The k nearest rows, by (distance, number) ascending; all rows if there are fewer, none if there are none. Valid
    /// until the next query.
    ///
    /// # Errors
    ///
    /// [`QueryError::FeatureCount`], [`QueryError::NotFinite`] with the feature, [`QueryError::Overflow`] where
    /// scaling leaves the range of f64.
    pub fn neighbours(&mut self, query: &[f64]) -> Result<&[Neighbour<u64>], QueryError> {
        self.search(query)?;
        Ok(&self.neighbours)
    }

    /// Class, neighbours and class shares by one search.
    ///
    /// # Errors
    ///
    /// As [`OnlineKnn::neighbours`], and [`QueryError::NoRows`].
    pub fn classify(&mut self, query: &[f64]) -> Result<Classification<'_, u64>, QueryError> {
        let class = self.predict(query)?;
        Ok(Classification {
            class,
            neighbours: &self.neighbours,
            shares: self.votes.shares(),
        })
    }

    /// The class with most votes by [`Voting`]; equal votes go to the smallest class.
    ///
    /// # Errors
    ///
    /// As [`OnlineKnn::neighbours`], and [`QueryError::NoRows`].
    pub fn predict(&mut self, query: &[f64]) -> Result<ClassId, QueryError> {
        self.search(query)?;
        if self.neighbours.is_empty() {
            return Err(QueryError::NoRows);
        }
        let class_of = |row| self.tree.class(row).expect("a neighbour is a row");
        Ok(self.votes.count(self.options.voting, &self.neighbours, class_of))
    }

    /// Checks and prepares the query and fills `neighbours`.
    fn search(&mut self, query: &[f64]) -> Result<(), QueryError> {
        self.measure.prepare_query(query, &mut self.prepared)?;
        self.nearest.clear();
        self.tree
            .nearest(&self.prepared, &self.measure, &mut self.nearest);
        write_neighbours(
            &self.nearest,
            self.options.metric,
            |row| row,
            &mut self.neighbours,
        );
        Ok(())
    }
}
