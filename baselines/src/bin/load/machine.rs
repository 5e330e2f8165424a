//! What the figures were measured on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// Processor, memory, system, and the versions of brokers, where there are any.
pub(crate) fn describe(brokers: Option<&crate::servers::Programs>) -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let cpu = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let meminfo = read("/proc/meminfo");
    let memory = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let memory_kib = memory.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let load = read("/proc/loadavg");
    json!({
        "cpu": cpu.and_then(|line| line.split_once(':')).map_or("unknown", |(_, name)| name.trim()),
        "n_cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_bytes": memory_kib.map(|kib| kib * 1024),
        "os": format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
        "load_average_at_start": load.split(' ').next().and_then(|load| load.parse::<f64>().ok()),
        // mosquitto says so at the head of its help, and exits with 3.
        "mosquitto": brokers.and_then(|programs| first_line(Command::new(&programs.mosquitto).arg("-h"))),
        "nats_server": brokers.and_then(|programs| first_line(Command::new(&programs.nats_server).arg("--version"))),
    })
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned())
}
