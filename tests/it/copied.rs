//! A profile that is copied, used, and put back: as a backup of a home directory does it.

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::{Setup, Terminal};
use serde_json::Value;

/// `cp -a`, in the place of whatever is there.
fn put(from: &Path, to: &Path) {
    if to.exists() {
        fs::remove_dir_all(to).expect("it goes");
    }
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_was_put_back_notices_and_is_heard() {
    let world = Setup::default().process().start().await;
    let (alice, _) = Terminal::register(&world, "alice").await;
    let (bob, _) = Terminal::register(&world, "bob").await;
    let garden = alice.makes_room("Garden", &["bob"]).await;
    bob.run(&["sync"], "").await.ok();
    let say = async |text: &str| {
        let sent = alice.run(&["send", &garden, text, "--json"], "").await;
        assert_eq!(sent.json()["status"], "sent");
    };
    say("zero").await;

    let backup = alice.home.with_file_name("backup");
    put(&alice.home, &backup);
    for text in ["one", "two", "three"] {
        say(text).await;
    }
    put(&backup, &alice.home);
    say("four").await;
    let told = alice.run(&["listen", "--once", "--json"], "").await;
    let clones = |told: &[Value]| told.iter().filter(|line| line["kind"] == "clone").count();
    let told = told.json_lines();
    let troubles = |told: &[Value]| {
        told.iter()
            .filter(|line| {
                ["warning", "healed", "missing"]
                    .iter()
                    .any(|kind| line["event"] == *kind)
            })
            .count()
    };
    assert_eq!((clones(&told), troubles(&told)), (1, 1), "{told:?}");
    for text in ["five", "six", "seven"] {
        say(text).await;
    }

    let told = bob.run(&["listen", "--once", "--json"], "").await;
    let told = told.json_lines();
    let texts: Vec<&str> = told
        .iter()
        .filter_map(|line| line["message"]["text"].as_str())
        .collect();
    let all = [
        "zero", "one", "two", "three", "four", "five", "six", "seven",
    ];
    assert_eq!(texts, all, "{told:?}");
    assert_eq!(troubles(&told), 0, "{told:?}");
    let still = alice.run(&["listen", "--once", "--json"], "").await;
    let still = still.json_lines();
    assert_eq!(clones(&still), 0, "{still:?}");
}
