//! The program, as tests start it: [`sensor_sim`], and as a server with its log in a file, for tests that look at the log
//! while it runs: [`Program`].

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// The program with these arguments, and nothing of this shell's own settings and tokens.
pub(crate) fn sensor_sim(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensor-sim"));
    command
        .args(args.split_whitespace())
        .env_remove("RUST_LOG")
        .env_remove("RUNNEL_PUBLISH_TOKEN")
        .env_remove("RUNNEL_READ_TOKEN")
        .stdin(Stdio::null());
    command
}

/// A server, its log in a file.
pub(crate) struct Program {
    child: Child,
    folder: std::path::PathBuf,
    /// As printed.
    pub(crate) address: String,
}

impl Program {
    /// Starts a server without a replay, on a free port; `name` keeps tests apart.
    pub(crate) fn start(name: &str, args: &str, variables: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("sensor-sim-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let mut child = sensor_sim("--port 0 --no-replay")
            .args(args.split_whitespace())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut address)
            .unwrap();
        let address = address.trim_end().to_owned();
        Self {
            child,
            folder,
            address,
        }
    }

    /// What it has written to stderr until now.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
