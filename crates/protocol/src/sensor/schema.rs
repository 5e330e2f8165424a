//! The schema of a source: which features, in which order, and which classes; found from its readings or declared.

use std::collections::HashMap;

use super::SensorReading;
use super::error::quoted;

/// Most names that an error lists.
const MAX_LISTED: usize = 8;

/// What a source's readings are made of.
///
/// Features found from readings keep the order in which they first appeared, and none ever goes: a reading without one of
/// them has NaN in its place, so a device that sends now these and now those of its sensors has one schema. A new name,
/// a new class, and the first unit of a feature, is a new revision. Declared features, or classes, stay as they are and nothing else is accepted.
#[derive(Debug, Clone)]
pub struct SourceSchema {
    names: Vec<String>,
    units: Vec<Option<String>>,
    positions: HashMap<String, usize>,
    is_declared: bool,
    max_features: usize,
    classes: Vec<String>,
    class_ids: HashMap<String, u32>,
    are_classes_declared: bool,
    max_classes: usize,
    revision: u32,
}

/// A reading as a row of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// One value for each feature of the schema, in its order; NaN is missing.
    pub row: Vec<f64>,
    /// Class id of the true label, a position in [`SourceSchema::classes`].
    pub true_label: Option<u32>,
    /// Whether this reading has changed the schema.
    pub is_new_revision: bool,
}

/// Why a reading, label or declaration does not go with a schema; the schema is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the messages say what the fields are")]
pub enum SchemaError {
    #[error("unknown features {unknown}; declared are {declared}")]
    UnknownFeatures { unknown: String, declared: String },
    #[error("expected at most {max} features of one source, got {actual} with {new} as new ones")]
    TooManyFeatures { max: usize, actual: usize, new: String },
    #[error("unknown class `{label}`; declared are {declared}")]
    UnknownClass { label: String, declared: String },
    #[error(
        "expected at most {max} classes of one source, got `{label}` as one more; if it is a measurement, rename it"
    )]
    TooManyClasses { max: usize, label: String },
    #[error("`{name}` is declared twice")]
    DeclaredTwice { name: String },
}

impl Default for SourceSchema {
    /// Found from readings, with at most 4,096 features and 1,000 classes.
    fn default() -> Self {
        Self::new(4096, 1000)
    }
}

impl SourceSchema {
    /// A schema to be found from readings, with at most so many features and classes.
    #[must_use]
    pub fn new(max_features: usize, max_classes: usize) -> Self {
        Self {
            names: Vec::new(),
            units: Vec::new(),
            positions: HashMap::new(),
            is_declared: false,
            max_features,
            classes: Vec::new(),
            class_ids: HashMap::new(),
            are_classes_declared: false,
            max_classes,
            revision: 0,
        }
    }

    /// Declares all features, each with its unit where known; the schema then is at least at revision 1.
    ///
    /// # Errors
    ///
    /// [`SchemaError::DeclaredTwice`] or [`SchemaError::TooManyFeatures`].
    pub fn with_features(mut self, features: Vec<(String, Option<String>)>) -> Result<Self, SchemaError> {
        if features.len() > self.max_features {
            return Err(SchemaError::TooManyFeatures {
                max: self.max_features,
                actual: features.len(),
                new: listed(
                    features
                        .iter()
                        .skip(self.max_features)
                        .map(|(name, _)| name.as_str()),
                ),
            });
        }
        (self.names, self.units) = features.into_iter().unzip();
        self.positions.clear();
        for (idx, name) in self.names.iter().enumerate() {
            if self.positions.insert(name.clone(), idx).is_some() {
                let name = quoted(name);
                return Err(SchemaError::DeclaredTwice { name });
            }
        }
        self.is_declared = true;
        self.revision = 1;
        Ok(self)
    }

    /// Declares all classes, class 0 first; the schema then is at least at revision 1.
    ///
    /// # Errors
    ///
    /// [`SchemaError::DeclaredTwice`] or [`SchemaError::TooManyClasses`].
    pub fn with_classes(mut self, classes: Vec<String>) -> Result<Self, SchemaError> {
        self.classes.clear();
        self.class_ids.clear();
        for label in classes {
            if self.class_ids.contains_key(&label) {
                let name = quoted(&label);
                return Err(SchemaError::DeclaredTwice { name });
            }
            self.add_class(&label)?;
        }
        self.are_classes_declared = true;
        self.revision = 1;
        Ok(self)
    }

