//! The real `grove` against the real `groved`, as a person at a terminal uses it, and a script.

use std::path::PathBuf;
use std::process::Stdio;

use harness::program::{self, Ended};
use harness::wait::soon;
use harness::{Setup, World};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Somebody at a terminal.
struct Person {
    home: PathBuf,
    url: String,
}

impl Person {
    async fn register(world: &World, name: &str) -> Self {
        let person = Self {
            home: world.home(name),
            url: world.url().to_owned(),
        };
        let registered = person
            .run(&[
                "register",
                &format!("{name}@a.example"),
                "--server",
                &person.url,
                "--json",
            ])
            .await
            .json();
        assert_eq!(registered["address"], format!("{name}@a.example"));
        assert_eq!(
            registered["recovery_words"]
                .as_array()
                .expect("words")
                .len(),
            24
        );
        person
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program::grove());
        command
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    async fn run(&self, arguments: &[&str]) -> Ended {
        program::run(self.command(arguments), "").await
    }

    async fn run_with(&self, arguments: &[&str], input: &str) -> Ended {
        program::run(self.command(arguments), input).await
    }

    fn listen(&self, arguments: &[&str]) -> Listener {
        let mut command = self.command(&["listen", "--json"]);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("grove runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Listener { child, lines }
    }
}

struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Listener {
    /// The next message, with what it says.
    async fn hears(&mut self) -> String {
        let hearing = async {
            while let Some(line) = self.lines.next_line().await.expect("its output") {
                let event: Value = serde_json::from_str(&line).expect("JSON");
                if event["event"] == "message" {
                    return event["message"]["text"]
                        .as_str()
                        .expect("a text")
                        .to_owned();
                }
            }
            panic!("grove listen ended");
        };
        soon("a message is heard", hearing).await
    }

    async fn end(mut self) {
        let pid = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("it runs"), rustix::process::Signal::TERM)
            .expect("it runs");
        let status = soon("it ends", self.child.wait()).await.expect("its end");
        assert_eq!(status.code(), Some(0));
    }
}

