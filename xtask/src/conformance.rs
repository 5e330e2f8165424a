//! `cargo xtask conformance`: the Autobahn test suite against the server's WebSockets.
//!
//! The suite is written for Python 2. It goes into a virtual environment of its own under target/tools; what runs it is the
//! test in sensor-sim/src/conformance.rs.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{bench_stream, repo, tools};

/// Kinds of cases, by the first number of their names; of the suite's own list.
const KINDS: [(u32, &str); 9] = [
    (1, "framing: payloads of all lengths"),
    (2, "pings and pongs"),
    (3, "reserved bits"),
    (4, "opcodes that there are not"),
    (5, "fragmentation, control frames in between"),
    (6, "UTF-8, as early as it is seen to be wrong"),
    (7, "closing: codes, reasons, order"),
    (9, "limits: messages of 64 KiB to 16 MiB, whole and in pieces"),
    (10, "fragmentation at the sender"),
];

/// Runs the suite and writes docs/results/conformance.md.
pub(crate) fn run() -> Result<()> {
    let suite = tools::autobahn()?;
    let reports = repo::target().join("autobahn");
    if reports.exists() {
        fs::remove_dir_all(&reports).with_context(|| format!("emptying {}", reports.display()))?;
    }
    fs::create_dir_all(&reports)?;
    let tested = repo::run(
        repo::cargo()
            .args(["test", "--package", "sensor-sim", "--lib", "conformance::"])
            .env("RUNNEL_AUTOBAHN", &suite)
            .env("RUNNEL_AUTOBAHN_REPORTS", &reports),
    );
    let index = reports.join("index.json");
    let text = fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
    let report = markdown(&serde_json::from_str(&text)?)?;
    let path = repo::root().join("docs/results/conformance.md");
    fs::write(&path, report).with_context(|| format!("writing {}", path.display()))?;
    println!(
        "wrote {}; the suite's own pages are in {}",
        path.display(),
        reports.display()
    );
    tested
}

/// How many cases of each kind came out how, and each that is not plainly OK by name.
fn markdown(index: &Value) -> Result<String> {
    let cases = index["sensor-sim"]
        .as_object()
        .context("the suite reports on sensor-sim")?;
    let mut kinds: BTreeMap<u32, BTreeMap<&str, u32>> = BTreeMap::new();
    let mut totals: BTreeMap<&str, u32> = BTreeMap::new();
    let mut others = Vec::new();
    for (name, case) in cases {
        let kind = name.split('.').next().and_then(|kind| kind.parse().ok());
        let kind: u32 = kind.with_context(|| format!("a case named {name}"))?;
        let behaviour = case["behavior"].as_str().context("a case without a result")?;
        *kinds.entry(kind).or_default().entry(behaviour).or_default() += 1;
        *totals.entry(behaviour).or_default() += 1;
        let closing = case["behaviorClose"].as_str().unwrap_or("not told");
        if behaviour != "OK" || closing != "OK" {
            others.push(format!("- {name}: {behaviour}; closing: {closing}\n"));
        }
    }
    if cases.is_empty() {
        bail!("the suite ran no case");
    }
    others.sort();
    let shown = |counts: &BTreeMap<&str, u32>| {
        let counts = counts.iter().map(|(behaviour, n)| format!("{n} {behaviour}"));
        counts.collect::<Vec<_>>().join(", ")
    };
    let date = repo::output(repo::command("date").args(["-u", "+%F"]))?;
    let mut text = format!(
        "# WebSocket conformance\n\nMade by `cargo xtask conformance` on {date} at commit {commit}: the Autobahn test suite's fuzzing client, {n} cases: **{totals}**.\n\n\
         The server under test is an echo on what sensors' connections are made of: the same accept loop, handshake and socket settings (`sensor-sim/src/conformance.rs`).\n\
         The cases of permessage-deflate (12 and 13) are left out: the server does not offer it, so no message can unfold to more than was sent.\n\n\
         | cases | about | came out |\n|---|---|---|\n",
        commit = bench_stream::commit()?,
        n = cases.len(),
        totals = shown(&totals),
    );
    for (kind, counts) in &kinds {
        let about = KINDS
            .iter()
            .find(|(known, _)| known == kind)
            .map_or("", |(_, about)| about);
        text += &format!("| {kind}.* | {about} | {} |\n", shown(counts));
    }
    text += "\nNot plainly OK (NON-STRICT: within the standard, but text that is no UTF-8 could be refused before its message is whole; INFORMATIONAL: the\n\
             suite only looks what a server does where the standard leaves it open):\n\n";
    text += &others.concat();
    Ok(text)
}
