//! The figures of the classifier, from `cargo xtask bench paper` and `bench knn`.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{find, grouped, number, text};

/// The table for results/paper.json and results/knn.json.
pub(super) fn table(paper: &Value, knn: &Value) -> Result<String> {
    let mut lines = String::from(
        "| data, exact k = 5, WebAssembly in Chromium | a query, p50 | textbook Rust wasm | typed-array JavaScript | plain f64 scan, in turns |\n\
         |---|---|---|---|---|\n",
    );
    for (case, form, name) in [
        ("covertype", "raw", "Covertype, 464,809 rows of 54 features"),
        ("covertype", "standard", "the same, standardised"),
        ("wine", "raw", "Wine, 3,918 rows of 11 features"),
        ("wine", "standard", "the same, standardised"),
    ] {
        let p50 = |driver| {
            let row = find(
                paper,
                "/rows",
                &[
                    ("case", case),
                    ("form", form),
                    ("driver", driver),
                    ("environment", "Chromium"),
                ],
            );
            number(row?, "/latency_micros/p50")
        };
        let ours = p50("ours")?;
        let ratio = |driver| p50(driver).map(|theirs| format!("{}, {}", time(theirs), times(theirs / ours)));
        let in_turns = find(
            knn,
            "/ratios",
            &[("case", case), ("form", form), ("environment", "Chromium")],
        )?;
        lines.push_str(&format!(
            "| {name} | **{}** | {} | {} | {} |\n",
            time(ours),
            ratio("textbook")?,
            ratio("typed")?,
            times(median(in_turns)?)
        ));
    }
    let covertype = find(
        knn,
        "/ratios",
        &[
            ("case", "covertype"),
            ("form", "raw"),
            ("environment", "Chromium"),
        ],
    )?;
    let (n_queries, n_mismatches) = compared(knn)?;
    lines.push_str(&format!(
        "\nBuilding Covertype's index in the page takes {build}; it has {index:.1} MB. {n_queries} queries were compared with brute force in f64, \
         neighbour by neighbour: {n_mismatches} mismatches. Measured by `{of_paper}` and `{of_knn}` on {date}: {cpu}, {n_cpus} cores, {browser}. The paper's own tables, \
         more peers, memory, and what was not reached: [docs/results/paper.md](docs/results/paper.md), [docs/results/knn.md](docs/results/knn.md).\n",
        build = time(number(covertype, "/build_millis")? * 1e3),
        index = number(covertype, "/index_bytes")? / 1e6,
        n_queries = grouped(n_queries),
        n_mismatches = grouped(n_mismatches),
        of_paper = text(paper, "/command")?,
        of_knn = text(knn, "/command")?,
        date = text(knn, "/date")?,
        cpu = text(knn, "/machine/cpu")?,
        n_cpus = number(knn, "/machine/n_cpus")?,
        browser = text(knn, "/browser")?,
    ));
    Ok(lines)
}

/// The median ratio of the turns.
fn median(row: &Value) -> Result<f64> {
    let turns = row["turns"].as_array().context("a ratio without turns")?;
    let mut ratios = turns
        .iter()
        .map(|turn| number(turn, "/ratio"))
        .collect::<Result<Vec<_>>>()?;
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[ratios.len() / 2])
}

/// Queries compared with brute force in all places, and those answered otherwise.
fn compared(knn: &Value) -> Result<(f64, f64)> {
    let rows = knn["ratios"].as_array().context("results without ratios")?;
    rows.iter().try_fold((0.0, 0.0), |(n, n_mismatches), row| {
        Ok((
            n + number(row, "/compared/n")?,
            n_mismatches + number(row, "/compared/n_mismatches")?,
        ))
    })
}

/// Microseconds, with two or three digits that count.
fn time(micros: f64) -> String {
    match micros {
        ..9.95 => format!("{micros:.1} µs"),
        ..999.5 => format!("{micros:.0} µs"),
        ..9_950.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

/// How many times as long.
fn times(ratio: f64) -> String {
    if ratio < 99.5 {
        format!("{ratio:.1}×")
    } else {
        format!("{}×", grouped(ratio))
    }
}
