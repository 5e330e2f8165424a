//! Running counts against the definitions, computed anew from the whole stream after every reading.
#![cfg(not(target_family = "wasm"))]

use std::ops::Range;

use evaluation::{Prequential, Scores, Z_95, wilson_interval};
use proptest::prelude::*;

/// (true label, predicted label) in stream order.
type Stream = Vec<(u32, Option<u32>)>;

fn no_change(stream: &[(u32, Option<u32>)], t: usize) -> Option<u32> {
    Some(stream[t.checked_sub(1)?].0)
}

fn majority(stream: &[(u32, Option<u32>)], t: usize, n_classes: u32) -> Option<u32> {
    let count = |class| {
        stream[..t]
            .iter()
            .filter(|(true_label, _)| *true_label == class)
            .count()
    };
    let most = (0..n_classes).map(count).max().filter(|&most| most > 0)?;
    (0..n_classes).find(|&class| count(class) == most)
}

/// The scores of the readings in `range`, straight from the formulas.
fn by_definition(stream: &[(u32, Option<u32>)], range: Range<usize>, n_classes: u32) -> Scores {
    let n = range.len() as f64;
    let share =
        |is_counted: &dyn Fn(usize) -> bool| range.clone().filter(|&t| is_counted(t)).count() as f64 / n;
    let p_0 = share(&|t| stream[t].1 == Some(stream[t].0));
    let p_t = share(&|t| no_change(stream, t) == Some(stream[t].0));
    let p_m = share(&|t| majority(stream, t, n_classes) == Some(stream[t].0));
    let p_e: f64 = (0..n_classes)
        .map(|class| share(&|t| stream[t].0 == class) * share(&|t| stream[t].1 == Some(class)))
        .sum();
    let kappa = |baseline: f64| ((1.0 - baseline).abs() > 1e-9).then(|| (p_0 - baseline) / (1.0 - baseline));
    let n_correct = (p_0 * n).round() as u64;
    Scores {
        n: range.len() as u64,
        n_correct,
        accuracy: Some(p_0),
        accuracy_interval: wilson_interval(n_correct, range.len() as u64, Z_95),
        baseline_no_change: Some(p_t),
        baseline_majority: Some(p_m),
        kappa: kappa(p_e),
        kappa_m: kappa(p_m),
        kappa_t: kappa(p_t),
    }
}

fn close(actual: Option<f64>, expected: Option<f64>) -> bool {
    match (actual, expected) {
        (Some(actual), Some(expected)) => (actual - expected).abs() < 1e-9,
        (actual, expected) => actual == expected,
    }
}

fn same(actual: &Scores, expected: &Scores) -> bool {
    (actual.n, actual.n_correct, actual.accuracy_interval)
        == (expected.n, expected.n_correct, expected.accuracy_interval)
        && close(actual.accuracy, expected.accuracy)
        && close(actual.baseline_no_change, expected.baseline_no_change)
        && close(actual.baseline_majority, expected.baseline_majority)
        && close(actual.kappa, expected.kappa)
        && close(actual.kappa_m, expected.kappa_m)
        && close(actual.kappa_t, expected.kappa_t)
}

fn stream() -> impl Strategy<Value = (u32, Stream)> {
    (1..5_u32).prop_flat_map(|n_classes| {
        let reading = (0..n_classes, proptest::option::weighted(0.9, 0..n_classes));
        (Just(n_classes), proptest::collection::vec(reading, 1..40))
    })
}

proptest! {
    #[test]
    fn scores_follow_their_definitions((n_classes, stream) in stream(), window in 1..12_usize) {
        let mut scores = Prequential::new(n_classes as usize, window);
        // Learns of a class with the first reading that has it.
        let mut growing = Prequential::new(0, window);
        for t in 0..stream.len() {
            let (true_label, predicted) = stream[t];
            growing.grow(true_label.max(predicted.unwrap_or(0)) as usize + 1);
            for scores in [&mut scores, &mut growing] {
                match predicted {
                    Some(predicted) => scores.record(true_label, predicted)?,
                    None => scores.record_abstention(true_label)?,
                }
            }
            prop_assert_eq!(growing.cumulative(), scores.cumulative());
            prop_assert_eq!(growing.windowed(), scores.windowed());
            prop_assert_eq!(growing.guesses(), scores.guesses());
            let cumulative = by_definition(&stream, 0..t + 1, n_classes);
            prop_assert!(same(&scores.cumulative(), &cumulative), "{:?} {:?}", scores.cumulative(), cumulative);
            let windowed = by_definition(&stream, (t + 1).saturating_sub(window)..t + 1, n_classes);
            prop_assert!(same(&scores.windowed(), &windowed), "{:?} {:?}", scores.windowed(), windowed);
        }
        prop_assert!(growing.confusion().iter().eq(scores.confusion().iter()));
        growing.grow(n_classes as usize);
        prop_assert_eq!(growing.confusion(), scores.confusion());
        for true_label in 0..n_classes {
            for predicted in 0..n_classes {
                let n = stream.iter().filter(|&&reading| reading == (true_label, Some(predicted))).count();
                prop_assert_eq!(scores.confusion().count(true_label, predicted), n as u64);
            }
        }
    }

    #[test]
    fn wilson_interval_solves_its_equation(n in 1..1_000_u64, share in 0.0..=1.0_f64, z in 0.5..4.0_f64) {
        let n_correct = (n as f64 * share) as u64;
        let actual = n_correct as f64 / n as f64;
        let Some((lower, upper)) = wilson_interval(n_correct, n, z) else {
            return Err(TestCaseError::fail("n is above 0"));
        };
        prop_assert!((0.0..=actual).contains(&lower) && (actual..=1.0).contains(&upper));
        // Each end p is a share from which the actual one is z standard errors away.
        for end in [lower, upper] {
            let error = (actual - end).powi(2) - z * z * end * (1.0 - end) / n as f64;
            prop_assert!(error.abs() < 1e-12, "{end}");
        }
    }
}