    /// Names of the features, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.names.iter().map(String::as_str)
    }

    /// Units of the features, in order, where declared or said by the source.
    pub fn units(&self) -> impl ExactSizeIterator<Item = Option<&str>> + Clone {
        self.units.iter().map(Option::as_deref)
    }

    /// Class names; a class id is a position in this list.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Counts up from 1 when features or classes change; 0 before the first reading of a schema that is not declared.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// Makes a row of a reading, and adds what it has new.
    ///
    /// Where the features are declared, a reading of as many features named `f1`, `f2` and so on (an array, rows without
    /// a header) is taken by position.
    ///
    /// # Errors
    ///
    /// [`SchemaError::UnknownFeatures`] or [`SchemaError::UnknownClass`] where they are declared,
    /// [`SchemaError::TooManyFeatures`] or [`SchemaError::TooManyClasses`] otherwise; nothing has changed then.
    pub fn accept(&mut self, reading: &SensorReading) -> Result<Accepted, SchemaError> {
        let features = &reading.features;
        let by_position = self.is_declared && self.is_positional(reading);
        let mut row = vec![f64::NAN; self.names.len()];
        let mut new = Vec::new();
        for (idx, (name, value)) in features.iter().enumerate() {
            // Most readings have all features in the schema's order, which saves the search.
            let position = match self.names.get(idx) {
                Some(expected) if by_position || **expected == **name => Some(idx),
                _ => self.positions.get(&**name).copied(),
            };
            match position {
                Some(position) => row[position] = *value,
                None => new.push((name, *value)),
            }
        }
        if !new.is_empty() {
            let names = || new.iter().map(|(name, _)| &***name);
            if self.is_declared {
                return Err(SchemaError::UnknownFeatures {
                    unknown: listed(names()),
                    declared: listed(self.names()),
                });
            }
            let actual = self.names.len() + new.len();
            if actual > self.max_features {
                return Err(SchemaError::TooManyFeatures {
                    max: self.max_features,
                    actual,
                    new: listed(names()),
                });
            }
        }
        // The last thing that can fail, and it changes nothing then.
        let (true_label, is_new_class) = match &reading.true_label {
            Some(label) => {
                let (class, is_new) = self.class(label)?;
                (Some(class), is_new)
            }
            None => (None, false),
        };
        let mut is_new_revision = is_new_class || !new.is_empty();
        for (name, value) in new {
            self.positions.insert(name.to_string(), self.names.len());
            self.names.push(name.to_string());
            self.units.push(None);
            row.push(value);
        }
        // The first unit holds, since viewers have been told of it.
        for (idx, unit) in reading.units.iter().filter(|_| !self.is_declared) {
            let position = features
                .get(*idx)
                .and_then(|(name, _)| self.positions.get(&**name));
            if let Some(known @ None) = position.map(|&position| &mut self.units[position]) {
                *known = Some(unit.clone());
                is_new_revision = true;
            }
        }
        self.revision += u32::from(is_new_revision);
        Ok(Accepted {
            row,
            true_label,
            is_new_revision,
        })
    }

    /// The class id of a label that came by itself, and whether it is a new class and so a new revision.
    ///
    /// # Errors
    ///
    /// [`SchemaError::UnknownClass`] or [`SchemaError::TooManyClasses`]; nothing has changed then.
    pub fn accept_label(&mut self, label: &str) -> Result<(u32, bool), SchemaError> {
        let (class, is_new) = self.class(label)?;
        self.revision += u32::from(is_new);
        Ok((class, is_new))
    }

    fn class(&mut self, label: &str) -> Result<(u32, bool), SchemaError> {
        match self.class_ids.get(label) {
            Some(&class) => Ok((class, false)),
            None if self.are_classes_declared => Err(SchemaError::UnknownClass {
                label: quoted(label),
                declared: listed(self.classes.iter().map(String::as_str)),
            }),
            None => Ok((self.add_class(label)?, true)),
        }
    }

    fn add_class(&mut self, label: &str) -> Result<u32, SchemaError> {
        let class = u32::try_from(self.classes.len()).ok();
        let Some(class) = class.filter(|_| self.classes.len() < self.max_classes) else {
            return Err(SchemaError::TooManyClasses {
                max: self.max_classes,
                label: quoted(label),
            });
        };
        self.class_ids.insert(label.to_owned(), class);
        self.classes.push(label.to_owned());
        Ok(class)
    }

    /// Whether a reading has as many features as the schema, named by their positions, and the schema's names differ.
    fn is_positional(&self, reading: &SensorReading) -> bool {
        let is_named_by = |name: &str, idx: usize| {
            let number = name.strip_prefix('f').and_then(|digits| digits.parse().ok());
            number == Some(idx + 1)
        };
        let features = &reading.features;
        features.len() == self.names.len()
            && features
                .iter()
                .enumerate()
                .all(|(idx, (name, _))| is_named_by(name, idx) && !self.positions.contains_key(&**name))
    }
}

/// The first few names, in quotes, and how many more there are.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut text = String::new();
    let mut n_more = 0;
    for (idx, name) in names.enumerate() {
        if idx >= MAX_LISTED {
            n_more += 1;
            continue;
        }
        if idx > 0 {
            text.push_str(", ");
        }
        text.push('`');
        text.push_str(&quoted(name));
        text.push('`');
    }
    match (text.is_empty(), n_more) {
        (true, _) => "none".to_owned(),
        (false, 0) => text,
        (false, n_more) => format!("{text} and {n_more} more"),
    }
}
