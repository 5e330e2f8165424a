//! The k-nearest-neighbour classifier: training rows and labels in, neighbours, votes and classes out.
//!
//! A fitted [`Knn`] holds its rows compacted (`compact.rs`) and answers through one of three engines with the same
//! results: `tree.rs`, `scan.rs` or `textbook.rs`. Queries borrow it mutably because their scratch space lives in it:
//! but for the textbook engine they allocate nothing.
//!
//! Source: T. Cover and P. Hart, "Nearest neighbor pattern classification", IEEE Trans. Inf. Theory 13(1), 1967.

use std::borrow::Cow;
use std::fmt;

use kernels::Nearest;

use crate::compact::Columns;
use crate::labels::Labels;
use crate::measure::Measure;
use crate::pace::Pace;
use crate::parts::{SPREAD_UNITS, by_falling_spread};
use crate::question::Question;
use crate::scan::{ROUNDING_UNITS, Scan};
#[cfg(feature = "textbook")]
use crate::textbook::Textbook;
use crate::tree::{Order, Tree, n_units_of_axes};
use crate::votes::Votes;
use crate::{
    ClassId, Description, EngineKind, FitError, KnnBuilder, KnnOptions, Metric, QueryError, Rows, Scaling,
    StorageSummary,
};

/// A training row with its distance to the query point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour<R = u32> {
    /// Row in the training set; in an [`OnlineKnn`](crate::OnlineKnn) its number of type u64.
    pub row: R,
    /// Distance by the model's metric (not its square), between prepared vectors.
    pub distance: f64,
}

/// Writes what was found, nearest first, with distances instead of their squares.
pub(crate) fn write_neighbours<R>(
    nearest: &Nearest,
    metric: Metric,
    row: fn(u64) -> R,
    neighbours: &mut Vec<Neighbour<R>>,
) {
    neighbours.clear();
    neighbours.extend(nearest.found().iter().map(|candidate| Neighbour {
        row: row(candidate.row),
        distance: match metric {
            Metric::Euclidean => candidate.dist.sqrt(),
            Metric::Manhattan => candidate.dist,
        },
    }));
}

/// What one search says of a query point. Valid until the next query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Classification<'a, R = u32> {
    /// The class with most votes by [`Voting`](crate::Voting); equal votes go to the smallest class.
    pub class: ClassId,
    /// The k nearest rows, by (distance, row) ascending.
    pub neighbours: &'a [Neighbour<R>],
    /// The share of the votes that each class got, `n_classes` long, summing to 1 within rounding.
    pub shares: &'a [f64],
}

/// A fitted classifier.
pub struct Knn {
    /// Without values where a tree holds them.
    columns: Columns,
    pub(crate) labels: Labels,
    pub(crate) n_classes: usize,
    pub(crate) options: KnnOptions,
    /// What was fitted to the training rows, for the model file.
    pub(crate) preparation: Option<Scaling>,
    /// What distances are made of.
    measure: Measure,
    /// What [`EngineKind::Auto`] counted.
    pub(crate) visited_ppm: Option<u32>,
    engine: Engine,
    /// Scratch of one query, kept so that the next one need not allocate.
    prepared: Vec<f64>,
    nearest: Nearest,
    neighbours: Vec<Neighbour>,
    votes: Votes,
}

enum Engine {
    #[cfg(feature = "textbook")]
    Textbook(Textbook),
    Scan(Box<Scan>),
    Tree(Box<Tree>),
}

/// The share of the leaves, in millionths, up to which a tree is taken to pay.
///
/// A tree spends on a leaf that it looks at two to two and a half times what the scan spends on as many rows. On
/// independent uniform features the scan takes 1.1 (floats) to 1.4 times (integers) the tree's time where the tree looks at
/// 33 % (thirteen features), and 0.9 to 1.1 times where it looks at 45 % (fourteen): `examples/scan_speed.rs uniform`.
const MAX_VISITED_PPM: u32 = 400_000;

/// Its description: the training rows would fill screens.
impl fmt::Debug for Knn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Knn").field(&self.describe()).finish()
    }
}

impl Knn {
    /// Fits to `rows` with one label each, all labels below `n_classes`.
    ///
    /// # Errors
    ///
    /// [`FitError::KOutOfRange`] unless `1 <= k <= 255`, [`FitError::NoRows`], [`FitError::TooManyRows`],
    /// [`FitError::TooManyFeatures`], [`FitError::TooManyClasses`],
    /// [`FitError::LabelCount`], [`FitError::LabelOutOfRange`], [`FitError::NotFinite`] with row and feature,
    /// [`FitError::Overflow`] where scaling leaves the range of f64, [`FitError::FeatureWeightCount`],
    /// [`FitError::FeatureWeightOutOfRange`], [`FitError::NoFeatureWeighs`], [`FitError::TextbookMissing`].
    pub fn fit(
        rows: &impl Rows,
        labels: &[ClassId],
        n_classes: usize,
        options: &KnnOptions,
    ) -> Result<Self, FitError> {
        let mut builder = KnnBuilder::new(rows.n_features(), n_classes, options)?;
        builder.push(rows, labels)?;
        builder.finish()
    }

