//! `load attack`: each attack beside an innocent stream, and the same stream without it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::attacks::{ATTACKS, Attack, Target};
use crate::idle::health;
use crate::latency::Pair;
use crate::payload::{Form, Payloads};
use crate::report::{RunArgs, summary, today};
use crate::servers::Server;
use crate::wire::Wire;
use crate::{machine, report_attack};

/// `load attack`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AttackArgs {
    /// sensor-sim, built for release.
    #[arg(long)]
    server: PathBuf,
    #[command(flatten)]
    run: RunArgs,
}

/// Readings a second of the innocent stream; it keeps below every attack's rate limit.
const INNOCENT_RATE: u32 = 500;

/// How long an attack goes on before its effect is measured, and how long the server has to recover.
const SETTLE: Duration = Duration::from_millis(500);

impl AttackArgs {
    /// Attacks, and writes attack.json and attack.md.
    pub(crate) fn run(&self) -> Result<()> {
        let started = Instant::now();
        let machine = machine::describe(None);
        let (n_turns, duration) = if self.run.quick {
            (1, Duration::from_secs(1))
        } else {
            (3, Duration::from_secs(3))
        };
        let mut turns: Vec<Vec<Value>> = ATTACKS.iter().map(|_| Vec::new()).collect();
        for _ in 0..n_turns {
            for (attack, turns) in ATTACKS.iter().zip(&mut turns) {
                let turn = self.turn(attack, duration).context(attack.id)?;
                eprintln!("{}: {turn}", attack.id);
                turns.push(turn);
            }
        }
        let rows = ATTACKS.iter().zip(&turns).map(|(attack, turns)| {
            let figure = |key: &str| summary(turns, key);
            json!({
                "id": attack.id,
                "about": attack.about,
                "p99_without_micros": figure("p99_without_micros"),
                "p99_with_micros": figure("p99_with_micros"),
                "newcomer_millis": figure("newcomer_millis"),
                "bytes_before": figure("bytes_before"),
                "bytes_peak": figure("bytes_peak"),
                "bytes_after": figure("bytes_after"),
                "turns": turns,
            })
        });
        let results = json!({
            "date": today()?,
            "commit": self.run.commit,
            "command": self.run.command("attack"),
            "machine": machine,
            "innocent_rate": INNOCENT_RATE,
            "attacks": rows.collect::<Vec<_>>(),
            "seconds": started.elapsed().as_secs(),
        });
        self.run
            .write("attack", &results, &report_attack::markdown(&results)?)
    }

    /// One attack on a server of its own. Fails if the server panicked, ended, lost an innocent reading, or answered the
    /// attack otherwise than it should.
    fn turn(&self, attack: &Attack, duration: Duration) -> Result<Value> {
        let args = [&["--no-replay"], attack.server_args].concat();
        let start = if attack.is_guarded {
            Server::guarded_runnel
        } else {
            Server::runnel
        };
        let mut server = start(&self.server, &args)?;
        let payloads = Arc::new(Payloads::of_wine(Form::Single)?);
        let pair = Pair::connect(Wire::WebSocket, &server, &payloads)?;
        let without = pair
            .measure(INNOCENT_RATE, duration)
            .context("the innocent stream before the attack")?;
        let before = server.usage()?;
        let target = Arc::new(Target::new(server.port));
        // The innocents are connected before the attack begins; what those notice who come later is the newcomer's to say.
        let pair = Pair::connect(Wire::WebSocket, &server, &payloads)?;
        let shared = Arc::clone(&target);
        let run = attack.run;
        let attacker = thread::spawn(move || run(&shared));
        while !target.at_height.load(Ordering::Relaxed) && !attacker.is_finished() {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(SETTLE);
        let with = pair.measure(INNOCENT_RATE, duration);
        let asked_at = Instant::now();
        let answered = health(server.port);
        let newcomer = asked_at.elapsed();
        let peak = server.usage()?.peak_bytes;
        target.stop.store(true, Ordering::Relaxed);
        let outcome = attacker.join().map_err(|_| anyhow!("the attacker panicked"))?;
        let outcome = outcome.context("the attack itself")?;
        let with = with.context("the innocent stream during the attack")?;
        thread::sleep(SETTLE);
        health(server.port).context("the server after the attack")?;
        let after = server.usage()?;
        ensure!(server.is_running(), "the server has ended");
        let log = server.log()?;
        ensure!(!log.contains("panicked"), "the server panicked:\n{log}");
        Ok(json!({
            "p50_without_micros": without["p50_micros"],
            "p99_without_micros": without["p99_micros"],
            "p50_with_micros": with["p50_micros"],
            "p99_with_micros": with["p99_micros"],
            "newcomer_millis": newcomer.as_secs_f64() * 1e3,
            "newcomer_served": answered.is_ok(),
            "bytes_before": before.rss_bytes,
            "bytes_peak": peak,
            "bytes_after": after.rss_bytes,
            "outcome": outcome,
        }))
    }
}
