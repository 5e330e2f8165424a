//! `cargo xtask test`: every check there is, cheap ones first, each as a suite with a log of its own.
//!
//! A suite that fails does not stop the others; its log is printed in full. The last line is the sum over all suites.

mod server;
mod suites;
mod summary;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{cli, repo};
use suites::SUITES;
use summary::Counts;

/// One thing that is checked.
struct Suite {
    name: &'static str,
    /// What it says when it passes.
    about: &'static str,
    /// How its log is counted.
    counted: Counted,
    run: fn(&mut Log) -> Result<()>,
}

/// How a suite's tests are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// One check: it holds or not.
    Whole,
    /// By the closing lines of the test runners in its log; a suite that ran no test has failed.
    ByRunner,
}

/// The file that a suite's commands print to.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn create(suite: &str) -> Result<Self> {
        let dir = repo::target().join("test-logs");
        fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
        let path = dir.join(format!("{suite}.log"));
        let file = File::create(&path).with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { path, file })
    }

    /// A line of our own.
    fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.file, "{line}").with_context(|| format!("writing {}", self.path.display()))
    }

    /// Runs `command` with its output going here.
    fn run(&mut self, command: &mut Command) -> Result<()> {
        self.say(&format!("$ {}", repo::show(command)))?;
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(self.file.try_clone()?)
            .stderr(self.file.try_clone()?);
        repo::run(command)
    }

    fn text(&self) -> Result<String> {
        let bytes = fs::read(&self.path).with_context(|| format!("reading {}", self.path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The values of `--only`.
pub(crate) fn suite_names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

/// Runs the suites and prints the sum.
pub(crate) fn run(args: &cli::Test) -> Result<ExitCode> {
    let is_chosen = |suite: &&Suite| args.only.is_empty() || args.only.iter().any(|name| name == suite.name);
    let chosen: Vec<&Suite> = SUITES.iter().filter(is_chosen).collect();
    let started = Instant::now();
    let mut total = Counts::default();
    for (idx, suite) in chosen.iter().enumerate() {
        println!("[{}/{}] {}: {}", idx + 1, chosen.len(), suite.name, suite.about);
        let suite_started = Instant::now();
        let counts = run_suite(suite)?;
        let verdict = if counts.failed == 0 { "ok" } else { "FAILED" };
        println!(
            "    {verdict}: {counts}, {:.1} s",
            suite_started.elapsed().as_secs_f64()
        );
        total.add(counts);
    }
    if chosen.len() < SUITES.len() {
        let left_out = suite_names()
            .into_iter()
            .filter(|name| chosen.iter().all(|suite| suite.name != *name));
        println!(
            "left out, as --only asks: {}",
            left_out.collect::<Vec<_>>().join(", ")
        );
    }
    println!(
        "{} suites in {:.0} s, logs in target/test-logs",
        chosen.len(),
        started.elapsed().as_secs_f64()
    );
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(if total.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_suite(suite: &Suite) -> Result<Counts> {
    let mut log = Log::create(suite.name)?;
    let result = (suite.run)(&mut log);
    if let Err(error) = &result {
        log.say(&format!("error: {error:#}"))?;
    }
    let text = log.text()?;
    let counts = count(suite.counted, &text, result.is_ok());
    if counts.failed > 0 {
        println!(
            "---- {} ----\n{}\n---- end of {} ----",
            suite.name,
            text.trim_end(),
            suite.name
        );
    } else {
        for line in text.lines().filter(|line| summary::is_skip(line)) {
            println!("    {}", line.trim());
        }
    }
    Ok(counts)
}

fn count(counted: Counted, log: &str, succeeded: bool) -> Counts {
    let mut counts = match counted {
        Counted::Whole => Counts {
            passed: u64::from(succeeded),
            ..Counts::default()
        },
        Counted::ByRunner => summary::read(log),
    };
    let ran_nothing = counts.passed == 0 && counts.failed == 0;
    if counts.failed == 0 && (!succeeded || ran_nothing) {
        // It did not build, a runner died before its closing line, or there was no test to run.
        counts.failed = 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_ran_nothing_has_failed() {
        assert_eq!(count(Counted::ByRunner, "no tests to run!\n", true).failed, 1);
        assert_eq!(
            count(Counted::ByRunner, "error: could not compile\n", false).failed,
            1
        );
        assert_eq!(count(Counted::Whole, "", false).failed, 1);
        assert_eq!(count(Counted::Whole, "", true).passed, 1);
    }

    #[test]
    fn a_runner_that_fails_after_its_tests_passed_has_failed() {
        let log = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(
            count(Counted::ByRunner, log, true),
            Counts {
                passed: 3,
                failed: 0,
                skipped: 0
            }
        );
        assert_eq!(
            count(Counted::ByRunner, log, false),
            Counts {
                passed: 3,
                failed: 1,
                skipped: 0
            }
        );
    }
}
