//! What both commands say of a run, and how they write it down.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// Which run it is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RunArgs {
    /// Where the results go: NAME.json and NAME.md.
    #[arg(long)]
    pub(crate) results: PathBuf,
    /// What is measured, for the record.
    #[arg(long)]
    pub(crate) commit: String,
    /// Short turns, few of them.
    #[arg(long)]
    pub(crate) quick: bool,
}

impl RunArgs {
    /// The command that repeats it.
    pub(crate) fn command(&self, bench: &str) -> String {
        format!(
            "cargo xtask bench {bench}{}",
            if self.quick { " --quick" } else { "" }
        )
    }

    /// Writes NAME.json and NAME.md.
    pub(crate) fn write(&self, name: &str, results: &Value, report: &str) -> Result<()> {
        let folder = &self.results;
        std::fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(results)? + "\n";
        std::fs::write(folder.join(format!("{name}.json")), json)?;
        std::fs::write(folder.join(format!("{name}.md")), report)?;
        println!("wrote {name}.json and {name}.md into {}", folder.display());
        Ok(())
    }
}

/// Median, least and most of a figure over its turns.
pub(crate) fn summary(turns: &[Value], key: &str) -> Value {
    let mut values: Vec<f64> = turns.iter().filter_map(|turn| turn[key].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.len() {
        0 => return Value::Null,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    };
    json!({ "median": median, "low": values[0], "high": values[values.len() - 1] })
}

/// The date of today in UTC, as the system has it.
pub(crate) fn today() -> Result<String> {
    let output = std::process::Command::new("date")
        .args(["-u", "+%F"])
        .output()
        .context("starting date")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Who measured what, where and when.
pub(crate) fn made_by(results: &Value) -> Result<String> {
    let machine = &results["machine"];
    let versions = [
        &machine["mosquitto"],
        &machine["nats_server"],
        &results["browser"],
    ]
    .into_iter();
    let versions = versions
        .filter_map(Value::as_str)
        .map(|version| format!(", {version}"));
    Ok(format!(
        "Made by `{}` on {} at commit {}: {}, {} cores, {:.0} GiB, {}{}.\nLoad average at the start: {:.2}.",
        word(results, "command")?,
        word(results, "date")?,
        word(results, "commit")?,
        word(machine, "cpu")?,
        machine["n_cpus"],
        number(&machine["memory_bytes"])? / f64::from(1 << 30),
        word(machine, "os")?,
        versions.collect::<String>(),
        number(&machine["load_average_at_start"])?,
    ))
}

pub(crate) fn number(value: &Value) -> Result<f64> {
    value
        .as_f64()
        .with_context(|| format!("expected a number, got {value}"))
}

pub(crate) fn word<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key]
        .as_str()
        .with_context(|| format!("no {key} in the results"))
}

/// A whole number with commas between thousands.
pub(crate) fn thousands(number: f64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0.0, 999.4, 1_000.0, 1_234_567.0].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
