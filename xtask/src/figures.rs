//! The README's figures: tables made from docs/results, so that no figure there was typed by hand.

mod classifier;
mod ingest;
mod stream;

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::repo;

/// Writes the figures of docs/results into README.md, each table between its marks.
pub(crate) fn update_readme() -> Result<()> {
    let readme = repo::root().join("README.md");
    let text = fs::read_to_string(&readme).context("reading README.md")?;
    fs::write(&readme, with_figures(&text)?).context("writing README.md")
}

/// `readme` with today's tables between the marks.
fn with_figures(readme: &str) -> Result<String> {
    let readme = between_marks(readme, "stream", &stream::table(&results("stream")?)?)?;
    let figures = classifier::table(&results("paper")?, &results("knn")?)?;
    let readme = between_marks(&readme, "classifier", &figures)?;
    between_marks(&readme, "ingest", &ingest::table(&results("ingest")?)?)
}

/// docs/results/NAME.json.
fn results(name: &str) -> Result<Value> {
    let path = repo::root().join(format!("docs/results/{name}.json"));
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

/// `text` with `figures` between the marks of `name`.
fn between_marks(text: &str, name: &str, figures: &str) -> Result<String> {
    let begin = format!("<!-- {name}:begin -->\n");
    let end = format!("<!-- {name}:end -->\n");
    let missing = || format!("README.md needs the lines {begin}and {end}");
    let (before, rest) = text.split_once(&begin).with_context(missing)?;
    let (_, after) = rest.split_once(&end).with_context(missing)?;
    Ok(format!("{before}{begin}{figures}{end}{after}"))
}

fn number(results: &Value, pointer: &str) -> Result<f64> {
    let value = results.pointer(pointer).and_then(Value::as_f64);
    value.with_context(|| format!("the results have no number at {pointer}"))
}

fn text<'a>(results: &'a Value, pointer: &str) -> Result<&'a str> {
    let value = results.pointer(pointer).and_then(Value::as_str);
    value.with_context(|| format!("the results have no text at {pointer}"))
}

/// The entry of the list at `pointer` that has all these texts.
fn find<'a>(results: &'a Value, pointer: &str, texts: &[(&str, &str)]) -> Result<&'a Value> {
    let list = results.pointer(pointer).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .find(|entry| texts.iter().all(|(key, text)| entry[key] == *text))
        .with_context(|| format!("the results have nothing for {texts:?} at {pointer}"))
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
    let expected = with_figures(&readme).expect("the results are whole and the README has its marks");
    assert_eq!(
        expected, readme,
        "README.md differs from docs/results: run the bench that made them"
    );
}

#[test]
fn thousands_are_grouped() {
    assert_eq!(
        [0.0, 999.0, 1_000.0, 1_234_567.0].map(grouped),
        ["0", "999", "1,000", "1,234,567"]
    );
}
