//! What a person does with devices at the terminal: the real `grove` against the real server.

use std::path::Path;

use harness::program::{self, Ended};
use harness::{Setup, Terminal, World};
use serde_json::{Value, json};
use tokio::process::Command;

async fn grove(home: &Path, arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(program::grove());
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    program::run(command, input).await
}

/// The JSON line on standard error that tells why a run failed.
fn failure(ended: &Ended) -> Value {
    let line = ended.stderr.lines().last().expect("a line");
    serde_json::from_str(line).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_listed_named_and_never_taken_away_by_themselves() {
    let world = World::new().await;
    let home = world.home("alice");
    let registered = [
        "register",
        "alice@a.example",
        "--server",
        world.url(),
        "--json",
    ];
    let registered = grove(&home, &registered, "").await.json();
    let client = registered["client"].as_str().expect("a client").to_owned();
    let words: Vec<&str> = registered["recovery_words"]
        .as_array()
        .expect("words")
        .iter()
        .map(|word| word.as_str().expect("a word"))
        .collect();

    let named = grove(&home, &["devices", "rename", &client, "old laptop"], "").await;
    assert!(named.ok().ends_with("is called «old laptop»\n"));
    let listed = grove(&home, &["devices", "list", "--json"], "")
        .await
        .json();
    assert_eq!(listed["client"], client);
    assert_eq!(
        (&listed["name"], &listed["this"]),
        (&json!("old laptop"), &json!(true))
    );
    assert_eq!(
        (&listed["revoked_ms"], &listed["rooms_pending"]),
        (&Value::Null, &json!(0))
    );
    assert!(listed["last_seen_ms"].is_u64(), "{listed}");
    let text = grove(&home, &["devices", "ls"], "").await.ok();
    assert!(text.contains("«old laptop», this device, added "), "{text}");

    // Not this one, not an unknown one, not without the words.
    let input = words.join(" ");
    let revoke = [
        "devices",
        "revoke",
        client.as_str(),
        "--words-file",
        "-",
        "--json",
    ];
    let own = grove(&home, &revoke, &input).await;
    assert_eq!(failure(&own)["error"], "not_found", "{}", own.stderr);
    let retired = grove(&home, &["devices", "retire", &client, "--json"], "").await;
    assert_eq!(failure(&retired)["error"], "not_found");
    // Nobody is there to say that it is the one: a name is not enough, with --yes neither.
    let id = client.rsplit('/').next().expect("an id");
    for named in [&["OLD laptop"][..], &["OLD laptop", "--yes"]] {
        let arguments = [&["devices", "retire", "--json"], named].concat();
        let refused = failure(&grove(&home, &arguments, "yes\n").await);
        assert_eq!(refused["error"], "usage", "{refused}");
        assert!(refused["advice"].as_str().expect("advice").ends_with(id));
    }
    let unknown = grove(&home, &["devices", "retire", "phone", "--json"], "").await;
    assert_eq!(failure(&unknown)["message"], "you have no such device");
    let wrong = grove(&home, &revoke, &["abandon"; 24].join(" ")).await;
    assert_eq!(failure(&wrong)["error"], "refused", "{}", wrong.stderr);
    let listed = grove(&home, &["devices", "list", "--json"], "")
        .await
        .json();
    assert_eq!(listed["revoked_ms"], Value::Null);
}

/// Runs `grove` at a terminal of its own, at which this is typed.
async fn at_a_terminal(terminal: &Terminal, arguments: &[&str], typed: &str) -> Ended {
    let mut words = vec![format!("'{}'", program::grove().display())];
    words.extend(arguments.iter().map(|word| format!("'{word}'")));
    let mut command = Command::new("script");
    command
        .args(["-q", "-e", "-c", &words.join(" "), "/dev/null"])
        .env_clear()
        .env("HOME", &terminal.home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    program::run(command, typed).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_sees_which_device_goes_and_says_yes() {
    let world = Setup::default().process().start().await;
    let (alice, words) = Terminal::register(&world, "alice").await;
    let found = Terminal::new(&world, "found");
    let recover = [
        "recover",
        "alice@a.example",
        "--server",
        found.url.as_str(),
        "--words-file",
        "-",
        "--keep-others",
        "--name",
        "tablet",
    ];
    found.run(&recover, &words).await.ok();
    let old = alice.run(&["whoami", "--json"], "").await.json();
    let old = old["client"].as_str().expect("a client").to_owned();
    let id = old.rsplit('/').next().expect("an id");
    // One that is called as the other begins.
    let begin = id.get(..8).expect("an id");
    found
        .run(&["devices", "rename", "tablet", begin], "")
        .await
        .ok();
    let both = at_a_terminal(&found, &["devices", "retire", begin], "yes\n").await;
    assert_eq!(both.code, 8, "{}", both.stdout);
    assert!(
        both.stdout.contains(&format!("«{begin}»")),
        "{}",
        both.stdout
    );
    let active = async || {
        let listed = found.run(&["devices", "list", "--json"], "").await;
        let lines = listed.json_lines().into_iter();
        lines.filter(|line| line["revoked_ms"].is_null()).count()
    };
    found
        .run(&["devices", "rename", id, "old laptop"], "")
        .await
        .ok();
    for (typed, code, left) in [("no\n", 1, 2), ("\n", 2, 2), ("YES\n", 0, 1)] {
        let retire = ["devices", "retire", "old laptop"];
        let ended = at_a_terminal(&found, &retire, typed).await;
        assert_eq!(ended.code, code, "{}", ended.stdout);
        let shown = format!("{id}  «old laptop», added ");
        assert!(ended.stdout.contains(&shown), "{}", ended.stdout);
        assert_eq!(active().await, left);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drafts_and_positions_are_kept() {
    let world = World::new().await;
    let home = world.home("alice");
    let registered = [
        "register",
        "alice@a.example",
        "--server",
        world.url(),
        "--json",
    ];
    grove(&home, &registered, "").await.ok();
    let made = grove(&home, &["rooms", "create", "Garden", "--json"], "")
        .await
        .json();
    let kept = grove(&home, &["rooms", "draft", "Garden", "I wan", "--json"], "").await;
    assert_eq!(
        kept.json(),
        json!({ "room": made["room"], "draft": "I wan" })
    );
    let shown = grove(&home, &["rooms", "draft", "Garden"], "").await.ok();
    assert_eq!(shown, "I wan\n");
    let mut bob = world.user("bob").await;
    let invited = ["rooms", "invite", "Garden", "bob@a.example"];
    grove(&home, &invited, "").await.ok();
    bob.catch_up().await;
    let room = bob.client.find_room("Garden").expect("a room");
    bob.say(&room, "hello").await;
    let room = async || grove(&home, &["rooms", "list", "--json"], "").await.json();
    let before = room().await;
    assert_eq!(
        (&before["unread"], &before["draft"]),
        (&json!(1), &json!("I wan"))
    );
    grove(&home, &["rooms", "read", "Garden"], "").await.ok();
    grove(&home, &["rooms", "draft", "Garden", ""], "")
        .await
        .ok();
    let after = room().await;
    assert_eq!((&after["unread"], &after["draft"]), (&json!(0), &json!("")));
    assert_eq!(after["read_up_to"], after["seq"]);
}
