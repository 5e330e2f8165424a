//! Which crate may depend on which, and which outside crates the pure ones must never reach.
//!
//! Our own edges come from `cargo metadata --no-deps`; what lies behind an outside crate is read from Cargo.lock,
//! which holds every platform's dependencies, so the test needs no network and is true for the browser as well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::repo;

/// Every arrow between our crates. Development dependencies are free: a test may look anywhere.
const ARROWS: [(&str, &[&str]); 10] = [
    ("classifier", &["kernels"]),
    ("evaluation", &[]),
    ("kernels", &[]),
    ("protocol", &[]),
    ("datasets", &[]),
    (
        "sensor-sim",
        &["classifier", "datasets", "evaluation", "protocol"],
    ),
    ("classifier-wasm", &["classifier"]),
    ("viewer", &["classifier-wasm", "evaluation", "protocol"]),
    ("baselines", &["classifier", "datasets", "protocol"]),
    ("xtask", &[]),
];

/// Crates that know no I/O, clock, async runtime or JavaScript.
const PURE: [&str; 4] = ["classifier", "evaluation", "kernels", "protocol"];

/// What gives such knowledge away, behind however many steps.
const BANNED_IN_PURE: [&str; 17] = [
    "async-std",
    "axum",
    "chrono",
    "futures",
    "getrandom",
    "gloo-net",
    "hyper",
    "instant",
    "jiff",
    "js-sys",
    "mio",
    "rand",
    "smol",
    "time",
    "tokio",
    "wasm-bindgen",
    "web-sys",
];

/// Only the crates that face JavaScript (and the command that builds them) may mention it.
const JAVASCRIPT: [&str; 4] = ["gloo-net", "js-sys", "wasm-bindgen", "web-sys"];

/// Names of the packages that each of our crates depends on outside its tests.
fn direct_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let json =
        repo::output(repo::cargo().args(["metadata", "--no-deps", "--format-version", "1", "--offline"]));
    let metadata: Value =
        serde_json::from_str(&json.expect("cargo metadata runs")).expect("cargo prints JSON");
    let name_of = |value: &Value| value["name"].as_str().expect("a package has a name").to_owned();
    let mut direct = BTreeMap::new();
    for package in metadata["packages"].as_array().expect("cargo lists packages") {
        let dependencies = package["dependencies"]
            .as_array()
            .expect("cargo lists dependencies");
        let names = dependencies
            .iter()
            .filter(|d| d["kind"] != "dev")
            .map(name_of)
            .collect();
        direct.insert(name_of(package), names);
    }
    direct
}

/// Cargo.lock as name -> names it depends on; versions of one crate are taken together.
fn locked_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let lock = fs::read_to_string(repo::root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let mut locked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let name = package
            .lines()
            .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        let entry = locked
            .entry(name.expect("a locked package has a name").to_owned())
            .or_default();
        // Entries read `"name"`, or `"name version"` where two versions are locked.
        let dependencies = package
            .lines()
            .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\","));
        entry.extend(
            dependencies
                .filter_map(|text| text.split(' ').next())
                .map(str::to_owned),
        );
    }
    locked
}

/// Everything behind `start`, which is not part of the answer.
fn reached_from(start: &str) -> BTreeSet<String> {
    let direct = direct_dependencies();
    let locked = locked_dependencies();
    let mut reached = BTreeSet::new();
    let mut open: Vec<String> = direct[start].iter().cloned().collect();
    while let Some(name) = open.pop() {
        if reached.insert(name.clone()) {
            // Cargo.lock mixes our crates' test dependencies in; cargo metadata tells them apart.
            let next = direct.get(&name).or_else(|| locked.get(&name));
            open.extend(next.into_iter().flatten().cloned());
        }
    }
    reached
}

#[test]
fn our_crates_depend_on_each_other_as_drawn() {
    let direct = direct_dependencies();
    let ours: BTreeSet<&str> = direct.keys().map(String::as_str).collect();
    let drawn: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        ours, drawn,
        "a crate came or went: draw its arrows here, in ARCHITECTURE.md and in DESIGN's layout"
    );
    for (name, allowed) in ARROWS {
        let found: BTreeSet<&str> = direct[name]
            .iter()
            .map(String::as_str)
            .filter(|d| ours.contains(d))
            .collect();
        let extra: Vec<_> = found
            .difference(&allowed.iter().copied().collect())
            .copied()
            .collect();
        assert!(extra.is_empty(), "{name} must not depend on {extra:?}");
    }
}

#[test]
fn pure_crates_reach_no_io_clock_runtime_or_javascript() {
    for name in PURE {
        let reached = reached_from(name);
        let banned: Vec<_> = BANNED_IN_PURE
            .iter()
            .filter(|banned| reached.contains(**banned))
            .collect();
        assert!(banned.is_empty(), "{name} reaches {banned:?}");
    }
}

#[test]
fn protocol_knows_no_classifier() {
    assert!(!reached_from("protocol").contains("classifier"));
}

#[test]
fn only_the_crates_that_face_javascript_name_it() {
    for (name, dependencies) in direct_dependencies() {
        let named: Vec<_> = JAVASCRIPT
            .iter()
            .filter(|crate_name| dependencies.contains(**crate_name))
            .collect();
        let may = ["baselines", "classifier-wasm", "viewer"].contains(&name.as_str());
        assert!(may || named.is_empty(), "{name} names {named:?}");
    }
}

#[test]
fn the_search_sees_through_a_crate() {
    // Guards the test itself: sensor-sim does reach what the pure crates must not.
    assert!(reached_from("viewer").contains("js-sys"));
    assert!(
        reached_from("viewer").contains("classifier"),
        "viewer -> classifier-wasm -> classifier"
    );
}