    /// Puts checked parts together: options that [`KnnOptions::check`] accepts, a preparation that is finite and
    /// divides by nothing that is 0, as many labels as rows. `order` is the tree's where the engine is to be `Tree`; `Auto`
    /// sorts and counts anew.
    pub(crate) async fn assemble(
        mut columns: Columns,
        labels: Labels,
        n_classes: usize,
        options: KnnOptions,
        preparation: Option<Scaling>,
        order: Option<Order>,
        pace: &Pace,
    ) -> Result<Self, FitError> {
        let weights = &options.feature_weights;
        let measure = Measure::new(
            options.metric,
            preparation.as_ref(),
            weights,
            columns.n_features(),
        );
        // Preparation is monotone: if both ends of a column stay finite, all of it does.
        let overflows = |&feature: &usize| {
            let (min, max) = columns.range(feature);
            let ends = [measure.prepare(feature, min), measure.prepare(feature, max)];
            let is_scaled = |scaling: &Scaling| scaling.scale[feature].is_finite();
            !(preparation.as_ref().is_none_or(is_scaled) && ends.iter().all(|end| end.is_finite()))
        };
        if let Some(feature) = (0..columns.n_features()).find(overflows) {
            return Err(FitError::Overflow { feature });
        }
        let n_columns = columns.shorts.len() + columns.singles.len() + columns.doubles.len();
        let of_axes = match options.engine {
            EngineKind::Textbook | EngineKind::Scan => 0,
            EngineKind::Tree | EngineKind::Auto => n_units_of_axes(&columns, &measure),
        };
        pace.expect(Self::n_units(options.engine, columns.n_rows, n_columns) + of_axes);
        let mut visited_ppm = None;
        let engine = match options.engine {
            #[cfg(not(feature = "textbook"))]
            EngineKind::Textbook => return Err(FitError::TextbookMissing),
            #[cfg(feature = "textbook")]
            EngineKind::Textbook => Engine::Textbook(Textbook::new(&columns, &measure)),
            EngineKind::Scan => {
                let parts = by_falling_spread(&columns, &measure, pace).await;
                let scan = Scan::new(&columns, &measure, &parts, pace);
                Engine::Scan(Box::new(scan.await))
            }
            EngineKind::Tree | EngineKind::Auto => {
                let parts = by_falling_spread(&columns, &measure, pace).await;
                let tree = match order {
                    Some(order) if options.engine == EngineKind::Tree => {
                        Tree::new(&columns, &measure, order, pace).await
                    }
                    _ => {
                        let is_auto = options.engine == EngineKind::Auto;
                        let best = Tree::best(&columns, &measure, options.k, &parts, is_auto, pace);
                        let (tree, visited) = best.await;
                        visited_ppm = visited.filter(|_| is_auto);
                        tree
                    }
                };
                if visited_ppm.is_none_or(|ppm| ppm <= MAX_VISITED_PPM) {
                    columns.release();
                    Engine::Tree(Box::new(tree))
                } else {
                    drop(tree);
                    let scan = Scan::new(&columns, &measure, &parts, pace);
                    Engine::Scan(Box::new(scan.await))
                }
            }
        };
        Ok(Self {
            prepared: Vec::with_capacity(columns.n_features()),
            nearest: Nearest::new(options.k),
            neighbours: Vec::with_capacity(options.k),
            votes: Votes::new(n_classes),
            columns,
            labels,
            n_classes,
            options,
            preparation,
            measure,
            visited_ppm,
            engine,
        })
    }

    /// About what [`Knn::assemble`] spends on `n_rows` of `n_columns` that are not in groups.
    pub(crate) fn n_units(engine: EngineKind, n_rows: usize, n_columns: usize) -> u64 {
        let of_tree = match engine {
            EngineKind::Textbook | EngineKind::Scan => 0,
            EngineKind::Tree | EngineKind::Auto => {
                Order::n_units(n_rows, n_columns) + Tree::n_units(n_rows, n_columns)
            }
        };
        (SPREAD_UNITS + ROUNDING_UNITS) as u64 * n_rows as u64 * n_columns as u64 + of_tree
    }