fn texts(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["text"].as_str().expect("a text"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_at_two_terminals() {
    let world = Setup::default().process().start().await;
    let (alice, bob) = (
        Person::register(&world, "alice").await,
        Person::register(&world, "bob").await,
    );
    let made = alice
        .run(&[
            "rooms",
            "create",
            "Garden",
            "--invite",
            "bob@a.example",
            "--json",
        ])
        .await
        .json_lines();
    let room = made[0]["room"].as_str().expect("a room").to_owned();
    assert_eq!(made[1]["added"].as_array().expect("users").len(), 1);

    // Bob is off-line; words come as argument and over a pipe.
    let sent = alice
        .run(&["send", "Garden", "the tomatoes are ripe", "--json"])
        .await
        .json();
    assert_eq!(
        (sent["status"].as_str(), sent["seq"].is_u64()),
        (Some("sent"), true)
    );
    alice
        .run_with(&["send", "Garden"], "two\nlines\n")
        .await
        .ok();
    let once = bob.run(&["listen", "--once", "--json"]).await.json_lines();
    let heard: Vec<&str> = once
        .iter()
        .filter(|line| line["event"] == "message")
        .map(|line| line["message"]["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(heard, ["the tomatoes are ripe", "two\nlines"]);
    let again = bob.run(&["listen", "--once", "--json"]).await.json_lines();
    assert!(
        again.iter().all(|line| line["event"] != "message"),
        "shown once"
    );

    // Both at once, and a second command beside the listener.
    let mut listening = alice.listen(&[]);
    let mut polling = bob.listen(&["--poll"]);
    bob.run(&["send", "Garden", "and the beans"]).await.ok();
    assert_eq!(listening.hears().await, "and the beans");
    alice.run(&["send", &room, "I come over"]).await.ok();
    assert_eq!(polling.hears().await, "I come over");
    listening.end().await;
    polling.end().await;

    for person in [&alice, &bob] {
        let history = person
            .run(&["history", "Garden", "--json"])
            .await
            .json_lines();
        assert_eq!(
            texts(&history),
            [
                "the tomatoes are ripe",
                "two\nlines",
                "and the beans",
                "I come over"
            ]
        );
    }
    let last = alice
        .run(&["history", "Garden", "--limit", "1", "--json"])
        .await
        .json_lines();
    assert_eq!(texts(&last), ["I come over"]);
    let who = alice.run(&["whoami", "--json"]).await.json();
    assert_eq!(who["user"], "mimi://a.example/u/alice");
    let members = bob
        .run(&["rooms", "members", "Garden", "--json"])
        .await
        .json_lines();
    assert_eq!(members.len(), 2);
    let rooms = bob.run(&["rooms", "list", "--json"]).await.json_lines();
    assert_eq!(
        (rooms[0]["name"].as_str(), rooms[0]["state"].as_str()),
        (Some("Garden"), Some("joined"))
    );

    alice
        .run(&["rooms", "remove", "Garden", "bob@a.example"])
        .await
        .ok();
    alice.run(&["send", "Garden", "alone at last"]).await.ok();
    bob.run(&["sync"]).await.ok();
    let refused = bob.run(&["send", "Garden", "hello?"]).await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    let history = bob.run(&["history", "Garden", "--json"]).await.json_lines();
    assert!(!texts(&history).contains(&"alone at last"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_codes_are_what_scripts_were_promised() {
    let mut world = Setup::default().process().start().await;
    let alice = Person::register(&world, "alice").await;
    let nobody = Person {
        home: world.home("nobody"),
        url: world.url().to_owned(),
    };
    let code = async |person: &Person, arguments: &[&str]| person.run(arguments).await.code;
    assert_eq!(code(&alice, &["send"]).await, 2);
    assert_eq!(code(&alice, &["frobnicate"]).await, 2);
    assert_eq!(code(&nobody, &["whoami"]).await, 3);
    assert_eq!(code(&alice, &["send", "Attic", "hello"]).await, 8);
    assert_eq!(
        code(
            &nobody,
            &["register", "alice@a.example", "--server", &nobody.url]
        )
        .await,
        5,
        "the name is taken"
    );
    assert_eq!(code(&nobody, &["whoami"]).await, 3, "nothing is left of it");
    assert_eq!(code(&alice, &["rooms", "create", "Garden"]).await, 0);
    assert_eq!(
        code(&alice, &["rooms", "invite", "Garden", "ghost@a.example"]).await,
        8
    );

    world.stop().await;
    assert_eq!(code(&alice, &["sync"]).await, 4);
    let queued = alice
        .run(&["send", "Garden", "kept", "--json"])
        .await
        .json();
    assert_eq!(queued["status"], "queued");
    assert_eq!(
        code(
            &alice,
            &["send", "Garden", "kept too", "--require-accepted"]
        )
        .await,
        4
    );
    let status = alice.run(&["status", "--json"]).await.json();
    assert_eq!(status["queued"], 2);
    world.start().await;
    alice.run(&["sync"]).await.ok();
    assert_eq!(
        world
            .count("SELECT count(*) FROM room_log WHERE kind = 1")
            .await,
        2
    );

    let key = alice.home.join(".local/share/grove");
    let key = std::fs::read_dir(key)
        .expect("profiles")
        .next()
        .expect("a profile")
        .expect("a profile")
        .path()
        .join("key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .expect("a mode");
    assert_eq!(
        code(&alice, &["whoami"]).await,
        7,
        "a key that others may read"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invite_is_never_an_argument() {
    let world = Setup::default()
        .process()
        .set("server.registration=invite")
        .start()
        .await;
    let token = world.process().admin(&["invites", "create"]).await.ok();
    let alice = Person {
        home: world.home("alice"),
        url: world.url().to_owned(),
    };
    let register = [
        "register",
        "alice@a.example",
        "--server",
        world.url(),
        "--json",
        "--recovery-file",
    ];
    let words = alice.home.join("words.txt");
    let words = words.to_str().expect("a path");
    let from_stdin = [&register[..5], &["--invite-file", "-"]].concat();
    for (guessed, code) in [("", 2), ("guessed", 5)] {
        let refused = alice.run_with(&from_stdin, guessed).await;
        assert_eq!(refused.code, code, "{guessed:?}: {}", refused.stderr);
    }
    let arguments = [&register[..], &[words, "--invite-file", "-"]].concat();
    let registered = alice.run_with(&arguments, &token).await.json();
    assert_eq!(registered["recovery_words"], Value::Null);
    let written = std::fs::read_to_string(words).expect("the words");
    assert_eq!(written.split_whitespace().count(), 24, "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_commands_at_once_on_one_profile() {
    let world = Setup::default().process().start().await;
    let (alice, bob) = (
        Person::register(&world, "alice").await,
        Person::register(&world, "bob").await,
    );
    alice
        .run(&["rooms", "create", "Garden", "--invite", "bob@a.example"])
        .await
        .ok();
    let texts: Vec<String> = (0..6).map(|number| format!("message {number}")).collect();
    let sending = texts
        .iter()
        .map(|text| async { alice.run(&["send", "Garden", text]).await.ok() });
    futures_util::future::join_all(sending).await;
    // What a command had no time left for waits, and goes with the next.
    alice.run(&["sync"]).await.ok();
    bob.run(&["sync"]).await.ok();
    let history = bob.run(&["history", "Garden", "--json"]).await.json_lines();
    let mut heard: Vec<&str> = history
        .iter()
        .map(|line| line["text"].as_str().expect("a text"))
        .collect();
    heard.sort_unstable();
    assert_eq!(heard, texts);
}
