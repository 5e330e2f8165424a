//! Model files cross over to Python's `safetensors` and back.
//!
//! Needs a Python with numpy and safetensors: `RUNNEL_PYTHON`, else `python3`. Without them the tests are skipped and say
//! so. Not for wasm, which starts no processes.
#![cfg(not(target_arch = "wasm32"))]
#![allow(clippy::print_stderr, reason = "a test that is skipped says why")]

mod common;
#[path = "common/files.rs"]
mod files;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use classifier::{EngineKind, Knn, KnnOptions, Metric, Preparation, Voting};
use common::{Random, Table, by_sorting};
use files::model;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/model_file.py");

fn python() -> Option<PathBuf> {
    let asked_for = std::env::var_os("RUNNEL_PYTHON").map(PathBuf::from);
    let python = asked_for.clone().unwrap_or_else(|| PathBuf::from("python3"));
    let probe = Command::new(&python)
        .args(["-c", "import numpy, safetensors.numpy"])
        .output();
    let why = match probe {
        Ok(output) if output.status.success() => return Some(python),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(
        asked_for.is_none(),
        "RUNNEL_PYTHON has no numpy and safetensors: {why}"
    );
    eprintln!("skipped: {} has no numpy and safetensors", python.display());
    None
}

/// What the script prints.
fn run(python: &Path, args: &[&OsStr]) -> String {
    let output = Command::new(python)
        .arg(SCRIPT)
        .args(args)
        .output()
        .expect("it ran before");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("JSON")
}

/// A file of this test alone.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python_files-{}-{name}", std::process::id()))
}

#[derive(serde::Deserialize)]
struct Read {
    rows: Vec<Vec<f64>>,
    labels: Vec<u32>,
    record: serde_json::Value,
}

#[test]
fn python_reads_what_was_written_here() {
    let Some(python) = python() else { return };
    let (table, _, metadata, _) = model(Preparation::Raw);
    for feature_weights in [Vec::new(), vec![2.0, 1.0, 1.0, 0.5, 1.0, 0.0, 3.0, 1.0, 1.0]] {
        let knn = table.fit(&KnnOptions {
            preparation: Preparation::Standard,
            engine: EngineKind::Tree,
            voting: Voting::Distance,
            feature_weights: feature_weights.clone(),
            ..KnnOptions::default()
        });
        let path = path("read.safetensors");
        std::fs::write(&path, knn.to_bytes(&metadata)).expect("a folder to write to");
        let text = run(&python, &["read".as_ref(), path.as_ref()]);
        std::fs::remove_file(&path).expect("just written");
        let read: Read = serde_json::from_str(&text).expect("what the script prints");
        assert_eq!(read.labels, table.labels);
        for (row, values) in read.rows.iter().enumerate() {
            let mut expected = table.row(row).to_vec();
            for (value, weight) in expected.iter_mut().zip(&feature_weights) {
                *value = if *weight == 0.0 { 0.0 } else { *value };
            }
            assert_eq!(*values, expected, "row {row}");
        }
        assert_eq!(
            read.record["class_names"],
            serde_json::json!(metadata.class_names)
        );
        assert_eq!(read.record["feature_weights"], serde_json::json!(feature_weights));
        assert_eq!(read.record["voting"], "distance");
        assert_eq!(read.record["engine"], "tree");
    }
}

#[test]
fn what_python_wrote_is_read_here() {
    let Some(python) = python() else { return };
    let table = Table::random(&mut Random(37), 500, |random, row| {
        row.extend([random.integer(0, 50), random.unit(), random.integer(0, 9) / 10.0]);
    });
    for metric in [Metric::Euclidean, Metric::Manhattan] {
        let options = KnnOptions {
            k: 7,
            metric,
            preparation: Preparation::Standard,
            voting: Voting::Distance,
            feature_weights: vec![1.0, 0.0, 4.0],
            ..KnnOptions::default()
        };
        let input = serde_json::json!({
            "rows": table.values.chunks(3).collect::<Vec<_>>(),
            "labels": table.labels,
            "k": options.k,
            "metric": metric,
            "voting": options.voting,
            "feature_weights": options.feature_weights,
        });
        let (input_path, model_path) = (path("table.json"), path("written.safetensors"));
        std::fs::write(&input_path, input.to_string()).expect("a folder to write to");
        run(
            &python,
            &["write".as_ref(), input_path.as_ref(), model_path.as_ref()],
        );
        let bytes = std::fs::read(&model_path).expect("the script wrote it");
        std::fs::remove_file(&input_path).expect("just written");
        std::fs::remove_file(&model_path).expect("just written");
        let (mut knn, read) = Knn::from_bytes(&bytes).expect("a valid file");
        assert_eq!(read.source, "written in Python");
        assert_eq!(knn.options(), &options);
        for row in (0..table.labels.len()).step_by(7) {
            let mut query = table.row(row).to_vec();
            query[0] += 0.5;
            // numpy's means and deviations differ from ours in the last bits: ties may break differently, distances not.
            let expected = by_sorting(&table, &query, &options);
            let found = knn.neighbours(&query).expect("three features");
            for (neighbour, (_, distance)) in found.iter().zip(&expected) {
                assert!((neighbour.distance - distance).abs() < 1e-9, "row {row}");
            }
            assert_eq!(found.len(), expected.len());
        }
    }
}

#[test]
fn a_file_that_python_wrote_anew_is_the_same_model() {
    let Some(python) = python() else { return };
    let (table, mut knn, _, bytes) = model(Preparation::Raw);
    let (original, copy) = (path("original.safetensors"), path("copy.safetensors"));
    std::fs::write(&original, &bytes).expect("a folder to write to");
    run(&python, &["copy".as_ref(), original.as_ref(), copy.as_ref()]);
    let copied = std::fs::read(&copy).expect("the script wrote it");
    std::fs::remove_file(&original).expect("just written");
    std::fs::remove_file(&copy).expect("just written");
    let (mut loaded, read) = Knn::from_bytes(&copied).expect("a valid file");
    assert_eq!(loaded.to_bytes(&read), bytes);
    for row in 0..table.labels.len() {
        assert_eq!(loaded.classify(table.row(row)), knn.classify(table.row(row)));
    }
}
