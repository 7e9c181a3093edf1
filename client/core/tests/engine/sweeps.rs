//! Death at every step: each operation is killed at each of its transactions and cut off at each of
//! its requests, and everything is as it should be afterwards.

use grove_core::{Draft, MessageStatus};
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::add_device;

/// How an operation is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    Line,
    Process,
}

impl Death {
    const BOTH: [Self; 2] = [Self::Line, Self::Process];

    fn strikes(self, person: &Person, step: usize) {
        match self {
            Self::Line => person.line_breaks_at(step),
            Self::Process => person.dies_at_transaction(step),
        }
    }

    /// Whether it struck; the person is alive and on-line again.
    fn is_over(self, person: &mut Person) -> bool {
        let struck = match self {
            Self::Line => person.line_broke(),
            Self::Process => person.is_dead(),
        };
        person.restart();
        struck
    }
}

/// Interrupts `deed` at its first step, its second, and so on until it has no more; `judge` looks
/// at what is left each time.
pub(crate) fn sweep(
    prepare: impl Fn(&Hub) -> (Person, Person, RoomUri),
    deed: impl Fn(&mut Person, &RoomUri),
    judge: impl Fn(&mut Person, &mut Person, &RoomUri, &str),
) {
    for death in Death::BOTH {
        let mut steps = 0;
        loop {
            let hub = hub();
            let (mut alice, mut bob, room) = prepare(&hub);
            death.strikes(&alice, steps);
            deed(&mut alice, &room);
            let struck = death.is_over(&mut alice);
            alice.syncs();
            judge(
                &mut alice,
                &mut bob,
                &room,
                &format!("{death:?} at step {steps}"),
            );
            if !struck {
                break;
            }
            steps += 1;
        }
        assert!(steps > 0, "{death:?} never struck");
    }
}

