//! `baselines time`: the native twin of the WebAssembly measurement in `js/ratio.mjs`, turn by turn, each query used once.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use baselines::{Ours, PlainScan};
use serde_json::{Value, json};

use super::case::{read_f64, read_u32};

/// Queries of ours in a turn, enough for a steady median.
const N_OURS: usize = 2_000;
const MIN_SCANS: usize = 3;
const N_WARM_UP: usize = 200;
/// Before its turn, each is asked what is not timed for so long: in a stream, too, one query follows another of its kind.
const SETTLE: Duration = Duration::from_millis(20);
/// Rounds of one and the same query, and how often it is asked in one.
const N_WARM: usize = 20;
const WARM_BATCH: u32 = 100;
/// Walked between two queries so that nothing of the index is left in a cache.
const EVICTED_BYTES: usize = 128 << 20;
const N_EVICTED: usize = 200;

pub(super) fn run(folder: &Path, is_standard: bool, turn_millis: u64, turns: usize) -> Result<Value> {
    let form = if is_standard { "standard" } else { "raw" };
    let description: Value = serde_json::from_slice(&std::fs::read(folder.join("case.json"))?)?;
    let number = |name: &str| -> Result<usize> {
        let number = description[name].as_u64();
        Ok(number.with_context(|| format!("case.json has no number {name}"))? as usize)
    };
    let (n_features, n_classes, k) = (number("n_features")?, number("n_classes")?, number("k")?);
    let labels = read_u32(&folder.join("training.labels.u32"))?;
    let prepared = read_f64(&folder.join(format!("training.{form}.f64")))?;
    let recorded = read_f64(&folder.join("training.raw.f64"))?;
    let prepared_queries = read_f64(&folder.join(format!("queries.{form}.f64")))?;
    let recorded_queries = read_f64(&folder.join("queries.raw.f64"))?;
    let n_queries = recorded_queries.len() / n_features;
    let query = |values: &'static [f64], idx: usize| &values[idx % n_queries * n_features..][..n_features];
    let (prepared_queries, recorded_queries) = (prepared_queries.leak(), recorded_queries.leak());

    let start = Instant::now();
    let ours = Ours::fit(&recorded, &labels, n_features, n_classes, k, is_standard);
    let mut ours = ours.map_err(anyhow::Error::msg)?;
    let build_millis = millis(start.elapsed());
    let mut scan = PlainScan::new(prepared, labels, n_features, n_classes, k);
    drop(recorded);

    // By queries from the end, which the turns do not reach.
    let n_warm_up = N_WARM_UP.min(n_queries / 10);
    let settle = |ask: &mut dyn FnMut(usize)| {
        let start = Instant::now();
        for idx in (1..=n_warm_up).cycle().take_while(|_| start.elapsed() < SETTLE) {
            ask(n_queries - idx);
        }
    };
    // Half for the scan, half for ours, and no query twice.
    let most = N_OURS.min(n_queries * 9 / 20 / turns.max(1));
    let mut next = 0;
    let mut micros = Vec::new();
    let mut results = Vec::new();
    for _ in 0..turns {
        let turn = Duration::from_millis(turn_millis);
        settle(&mut |idx| {
            black_box(scan.predict(query(prepared_queries, idx)));
        });
        let turn_start = Instant::now();
        let mut scan_micros = Vec::new();
        while scan_micros.len() < most && (turn_start.elapsed() < turn || scan_micros.len() < MIN_SCANS) {
            let query = query(prepared_queries, next + scan_micros.len());
            let start = Instant::now();
            black_box(scan.predict(query));
            scan_micros.push(micros_of(start.elapsed()));
        }
        next += scan_micros.len();
        settle(&mut |idx| {
            black_box(ours.predict(query(recorded_queries, idx)));
        });
        let mut turn_micros = Vec::with_capacity(most);
        for idx in next..next + most {
            let query = query(recorded_queries, idx);
            let start = Instant::now();
            black_box(ours.predict(query));
            turn_micros.push(micros_of(start.elapsed()));
        }
        next += turn_micros.len();
        let (scan, ours) = (Times::new(scan_micros), Times::new(turn_micros.clone()));
        results.push(json!({
            "scan_p50": scan.at(0.5),
            "ours_p50": ours.at(0.5),
            "ratio": scan.at(0.5) / ours.at(0.5),
            "ratio_of_means": scan.mean() / ours.mean(),
        }));
        micros.extend(turn_micros);
    }

    let evicted = evicted(&mut ours, |idx| query(recorded_queries, next + idx));
    let warm = (0..N_WARM).map(|_| {
        let start = Instant::now();
        for _ in 0..WARM_BATCH {
            black_box(ours.predict(query(recorded_queries, n_queries - 1)));
        }
        micros_of(start.elapsed()) / f64::from(WARM_BATCH)
    });
    let warm = Times::new(warm.collect()).at(0.5);

    let truth = read_u32(&folder.join(format!("truth.{form}.u32")))?;
    let n_mismatches = truth
        .chunks(k)
        .zip(recorded_queries.chunks(n_features))
        .filter(|(rows, query)| {
            ours.predict(query);
            ours.rows() != **rows
        })
        .count();
    Ok(json!({
        "environment": "native",
        "build_millis": build_millis,
        "index_bytes": ours.index_bytes(),
        "describe": ours.describe(),
        "turns": results,
        "ours_micros": summary(micros),
        "evicted_micros": summary(evicted),
        "warm_micros": warm,
        "compared": { "n": truth.len() / k, "n_mismatches": n_mismatches },
    }))
}

/// Times of queries that find nothing of the index in a cache.
fn evicted(ours: &mut Ours, query: impl Fn(usize) -> &'static [f64]) -> Vec<f64> {
    let buffer: Vec<u64> = (0..(EVICTED_BYTES / size_of::<u64>()) as u64).collect();
    (0..N_EVICTED)
        .map(|idx| {
            black_box(
                black_box(&buffer)
                    .iter()
                    .step_by(8)
                    .fold(0, |sum: u64, x| sum.wrapping_add(*x)),
            );
            let start = Instant::now();
            black_box(ours.predict(query(idx)));
            micros_of(start.elapsed())
        })
        .collect()
}

fn summary(micros: Vec<f64>) -> Value {
    let times = Times::new(micros);
    json!({
        "n": times.0.len(),
        "mean": times.mean(),
        "p50": times.at(0.5),
        "p99": times.at(0.99),
        "batch": 1,
    })
}

/// Times in ascending order, at least one.
struct Times(Vec<f64>);

impl Times {
    fn new(mut micros: Vec<f64>) -> Self {
        micros.sort_by(f64::total_cmp);
        Self(micros)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() as f64 * share) as usize).min(self.0.len() - 1)]
    }

    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}

fn micros_of(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
