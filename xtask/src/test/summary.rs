//! Counts read from the closing lines of test runners: cargo-nextest, cargo test (wasm-bindgen's too), node:test.

use std::fmt;

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// The sum of all closing lines in `log`.
pub(super) fn read(log: &str) -> Counts {
    let mut sum = Counts::default();
    // nextest shows what a failing test printed, which is cargo test's closing line for that one test.
    let is_nextest = log.lines().any(|line| line.trim().starts_with("Summary ["));
    for line in log.lines() {
        let line = line.trim();
        if line.starts_with("test result:") {
            if is_nextest {
                continue;
            }
            // test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
            sum.add(Counts {
                passed: before(line, "passed"),
                failed: before(line, "failed"),
                skipped: before(line, "ignored"),
            });
        } else if line.starts_with("Summary [") {
            // Summary [   1.2s] 34 tests run: 31 passed (1 slow), 2 failed, 1 timed out, 2 skipped
            sum.add(Counts {
                passed: before(line, "passed"),
                failed: before(line, "failed") + before(line, "timed") + before(line, "exec"),
                skipped: before(line, "skipped"),
            });
        } else if let Some(words) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
            // # pass 5, one word and one number a line
            let n = words.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
            match words.split(' ').next() {
                Some("pass") => sum.passed += n,
                Some("fail" | "cancelled") => sum.failed += n,
                Some("skipped" | "todo") => sum.skipped += n,
                _ => {}
            }
        }
    }
    sum
}

/// The number in front of `word`.
fn before(line: &str, word: &str) -> u64 {
    let words: Vec<&str> = line
        .split([' ', ';', ','])
        .filter(|part| !part.is_empty())
        .collect();
    let pair = words.windows(2).find(|pair| pair[1] == word);
    pair.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

/// Whether the line says that a test was skipped.
pub(super) fn is_skip(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("skipped:")
        || line.contains("# SKIP")
        || (line.starts_with("test ") && line.contains("... ignored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, passed: u64, failed: u64, skipped: u64) {
        assert_eq!(
            read(log),
            Counts {
                passed,
                failed,
                skipped
            },
            "{log}"
        );
    }

    #[test]
    fn closing_lines_of_every_runner_are_read() {
        check(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            3,
            0,
            1,
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            3,
            2,
            0,
        );
        check(
            "     Summary [   0.5s] 34 tests run: 34 passed (1 slow), 2 skipped",
            34,
            0,
            2,
        );
        check(
            "     Summary [   0.5s] 4/9 tests run: 1 passed, 2 failed, 1 timed out, 0 skipped",
            1,
            3,
            0,
        );
        check(
            "# tests 5\n# suites 1\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0",
            3,
            2,
            0,
        );
        check("ℹ tests 1\nℹ pass 1\nℹ fail 0", 1, 0, 0);
        check("nothing of the kind", 0, 0, 0);
    }

    #[test]
    fn a_failing_test_counts_once_under_nextest() {
        let inner = "test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 18 filtered out";
        check(
            &format!("{inner}\n     Summary [ 0.2s] 19 tests run: 18 passed, 1 failed, 0 skipped"),
            18,
            1,
            0,
        );
    }

    #[test]
    fn several_runners_add_up() {
        check(
            "test result: ok. 1 passed; 0 failed;\ntest result: ok. 2 passed; 0 failed;",
            3,
            0,
            0,
        );
    }

    #[test]
    fn skips_are_recognised() {
        assert!(is_skip("ok 3 - page # SKIP no desktop"));
        assert!(is_skip("test long_run ... ignored, takes an hour"));
        assert!(!is_skip("test skipping_readings ... ok"));
    }
}
