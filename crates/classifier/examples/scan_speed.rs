//! Times queries of the tree, the scan and the textbook engine on a table of Covertype's shape, and compares their answers.
//!
//! `cargo run --release -p classifier --example scan_speed [ROWS.csv [MODEL.safetensors]]`
//!
//! Without a file the rows are made up: ten integer columns around 40 smooth centres, a group of 4 and one of 40.
//! With one, it is read as numbers after a header line, the class (from 1) last. 80 % of the shuffled rows train, the
//! rest are queries, each used once. The model is written to the second path, for timing it elsewhere.
//!
//! With `uniform` for a file, independent features of several kinds and numbers instead: where the automatic choice
//! between scan and tree falls, and what either takes.
//!
//! With `ratio ROWS.csv [N_SPLITS]`, the automatic choice against the plain scan, [`PlainScan`], for each preparation
//! and several splits. Built for wasm32-wasip1 it measures the same in a WASI host, such as Node's `node:wasi`.
#![allow(clippy::print_stdout, reason = "stdout is where a figure belongs")]

use std::time::Instant;

use classifier::{
    EngineKind, Knn, KnnOptions, ModelMetadata, Neighbour, Preparation, RowMajor, Rows as _, Scaling,
};

#[path = "../tests/common/mod.rs"]
mod common;

use common::Random;

/// Of [`KnnOptions::default`].
const K: usize = 5;
const N_QUERIES: usize = 2000;
const N_TREE_QUERIES: usize = 10_000;
const N_TEXTBOOK_QUERIES: usize = 5;
/// Whose neighbours and distances scan and tree have to agree on, to the last bit.
const N_COMPARED: usize = 20_000;
/// The same for scan and textbook.
const N_TEXTBOOK_COMPARED: usize = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (mut rows, n_classes) = match args.next() {
        Some(kind) if kind == "uniform" => return uniform(),
        Some(kind) if kind == "ratio" => {
            let path = args.next().ok_or("which file?")?;
            let n_splits = args.next().map_or(Ok(5), |n| n.parse())?;
            return ratio(&std::fs::read_to_string(path)?, n_splits);
        }
        Some(path) => read(&std::fs::read_to_string(path)?)?,
        None => (made_up(&mut Random(1), 581_012), 7),
    };
    shuffle(&mut rows, &mut Random(2));
    let (training, queries) = rows.split_at(rows.len() * 4 / 5);
    let n_features = training[0].0.len();
    let values: Vec<f64> = training.iter().flat_map(|(row, _)| row).copied().collect();
    let labels: Vec<u32> = training.iter().map(|(_, label)| *label).collect();
    let model_path = args.next();
    if let Some(path) = &model_path {
        let n_queries = queries.len().min(N_TREE_QUERIES);
        let numbers = queries[..n_queries].iter().flat_map(|(query, _)| query);
        let bytes: Vec<u8> = numbers.flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(format!("{path}.queries"), bytes)?;
    }
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let options = KnnOptions {
            preparation,
            engine: EngineKind::Scan,
            ..KnnOptions::default()
        };
        let start = Instant::now();
        let mut scan = Knn::fit(&RowMajor::new(&values, n_features), &labels, n_classes, &options)?;
        println!("{}\n  fitted in {:?}", scan.describe(), start.elapsed());
        write(&scan, model_path.as_deref(), "scan")?;
        time("scan", &mut scan, queries, N_QUERIES)?;
        let start = Instant::now();
        let options = KnnOptions {
            engine: EngineKind::Tree,
            ..options
        };
        let mut tree = Knn::fit(&RowMajor::new(&values, n_features), &labels, n_classes, &options)?;
        println!("{}\n  fitted in {:?}", tree.describe(), start.elapsed());
        write(&tree, model_path.as_deref(), "tree")?;
        time("tree", &mut tree, queries, N_TREE_QUERIES)?;
        let mut n_mismatches = 0;
        let n_compared = queries.len().min(N_COMPARED);
        for (query, _) in &queries[queries.len() - n_compared..] {
            n_mismatches += usize::from(scan.neighbours(query)? != tree.neighbours(query)?);
        }
        println!("  scan and tree compared: {n_compared} queries, {n_mismatches} mismatches");
        let options = KnnOptions {
            engine: EngineKind::Textbook,
            ..options
        };
        let mut textbook = Knn::fit(&RowMajor::new(&values, n_features), &labels, n_classes, &options)?;
        time("textbook", &mut textbook, queries, N_TEXTBOOK_QUERIES)?;
        let mut n_mismatches = 0;
        for (query, _) in queries.iter().rev().take(N_TEXTBOOK_COMPARED) {
            n_mismatches += usize::from(scan.neighbours(query)? != textbook.neighbours(query)?);
        }
        println!("  scan and textbook compared: {N_TEXTBOOK_COMPARED} queries, {n_mismatches} mismatches");
    }
    Ok(())
}

