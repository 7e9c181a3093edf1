//! People, their devices and their sessions.

use harness::socket::Socket;
use harness::{Hand, Setup, World, eventually, program};
use serde_json::Value;
use tokio::process::Command;

use super::{ask, code, read};
use crate::sockets::ReadSocket;

async fn is_connected(world: &World, user: &str) -> bool {
    let devices = ask(world, &["devices", "list", user]).await;
    devices["devices"][0]["connected"] == true
}

async fn open_socket(world: &World, hand: &Hand) -> ReadSocket {
    let socket = Socket::open(world.url(), hand.api.token.as_deref()).await;
    ReadSocket::new(socket.expect("a socket"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_and_sessions_are_shown_and_ended() {
    let world = Setup::default().process().start().await;
    let [alice, bob] = world.hands(["alice", "bob"]).await;
    let client = alice.identity.client.to_string();
    let devices = ask(&world, &["devices", "list", "alice@a.example"]).await;
    let [device] = &devices["devices"].as_array().expect("devices")[..] else {
        panic!("one device: {devices}")
    };
    assert_eq!(device["client"], *client);
    assert_eq!(
        (
            &device["sessions"],
            &device["connected"],
            &device["revoked_at"]
        ),
        (&1.into(), &false.into(), &Value::Null)
    );
    assert!(device["last_seen_at"].as_u64() >= device["added_at"].as_u64());
    let sessions = ask(&world, &["sessions", "list", "alice"]).await;
    assert_eq!(sessions["sessions"][0]["client"], *client);
    let text = read(&world, &["sessions", "list", "alice"]).await;
    assert!(text.contains(&client) && !text.contains("token"), "{text}");

    // Two sockets, one of them is closed; the other's session goes on.
    let socket = open_socket(&world, &alice).await;
    let _kept = open_socket(&world, &bob).await;
    for name in ["alice", "bob"] {
        eventually("the socket is seen", async || {
            is_connected(&world, name).await.then_some(())
        })
        .await;
    }
    let ended = ask(&world, &["devices", "disconnect", "alice"]).await;
    assert_eq!(
        (&ended["sessions"], &ended["devices"]),
        (&1.into(), &1.into())
    );
    assert_eq!(socket.closed_with().await, 4001);
    assert_eq!(alice.api.get("/v1/whoami").await.status, 401);
    assert_eq!(bob.api.get("/v1/whoami").await.status, 200);
    assert!(is_connected(&world, "bob").await);
    let sessions = ask(&world, &["sessions", "list", "alice"]).await;
    assert_eq!(sessions["sessions"], Value::Array(Vec::new()));

    // Ended is not disabled: the device comes back, and one device can be meant.
    for by in [
        &["--client", &client][..],
        &[
            "alice",
            "--client",
            client.rsplit('/').next().expect("a part"),
        ],
    ] {
        let back = world.api().log_in(&alice.identity).await;
        let api = world.api().with_token(Some(&back));
        assert_eq!(api.get("/v1/whoami").await.status, 200);
        let ended = ask(&world, &[&["sessions", "end"][..], by].concat()).await;
        assert_eq!(ended["sessions"], 1, "{by:?}");
        assert_eq!(api.get("/v1/whoami").await.status, 401);
    }
    assert_eq!(bob.api.get("/v1/whoami").await.status, 200);

    let nobodys = client.replace("alice", "carol");
    for refused in [
        &["devices", "list", "carol"][..],
        &["devices", "disconnect", "bob", &client],
        &[
            "devices",
            "disconnect",
            "alice",
            "aaaqeayeaudaocajbifqydiob4",
        ],
        &["devices", "disconnect", "alice", "nonsense"],
        &["sessions", "list", "alice@b.example"],
        &["sessions", "end", "--client", &nobodys],
        &["sessions", "end", "--client", "aaaqeayeaudaocajbifqydiob4"],
    ] {
        assert_eq!(code(&world, refused).await, 6, "{refused:?}");
    }
    assert_eq!(code(&world, &["sessions", "end"]).await, 2);
    assert_eq!(bob.api.get("/v1/whoami").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_user_is_out_until_enabled_and_others_notice_nothing() {
    let world = Setup::default().process().start().await;
    let [alice, bob] = world.hands(["alice", "bob"]).await;
    let socket = open_socket(&world, &alice).await;
    for _again in 0..2 {
        assert_eq!(
            read(&world, &["users", "disable", "alice@a.example"]).await,
            "done\n"
        );
    }
    assert_eq!(socket.closed_with().await, 4001);
    assert_eq!(alice.api.get("/v1/whoami").await.status, 401);
    let request = world.api().session_request(&alice.identity).await;
    let refused = world.api().post_json("/v1/sessions", &request).await;
    assert_eq!(refused.status, 401);
    let shown = ask(&world, &["users", "show", "alice"]).await;
    assert!(shown["disabled_at"].is_u64(), "{shown}");
    assert_eq!(shown["clients"][0], alice.identity.client.as_str());
    let text = read(&world, &["users", "list"]).await;
    let disabled: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with("disabled"))
        .collect();
    assert!(
        matches!(disabled[..], [line] if line.starts_with("alice@a.example")),
        "{text}"
    );
    assert_eq!(bob.api.get("/v1/whoami").await.status, 200);

    read(&world, &["users", "enable", "alice"]).await;
    let token = world.api().log_in(&alice.identity).await;
    let back = world.api().with_token(Some(&token));
    assert_eq!(back.get("/v1/whoami").await.status, 200);
    let shown = ask(&world, &["users", "show", "alice"]).await;
    assert_eq!(shown["disabled_at"], Value::Null);
    for (verb, name) in [
        ("show", "carol"),
        ("enable", "carol"),
        ("disable", "alice@b.example"),
    ] {
        assert_eq!(
            code(&world, &["users", verb, name]).await,
            6,
            "{verb} {name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_of_users_have_pages_and_help_teaches() {
    let world = Setup::default().process().start().await;
    for name in ["alice", "bob", "carol"] {
        Hand::new(&world, name).present(None).await.ok();
    }
    let first = ask(&world, &["users", "list", "--limit", "2"]).await;
    assert_eq!(first["next"], "bob");
    let second = ask(&world, &["users", "list", "--limit", "2", "--after", "bob"]).await;
    assert_eq!(second["users"][0]["address"], "carol@a.example");
    assert_eq!(second["next"], Value::Null);
    let all = ask(&world, &["users", "list", "--limit", "4000000000"]).await;
    assert_eq!(all["users"].as_array().expect("users").len(), 3);
    let text = world
        .process()
        .admin(&["users", "list", "--limit", "1"])
        .await;
    assert!(text.stderr.contains("--after alice"), "{}", text.stderr);

    for verb in [
        &["--help"][..],
        &["invites", "create", "--help"],
        &["sessions", "end", "--help"],
    ] {
        let help = world.process().admin(verb).await.ok();
        assert!(
            help.contains("Examples:") && help.contains("groved admin"),
            "{help}"
        );
    }
    let nowhere = world.home("nowhere");
    let mut command = Command::new(program::groved());
    command
        .args(["admin", "statistics", "--data-dir"])
        .arg(nowhere);
    assert_eq!(program::run(command, "").await.code, 5);
}
