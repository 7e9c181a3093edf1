//! `grove link` on one machine and `grove devices approve` on another.

use harness::program::Ended;
use harness::{Setup, Terminal, World};
use serde_json::Value;

async fn alice_at_home(room: &str) -> (World, Terminal, String) {
    let world = Setup::default().process().start().await;
    let (alice, _words) = Terminal::register(&world, "alice").await;
    let room = alice.makes_room(room, &[]).await;
    (world, alice, room)
}

fn text<'a>(line: &'a Value, field: &str) -> &'a str {
    line[field]
        .as_str()
        .unwrap_or_else(|| panic!("no {field}: {line}"))
}

#[track_caller]
fn assert_failed(ended: Ended, code: i32) {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_is_linked_between_two_terminals() {
    let (world, alice, garden) = alice_at_home("Garden").await;
    let phone = Terminal::new(&world, "phone");
    let url = phone.url.as_str();
    let link = [
        "link",
        "alice@a.example",
        "--name",
        "phone",
        "--server",
        url,
    ];
    let mut new = phone.start(&link);
    let offer = new.hear().await;
    assert_eq!(text(&offer, "step"), "offer");
    assert!(offer["expires_at_ms"].is_u64());
    let mut old = alice.start(&["devices", "approve"]);
    old.say(text(&offer, "link")).await;
    let code = new.hear().await;
    assert_eq!(text(&code, "step"), "code");
    let newcomer = old.hear().await;
    assert_eq!(text(&newcomer, "step"), "newcomer");
    old.say(text(&code, "code")).await;
    let approved = old.hear().await;
    assert_eq!(text(&approved, "step"), "approved");
    assert_eq!(approved["client"], newcomer["client"]);
    old.end().await.ok();
    let linked = new.hear().await;
    assert_eq!(text(&linked, "step"), "linked");
    assert_eq!(linked["client"], newcomer["client"]);
    let rest = new.end().await.json_lines();
    let joined = rest.last().expect("how far it is");
    assert_eq!(joined["step"], "rooms");
    assert_eq!(joined["joined"], 2, "with the room of her devices");
    assert_eq!(joined["of"], 2);

    phone
        .run(&["send", &garden, "from the phone"], "")
        .await
        .ok();
    alice.run(&["sync"], "").await.ok();
    let history = alice.run(&["history", &garden, "--json"], "").await.json();
    assert_eq!(text(&history, "text"), "from the phone");
    for terminal in [&alice, &phone] {
        let devices = terminal.run(&["devices", "list", "--json"], "").await;
        assert_eq!(devices.json_lines().len(), 2);
        let rooms = terminal.run(&["rooms", "list", "--json"], "").await;
        assert_eq!(rooms.json_lines().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_ends_with_another_code_or_with_ctrl_c() {
    let (world, alice, _room) = alice_at_home("Garden").await;
    let phone = Terminal::new(&world, "phone");
    let link = ["link", "alice@a.example", "--server", phone.url.as_str()];
    let mut new = phone.start(&link);
    let offer = new.hear().await;
    let mut old = alice.start(&["devices", "approve"]);
    old.say(text(&offer, "link")).await;
    let code = new.hear().await;
    old.hear().await;
    let wrong = match text(&code, "code") {
        "000 000" => "000 001",
        _ => "000000",
    };
    old.say(wrong).await;
    assert_failed(old.end().await, 6);
    assert_failed(new.end().await, 5);

    // No code at all: the input of the old device ends, or it is interrupted.
    for (interrupted, code) in [(false, 2), (true, 1)] {
        let mut new = phone.start(&link);
        let offer = new.hear().await;
        let mut old = alice.start(&["devices", "approve"]);
        old.say(text(&offer, "link")).await;
        new.hear().await;
        old.hear().await;
        let ended = if interrupted {
            old.is_interrupted().await
        } else {
            old.end().await
        };
        assert_failed(ended, code);
        assert_failed(new.end().await, 5);
    }

    let mut new = phone.start(&link);
    let offer = new.hear().await;
    assert_failed(new.is_interrupted().await, 1);
    let late = alice
        .run(&["devices", "approve", "--json"], text(&offer, "link"))
        .await;
    assert_failed(late, 5);
    // Nothing is left of all that.
    assert_eq!(phone.run(&["whoami"], "").await.code, 3);
    let devices = alice.run(&["devices", "list", "--json"], "").await;
    assert_eq!(devices.json_lines().len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM rooms").await, 1);
    let damaged = alice
        .run(&["devices", "approve", "--json"], "grove-link:AAAA")
        .await;
    assert_failed(damaged, 2);
}
