//! The binary itself, as people run it: what it prints and with which code it ends.

mod anchor;
mod check;
mod upgrade;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The binary with nothing of this environment's that would change what it does.
fn chancery(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
    command.args(arguments).env_remove("CHANCERY_NODE").env_remove("CHANCERY_KEYS").env("LANG", "C");
    command
}

/// How a command ended.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the binary can be run");
        let text = |bytes| String::from_utf8(bytes).expect("the binary writes texts");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed for programs.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// A module that `scripts/contracts.sh` compiled.
fn contract(file: &str) -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("../target"), PathBuf::from);
    let path = target.join("contracts").join(file);
    assert!(path.is_file(), "{} is missing; run scripts/contracts.sh", path.display());
    path.to_str().expect("the path is a text").to_owned()
}

/// A developer's chain that runs until it is dropped.
struct Dev {
    process: Child,
    url: String,
    folder: TempDir,
}

impl Dev {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("chain");
        let mut command = chancery(&["dev", "--json", "--listen", "127.0.0.1:0", "--data"]);
        let process =
            command.arg(&data).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary can be run");
        // From here on dropping it ends the process.
        let mut dev = Self { process, url: String::new(), folder };
        let lines = BufReader::new(dev.process.stdout.take().expect("its output is read")).lines();
        for line in lines {
            let line: Value = serde_json::from_str(&line.expect("its output is a text")).expect("each line is JSON");
            if line["ready"] == true {
                dev.url = line["url"].as_str().expect("it says where it listens").to_owned();
                return dev;
            }
        }
        panic!("the chain ended before it was ready");
    }

    /// Runs a command against this chain, with JSON for an answer.
    fn run(&self, arguments: &[&str]) -> Ended {
        let keys = self.folder().join("chain/keys");
        let mut command = chancery(arguments);
        Ended::of(command.arg("--json").env("CHANCERY_NODE", &self.url).env("CHANCERY_KEYS", keys))
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It is a trial chain of this test alone; that it is gone already is as good.
        if self.process.kill().is_ok() {
            self.process.wait().expect("a killed process ends");
        }
    }
}
