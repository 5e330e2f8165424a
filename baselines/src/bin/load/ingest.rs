//! `load ingest`: everything that `cargo xtask bench ingest` measures, in interleaved turns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::latency::Pair;
use crate::page::PageDriver;
use crate::payload::{BATCH, Form, Payloads};
use crate::report::{RunArgs, summary, today};
use crate::servers::{Programs, Server};
use crate::wire::Wire;
use crate::{idle, machine, report_ingest, throughput};

/// `load ingest`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IngestArgs {
    #[command(flatten)]
    programs: Programs,
    #[command(flatten)]
    page: PageDriver,
    #[command(flatten)]
    run: RunArgs,
}

/// How long and how often.
struct Extent {
    n_turns: usize,
    throughput: Duration,
    page: Duration,
    latency: Duration,
    n_idle: u64,
}

const FULL: Extent = Extent {
    n_turns: 5,
    throughput: Duration::from_secs(2),
    page: Duration::from_secs(3),
    latency: Duration::from_secs(4),
    n_idle: 10_000,
};

const QUICK: Extent = Extent {
    n_turns: 2,
    throughput: Duration::from_millis(500),
    page: Duration::from_secs(1),
    latency: Duration::from_secs(1),
    n_idle: 1_000,
};

/// Readings a second where latency is measured: what the page's own figures are measured at.
const LATENCY_RATE: u32 = 1_000;

/// A way through a server.
struct Way {
    id: &'static str,
    server: &'static str,
    wire: Wire,
    form: Form,
}

const WAYS: [Way; 11] = [
    way("runnel-websocket", "sensor-sim", Wire::WebSocket, Form::Single),
    way("mosquitto", "mosquitto", Wire::Mqtt, Form::Single),
    way("nats", "nats-server", Wire::Nats, Form::Single),
    way(
        "runnel-websocket-lines",
        "sensor-sim",
        Wire::WebSocket,
        Form::Lines,
    ),
    way(
        "runnel-websocket-frames",
        "sensor-sim",
        Wire::WebSocket,
        Form::Frame,
    ),
    way("mosquitto-lines", "mosquitto", Wire::Mqtt, Form::Lines),
    way("nats-lines", "nats-server", Wire::Nats, Form::Lines),
    way("runnel-mqtt", "sensor-sim", Wire::MqttBridge, Form::Single),
    way("runnel-http", "sensor-sim", Wire::Http, Form::Single),
    way("runnel-http-lines", "sensor-sim", Wire::Http, Form::Lines),
    way("runnel-http-frames", "sensor-sim", Wire::Http, Form::Frame),
];

const fn way(id: &'static str, server: &'static str, wire: Wire, form: Form) -> Way {
    Way {
        id,
        server,
        wire,
        form,
    }
}

/// A rate limit that is none, and room for all that is on its way.
const RUNNEL: [&str; 5] = [
    "--max-rate",
    "4294967295",
    "--source-history-mib",
    "64",
    "--no-replay",
];