/// The peer that ratios are to: one pass over an ndarray of prepared f64, no temporaries, the k best kept.
struct PlainScan {
    rows: ndarray::Array2<f64>,
    scaling: Option<Scaling>,
    best: Vec<(f64, u32)>,
}

impl PlainScan {
    fn new(values: &[f64], n_features: usize, preparation: Preparation) -> Result<Self, ndarray::ShapeError> {
        let rows = RowMajor::new(values, n_features);
        let scaling = Scaling::fit(preparation, &rows);
        let mut rows = ndarray::Array2::from_shape_vec((rows.n_rows(), n_features), values.to_vec())?;
        if let Some(scaling) = &scaling {
            for (feature, mut column) in rows.columns_mut().into_iter().enumerate() {
                column.mapv_inplace(|value| scaling.prepare(feature, value));
            }
        }
        let best = Vec::with_capacity(K + 1);
        Ok(Self { rows, scaling, best })
    }

    /// The K nearest by (squared distance, row).
    fn nearest(&mut self, query: &[f64]) -> &[(f64, u32)] {
        let prepare = |(feature, &value): (usize, &f64)| match &self.scaling {
            Some(scaling) => scaling.prepare(feature, value),
            None => value,
        };
        let query: ndarray::Array1<f64> = query.iter().enumerate().map(prepare).collect();
        self.best.clear();
        let mut bound = f64::INFINITY;
        for (row, values) in (0..).zip(self.rows.rows()) {
            let add_square = |sum: f64, a: &f64, b: &f64| sum + (a - b) * (a - b);
            let sum = ndarray::Zip::from(values).and(&query).fold(0.0, add_square);
            if sum < bound || self.best.len() < K {
                let place = self.best.partition_point(|&(other, _)| other <= sum);
                self.best.insert(place, (sum, row));
                self.best.truncate(K);
                bound = self.best[self.best.len() - 1].0;
            }
        }
        &self.best
    }
}