fn two_in_a_room(hub: &Hub) -> (Person, Person, RoomUri) {
    let (mut alice, mut bob) = (Person::register(hub, "alice"), Person::register(hub, "bob"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    (alice, bob, room)
}

fn alone_in_a_room(hub: &Hub) -> (Person, Person, RoomUri) {
    let (mut alice, bob) = (Person::register(hub, "alice"), Person::register(hub, "bob"));
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    (alice, bob, room)
}

/// Whatever happened, the two can talk.
fn both_talk(alice: &mut Person, bob: &mut Person, room: &RoomUri, when: &str) {
    assert_eq!(
        alice.says(room, "from alice").status,
        MessageStatus::Sent,
        "{when}"
    );
    bob.syncs();
    assert_eq!(
        bob.says(room, "from bob").status,
        MessageStatus::Sent,
        "{when}"
    );
    alice.syncs();
    let (ours, theirs) = (alice.reads(room), bob.reads(room));
    assert_eq!(ours, theirs, "{when}");
    assert!(
        ours.ends_with(&["from alice".to_owned(), "from bob".to_owned()]),
        "{when}: {ours:?}"
    );
}

#[test]
fn sending() {
    let send = |alice: &mut Person, room: &RoomUri| {
        drop(now(alice.client.send(room, Draft::Text("once".to_owned()))));
    };
    sweep(two_in_a_room, send, |alice, bob, room, when| {
        both_talk(alice, bob, room, when);
        let said = bob.reads(room);
        let kept = alice.reads(room).contains(&"once".to_owned());
        let times = said.iter().filter(|text| *text == "once").count();
        assert_eq!(times, usize::from(kept), "{when}: {said:?}");
    });
}

#[test]
fn receiving() {
    let receive = |alice: &mut Person, _room: &RoomUri| {
        drop(now(alice.client.sync(std::time::Duration::ZERO)));
    };
    let prepare = |hub: &Hub| {
        let (alice, mut bob, room) = two_in_a_room(hub);
        drop(Person::register(hub, "carol"));
        bob.says(&room, "one");
        now(bob.client.invite(&room, &[user("carol")])).unwrap();
        bob.says(&room, "two");
        (alice, bob, room)
    };
    sweep(prepare, receive, |alice, bob, room, when| {
        assert_eq!(alice.reads(room), ["one", "two"], "{when}");
        both_talk(alice, bob, room, when);
    });
}

#[test]
fn talking_across_each_other() {
    let prepare = |hub: &Hub| {
        let (mut alice, mut bob, room) = two_in_a_room(hub);
        drop(Person::register(hub, "carol"));
        alice.cuts_line();
        alice.says(&room, "one of alice");
        alice.says(&room, "two of alice");
        alice.mends_line();
        bob.says(&room, "one of bob");
        now(bob.client.invite(&room, &[user("carol")])).unwrap();
        bob.says(&room, "two of bob");
        (alice, bob, room)
    };
    let sync = |alice: &mut Person, _room: &RoomUri| {
        drop(now(alice.client.sync(std::time::Duration::ZERO)));
    };
    sweep(prepare, sync, |alice, bob, room, when| {
        bob.syncs();
        let said = ["one of bob", "two of bob", "one of alice", "two of alice"];
        assert_eq!(alice.reads(room), said, "{when}");
        assert_eq!(bob.reads(room), said, "{when}");
        let sent = alice.history(room);
        assert!(sent.iter().all(|one| one.seq.is_some()), "{when}");
    });
}

#[test]
fn inviting() {
    let invite = |alice: &mut Person, room: &RoomUri| {
        drop(now(alice.client.invite(room, &[user("bob")])));
        drop(now(alice.client.settle()));
    };
    sweep(alone_in_a_room, invite, |alice, bob, room, when| {
        now(alice.client.invite(room, &[user("bob")])).unwrap();
        now(alice.client.settle()).unwrap();
        bob.syncs();
        both_talk(alice, bob, room, when);
        assert_eq!(bob.client.find_room("Garden").unwrap(), *room, "{when}");
    });
}

#[test]
fn creating() {
    let prepare = |hub: &Hub| {
        let (alice, bob, _other) = alone_in_a_room(hub);
        let placeholder = RoomUri::new(&hub.state().domain, &[0; 32]);
        (alice, bob, placeholder)
    };
    let create =
        |alice: &mut Person, _room: &RoomUri| drop(now(alice.client.create_room("Attic", None)));
    sweep(prepare, create, |alice, bob, _room, when| {
        let Ok(attic) = alice.client.find_room("attic") else {
            return;
        };
        now(alice.client.invite(&attic, &[user("bob")])).unwrap();
        bob.syncs();
        both_talk(alice, bob, &attic, when);
    });
}

#[test]
fn removing() {
    let remove =
        |alice: &mut Person, room: &RoomUri| drop(now(alice.client.remove(room, &[user("bob")])));
    sweep(two_in_a_room, remove, |alice, bob, room, when| {
        let listed = alice.client.members(room).unwrap().len();
        bob.syncs();
        if listed == 1 {
            assert_eq!(bob.client.rooms().unwrap()[0].state, "removed", "{when}");
        } else {
            both_talk(alice, bob, room, when);
        }
    });
}

#[test]
fn joining_by_oneself() {
    let prepare = |hub: &Hub| {
        let (mut alice, bob, room) = two_in_a_room(hub);
        // Who dies is another device of hers.
        let alice = add_device(hub, &mut alice, 9);
        (alice, bob, room)
    };
    let join = |alice: &mut Person, room: &RoomUri| drop(now(alice.client.join(room)));
    sweep(prepare, join, |alice, bob, room, when| {
        let state =
            |alice: &mut Person| alice.client.rooms().unwrap().first().map(|room| room.state);
        if state(alice) != Some("joined") {
            now(alice.client.join(room)).unwrap();
        }
        bob.syncs();
        both_talk(alice, bob, room, when);
    });
}

#[test]
fn leaving() {
    let leave = |alice: &mut Person, room: &RoomUri| drop(now(alice.client.leave(room)));
    sweep(two_in_a_room, leave, |alice, bob, room, when| {
        bob.syncs();
        bob.says(room, "anybody here?");
        let left = alice.client.rooms().unwrap()[0].state == "left";
        let listed = bob.client.members(room).unwrap().len();
        assert_eq!(listed, if left { 1 } else { 2 }, "{when}");
        if !left {
            now(alice.client.leave(room)).unwrap();
        }
    });
}
