//! The arguments of `cargo xtask …`.

use clap::{Args, Parser, Subcommand};

/// Every developer command of Runnel.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    about,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `cargo xtask` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the page and the server, start them and open the browser; Ctrl-C ends it.
    Demo(Demo),
    /// Run every check there is, installing what is missing; ends in one line `N passed, N failed`.
    Test(Test),
    /// Build one self-contained server binary, with the page inside, under dist/.
    Dist,
    /// Build the page alone, into target/page.
    Page,
    /// Build the npm package of the classifier, into dist/npm, and pack it for `npm install`.
    Package,
    /// Measure, and write the results to docs/results.
    #[command(subcommand)]
    Bench(Bench),
    /// Fuzz the decoders of foreign bytes with fresh seeds.
    Fuzz(Fuzz),
    /// Run the Autobahn test suite against the server's WebSockets, and write docs/results/conformance.md.
    Conformance,
    /// Take the README's pictures of the page, light and dark, from a real run.
    Screenshot,
}

/// `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 9001)]
    pub(crate) port: u16,
    /// Do not open the browser.
    #[arg(long)]
    pub(crate) no_open: bool,
    /// More arguments for sensor-sim; they win over the demo's own, e.g. `-- --dataset wine`.
    #[arg(last = true, value_name = "SENSOR-SIM ARGUMENT")]
    pub(crate) server_args: Vec<String>,
}

/// `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Run only this suite; may be given several times.
    #[arg(long, value_name = "SUITE", value_parser = crate::test::suite_names())]
    pub(crate) only: Vec<String>,
}

/// `cargo xtask bench …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The stream in a real page: size, time to the first label, latency, highest rate, a slow page.
    Stream(BenchStream),
    /// The paper's tables: plain JavaScript, TensorFlow.js, scikit-learn behind Flask, textbook WebAssembly, and ours.
    Paper(BenchBaselines),
    /// The best peers beside ours, cost against size, exactness; writes docs/results/knn.md.
    Knn(BenchBaselines),
    /// Readings from sensors, beside mosquitto and nats-server: throughput, latency, memory of a connection.
    Ingest(BenchLoad),
    /// Attacks on the server: what it takes of memory, and what an innocent stream notices.
    Attack(BenchLoad),
}

/// `cargo xtask fuzz`.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// What to fuzz; everything if nothing is named.
    #[arg(value_name = "TARGET", value_parser = crate::fuzz::target_names())]
    pub(crate) targets: Vec<String>,
    /// For about so many minutes.
    #[arg(long, default_value_t = 5)]
    pub(crate) minutes: u32,
    /// One round with this seed: repeats one that failed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// `cargo xtask bench ingest` and `cargo xtask bench attack`.
#[derive(Debug, Args)]
pub(crate) struct BenchLoad {
    /// A short run for trying the bench itself; its results go to target/bench, not to docs/results.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// `cargo xtask bench paper` and `cargo xtask bench knn`.
#[derive(Debug, Args)]
pub(crate) struct BenchBaselines {
    /// A short run for trying the bench itself; its results go to target/bench, not to docs/results.
    #[arg(long)]
    pub(crate) quick: bool,
}

/// `cargo xtask bench stream`.
#[derive(Debug, Args)]
pub(crate) struct BenchStream {
    /// A short run for trying the bench itself; its results go to target/bench, not to docs/results.
    #[arg(long)]
    pub(crate) quick: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_well_formed() {
        Cli::command().debug_assert();
    }
}
