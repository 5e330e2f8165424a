//! The results of `cargo xtask bench ingest` as a page for people.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::report::{made_by, number, summary, thousands, word};

/// ingest.md for what is in ingest.json.
pub(crate) fn markdown(results: &Value) -> Result<String> {
    let batch = &results["batch"];
    let bytes = |form: &str| results["message_bytes"][form].as_f64().map_or(0.0, f64::round);
    let mut text = format!(
        "# Readings from sensors\n\n{made_by}\n\n\
         One publisher and one subscriber, both in one Rust program on the same machine (`baselines/src/bin/load`), which speaks WebSocket, HTTP,\n\
         MQTT 3.1.1 (QoS 0) and NATS itself: messages are encoded beforehand, sent in writes of 16 KiB, at most 4,096 readings on their way. HTTP sends a\n\
         request when the one before was answered. A reading is a row of Wine, 11 features, as a JSON object of {single:.0} bytes; batches hold {batch} of them,\n\
         one a line ({lines:.0} bytes) or as a binary frame ({frame:.0} bytes). Every reading is counted and compared with what was sent where it comes out. sensor-sim decodes,\n\
         numbers, keeps and re-encodes each reading and sends it to `/live` in binary; a broker passes a message on unread.\n\
         With `--mqtt` it fetches them from a mosquitto, whose work is not in the CPU time.\n\
         Medians of {n_turns} turns, all in turn on the same machine, with least and most; a server of its own for each turn, as it comes but for the limits: `baselines/src/bin/load/servers.rs` has the settings.\n\n\
         ## Readings a second, publisher to subscriber\n\n\
         | server | sent as | readings/s | least–most | lost | server's CPU, µs a reading |\n|---|---|---|---|---|---|\n",
        made_by = made_by(results)?,
        single = bytes("single"),
        lines = bytes("lines"),
        frame = bytes("frame"),
        n_turns = results["throughput"][0]["turns"].as_array().map_or(0, Vec::len),
    );
    for row in rows(results, "throughput")? {
        let lost: u64 = turns(row).filter_map(|turn| turn["n_lost"].as_u64()).sum();
        let cpu = summary(
            row["turns"].as_array().context("turns")?,
            "server_cpu_micros_per_reading",
        );
        text += &format!(
            "| {} | {} | {} | {} | {} | {:.2} |\n",
            word(row, "server")?,
            sent_as(row)?,
            thousands(number(&row["readings_per_sec"]["median"])?),
            range(&row["readings_per_sec"])?,
            thousands(lost as f64),
            number(&cpu["median"])?,
        );
    }
    text += &format!(
        "\nOne reading a message, sensor-sim moves **{:.2} times** the readings of mosquitto. Batched it moves **{:.2} times** the readings that nats-server moves\n\
         one a message. A broker that is handed {batch} readings as one opaque message forwards bytes, and is faster by what reading them costs: the rows are there to show that cost.\n\n\
         ## Readings a second, publisher to the page in Chromium\n\n\
         The page decodes, labels (Wine's kNN, k = 5) and scores every one. The publisher sends as fast as the server hands readings to the page; page, browser, server and publisher share the machine.\n\n\
         | sent as | labelled/s | least–most | lost |\n|---|---|---|---|\n",
        number(&results["one_a_message_to_mosquitto"])?,
        number(&results["batched_to_nats"])?,
    );
    for row in rows(results, "page")? {
        let lost: u64 = turns(row).filter_map(|turn| turn["n_lost"].as_u64()).sum();
        let form = if row["form"] == "Single" {
            "WebSocket, one a message"
        } else {
            "WebSocket, 64 JSON lines a message"
        };
        text += &format!(
            "| {form} | {} | {} | {lost} |\n",
            thousands(number(&row["readings_per_sec"]["median"])?),
            range(&row["readings_per_sec"])?,
        );
    }
    text += &format!(
        "\n## Latency at {} readings/s, one a message\n\nFrom before the publisher's `write` to after the subscriber's `read`, one clock.\n\n\
         | server | sent as | p50 | p99 | p99, least–most |\n|---|---|---|---|---|\n",
        thousands(number(&results["latency_rate"])?)
    );
    for row in rows(results, "latency")? {
        text += &format!(
            "| {} | {} | {} µs | {} µs | {} |\n",
            word(row, "server")?,
            sent_as(row)?,
            thousands(number(&row["p50_micros"]["median"])?),
            thousands(number(&row["p99_micros"]["median"])?),
            range(&row["p99_micros"])?,
        );
    }
    text += "\n## Memory of connections that say nothing\n\nEach has sent one reading. With sensor-sim each is a source of its own: its channel, schema and ring are counted.\n\n\
             | server | connections | memory before | with them | a connection |\n|---|---|---|---|---|\n";
    for row in rows(results, "idle")? {
        let megabytes = |key: &str| number(&row[key]).map(|bytes| format!("{:.1} MB", bytes / 1e6));
        text += &format!(
            "| {} | {} | {} | {} | {:.1} kB |\n",
            word(row, "server")?,
            thousands(number(&row["n_connections"])?),
            megabytes("bytes_before")?,
            megabytes("bytes_with")?,
            number(&row["bytes_per_connection"])? / 1e3,
        );
        let (n, wanted) = (number(&row["n_connections"])?, number(&row["n_wanted"])?);
        if n < wanted {
            text += &format!(
                "\nOnly {n} of {wanted}: this shell allows {} open files; `ulimit -n 20000` allows enough.\n",
                row["max_open_files"]
            );
        }
    }
    text += &format!(
        "\nAll numbers are in ingest.json beside this file. The run took {} s.\n",
        results["seconds"]
    );
    Ok(text)
}

fn sent_as(row: &Value) -> Result<&'static str> {
    Ok(match (word(row, "wire")?, word(row, "form")?) {
        ("WebSocket", "Single") => "WebSocket, one a message",
        ("WebSocket", "Lines") => "WebSocket, 64 JSON lines a message",
        ("WebSocket", _) => "WebSocket, 64 in a binary frame",
        ("Mqtt", "Single") => "MQTT QoS 0, one a message",
        ("Mqtt", _) => "MQTT QoS 0, 64 JSON lines a message, unread",
        ("MqttBridge", _) => "MQTT QoS 0 to a mosquitto, one a message (`--mqtt`)",
        ("Nats", "Single") => "NATS, one a message",
        ("Nats", _) => "NATS, 64 JSON lines a message, unread",
        (_, "Single") => "HTTP, one a request, one connection",
        (_, "Lines") => "HTTP, 64 JSON lines a request, one connection",
        _ => "HTTP, 64 in a binary frame a request, one connection",
    })
}

fn rows<'a>(results: &'a Value, key: &str) -> Result<impl Iterator<Item = &'a Value>> {
    let rows = results[key].as_array();
    Ok(rows.with_context(|| format!("no {key} in the results"))?.iter())
}

fn turns(row: &Value) -> impl Iterator<Item = &Value> {
    row["turns"].as_array().into_iter().flatten()
}

fn range(summary: &Value) -> Result<String> {
    Ok(format!(
        "{}–{}",
        thousands(number(&summary["low"])?),
        thousands(number(&summary["high"])?)
    ))
}
