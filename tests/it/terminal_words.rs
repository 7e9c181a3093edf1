//! What the real `grove` says when it cannot do what was typed, and what it leaves behind then.

use std::ffi::OsStr;

use harness::World;
use harness::program::{self, Ended};
use harness::terminal::Terminal;
use serde_json::Value;
use tokio::process::Command;

/// Standard error, which is one object of JSON.
#[track_caller]
fn complaint(ended: &Ended) -> Value {
    assert_eq!(ended.stdout, "");
    serde_json::from_str(&ended.stderr).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Runs `grove` where no file may grow beyond so many blocks of 512 bytes.
async fn with_little_room(terminal: &Terminal, blocks: u32, arguments: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command
        .args(["-c", &limited])
        .arg(program::grove())
        .args(arguments)
        .env_clear()
        .env("HOME", &terminal.home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    program::run(command, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_a_usage_error_and_json_if_wanted() {
    let world = World::new().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    let long = "é".repeat(200);
    let longer = "é".repeat(4000);
    for (arguments, said) in [
        (vec!["--json", "histroy"], "unrecognized subcommand"),
        (
            vec!["history", "x", "--limit", "many", "--json"],
            "invalid value",
        ),
        (vec!["rooms", "create", "", "--json"], "256 bytes"),
        (
            vec!["rooms", "create", "\u{200b}\u{3164}", "--json"],
            "256 bytes",
        ),
        (vec!["rooms", "create", &long, "--json"], "256 bytes"),
        (
            vec!["rooms", "create", "Garden", "--topic", &longer, "--json"],
            "4096 bytes",
        ),
        (vec!["devices", "rename", "a", "\u{2060}", "--json"], ""),
    ] {
        let ended = alice.run(&arguments, "").await;
        if said.is_empty() {
            assert!([2, 8].contains(&ended.code), "{ended:?}");
            continue;
        }
        assert_eq!(ended.code, 2, "{arguments:?}: {ended:?}");
        let complaint = complaint(&ended);
        assert_eq!(
            (&complaint["error"], &complaint["code"]),
            (&"usage".into(), &2.into())
        );
        let message = complaint["message"].as_str().expect("a message");
        assert!(message.contains(said), "{message}");
    }
    assert_eq!(alice.run(&["rooms", "list", "--json"], "").await.ok(), "");
    let help = alice.run(&["--json", "--help"], "").await.ok();
    assert!(help.contains("Usage:"), "help stays text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_called_that_and_half_of_nothing_stays() {
    let world = World::new().await;
    let alice = Terminal::new(&world, "alice");
    let register = |recovery| {
        let recovery: &str = recovery;
        [
            "register",
            "alice@a.example",
            "--server",
            &alice.url,
            "--json",
            "--recovery-file",
            recovery,
        ]
        .map(str::to_owned)
    };
    let words = alice.home.join("words");
    let arguments = register(words.to_str().expect("a path"));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = with_little_room(&alice, 0, &arguments).await;
    assert_eq!(ended.code, 7, "{ended:?}");
    let told = complaint(&ended);
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("the disk is full"))
    );
    assert!(
        told["advice"]
            .as_str()
            .is_some_and(|text| text.contains("make room"))
    );
    // With room again it goes on as if nothing had been.
    std::fs::remove_file(&words).ok();
    alice.run(&arguments, "").await.ok();
    alice.makes_room("Garden", &[]).await;

    let full = OsStr::new("/dev/full");
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$0\" rooms list --json > \"$1\""])
        .args([program::grove().as_os_str(), full])
        .env_clear()
        .env("HOME", &alice.home);
    let ended = program::run(command, "").await;
    assert_eq!(ended.code, 7, "{ended:?}");
    let told = complaint(&ended);
    assert!(
        told["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("the disk is full"))
    );
}

/// With nobody at the other end, and with somebody who is not what was expected, the libraries for
/// TLS and HTTP have much to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_error_is_ours_alone() {
    let world = World::new().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    let wrong = alice.url.replace("http://", "https://");
    for server in [wrong.as_str(), "http://127.0.0.1:1"] {
        for command in ["sync", "status"] {
            let ended = alice
                .run(&[command, "--server", server, "--json"], "")
                .await;
            for line in ended.stderr.lines() {
                let said: Result<Value, _> = serde_json::from_str(line);
                assert!(said.is_ok(), "{line}");
            }
        }
    }
}
