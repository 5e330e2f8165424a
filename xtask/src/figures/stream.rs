//! The figures of the stream, from `cargo xtask bench stream`.

use anyhow::Result;
use serde_json::Value;

use super::{grouped, number, text};

/// The table for results/stream.json.
pub(super) fn table(results: &Value) -> Result<String> {
    let number = |pointer: &str| number(results, pointer);
    let text = |pointer: &str| text(results, pointer);
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
