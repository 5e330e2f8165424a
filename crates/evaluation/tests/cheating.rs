//! A model that sees a label before it is asked for it is caught.
//!
//! The check that catches it: on labels drawn by coin, independent of everything, no honest model is right more often
//! than half the time. Whoever is, has seen the labels.
#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use evaluation::{Prequential, ScoreError, StreamClassifier, run, wilson_interval};

const N: u64 = 4_000;

/// Numbers that look random: a multiplicative hash of the position.
fn hash(position: u64) -> u64 {
    let z = (position + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z ^ (z >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
}

fn coin_flips() -> impl Iterator<Item = (u64, u32)> {
    (0..N).map(|position| (position, (hash(position) & 1) as u32))
}

/// Five standard errors above one half: one honest model in three million.
fn has_seen_the_labels(scores: &Prequential) -> bool {
    let scores = scores.cumulative();
    wilson_interval(scores.n_correct, scores.n, 5.0).unwrap().0 > 0.5
}

/// Remembers every reading: worthless on new ones, perfect on what it has learnt.
#[derive(Default)]
struct Memory(BTreeMap<u64, u32>);

impl StreamClassifier<u64> for Memory {
    fn predict(&mut self, features: &u64) -> Option<u32> {
        Some(self.0.get(features).copied().unwrap_or(0))
    }

    fn learn(&mut self, features: &u64, true_label: u32) {
        self.0.insert(*features, true_label);
    }
}

#[test]
fn a_model_that_learns_first_is_caught() {
    let mut scores = Prequential::new(2, 100);
    let mut model = Memory::default();
    for (features, true_label) in coin_flips() {
        model.learn(&features, true_label); // The wrong order.
        scores
            .record(true_label, model.predict(&features).unwrap())
            .unwrap();
    }
    assert_eq!(scores.cumulative().accuracy, Some(1.0));
    assert!(has_seen_the_labels(&scores));
}

#[test]
fn a_model_that_was_trained_on_its_test_data_is_caught() {
    let mut scores = Prequential::new(2, 100);
    let mut model = Memory(coin_flips().collect());
    run(coin_flips(), &mut model, &mut scores).unwrap();
    assert!(has_seen_the_labels(&scores));
}

#[test]
fn the_same_model_run_test_first_is_at_chance() {
    let mut scores = Prequential::new(2, 100);
    let mut model = Memory::default();
    run(coin_flips(), &mut model, &mut scores).unwrap();
    assert_eq!(model.0.len() as u64, N, "it has learnt every reading afterwards");
    assert!(!has_seen_the_labels(&scores), "{:?}", scores.cumulative());
    let accuracy = scores.cumulative().accuracy.unwrap();
    assert!((0.45..0.55).contains(&accuracy), "{accuracy}");
}

/// Writes down what it is called with.
#[derive(Default)]
struct Spy(Vec<(&'static str, u64)>);

impl StreamClassifier<u64> for Spy {
    fn predict(&mut self, features: &u64) -> Option<u32> {
        self.0.push(("predict", *features));
        features.is_multiple_of(2).then_some(0)
    }

    fn learn(&mut self, features: &u64, _: u32) {
        self.0.push(("learn", *features));
    }
}

#[test]
fn each_reading_is_tested_then_trained_on() {
    let mut scores = Prequential::new(2, 10);
    let mut spy = Spy::default();
    run([(4, 0), (5, 1)], &mut spy, &mut scores).unwrap();
    assert_eq!(
        spy.0,
        [("predict", 4), ("learn", 4), ("predict", 5), ("learn", 5)]
    );
    // No prediction for 5: counted, as wrong.
    assert_eq!((scores.cumulative().n, scores.cumulative().n_correct), (2, 1));
}

#[test]
fn a_reading_that_cannot_be_scored_is_not_learnt() {
    let mut scores = Prequential::new(2, 10);
    let mut spy = Spy::default();
    let error = run([(4, 7), (5, 1)], &mut spy, &mut scores);
    assert_eq!(
        error,
        Err(ScoreError::TrueLabel {
            class: 7,
            n_classes: 2
        })
    );
    assert_eq!(spy.0, [("predict", 4)]);
    assert_eq!(scores.n(), 0);
}
