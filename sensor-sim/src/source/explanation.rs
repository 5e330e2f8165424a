//! The sentence in a source's status that says why no model labels it, and what helps.

use super::Feed;
use crate::candidates::listed;
use crate::presence::LEFT_AFTER;

/// For people who wonder why nothing is labelled.
pub(super) fn explanation(feed: &Feed) -> Option<String> {
    const TEACH: &str = "send true labels with the readings, and a model is trained from them";
    match (&feed.near, feed.is_given, &feed.model) {
        (_, true, _) => None,
        (None, _, Some(_)) => feed.failure.as_ref().map(|failure| {
            format!("the model is an earlier one: from the newest labelled readings none could be trained: {failure}")
        }),
        (Some(near), _, Some(_)) => Some(format!(
            "{near}; it is labelled by one trained from its own readings"
        )),
        (near, _, None) => Some(match (near, untaught(feed)) {
            (Some(near), Some(reason)) => format!("{near}; {reason}"),
            (Some(near), None) => format!("{near}; correct that, or {TEACH}"),
            (None, Some(reason)) => reason,
            (None, None) => format!("no model has these features; {TEACH}"),
        }),
    }
}

/// Why the readings so far have led to no model; `None` if none had a label.
fn untaught(feed: &Feed) -> Option<String> {
    let shape = feed.shape.as_ref()?;
    let lacking: Vec<&str> = feed
        .learner
        .lacking()
        .map(|idx| &*shape.features[idx].name)
        .collect();
    if let Some(failure) = &feed.failure {
        return Some(format!(
            "no model could be trained from the labelled readings: {failure}; another try follows as more come"
        ));
    }
    if !lacking.is_empty() {
        return Some(format!(
            "a labelled reading trains a model only if it has every feature, and some lack {}; one that {LEFT_AFTER} \
             readings in a row lack is left out",
            listed(&lacking)
        ));
    }
    if let Some(former) = &feed.former {
        let names: Vec<&str> = former
            .shape
            .features
            .iter()
            .map(|feature| &*feature.name)
            .collect();
        return Some(format!(
            "the model trained before is for {} alone; it labels again once {LEFT_AFTER} readings in a row have just that",
            listed(&names)
        ));
    }
    (feed.learner.n_examples() > 0).then(|| {
        "a model will be trained as soon as there are enough labelled readings of two classes".to_owned()
    })
}
