//! Clocks of real programs, hours and months apart: who reads, who comes back after a long absence,
//! and a server that goes on by another clock and follows its log anew.
//!
//! Where libfaketime is not installed these tests say so and are left out.

use harness::program::Ended;
use harness::{MachineClock, Setup, Terminal, World, eventually};

/// Somebody registered, by this clock.
async fn person(world: &World, name: &str, clock: MachineClock) -> Terminal {
    let mut person = Terminal::new(world, name);
    person.clock = clock;
    person.registers(name).await.ok();
    person
}

/// All that somebody can read in the room.
async fn reads(person: &Terminal) -> Vec<String> {
    let history = person.run(&["history", "Garden", "--json"], "").await;
    let texts = history.json_lines().into_iter();
    texts
        .filter_map(|told| Some(told["text"].as_str()?.to_owned()))
        .collect()
}

async fn says(person: &Terminal, text: &str) {
    let sent = person.run(&["send", "Garden", text, "--json"], "").await;
    assert_eq!(sent.json()["status"], "sent", "{text}");
}

async fn invites(person: &Terminal, name: &str) {
    let address = format!("{name}@a.example");
    let arguments = ["rooms", "invite", "Garden", &address, "--json"];
    person.run(&arguments, "").await.ok();
}

/// Catches up, and was not shut out meanwhile.
async fn syncs(person: &Terminal) {
    let synced: Ended = person.run(&["sync"], "").await;
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let said = format!("{}{}", synced.stdout, synced.stderr);
    for loss in ["could not be read", "joined anew", "lost"] {
        assert!(!said.contains(loss), "{said}");
    }
}

