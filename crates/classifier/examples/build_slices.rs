//! Builds a model from chunks of rows, step by step, and says how long the steps took and how even the progress was.
//!
//! `cargo run --release -p classifier --example build_slices ROWS.csv`
//!
//! The file holds numbers after a header line, the class last. Chunks are of 4096 rows.
#![allow(clippy::print_stdout, reason = "stdout is where a figure belongs")]

use std::time::{Duration, Instant};

use classifier::{KnnBuilder, KnnOptions, Preparation, RowMajor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("expected a file of rows")?;
    let text = std::fs::read_to_string(path)?;
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        for cell in line.split(',') {
            values.push(cell.parse::<f64>()?);
        }
        labels.extend(values.pop().map(|label| label as u32));
    }
    let n_features = values.len() / labels.len();
    let n_classes = labels.iter().max().map_or(0, |label| *label as usize + 1);
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let options = KnnOptions {
            preparation,
            ..KnnOptions::default()
        };
        let mut builder = KnnBuilder::new(n_features, n_classes, &options)?;
        let start = Instant::now();
        for (rows, labels) in values.chunks(4096 * n_features).zip(labels.chunks(4096)) {
            builder.push(&RowMajor::new(rows, n_features), labels)?;
        }
        println!("{} rows pushed in {:?}", labels.len(), start.elapsed());
        let mut build = builder.start()?;
        let mut steps: Vec<Duration> = Vec::new();
        let mut progress = Vec::new();
        let knn = loop {
            let start = Instant::now();
            let result = build.advance(1)?;
            steps.push(start.elapsed());
            progress.push(build.progress());
            if let Some(knn) = result {
                break knn;
            }
        };
        let total: Duration = steps.iter().sum();
        let mut elapsed = Duration::ZERO;
        let mut largest_error: f64 = 0.0;
        for (step, progress) in steps.iter().zip(progress) {
            elapsed += *step;
            largest_error = largest_error.max((elapsed.div_duration_f64(total) - progress).abs());
        }
        steps.sort();
        println!("{}", knn.describe());
        println!(
            "  {} steps, {total:?} in all, median {:?}, longest {:?}; progress within {largest_error:.2} of the time",
            steps.len(),
            steps[steps.len() / 2],
            steps[steps.len() - 1]
        );
    }
    Ok(())
}
