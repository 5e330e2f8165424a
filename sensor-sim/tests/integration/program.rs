//! The program itself: exit codes, one-line errors, the address on stdout, signals.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Output, Stdio};

use crate::program_with_log::sensor_sim;

/// A running server; killed if a test fails before it ends it.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    fn start(args: &str) -> Self {
        let mut child = sensor_sim(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim_end().to_owned();
        Self { child, address }
    }

    fn port(&self) -> &str {
        self.address
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.strip_suffix('/'))
            .expect("the address line")
    }

    #[cfg(unix)]
    fn end_by(mut self, signal: &str) -> (Option<i32>, String) {
        let killed = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (code, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs to the end; it has to fail with one line on stderr.
fn check_error(args: &str, code: i32, parts: &[&str]) {
    let Output {
        status,
        stdout,
        stderr,
    } = sensor_sim(args).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{args}: {stderr}");
    assert!(stdout.is_empty(), "{args}");
    assert_eq!(stderr.lines().count(), 1, "{args}: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{args}: {part} is not in {stderr}");
    }
}

#[test]
fn mistakes_get_one_line_that_says_what_to_do() {
    check_error(
        "--port 0 --dataset covtype",
        2,
        &["covtype", "did you mean covertype?"],
    );
    check_error("--port 0 --dataset wine --speed 2", 2, &["time stamps", "--rate"]);
    check_error("--port 0 --data /nowhere/x.csv", 1, &["/nowhere/x.csv"]);
    check_error(
        "--port 0 --no-replay --mqtt mqtt://me:secret@127.0.0.1",
        2,
        &[
            "--mqtt mqtt://127.0.0.1: there is no topic filter",
            "mqtt://127.0.0.1/home/#",
        ],
    );
    check_error(
        "--port 0 --no-replay --pull http://127.0.0.1",
        2,
        &["--pull http://127.0.0.1: ", "boiler=ws://"],
    );
    check_error(
        "--port 0 --no-replay --mqtt mqtts://127.0.0.1/# --bridge-ca /nowhere/ca.pem",
        1,
        &["/nowhere/ca.pem"],
    );
    check_error("datasets path whine", 2, &["did you mean wine?"]);
    check_error("datasets path wine", 1, &["wine"]);
}

#[test]
fn bad_files_are_named_with_the_place() {
    let dir = std::env::temp_dir().join(format!("sensor-sim-test-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let check = |name: &str, text: &str, parts: &[&str]| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        check_error(
            &format!("--port 0 --data {}", path.display()),
            1,
            &[parts, &[name]].concat(),
        );
    };
    check("missing.csv", "a,b,y\n1,2,x\n3,,x\n", &["3"]);
    check("text.csv", "a,b,y\n1,2,x\n3,four,x\n", &["four"]);
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn bad_arguments_end_with_code_2() {
    for args in [
        "--rate fast",
        "--rate 10 --speed 2",
        "--split 80/30",
        "--k 0",
        "--colour red",
        "datasets eat wine",
    ] {
        let output = sensor_sim(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args}");
    }
}

#[test]
fn two_servers_on_one_port_are_one_too_many() {
    let first = Running::start("--port 0 --dataset wine --prepare raw");
    check_error(
        &format!("--port {} --dataset wine", first.port()),
        1,
        &["is taken", "--port"],
    );
}

#[cfg(unix)]
#[test]
fn signals_end_the_server_with_a_summary() {
    for signal in ["-INT", "-TERM"] {
        let server = Running::start("--port 0 --dataset wine --prepare raw");
        let (code, log) = server.end_by(signal);
        assert_eq!(code, Some(0), "{log}");
        assert!(
            log.contains("0 readings in") && log.contains("0 viewers"),
            "{log}"
        );
    }
}

/// What a reader takes for the label, and what for a time, a user must be able to check.
#[cfg(unix)]
#[test]
fn the_log_says_how_a_file_was_read() {
    let path = std::env::temp_dir().join(format!("sensor-sim-test-{}-read.csv", std::process::id()));
    let rows: String = (0..20).map(|i| format!("{i},{},{}\n", i * i, i % 2)).collect();
    std::fs::write(&path, format!("id,a,b\n{rows}")).unwrap();
    let server = Running::start(&format!("--port 0 --data {}", path.display()));
    let (_, log) = server.end_by("-INT");
    std::fs::remove_file(&path).unwrap();
    let expected = "read: CSV separated by `,`, with header; label `b`; left out `id` (it numbers the rows)";
    assert!(log.contains(expected), "{log}");
}

#[test]
fn export_writes_the_split_in_order() {
    let output = sensor_sim("datasets export wine --split 50/50 --order file")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<&str> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(parts.len(), 4_898);
    assert_eq!((parts[2_448], parts[2_449]), ("training", "stream"));
}

#[test]
fn list_tells_what_is_fetched_from_what_is_not() {
    let dir = std::env::temp_dir().join(format!("sensor-sim-list-{}", std::process::id()));
    let list = || {
        let mut command = sensor_sim("datasets list");
        let output = command.env("RUNNEL_DATA_DIR", &dir).env("XDG_CACHE_HOME", &dir);
        String::from_utf8(output.output().unwrap().stdout).unwrap()
    };
    let line = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("wall-robot"))
            .unwrap()
            .to_owned()
    };
    assert!(line(&list()).contains("to fetch"));
    std::fs::create_dir_all(dir.join("wall-robot")).unwrap();
    for file in datasets::entry("wall-robot").unwrap().files {
        std::fs::write(dir.join("wall-robot").join(file.name), "").unwrap();
    }
    assert!(line(&list()).contains("fetched"));
    std::fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn list_names_every_data_set() {
    for args in ["datasets list", "datasets list --markdown"] {
        let output = sensor_sim(args).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for name in ["covertype", "wine", "elec", "weather", "occupancy", "wall-robot"] {
            assert!(text.contains(name), "{args}: {name} is not in {text}");
        }
    }
}