    /// The order of the tree's rows, if a tree answers.
    pub(crate) fn order(&self) -> Option<Order> {
        match &self.engine {
            Engine::Tree(tree) => Some(tree.order()),
            _ => None,
        }
    }

    /// The columns with all their values, wherever those are.
    pub(crate) fn columns(&self) -> Cow<'_, Columns> {
        match &self.engine {
            Engine::Tree(tree) => Cow::Owned(tree.restore(&self.columns)),
            _ => Cow::Borrowed(&self.columns),
        }
    }

    /// How many training rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.columns.n_rows()
    }

    /// How many features a query has to have.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.columns.n_features()
    }

    /// How many classes.
    #[must_use]
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }

    /// What was fitted.
    #[must_use]
    pub fn options(&self) -> &KnnOptions {
        &self.options
    }

    /// The class of a training row.
    ///
    /// # Panics
    ///
    /// Unless `row` is one, as every [`Neighbour::row`] is.
    #[must_use]
    pub fn label(&self, row: u32) -> ClassId {
        self.labels.get(row as usize)
    }

    /// What was chosen for these training rows, and why.
    #[must_use]
    pub fn describe(&self) -> Description {
        let (engine, engine_bytes, is_integer) = match &self.engine {
            #[cfg(feature = "textbook")]
            Engine::Textbook(textbook) => (EngineKind::Textbook, textbook.n_bytes(), false),
            Engine::Scan(scan) => (EngineKind::Scan, scan.n_bytes(), scan.is_integer()),
            Engine::Tree(tree) => (EngineKind::Tree, tree.n_bytes(), tree.is_integer()),
        };
        let n_axes = match &self.engine {
            Engine::Tree(tree) => tree.n_axes(),
            _ => None,
        };
        let weights = &self.options.feature_weights;
        Description {
            n_rows: self.n_rows(),
            n_features: self.n_features(),
            n_classes: self.n_classes,
            k: self.options.k,
            metric: self.options.metric,
            voting: self.options.voting,
            preparation: self.options.preparation,
            n_weighted: weights.iter().filter(|weight| **weight != 1.0).count(),
            engine,
            visited_ppm: self.visited_ppm,
            n_axes,
            index_bytes: self.columns.n_bytes() + self.labels.n_bytes() + engine_bytes,
            storage: StorageSummary::new(&self.columns),
            is_integer,
        }
    }

    /// The k nearest rows, by (distance, row) ascending; all rows if there are fewer. Valid until the next query.
    ///
    /// # Errors
    ///
    /// [`QueryError::FeatureCount`], [`QueryError::NotFinite`] with the feature, [`QueryError::Overflow`] where
    /// scaling leaves the range of f64.
    pub fn neighbours(&mut self, query: &[f64]) -> Result<&[Neighbour], QueryError> {
        self.search(query)?;
        Ok(&self.neighbours)
    }

    /// Class, neighbours and class shares by one search.
    ///
    /// # Errors
    ///
    /// As [`Knn::neighbours`].
    pub fn classify(&mut self, query: &[f64]) -> Result<Classification<'_>, QueryError> {
        let class = self.predict(query)?;
        Ok(Classification {
            class,
            neighbours: &self.neighbours,
            shares: self.votes.shares(),
        })
    }

    /// The class with most votes by [`Voting`](crate::Voting); equal votes go to the smallest class.
    ///
    /// # Errors
    ///
    /// As [`Knn::neighbours`].
    pub fn predict(&mut self, query: &[f64]) -> Result<ClassId, QueryError> {
        self.search(query)?;
        let class_of = |row| self.labels.get(row as usize);
        Ok(self.votes.count(self.options.voting, &self.neighbours, class_of))
    }

    /// Checks and prepares the query and fills `neighbours`.
    fn search(&mut self, query: &[f64]) -> Result<(), QueryError> {
        self.measure.prepare_query(query, &mut self.prepared)?;
        self.nearest.clear();
        let question = Question {
            columns: &self.columns,
            measure: &self.measure,
            query,
            prepared: &self.prepared,
        };
        match &mut self.engine {
            #[cfg(feature = "textbook")]
            Engine::Textbook(textbook) => self.nearest.set(&textbook.nearest(&question, self.options.k)),
            Engine::Scan(scan) => scan.nearest(&question, &mut self.nearest),
            Engine::Tree(tree) => tree.nearest(&question, &mut self.nearest),
        }
        // Rows are counted in 32 bits.
        write_neighbours(
            &self.nearest,
            self.options.metric,
            |row| row as u32,
            &mut self.neighbours,
        );
        Ok(())
    }
}
