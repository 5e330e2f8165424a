//! The README's figures: a table made from docs/results, so that no figure there was typed by hand.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::repo;

const BEGIN: &str = "<!-- figures:begin -->\n";
const END: &str = "<!-- figures:end -->\n";

/// Writes the figures of docs/results/stream.json into README.md, between the two marks.
pub(crate) fn update_readme() -> Result<()> {
    let readme = repo::root().join("README.md");
    let text = fs::read_to_string(&readme).context("reading README.md")?;
    let updated = with_figures(&text, &table(&stream_results()?)?)?;
    fs::write(&readme, updated).context("writing README.md")
}

fn stream_results() -> Result<Value> {
    let path = repo::root().join("docs/results/stream.json");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// `text` with `figures` between the marks.
fn with_figures(text: &str, figures: &str) -> Result<String> {
    let marks = "README.md needs the lines <!-- figures:begin --> and <!-- figures:end -->";
    let (before, rest) = text.split_once(BEGIN).context(marks)?;
    let (_, after) = rest.split_once(END).context(marks)?;
    Ok(format!("{before}{BEGIN}{figures}{END}{after}"))
}

fn table(results: &Value) -> Result<String> {
    let number = |pointer: &str| {
        let value = results.pointer(pointer).and_then(Value::as_f64);
        value.with_context(|| format!("stream.json has no number at {pointer}"))
    };
    let text = |pointer: &str| {
        let value = results.pointer(pointer).and_then(Value::as_str);
        value.with_context(|| format!("stream.json has no text at {pointer}"))
    };
    let millis = |pointer: &str| number(pointer).map(|micros| format!("{:.2} ms", micros / 1e3));
    let count = |pointer: &str| number(pointer).map(grouped);
    Ok(format!(
        "| what | measured |\n\
         |---|---|\n\
         | the page, gzipped, without the model | {page:.0} kB |\n\
         | from opening the page to the first label, Covertype, nothing cached | {first:.2} s |\n\
         | Wine, {rate} readings/s for {seconds} s | {missed} missed; sensor to label p50 {p50}, p99 {p99} |\n\
         | Covertype, highest rate held with nothing missed | {highest} readings/s |\n\
         | a page made {times:.0} times too slow | at most {in_flight} readings in flight of {credit} allowed, newest label at most {age} ms old, {unaccounted} readings unaccounted for |\n\
         \n\
         Measured by `{command}` on {date}: {cpu}, {n_cpus} cores, {browser}. \
         [docs/results/stream.md](docs/results/stream.md) has the rest.\n",
        page = number("/page/n_bytes_gzip")? / 1e3,
        first = number("/first_label/median_millis")? / 1e3,
        rate = count("/wine/rate")?,
        seconds = count("/wine/seconds")?,
        missed = count("/wine/n_missed")?,
        p50 = millis("/wine/latency_micros/end_to_end/p50")?,
        p99 = millis("/wine/latency_micros/end_to_end/p99")?,
        highest = count("/covertype/max_rate")?,
        times = number("/slow_page/n_produced")? / number("/slow_page/n_labelled")?,
        in_flight = count("/slow_page/max_in_flight")?,
        credit = count("/slow_page/credit")?,
        age = count("/slow_page/max_age_millis")?,
        unaccounted = count("/slow_page/n_unaccounted")?,
        command = text("/command")?,
        date = text("/date")?,
        cpu = text("/machine/cpu")?,
        n_cpus = count("/machine/n_cpus")?,
        browser = text("/browser")?,
    ))
}

/// A whole number with commas between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[test]
fn the_readmes_figures_are_those_of_the_results() {
    let readme = fs::read_to_string(repo::root().join("README.md")).expect("the repository has a README.md");
    let results = stream_results().expect("the results are committed");
    let expected = with_figures(&readme, &table(&results).expect("the results are whole"));
    assert_eq!(
        expected.expect("the README has its marks"),
        readme,
        "README.md differs from docs/results: run the command named there"
    );
}

#[test]
fn thousands_are_grouped() {
    assert_eq!(
        [0.0, 999.0, 1_000.0, 1_234_567.0].map(grouped),
        ["0", "999", "1,000", "1,234,567"]
    );
}
