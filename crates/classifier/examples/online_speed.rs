//! Times the online classifier at windows of 1,000 to 100,000 rows beside a plain list and brute force in the same run,
//! and compares their answers.
//!
//! `cargo run --release -p classifier --example online_speed [ROWS.csv]`
//!
//! The file holds numbers after a header line, the class last; its rows are taken in shuffled order. Without one, rows have
//! eight independent uniform features, for which no index does much. Every row is one message: a query, then an insertion,
//! in which the oldest row leaves.
#![allow(clippy::print_stdout, reason = "stdout is where a figure belongs")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use classifier::{OnlineKnn, OnlineOptions};

#[path = "../tests/common/mod.rs"]
mod common;

use common::Random;

const K: usize = 5;
const N_MESSAGES: usize = 2000;
/// Brute force takes long: of every so many queries one is compared.
const COMPARED: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut random = Random(1);
    let rows = match std::env::args().nth(1) {
        Some(path) => read(&std::fs::read_to_string(path)?, &mut random)?,
        None => (0..102_000)
            .map(|n| ((0..8).map(|_| random.unit()).collect(), n % 2))
            .collect(),
    };
    let n_features = rows[0].0.len();
    let n_classes = rows
        .iter()
        .map(|(_, label)| *label as usize + 1)
        .max()
        .unwrap_or(1);
    println!("{n_features} features, k = {K}, median (99th percentile) in µs");
    println!("window: query, insertion with removal of the oldest; brute force; index; answers compared");
    for window in [1_000, 10_000, 100_000] {
        let options = OnlineOptions {
            k: K,
            window: NonZeroUsize::new(window),
            ..OnlineOptions::default()
        };
        let mut knn = OnlineKnn::new(n_features, n_classes, &options)?;
        let mut list = VecDeque::new();
        let (mut queries, mut changes, mut brute) = (Vec::new(), Vec::new(), Vec::new());
        let mut n_mismatches = 0;
        for (n, (features, label)) in rows.iter().take(window + N_MESSAGES).enumerate() {
            if n >= window {
                let start = Instant::now();
                black_box(knn.predict(features)?);
                queries.push(start.elapsed());
                if n % COMPARED == 0 {
                    let start = Instant::now();
                    let expected = nearest(&list, features);
                    brute.push(start.elapsed());
                    let found = knn.neighbours(features)?;
                    let found = found.iter().map(|n| (n.distance, n.row));
                    n_mismatches +=
                        usize::from(!found.eq(expected.iter().map(|(sum, row)| (sum.sqrt(), *row))));
                }
            }
            let start = Instant::now();
            let row = knn.insert(features, *label)?;
            if n >= window {
                changes.push(start.elapsed());
                list.pop_front();
            }
            list.push_back((row, features));
        }
        let n_compared = brute.len();
        println!(
            "{window}: {}, {}; {}; {:.1} MB; {n_compared} compared, {n_mismatches} mismatches",
            figures(&mut queries),
            figures(&mut changes),
            figures(&mut brute),
            knn.index_bytes() as f64 / 1e6,
        );
    }
    Ok(())
}

/// The k nearest by (squared distance, row), looking at every row.
fn nearest(list: &VecDeque<(u64, &Vec<f64>)>, query: &[f64]) -> Vec<(f64, u64)> {
    let mut found: Vec<(f64, u64)> = Vec::with_capacity(K + 1);
    for (row, features) in list {
        let mut sum = 0.0;
        for (a, b) in features.iter().zip(query) {
            sum += (a - b) * (a - b);
        }
        if found.len() < K || sum < found[K - 1].0 {
            found.truncate(K - 1);
            let place = found.partition_point(|(other, _)| *other <= sum);
            found.insert(place, (sum, *row));
        }
    }
    found
}

fn figures(times: &mut [Duration]) -> String {
    times.sort();
    let micros = |share: f64| times[(times.len() as f64 * share) as usize].as_secs_f64() * 1e6;
    format!("{:.1} ({:.1})", micros(0.5), micros(0.99))
}

type LabelledRow = (Vec<f64>, u32);

fn read(text: &str, random: &mut Random) -> Result<Vec<LabelledRow>, Box<dyn std::error::Error>> {
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let mut row = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let label = row.pop().ok_or("an empty line")? as u32;
        rows.push((row, label));
    }
    // Fisher-Yates.
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.below(i + 1));
    }
    Ok(rows)
}
