//! What a fitted classifier says about itself.

use std::fmt;

use kernels::LEAF;

use crate::compact::{Columns, Feature};
use crate::{EngineKind, Metric, Preparation, Voting};

/// What was fitted, how it is stored and which code answers.
///
/// `Display` makes one line of it for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Description {
    /// Training rows.
    pub n_rows: usize,
    /// Features of a row.
    pub n_features: usize,
    /// Classes.
    pub n_classes: usize,
    /// Neighbours that vote.
    pub k: usize,
    /// The distance.
    pub metric: Metric,
    /// What their votes are worth.
    pub voting: Voting,
    /// The preparation.
    pub preparation: Preparation,
    /// Features with another weight than 1 (those with none included, see [`StorageSummary::n_ignored`]).
    pub n_weighted: usize,
    /// Which code answers, never [`EngineKind::Auto`].
    pub engine: EngineKind,
    /// Which share of its leaves a tree looks at for a query, in millionths, as counted with some training rows to choose
    /// the engine; `None` if the engine was asked for outright.
    pub visited_ppm: Option<u32>,
    /// How many principal axes stand in for the features in a tree's boxes; `None` where the boxes are of features.
    pub n_axes: Option<usize>,
    /// Bytes held for the training rows and their labels.
    pub index_bytes: usize,
    /// How the features are stored.
    pub storage: StorageSummary,
    /// Whether queries of integers are answered in integer arithmetic throughout.
    pub is_integer: bool,
}

/// How many features are stored in which form, narrowest first. They add up to `n_features`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct StorageSummary {
    /// Features of weight 0, which are not stored.
    pub n_ignored: usize,
    /// Features with one value throughout: no bytes.
    pub n_constant: usize,
    /// Features in one-hot groups: one byte a row for each group.
    pub n_one_hot: usize,
    /// One-hot groups.
    pub n_groups: usize,
    /// Features of integers or decimals that fit two bytes.
    pub n_short: usize,
    /// Features that are exact in f32.
    pub n_single: usize,
    /// Features that need f64: 12 bytes a row, as scan and tree hold them in f32 as well, to filter by.
    pub n_double: usize,
}

impl StorageSummary {
    pub(crate) fn new(columns: &Columns) -> Self {
        let mut summary = Self {
            n_groups: columns.groups.len(),
            ..Self::default()
        };
        for feature in &columns.features {
            *match feature {
                Feature::Ignored => &mut summary.n_ignored,
                Feature::Constant(_) => &mut summary.n_constant,
                Feature::Member { .. } => &mut summary.n_one_hot,
                Feature::Short(_) => &mut summary.n_short,
                Feature::Single(_) => &mut summary.n_single,
                Feature::Double(_) => &mut summary.n_double,
            } += 1;
        }
        summary
    }
}

impl fmt::Display for StorageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.n_ignored, "of weight 0".to_owned()),
            (self.n_constant, "constant".to_owned()),
            (self.n_one_hot, format!("one-hot in {} bytes", self.n_groups)),
            (self.n_short, "integers or decimals in 16 bits".to_owned()),
            (self.n_single, "exact in 32-bit floats".to_owned()),
            (self.n_double, "in 64-bit floats".to_owned()),
        ];
        let mut separator = "";
        for (n_features, form) in parts.iter().filter(|(n_features, _)| *n_features > 0) {
            write!(f, "{separator}{n_features} {form}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = match (self.engine, self.is_integer) {
            (EngineKind::Textbook, _) => "textbook, every distance in f64 and a full sort",
            (EngineKind::Scan, true) => "scan, whole numbers in integer arithmetic",
            (EngineKind::Tree | EngineKind::Auto, true) => "box tree, whole numbers in integer arithmetic",
            (EngineKind::Tree | EngineKind::Auto, false) => "box tree, f32 filter and f64 recomputation",
            (EngineKind::Scan, false) => "scan, f32 filter and f64 recomputation",
        };
        let share = |ppm: u32| {
            let hundredths = (ppm + 50) / 100;
            format!("{}.{:02} % of the rows", hundredths / 100, hundredths % 100)
        };
        let axes = match self.n_axes {
            Some(n_axes) => format!(", along {n_axes} principal axes"),
            None => String::new(),
        };
        let reason = match (self.engine, self.visited_ppm) {
            (_, None) => String::new(),
            // A tree of one leaf looks at all rows, whatever they are.
            (EngineKind::Scan, Some(_)) if self.n_rows <= LEAF => String::new(),
            (EngineKind::Tree, Some(ppm)) => format!(", as it looks at {}", share(ppm)),
            (_, Some(ppm)) => format!(", as a tree would look at {}", share(ppm)),
        };
        let votes = match self.voting {
            Voting::Uniform => "",
            Voting::Distance => " voting by 1/distance",
        };
        let weights = match self.n_weighted {
            0 => String::new(),
            n_weighted => format!(", {n_weighted} of them weighted"),
        };
        let (tenth, unit) = match self.index_bytes {
            ..100_000 => (100, "kB"),
            _ => (100_000, "MB"),
        };
        let tenths = (self.index_bytes + tenth / 2) / tenth;
        write!(
            f,
            "exact kNN, k = {}{votes}, {} distance, {} features{weights}; {} rows x {} features, {} classes; {}{axes}{} ({}.{} {unit}: {})",
            self.k,
            self.metric,
            self.preparation,
            self.n_rows,
            self.n_features,
            self.n_classes,
            engine,
            reason,
            tenths / 10,
            tenths % 10,
            self.storage,
        )
    }
}
