//! The figures of readings from sensors, from `cargo xtask bench ingest`.

use anyhow::Result;
use serde_json::Value;

use super::{find, grouped, number, text};

/// The table for results/ingest.json.
pub(super) fn table(results: &Value) -> Result<String> {
    let rate = |id: &str| -> Result<String> {
        let row = find(results, "/throughput", &[("id", id)])?;
        Ok(grouped(number(row, "/readings_per_sec/median")?))
    };
    let latency = |id: &str| -> Result<String> {
        let row = find(results, "/latency", &[("id", id)])?;
        let millis = |pointer: &str| number(row, pointer).map(|micros| micros / 1e3);
        Ok(format!(
            "{:.2} / {:.2} ms",
            millis("/p50_micros/median")?,
            millis("/p99_micros/median")?
        ))
    };
    let idle = |server: &str| -> Result<String> {
        let row = find(results, "/idle", &[("server", server)])?;
        Ok(format!("{:.1} kB", number(row, "/bytes_per_connection")? / 1e3))
    };
    Ok(format!(
        "| readings from sensors to a subscriber | sensor-sim | mosquitto | nats-server |\n\
         |---|---|---|---|\n\
         | readings/s, one a message | {} | {} | {} |\n\
         | readings/s, by way of a mosquitto (`--mqtt`) | {} | | |\n\
         | readings/s, {batch} JSON lines a message | {} | {} | {} |\n\
         | readings/s, {batch} in a binary frame | {} | – | – |\n\
         | from sensor to subscriber at 1,000 readings/s, p50 / p99 | {} | {} | {} |\n\
         | memory of an idle connection | {} | {} | {} |\n\
         \n\
         The brokers pass bytes on; sensor-sim decodes, checks and numbers every reading. Measured by `{command}` on {date}: {cpu}, {n_cpus} cores, one client for all. \
         [docs/results/ingest.md](docs/results/ingest.md) has HTTP, the page and the spread.\n",
        rate("runnel-websocket")?,
        rate("mosquitto")?,
        rate("nats")?,
        rate("runnel-mqtt")?,
        rate("runnel-websocket-lines")?,
        rate("mosquitto-lines")?,
        rate("nats-lines")?,
        rate("runnel-websocket-frames")?,
        latency("runnel-websocket")?,
        latency("mosquitto")?,
        latency("nats")?,
        idle("sensor-sim")?,
        idle("mosquitto")?,
        idle("nats-server")?,
        batch = grouped(number(results, "/batch")?),
        command = text(results, "/command")?,
        date = text(results, "/date")?,
        cpu = text(results, "/machine/cpu")?,
        n_cpus = grouped(number(results, "/machine/n_cpus")?),
    ))
}
