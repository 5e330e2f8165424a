//! The results of `cargo xtask bench attack` as a page for people.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::report::{made_by, number, thousands, word};

/// attack.md for what is in attack.json.
pub(crate) fn markdown(results: &Value) -> Result<String> {
    let rows = results["attacks"]
        .as_array()
        .context("no attacks in the results")?;
    let mut text = format!(
        "# Attacks\n\n{made_by}\n\n\
         Each attack has a server of its own, with the limits as they come unless the attack is on one of them. Beside it runs an innocent stream: a sensor with {rate} readings/s\n\
         over a WebSocket, and a subscriber on `/live`; every reading must arrive. Its latency is measured without the attack and, half a second into it, with it. Attacker and innocents\n\
         share the machine's cores with the server, so part of what the innocents notice is the attacker's own work. A newcomer asks for `/healthz` over a new connection during the attack.\n\
         The run fails if anything panics, if an innocent reading is lost, or if an attack is not answered as it should be. Medians of {n} turns (p99: least–most).\n\n\
         | attack | p99 without | p99 with | newcomer waits | memory before | most | after |\n|---|---|---|---|---|---|---|\n",
        made_by = made_by(results)?,
        rate = results["innocent_rate"],
        n = rows
            .first()
            .and_then(|row| row["turns"].as_array())
            .map_or(0, Vec::len),
    );
    for row in rows {
        let micros = |key: &str| -> Result<String> {
            let value = |part: &str| number(&row[key][part]).map(|micros| micros / 1e3);
            Ok(format!(
                "{:.2} ms ({:.2}–{:.2})",
                value("median")?,
                value("low")?,
                value("high")?
            ))
        };
        let megabytes = |key: &str| number(&row[key]["median"]).map(|bytes| format!("{:.1} MB", bytes / 1e6));
        text += &format!(
            "| {} | {} | {} | {} ms | {} | {} | {} |\n",
            word(row, "about")?,
            micros("p99_without_micros")?,
            micros("p99_with_micros")?,
            thousands(number(&row["newcomer_millis"]["median"])?),
            megabytes("bytes_before")?,
            megabytes("bytes_peak")?,
            megabytes("bytes_after")?,
        );
    }
    text += "\n## What came of them\n\nFigures of the last turn.\n\n";
    for row in rows {
        let last = row["turns"]
            .as_array()
            .and_then(|turns| turns.last())
            .context("an attack without a turn")?;
        let outcome = last["outcome"]
            .as_object()
            .context("an attack without an outcome")?;
        let figures: Vec<String> = outcome
            .iter()
            .map(|(name, value)| {
                format!(
                    "{} {}",
                    name.replace('_', " "),
                    thousands(value.as_f64().unwrap_or(f64::NAN))
                )
            })
            .collect();
        text += &format!("- {}: {}\n", word(row, "id")?, figures.join(", "));
    }
    text += &format!(
        "\nAll numbers are in attack.json beside this file. The run took {} s.\n",
        results["seconds"]
    );
    Ok(text)
}
