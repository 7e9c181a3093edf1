//! What a hub only says is done: changes that it does not make, refusals that it takes back.

use std::collections::BTreeSet;

use grove_core::{Class, Classified, Draft, Event, Message, MessageStatus, WarningKind};
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::lying_hub::two;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{add_device, client, joined, lines};
use crate::tricks::takes_after_all;

fn has(hub: &Hub, room: &RoomUri, person: &Person) -> bool {
    let members = hub.state().rooms[room].group.clients();
    members.contains(&client(person))
}

#[test]
fn a_change_that_the_hub_only_says_to_have_accepted_is_not_called_made() {
    for signed in [false, true] {
        let hub = hub();
        let (mut alice, bob, room) = two(&hub, |log| log);
        let mut carol = Person::register(&hub, "carol");
        now(alice.client.invite(&room, &[user("carol")])).unwrap();
        carol.syncs();
        let own = client(&alice);
        let lies = |lies: bool| {
            let mut state = hub.state();
            let tricks = &mut state.rooms.get_mut(&room).unwrap().tricks;
            tricks.swallows = lies;
            tricks.unsigned = BTreeSet::new();
            if lies && !signed {
                tricks.unsigned.insert(own.clone());
            }
        };
        lies(true);
        let removed = now(alice.client.remove(&room, &[user("bob")]));
        let error = removed.unwrap_err();
        assert_eq!(error.class(), Class::Identity, "{error}");
        assert!(has(&hub, &room, &bob));
        lies(false);
        // The control: it waits, and is made when the hub is honest.
        alice.syncs();
        assert!(!has(&hub, &room, &bob));
        assert!(joined(&mut alice, &room), "nobody asked for that again");
        alice.says(&room, "the two of us");
        carol.syncs();
        assert_eq!(carol.reads(&room), ["the two of us"]);
    }
}

#[test]
fn a_room_is_left_when_that_stands_in_its_log() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    let swallows = |swallows| {
        let mut state = hub.state();
        state.rooms.get_mut(&room).unwrap().tricks.swallows = swallows;
    };
    swallows(true);
    let error = now(bob.client.leave(&room)).unwrap_err();
    assert_eq!(error.class(), Class::Identity, "{error}");
    assert!(joined(&mut bob, &room));
    // The control: it waits, and comes about when the hub is honest.
    swallows(false);
    bob.syncs();
    assert!(!joined(&mut bob, &room));
    hub.state().now += 60_000;
    alice.syncs();
    assert!(!has(&hub, &room, &bob));
}

#[test]
fn a_change_that_waits_and_comes_too_late_is_told() {
    let hub = hub();
    let (mut alice, bob, room) = two(&hub, |log| log);
    let mut carol = Person::register(&hub, "carol");
    drop(Person::register(&hub, "dave"));
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    carol.syncs();
    let line = alice.line.clone();
    alice.before("/update/", move || line.trouble.lock().unwrap().cut = true);
    assert!(now(alice.client.remove(&room, &[user("bob")])).is_err());
    alice.mends_line();
    now(carol.client.invite(&room, &[user("dave")])).unwrap();
    let told = alice.syncs();
    assert_eq!(lines(&told, WarningKind::ChangeLost).len(), 1, "{told:?}");
    assert!(has(&hub, &room, &bob));
    // The control: once, and it can be wished again.
    let told = alice.syncs();
    assert_eq!(lines(&told, WarningKind::ChangeLost).len(), 0, "{told:?}");
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    assert!(!has(&hub, &room, &bob));
}

#[test]
fn who_only_hears_that_they_are_in_is_not() {
    let hub = hub();
    let (mut alice, bob, room) = two(&hub, |log| log);
    drop(bob);
    let mut late = add_device(&hub, &mut alice, 9);
    alice.restart();
    let own = client(&late);
    let swallows = |swallows: bool| {
        let mut state = hub.state();
        let tricks = &mut state.rooms.get_mut(&room).unwrap().tricks;
        tricks.swallows = swallows;
        tricks.unsigned = BTreeSet::new();
        if swallows {
            tricks.unsigned.insert(own.clone());
        }
    };
    swallows(true);
    assert!(now(late.client.join(&room)).is_err());
    swallows(false);
    assert!(!joined(&mut late, &room));
    late.syncs();
    assert!(has(&hub, &room, &late) && joined(&mut late, &room));
}

/// Alice says something, and the hub refuses it and keeps it.
fn is_refused(hub: &Hub, alice: &mut Person, room: &RoomUri, text: &str) {
    let mut state = hub.state();
    state.rooms.get_mut(room).unwrap().tricks.refuses = 1;
    drop(state);
    assert!(now(alice.client.send(room, Draft::Text(text.to_owned()))).is_err());
}

#[test]
fn what_was_refused_does_not_come_behind_what_is_said_later() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    is_refused(&hub, &mut alice, &room, "yes");
    alice.says(&room, "no");
    takes_after_all(&hub, &room);
    alice.says(&room, "I said no");
    let told = bob.syncs();
    assert_eq!(bob.reads(&room), ["before", "no", "I said no"]);
    assert_eq!(lines(&told, WarningKind::Clone), [""; 0], "{told:?}");
    alice.restart();
    let told = alice.syncs();
    assert_eq!(lines(&told, WarningKind::Clone), [""; 0], "{told:?}");
    let failed = |message: &&Message| message.status == MessageStatus::Failed;
    assert_eq!(alice.history(&room).iter().filter(failed).count(), 1);

    // As long as nothing was said behind it, it is read, and alice is told that it was.
    is_refused(&hub, &mut alice, &room, "perhaps");
    takes_after_all(&hub, &room);
    bob.syncs();
    assert_eq!(bob.reads(&room).last().unwrap(), "perhaps");
    let told = alice.syncs();
    assert_eq!(lines(&told, WarningKind::Clone), [""; 0], "{told:?}");
    let sent = |event: &Event| match event {
        Event::MessageSent { message } => message.text == "perhaps",
        _ => false,
    };
    assert!(told.iter().any(sent), "{told:?}");
    alice.says(&room, "and on");
    let told = bob.syncs();
    assert_eq!(bob.reads(&room).last().unwrap(), "and on");
    let missing = |event: &Event| matches!(event, Event::Missing { .. });
    assert!(!told.iter().any(missing), "{told:?}");
}
