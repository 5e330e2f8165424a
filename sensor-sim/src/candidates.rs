//! Models that are there before the sensors are, and which of them is for a source: by the names of its features.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::ModelFile;

/// Names that an explanation lists of each kind.
const MAX_NAMED: usize = 5;

/// A model that may label sources.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// What people call it, e.g. `--model boiler.safetensors`.
    pub(crate) origin: String,
    pub(crate) feature_names: Vec<String>,
    pub(crate) class_names: Vec<String>,
    pub(crate) file: Arc<ModelFile>,
}

/// Which model a source gets.
#[derive(Debug)]
pub(crate) enum Choice<'a> {
    /// This one; the numbers say for each feature of the model which one of the source it is.
    Model(&'a Candidate, Vec<usize>),
    /// None, though this is why the nearest is not it.
    Near(String),
    /// None, and none is near.
    None,
}

/// Chooses by name: a model is for a source if both have the same features, in whatever order. A source with a feature
/// too many or too few gets no model, but is told what it is that differs: to leave a measurement out, or to make one up,
/// is nobody's business but the person's who knows the sensor.
pub(crate) fn choose<'a>(candidates: &'a [Candidate], names: &[String]) -> Choice<'a> {
    let own: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut nearest: Option<(usize, &Candidate)> = None;
    for candidate in candidates {
        let order: Option<Vec<usize>> = candidate
            .feature_names
            .iter()
            .map(|wanted| names.iter().position(|name| name == wanted))
            .collect();
        if let Some(order) = order
            && order.len() == names.len()
        {
            return Choice::Model(candidate, order);
        }
        let n_common = candidate
            .feature_names
            .iter()
            .filter(|name| own.contains(name.as_str()))
            .count();
        if n_common > nearest.map_or(0, |(n, _)| n) {
            nearest = Some((n_common, candidate));
        }
    }
    nearest.map_or(Choice::None, |(_, candidate)| {
        Choice::Near(difference(candidate, &own))
    })
}

fn difference(candidate: &Candidate, own: &BTreeSet<&str>) -> String {
    let wanted: BTreeSet<&str> = candidate.feature_names.iter().map(String::as_str).collect();
    let list =
        |names: Vec<&str>, what: &str| (!names.is_empty()).then(|| format!("{what} {}", listed(&names)));
    let missing = list(wanted.difference(own).copied().collect(), "this source lacks");
    let extra = list(
        own.difference(&wanted).copied().collect(),
        "the model does not know",
    );
    let parts: Vec<String> = missing.into_iter().chain(extra).collect();
    format!(
        "the model of {} is for other features: {}",
        candidate.origin,
        parts.join("; ")
    )
}

/// The names, with commas between them; of many the first.
pub(crate) fn listed(names: &[&str]) -> String {
    match names.get(..MAX_NAMED) {
        Some(shown) if names.len() > MAX_NAMED => {
            format!("{} and {} more", shown.join(", "), names.len() - MAX_NAMED)
        }
        _ => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use classifier::{Knn, KnnOptions, ModelMetadata, Preparation, RowMajor};

    use super::*;

    fn candidate(origin: &str, features: &[&str]) -> Candidate {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let metadata = ModelMetadata {
            class_names: names(&["x", "y"]),
            feature_names: names(features),
            source: origin.to_owned(),
        };
        let values = vec![0.0; features.len() * 6];
        let rows = RowMajor::new(&values, features.len());
        let knn = Knn::fit(&rows, &[0, 1, 0, 1, 0, 1], 2, &KnnOptions::default()).unwrap();
        Candidate {
            origin: origin.to_owned(),
            feature_names: metadata.feature_names.clone(),
            class_names: metadata.class_names.clone(),
            file: Arc::new(ModelFile::new(&knn, &metadata, Preparation::Raw).unwrap()),
        }
    }

    #[test]
    fn a_model_is_chosen_by_the_names_in_any_order() {
        let candidates = [candidate("one", &["a", "b"]), candidate("two", &["a", "b", "c"])];
        let choose = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            match super::choose(&candidates, &names) {
                Choice::Model(candidate, order) => format!("{} {order:?}", candidate.origin),
                Choice::Near(reason) => reason,
                Choice::None => String::new(),
            }
        };
        assert_eq!(choose(&["b", "a"]), "one [1, 0]");
        assert_eq!(choose(&["c", "a", "b"]), "two [1, 2, 0]");
        assert_eq!(
            choose(&["a", "b", "d"]),
            "the model of one is for other features: the model does not know d"
        );
        assert_eq!(
            choose(&["b", "c", "f1", "f2", "f3", "f4", "f5", "f6"]),
            "the model of two is for other features: this source lacks a; the model does not know f1, f2, f3, f4, f5 and \
             1 more"
        );
        assert_eq!(choose(&["A"]), "");
        assert_eq!(choose(&[]), "");
    }
}