/// What the automatic choice takes, and how many times as long the plain scan takes.
fn ratio(text: &str, n_splits: u64) -> Result<(), Box<dyn std::error::Error>> {
    const N_WARM: usize = 100;
    const N_BATCH: usize = 5000;
    const N_SINGLE: usize = 5000;
    const N_PLAIN: usize = 2500;
    let (mut rows, n_classes) = read(text)?;
    for preparation in [Preparation::Raw, Preparation::Standard] {
        let mut all = [const { Vec::new() }; 6];
        let mut n_compared = 0;
        let mut n_mismatches = 0;
        for split in 0..n_splits {
            shuffle(&mut rows, &mut Random(2 + split));
            let (training, queries) = rows.split_at(rows.len() * 4 / 5);
            let n_features = training[0].0.len();
            let values: Vec<f64> = training.iter().flat_map(|(row, _)| row).copied().collect();
            let labels: Vec<u32> = training.iter().map(|(_, label)| *label).collect();
            let options = KnnOptions {
                preparation,
                ..KnnOptions::default()
            };
            let mut knn = Knn::fit(&RowMajor::new(&values, n_features), &labels, n_classes, &options)?;
            let mut plain = PlainScan::new(&values, n_features, preparation)?;
            if split == 0 {
                println!("{}", knn.describe());
            }
            let (warm, queries) = queries.split_at(N_WARM);
            for (query, _) in warm {
                knn.predict(query)?;
            }
            // The plain scan's share of the time is the larger one by far: it gets fewer of Covertype's queries.
            let n_plain = (N_PLAIN * 4000 / training.len()).clamp(10, queries.len());
            let mut plain_micros = Vec::new();
            for (query, _) in &queries[..n_plain] {
                let start = Instant::now();
                let best = std::hint::black_box(plain.nearest(query));
                plain_micros.push(start.elapsed().as_secs_f64() * 1e6);
                let found = knn.neighbours(query)?;
                let is_same = |(found, best): (&Neighbour, &(f64, u32))| {
                    (found.row, found.distance) == (best.1, best.0.sqrt())
                };
                n_compared += 1;
                n_mismatches += usize::from(!(found.len() == K && found.iter().zip(best).all(is_same)));
            }
            // Queries not used before where there are enough; the plain scan's if not.
            let queries = &queries[if queries.len() > 2 * n_plain { n_plain } else { 0 }..];
            let (batch, single) = queries.split_at(queries.len() / 2);
            let batch = &batch[..batch.len().min(N_BATCH)];
            let start = Instant::now();
            for (query, _) in batch {
                knn.predict(query)?;
            }
            let mean = start.elapsed().as_secs_f64() * 1e6 / batch.len() as f64;
            let mut micros = Vec::new();
            for (query, _) in single.iter().take(N_SINGLE) {
                let start = Instant::now();
                knn.predict(query)?;
                micros.push(start.elapsed().as_secs_f64() * 1e6);
            }
            micros.sort_by(f64::total_cmp);
            let plain_p50 = median(plain_micros.into_iter());
            let p50 = micros[micros.len() / 2];
            for (all, figure) in all.iter_mut().zip([
                plain_p50,
                mean,
                p50,
                micros[micros.len() * 99 / 100],
                plain_p50 / mean,
                plain_p50 / p50,
            ]) {
                all.push(figure);
            }
        }
        let [plain, mean, p50, p99, by_mean, by_p50] = all.map(|figures| median(figures.into_iter()));
        println!(
            "  medians of {n_splits} splits: plain scan {plain:.1} µs; mean {mean:.2} µs, p50 {p50:.2}, p99 {p99:.2}; \
             ratio {by_mean:.1} by mean, {by_p50:.1} by p50; {n_compared} compared, {n_mismatches} mismatches"
        );
    }
    Ok(())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Times writing and reading the model, and leaves it at `PATH.PREPARATION.ENGINE` if there is a path.
fn write(knn: &Knn, path: Option<&str>, engine: &str) -> Result<(), Box<dyn std::error::Error>> {
    let metadata = ModelMetadata {
        class_names: (0..knn.n_classes()).map(|class| class.to_string()).collect(),
        feature_names: (0..knn.n_features()).map(|feature| feature.to_string()).collect(),
        source: "scan_speed".to_owned(),
    };
    let start = Instant::now();
    let bytes = knn.to_bytes(&metadata);
    println!("  written in {:?}: {} bytes", start.elapsed(), bytes.len());
    let start = Instant::now();
    Knn::from_bytes(&bytes)?;
    println!("  loaded in {:?}", start.elapsed());
    if let Some(path) = path {
        std::fs::write(format!("{path}.{}.{engine}", knn.options().preparation), &bytes)?;
    }
    Ok(())
}

/// Medians of scan and tree on independent features.
fn uniform() -> Result<(), Box<dyn std::error::Error>> {
    const N_ROWS: usize = 20_000;
    type Feature = fn(&mut Random) -> f64;
    let kinds: [(&str, Feature); 4] = [
        ("0..10", |random| random.integer(0, 9)),
        ("0..10,000", |random| random.integer(0, 9999)),
        ("f32", |random| f64::from(random.unit() as f32)),
        ("f64", Random::unit),
    ];
    println!("values n_features: µs by scan, tree; ratio; chosen");
    for (kind, feature) in kinds {
        for n_features in [2, 3, 4, 6, 8, 10, 12, 13, 14, 16, 24, 32, 64] {
            let mut random = Random(3);
            let mut table = || {
                (0..N_ROWS * n_features)
                    .map(|_| feature(&mut random))
                    .collect::<Vec<f64>>()
            };
            let (values, queries) = (table(), table());
            let median = |engine| -> Result<(f64, classifier::Description), Box<dyn std::error::Error>> {
                let options = KnnOptions {
                    engine,
                    ..KnnOptions::default()
                };
                let rows = RowMajor::new(&values, n_features);
                let mut knn = Knn::fit(&rows, &vec![0; N_ROWS], 1, &options)?;
                let mut micros = Vec::new();
                for query in queries.chunks(n_features).take(300) {
                    let start = Instant::now();
                    knn.neighbours(query)?;
                    micros.push(start.elapsed().as_secs_f64() * 1e6);
                }
                micros.sort_by(f64::total_cmp);
                Ok((micros[micros.len() / 2], knn.describe()))
            };
            let (scan, _) = median(EngineKind::Scan)?;
            let (tree, _) = median(EngineKind::Tree)?;
            let (_, chosen) = median(EngineKind::Auto)?;
            println!(
                "{kind} {n_features}: {scan:.1}, {tree:.1}; {:.2}; {:?}, a tree looks at {:.2} %",
                scan / tree,
                chosen.engine,
                f64::from(chosen.visited_ppm.unwrap_or_default()) / 1e4
            );
        }
    }
    Ok(())
}

/// Prints microseconds per query and the accuracy on the same queries.
fn time(
    name: &str,
    knn: &mut Knn,
    queries: &[(Vec<f64>, u32)],
    n: usize,
) -> Result<(), classifier::QueryError> {
    let n = n.min(queries.len());
    let mut micros = Vec::with_capacity(n);
    let mut n_right = 0;
    for (query, label) in &queries[..n] {
        let start = Instant::now();
        let predicted = knn.predict(query)?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
        n_right += usize::from(predicted == *label);
    }
    let mean = micros.iter().sum::<f64>() / n as f64;
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((n as f64 * share) as usize).min(n - 1)];
    println!(
        "  {name}: {n} queries, mean {mean:.1} µs, p50 {:.1}, p99 {:.1}, accuracy {:.4}",
        at(0.5),
        at(0.99),
        n_right as f64 / n as f64
    );
    Ok(())
}