/// Each says something, and all read it.
async fn all_talk(people: &[&Terminal]) {
    for (number, speaker) in people.iter().enumerate() {
        syncs(speaker).await;
        says(speaker, &format!("word {number}")).await;
    }
    for person in people {
        syncs(person).await;
        let read = reads(person).await;
        let spoken: Vec<String> = (0..people.len()).map(|n| format!("word {n}")).collect();
        assert!(read.ends_with(&spoken), "{read:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_register_meet_and_talk_whose_clocks_are_hours_from_the_servers() {
    if !MachineClock::can_be_moved() {
        return;
    }
    for off in [-2, 2] {
        let clock = MachineClock::hours(off);
        let world = Setup::default().machine_clock(clock).start().await;
        let alice = person(&world, "alice", MachineClock::default()).await;
        // Four hours from each other.
        let bob = person(&world, "bob", MachineClock::hours(-off)).await;
        let carol = person(&world, "carol", MachineClock::default()).await;
        alice.makes_room("Garden", &["bob"]).await;
        syncs(&bob).await;
        invites(&bob, "carol").await;
        all_talk(&[&alice, &bob, &carol]).await;
    }
}

/// Reads what arrived by a clock so far off that the server refuses what is made by it, which is
/// said.
async fn syncs_by_a_clock_that_is_far_off(person: &Terminal, said: &str) {
    let synced = person.run(&["sync"], "").await;
    assert_eq!(synced.code, 5, "{}", synced.stderr);
    assert!(synced.stderr.contains(said), "{}", synced.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_an_add_by_a_wrong_clock_follows() {
    if !MachineClock::can_be_moved() {
        return;
    }
    let world = Setup::default().process().start().await;
    let right = MachineClock::default();
    let alice = person(&world, "alice", right).await;
    let mut bob = person(&world, "bob", right).await;
    alice.makes_room("Garden", &["bob"]).await;
    syncs(&bob).await;
    for (name, clock) in [
        ("carol", MachineClock::hours(-2)),
        ("dave", MachineClock::hours(2)),
        ("eve", MachineClock::days(86)),
    ] {
        let newcomer = person(&world, name, right).await;
        invites(&alice, name).await;
        bob.clock = clock;
        if name == "eve" {
            syncs_by_a_clock_that_is_far_off(&bob, "its clock is about 86 days ahead of").await;
        } else {
            syncs(&bob).await;
        }
        bob.clock = right;
        all_talk(&[&alice, &bob, &newcomer]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_clock_that_is_far_off_makes_is_refused_and_the_clock_named() {
    if !MachineClock::can_be_moved() {
        return;
    }
    let world = Setup::default().process().start().await;
    let mut alice = Terminal::new(&world, "alice");
    // In this order: the second time there is an account.
    for (clock, said) in [
        (
            MachineClock::days(-86),
            "a device whose clock is months behind",
        ),
        (MachineClock::days(3), "its clock is about 3 days ahead of"),
    ] {
        alice.clock = clock;
        let refused = alice.registers("alice").await;
        assert_eq!(refused.code, 5, "{}", refused.stderr);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    alice.clock = MachineClock::default();
    alice.registers("alice").await.ok();
    alice.clock = MachineClock::days(3);
    let refused = alice.run(&["rooms", "create", "Garden"], "").await;
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    let said = "its clock is about 3 days ahead of";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
    alice.clock = MachineClock::default();
    alice.makes_room("Garden", &[]).await;
    // The one that was refused is out of the way.
    says(&alice, "in the one that was made").await;
}

/// Two are invited into a room by two commits, all of it so many days ago. Bob was away all the
/// time, and the server has nothing but its log from the room's beginning on.
struct LongAgo {
    world: World,
    alice: Terminal,
    bob: Terminal,
    carol: Terminal,
}

impl LongAgo {
    async fn new(days: i64) -> Self {
        let (then, now) = (MachineClock::days(-days), MachineClock::default());
        let mut world = Setup::default().machine_clock(then).start().await;
        let mut alice = person(&world, "alice", then).await;
        let mut bob = person(&world, "bob", then).await;
        let mut carol = person(&world, "carol", then).await;
        alice.makes_room("Garden", &["bob"]).await;
        syncs(&bob).await;
        invites(&alice, "carol").await;
        syncs(&carol).await;
        says(&alice, "at the beginning").await;
        person(&world, "dave", then).await;
        invites(&alice, "dave").await;
        says(&alice, "before the long night").await;
        for person in [&mut alice, &mut bob, &mut carol] {
            person.clock = now;
        }
        let database = world.database().await;
        let from_the_beginning = "
            DELETE FROM snapshots WHERE seq > 0;
            UPDATE room_states SET handshake_bytes_since_snapshot = 1";
        let done = database.batch_execute(from_the_beginning).await;
        done.expect("snapshots are there");
        world.restart_by(now).await;
        Self {
            world,
            alice,
            bob,
            carol,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_and_a_member_that_were_off_for_86_days_follow_the_log() {
    if !MachineClock::can_be_moved() {
        return;
    }
    let there = LongAgo::new(86).await;
    // The next commit is the first thing for which the server needs the group.
    let eve = person(&there.world, "eve", MachineClock::default()).await;
    invites(&there.alice, "eve").await;
    syncs(&there.bob).await;
    let read = reads(&there.bob).await;
    assert_eq!(read, ["at the beginning", "before the long night"]);
    all_talk(&[&there.alice, &there.bob, &there.carol, &eve]).await;
}

/// Whether the server can change the room: it needs the group as its log leads to it.
async fn can_be_changed(there: &LongAgo, name: &str) -> bool {
    let address = format!("{name}@a.example");
    let arguments = ["rooms", "invite", "Garden", &address];
    let invited = there.alice.run(&arguments, "").await;
    assert!([0, 10].contains(&invited.code), "{}", invited.stderr);
    invited.code == 0
}

/// The manual's way out for a server that was off for too long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_off_for_200_days_follows_its_log_once_its_clock_was_set_back() {
    if !MachineClock::can_be_moved() {
        return;
    }
    let mut there = LongAgo::new(200).await;
    let eve = person(&there.world, "eve", MachineClock::default()).await;
    assert!(
        !can_be_changed(&there, "eve").await,
        "its KeyPackages have ended"
    );
    there.world.restart_by(MachineClock::days(-110)).await;
    let snapshots = "SELECT count(*) FROM snapshots WHERE seq > 0";
    eventually("snapshots are renewed", async || {
        (there.world.count(snapshots).await > 0).then_some(())
    })
    .await;
    there.world.restart_by(MachineClock::default()).await;
    assert!(can_be_changed(&there, "eve").await);
    // Who was away for as long cannot read it and comes back at once.
    for away in [&there.bob, &there.carol] {
        let back = away.run(&["sync"], "").await.ok();
        assert!(!back.contains("cannot be followed"), "{back}");
    }
    all_talk(&[&there.alice, &there.bob, &there.carol, &eve]).await;
}
