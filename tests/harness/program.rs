//! The real programs: where they are, and how one runs to its end.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::{env, io};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::wait::soon;

/// The real `groved`.
pub fn groved() -> PathBuf {
    program("groved-under-test")
}

/// The real `grove`.
pub fn grove() -> PathBuf {
    program("grove-under-test")
}

/// Cargo puts the binaries of a package beside the directory of its tests.
fn program(name: &str) -> PathBuf {
    let own = env::current_exe().expect("a program knows where it is");
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("cargo did not build {name}"))
}

/// Says that a test does not run because what it needs is not installed. Not by a macro: what those
/// write is shown for failed tests only.
pub fn left_out(missing: &str) {
    let said = writeln!(
        io::stderr(),
        "LEFT OUT: {missing} is not installed, a test that needs it did not run. «make test-tools» installs it."
    );
    said.expect("standard error");
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What it printed, if it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// The lines it printed, each a JSON object.
    #[track_caller]
    pub fn json_lines(self) -> Vec<Value> {
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        };
        self.ok().lines().map(read).collect()
    }

    /// The one JSON object it printed.
    #[track_caller]
    pub fn json(self) -> Value {
        let mut lines = self.json_lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }
}

/// Runs a program to its end, with this standard input.
pub async fn run(mut command: Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeding = async move {
        // A program that does not read its input may be gone already.
        drop(stdin.write_all(input.as_bytes()).await);
    };
    let (output, ()) = soon("the program ends", async {
        tokio::join!(child.wait_with_output(), feeding)
    })
    .await;
    Ended::of(output.expect("the program was waited for"))
}
