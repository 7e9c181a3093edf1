//! Somebody at a terminal: the real `grove` in a home of its own, run to its end or spoken to while
//! it runs.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::program::{self, Ended};
use crate::wait::soon;
use crate::{MachineClock, World};

/// A home directory, and the programs that run in it.
pub struct Terminal {
    /// The directory.
    pub home: PathBuf,
    /// Where the server answers.
    pub url: String,
    /// The clock that its programs see.
    pub clock: MachineClock,
}

impl Terminal {
    /// An empty one.
    pub fn new(world: &World, name: &str) -> Self {
        Self::at(world.home(name), world.url().to_owned())
    }

    /// One with this home, whose server answers there.
    pub fn at(home: PathBuf, url: String) -> Self {
        Self {
            home,
            url,
            clock: MachineClock::default(),
        }
    }

    /// One in which somebody has registered, with the recovery words.
    pub async fn register(world: &World, name: &str) -> (Self, String) {
        let terminal = Self::new(world, name);
        let registered = terminal.registers(name).await.json();
        let words = registered["recovery_words"].as_array().expect("words");
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        let words = words.join(" ");
        (terminal, words)
    }

    /// Registers somebody here.
    pub async fn registers(&self, name: &str) -> Ended {
        let address = format!("{name}@a.example");
        let arguments = ["register", &address, "--server", &self.url, "--json"];
        self.run(&arguments, "").await
    }

    /// Makes a room with these people in it; gives its URI.
    pub async fn makes_room(&self, name: &str, others: &[&str]) -> String {
        let others: Vec<String> = others
            .iter()
            .map(|other| format!("--invite={other}@a.example"))
            .collect();
        let mut arguments = vec!["rooms", "create", name, "--json"];
        arguments.extend(others.iter().map(String::as_str));
        let made = self.run(&arguments, "").await.json_lines();
        made[0]["room"].as_str().expect("a room").to_owned()
    }

    /// Runs `grove` to its end, with this standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Ended {
        program::run(self.command(arguments), input).await
    }

    /// Starts `grove --json` and lets it run.
    pub fn start(&self, arguments: &[&str]) -> Conversation {
        let mut command = self.command(arguments);
        command
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("grove runs");
        let stdout = child.stdout.take().expect("a pipe");
        let mut stderr = child.stderr.take().expect("a pipe");
        Conversation {
            stdin: child.stdin.take(),
            lines: BufReader::new(stdout).lines(),
            complaints: tokio::spawn(async move {
                let mut said = String::new();
                stderr.read_to_string(&mut said).await.expect("text");
                said
            }),
            child,
        }
    }

    fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program::grove());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        self.clock.before(&mut command);
        command
    }
}

/// A `grove` that runs, prints lines of JSON, and takes lines.
pub struct Conversation {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<String>,
}

impl Conversation {
    /// The next line it prints.
    ///
    /// # Panics
    /// When it ends instead.
    pub async fn hear(&mut self) -> Value {
        let line = soon("grove prints a line", self.lines.next_line()).await;
        let line = line.expect("its output").expect("a line before its end");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Types a line.
    pub async fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("a pipe");
        let typed = format!("{line}\n");
        stdin.write_all(typed.as_bytes()).await.expect("it reads");
        stdin.flush().await.expect("it reads");
    }

    /// How it ends when somebody presses Ctrl-C. Its input stays open.
    pub async fn is_interrupted(mut self) -> Ended {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw).expect("it runs");
        kill_process(pid, Signal::INT).expect("it runs");
        let input = self.stdin.take();
        let ended = self.end().await;
        drop(input);
        ended
    }

    /// How it ends, with what it printed that was not heard yet.
    pub async fn end(mut self) -> Ended {
        drop(self.stdin.take());
        let mut stdout = String::new();
        let ending = async {
            while let Some(line) = self.lines.next_line().await.expect("its output") {
                stdout.push_str(&line);
                stdout.push('\n');
            }
            self.child.wait().await.expect("its end")
        };
        let status = soon("grove ends", ending).await;
        Ended {
            code: status.code().expect("it ended by itself"),
            stdout,
            stderr: self.complaints.await.expect("its complaints"),
        }
    }
}