type LabelledRow = (Vec<f64>, u32);

fn read(text: &str) -> Result<(Vec<LabelledRow>, usize), Box<dyn std::error::Error>> {
    let separator = if text.lines().next().is_some_and(|header| header.contains(';')) {
        ';'
    } else {
        ','
    };
    let mut rows = Vec::new();
    for line in text.lines().skip(1) {
        let mut row = line
            .split(separator)
            .map(|cell| cell.trim().parse())
            .collect::<Result<Vec<f64>, _>>()?;
        let label = row.pop().ok_or("an empty line")? as u32;
        rows.push((row, label));
    }
    let n_classes = rows
        .iter()
        .map(|(_, label)| *label as usize + 1)
        .max()
        .ok_or("no rows")?;
    Ok((rows, n_classes))
}

fn made_up(random: &mut Random, n_rows: usize) -> Vec<LabelledRow> {
    const WIDTHS: [i64; 10] = [2000, 360, 66, 1400, 770, 7100, 254, 254, 254, 7100];
    let centres: Vec<Vec<f64>> = (0..40)
        .map(|_| WIDTHS.iter().map(|&width| random.integer(0, width)).collect())
        .collect();
    let row = |random: &mut Random| {
        let centre = random.below(centres.len());
        // The sum of three uniforms is bell-shaped enough.
        let mut around = |at: f64, width: i64| {
            let offset = (0..3).map(|_| random.unit() - 0.5).sum::<f64>() * width as f64 / 6.0;
            (at + offset).round().clamp(0.0, width as f64)
        };
        let mut row: Vec<f64> = centres[centre]
            .iter()
            .zip(WIDTHS)
            .map(|(&at, width)| around(at, width))
            .collect();
        row.extend((0..4).map(|i| f64::from(u8::from(i == centre % 4))));
        row.extend((0..40).map(|i| f64::from(u8::from(i == centre))));
        (row, (centre % 7) as u32)
    };
    (0..n_rows).map(|_| row(random)).collect()
}

/// Fisher-Yates.
fn shuffle(rows: &mut [LabelledRow], random: &mut Random) {
    for i in (1..rows.len()).rev() {
        rows.swap(i, random.below(i + 1));
    }
}