impl IngestArgs {
    /// Measures, and writes ingest.json and ingest.md.
    pub(crate) fn run(&self) -> Result<()> {
        let started = Instant::now();
        let extent = if self.run.quick { QUICK } else { FULL };
        let machine = machine::describe(Some(&self.programs));
        let mut throughput: Vec<Vec<Value>> = WAYS.iter().map(|_| Vec::new()).collect();
        let mut latency = throughput.clone();
        let mut pages: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
        for turn in 0..extent.n_turns {
            eprintln!("turn {} of {}", turn + 1, extent.n_turns);
            for (way, turns) in WAYS.iter().zip(&mut throughput) {
                let payloads = Arc::new(Payloads::of_wine(way.form)?);
                let server = self.start(way, &[])?;
                let result = throughput::measure(way.wire, &server, &payloads, extent.throughput);
                turns.push(said(way.id, result)?);
            }
            for (way, turns) in WAYS
                .iter()
                .zip(&mut latency)
                .filter(|(way, _)| way.form == Form::Single)
            {
                let payloads = Arc::new(Payloads::of_wine(way.form)?);
                let server = self.start(way, &[])?;
                let pair = Pair::connect(way.wire, &server, &payloads)?;
                turns.push(said(way.id, pair.measure(LATENCY_RATE, extent.latency))?);
            }
            for (form, turns) in [Form::Single, Form::Lines].into_iter().zip(&mut pages) {
                let payloads = Arc::new(Payloads::of_wine(form)?);
                let args = [
                    "--dataset",
                    "wine",
                    "--max-rate",
                    "4294967295",
                    "--source-history-mib",
                    "64",
                ];
                let server = Server::runnel(&self.programs.server, &args)?;
                turns.push(said("page", self.page.measure(&server, &payloads, extent.page))?);
            }
        }
        let mut idle = Vec::new();
        let payloads = Payloads::of_wine(Form::Single)?;
        for way in WAYS
            .iter()
            .filter(|way| way.form == Form::Single && ![Wire::Http, Wire::MqttBridge].contains(&way.wire))
        {
            let n = extent.n_idle.to_string();
            let server = self.start(way, &["--max-sensors", &n, "--max-sources", &n])?;
            let result = idle::measure(way.wire, &server, &payloads, extent.n_idle);
            let mut result = said(way.id, result)?;
            result["server"] = way.server.into();
            idle.push(result);
        }
        let with_turns = |way: &Way, turns: &[Value], key: &str| {
            json!({
                "id": way.id, "server": way.server, "wire": format!("{:?}", way.wire), "form": format!("{:?}", way.form),
                key: summary(turns, key), "turns": turns,
            })
        };
        let throughput: Vec<Value> = WAYS
            .iter()
            .zip(&throughput)
            .map(|(way, turns)| with_turns(way, turns, "readings_per_sec"))
            .collect();
        let rate_of = |id: &str| {
            let row = throughput.iter().find(|row| row["id"] == id);
            row.and_then(|row| row["readings_per_sec"]["median"].as_f64())
                .unwrap_or(f64::NAN)
        };
        let batched = rate_of("runnel-websocket-lines").max(rate_of("runnel-websocket-frames"));
        let results = json!({
            "date": today()?,
            "commit": self.run.commit,
            "command": self.run.command("ingest"),
            "machine": machine,
            "browser": pages[0].first().map(|turn| turn["browser"].clone()),
            "batch": BATCH,
            "message_bytes": {
                "single": Payloads::of_wine(Form::Single)?.mean_bytes(),
                "lines": Payloads::of_wine(Form::Lines)?.mean_bytes(),
                "frame": Payloads::of_wine(Form::Frame)?.mean_bytes(),
            },
            "throughput": throughput,
            "one_a_message_to_mosquitto": rate_of("runnel-websocket") / rate_of("mosquitto"),
            "batched_to_nats": batched / rate_of("nats"),
            "page": pages.iter().zip(["Single", "Lines"]).map(|(turns, form)| json!({
                "form": form, "readings_per_sec": summary(turns, "readings_per_sec"), "turns": turns,
            })).collect::<Vec<_>>(),
            "latency": WAYS.iter().zip(&latency).filter(|(_, turns)| !turns.is_empty()).map(|(way, turns)| {
                let mut row = with_turns(way, turns, "p50_micros");
                row["p99_micros"] = summary(turns, "p99_micros");
                row
            }).collect::<Vec<_>>(),
            "latency_rate": LATENCY_RATE,
            "idle": idle,
            "seconds": started.elapsed().as_secs(),
        });
        self.run
            .write("ingest", &results, &report_ingest::markdown(&results)?)
    }

    fn start(&self, way: &Way, more: &[&str]) -> Result<Server> {
        match way.wire {
            Wire::WebSocket | Wire::Http => {
                Server::runnel(&self.programs.server, &[&RUNNEL[..], more].concat())
            }
            Wire::MqttBridge => Server::bridged_runnel(&self.programs, &[&RUNNEL[..], more].concat()),
            Wire::Mqtt => Server::mosquitto(&self.programs.mosquitto),
            Wire::Nats => Server::nats(&self.programs.nats_server),
        }
    }
}

fn said(what: &str, result: Result<Value>) -> Result<Value> {
    let result = result.with_context(|| what.to_owned())?;
    eprintln!("{what}: {result}");
    Ok(result)
}
