//! Commits that the hub lets pass and members cannot merge: everybody comes back, in one line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use grove_core::store::LostCause;
use grove_core::{Event, Loss, MessageStatus};
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::sweeps::sweep;
use crate::tricks::{poison, stored};

/// All read in turn until nobody's room is lost; gives what each was told.
pub(crate) fn all_heal(hub: &Hub, room: &RoomUri, people: &mut [&mut Person]) -> Vec<Vec<Event>> {
    let mut told = vec![Vec::new(); people.len()];
    for _ in 0..40 {
        for (person, told) in people.iter_mut().zip(&mut told) {
            told.extend(person.syncs());
        }
        hub.state().now += 1000;
        let lost = |person: &&mut Person| stored(person, room).lost.is_some();
        if !people.iter().any(lost) {
            return told;
        }
    }
    panic!("somebody does not come back");
}

/// The losses among events.
pub(crate) fn losses(events: &[Event]) -> Vec<(u64, Loss)> {
    let loss = |event: &Event| match event {
        Event::Healed {
            unread,
            cause,
            from_ms,
            to_ms,
            ..
        } => {
            assert!(from_ms <= to_ms);
            Some((*unread, cause.clone()))
        }
        _ => None,
    };
    events.iter().filter_map(loss).collect()
}

/// How many lines tell of trouble, one way or the other.
pub(crate) fn troubles(events: &[Event]) -> usize {
    let trouble = |event: &&Event| {
        matches!(
            event,
            Event::Healed { .. } | Event::Missing { .. } | Event::Warning { .. }
        )
    };
    events.iter().filter(trouble).count()
}

fn users(person: &mut Person, room: &RoomUri) -> Vec<String> {
    let members = person.client.members(room).unwrap();
    let name = |member: &grove_core::MemberView| member.user.localpart().to_owned();
    members.iter().map(name).collect()
}

/// Everybody says something, and everybody reads all of it.
pub(crate) fn all_talk(room: &RoomUri, people: &mut [&mut Person]) {
    let count = people.len();
    for (speaker, person) in people.iter_mut().enumerate() {
        let text = format!("from {speaker}");
        person.syncs();
        assert_eq!(person.says(room, &text).status, MessageStatus::Sent);
    }
    let wanted: Vec<String> = (0..count)
        .map(|speaker| format!("from {speaker}"))
        .collect();
    for person in people {
        person.syncs();
        assert!(person.reads(room).ends_with(&wanted));
    }
}

#[test]
fn a_poisoned_room_heals_in_one_line_each_and_its_poisoner_is_out() {
    let hub = hub();
    let [mut alice, mut bob, mut carol, mut dave, mut mallory] =
        ["alice", "bob", "carol", "dave", "mallory"].map(|name| Person::register(&hub, name));
    let mut erin = Person::register(&hub, "erin");
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol, &mut dave, &mut mallory]);
    for person in [&mut bob, &mut carol, &mut dave, &mut mallory] {
        person.syncs();
    }
    poison(&mallory, &room);
    now(mallory.client.invite(&room, &[user("erin")])).unwrap();
    mallory.says(&room, "only mallory and erin read this");
    erin.syncs();
    let told = all_heal(
        &hub,
        &room,
        &mut [&mut alice, &mut bob, &mut carol, &mut dave],
    );
    let by = Some(mallory.client.whoami().client);
    for (place, told) in told.iter().enumerate() {
        let [(unread, cause)] = losses(told).try_into().unwrap();
        let removed = true;
        assert_eq!(
            cause,
            Loss::Poisoned {
                by: by.clone(),
                removed
            },
            "{place}"
        );
        assert!(unread >= 1, "{place}: {unread}");
        assert_eq!(troubles(told), 1, "{place}: {told:?}");
    }
    assert_eq!(
        losses(&told[0])[0].0,
        1,
        "alice was first and missed no more"
    );
    mallory.syncs();
    assert_eq!(mallory.client.rooms().unwrap()[0].state, "removed");
    let gone = |event: &Event| matches!(event, Event::RoomLeft { .. });
    assert!(!erin.syncs().iter().any(gone));
    for person in [&mut alice, &mut dave, &mut erin] {
        assert_eq!(
            users(person, &room),
            ["alice", "bob", "carol", "dave", "erin"]
        );
    }
    all_talk(
        &room,
        &mut [&mut alice, &mut bob, &mut carol, &mut dave, &mut erin],
    );
    assert!(
        !mallory
            .reads(&room)
            .iter()
            .any(|text| text.starts_with("from"))
    );
}

#[test]
fn the_first_by_leaf_comes_first_and_the_others_wait_their_turn() {
    let hub = hub();
    let [mut alice, mut bob, mut carol, mut mallory] =
        ["alice", "bob", "carol", "mallory"].map(|name| Person::register(&hub, name));
    drop(Person::register(&hub, "dave"));
    let room = alice.makes_room("Garden", &[&mut mallory, &mut bob, &mut carol]);
    for person in [&mut mallory, &mut bob, &mut carol] {
        person.syncs();
    }
    poison(&mallory, &room);
    now(mallory.client.invite(&room, &[user("dave")])).unwrap();
    let due = [&mut carol, &mut bob].map(|person| {
        assert_eq!(losses(&person.syncs()), [], "it is not their turn");
        let again = now(person.client.settle()).unwrap().again_in.unwrap();
        assert!(stored(person, &room).lost.is_some());
        again
    });
    assert!(due[1] < due[0], "bob's leaf is before carol's: {due:?}");
    assert_eq!(losses(&alice.syncs()).len(), 1, "alice does not wait");
    all_heal(&hub, &room, &mut [&mut bob, &mut carol]);
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn until_it_is_back_a_client_says_nothing_and_keeps_what_it_was_told_to_say() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    drop(Person::register(&hub, "dave"));
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    bob.syncs();
    carol.syncs();
    let shown = hub.state().rooms[&room].group_info.clone();
    poison(&carol, &room);
    now(carol.client.invite(&room, &[user("dave")])).unwrap();
    // The hub offers the epoch that was left: to join it would undo the commit.
    let trick = |shown| hub.state().rooms.get_mut(&room).unwrap().tricks.group_info = shown;
    trick(Some(shown));
    let handed_in = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&handed_in);
    alice.before("/update/", move || seen.store(true, Ordering::Relaxed));
    let mut told = alice.syncs();
    let submitted = hub.state().submissions;
    assert_eq!(
        alice.says(&room, "are you there?").status,
        MessageStatus::Queued
    );
    for _ in 0..3 {
        hub.state().now += 60_000;
        told.extend(alice.syncs());
    }
    alice.restart();
    told.extend(alice.syncs());
    assert_eq!(
        troubles(&told),
        0,
        "nothing is told before it is over: {told:?}"
    );
    let lost = stored(&alice, &room).lost.unwrap();
    assert_eq!(
        lost.cause,
        LostCause::Poisoned(Some(carol.client.whoami().client))
    );
    assert!(
        !handed_in.load(Ordering::Relaxed),
        "an old state is not joined"
    );
    assert_eq!(hub.state().submissions, submitted);
    assert_eq!(alice.history(&room)[0].status, MessageStatus::Queued);
    let invited = now(alice.client.invite(&room, &[user("dave")]));
    assert!(invited.is_err(), "nor is anything changed");

    trick(None);
    let told = all_heal(&hub, &room, &mut [&mut alice, &mut bob]);
    assert_eq!((losses(&told[0]).len(), losses(&told[1]).len()), (1, 1));
    bob.syncs();
    assert!(bob.reads(&room).contains(&"are you there?".to_owned()));
    assert_eq!(alice.history(&room)[0].status, MessageStatus::Sent);
}

#[test]
fn a_tag_turned_on_the_way_blames_nobody() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    let mut dave = Person::register(&hub, "dave");
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    bob.syncs();
    carol.syncs();
    hub.state().rooms.get_mut(&room).unwrap().tricks.turns_bit = true;
    drop(now(bob.client.invite(&room, &[user("dave")])));
    dave.syncs();
    let told = all_heal(&hub, &room, &mut [&mut alice, &mut bob, &mut carol]);
    for told in &told {
        let [(_, cause)] = losses(told).try_into().unwrap();
        assert_eq!(
            cause,
            Loss::Poisoned {
                by: None,
                removed: false
            }
        );
        assert_eq!(troubles(told), 1, "{told:?}");
    }
    assert_eq!(users(&mut alice, &room), ["alice", "bob", "carol", "dave"]);
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol, &mut dave]);
}

#[test]
fn whoever_may_not_remove_the_poisoner_says_so() {
    let hub = hub();
    let [mut mallory, mut bob] = ["mallory", "bob"].map(|name| Person::register(&hub, name));
    drop(Person::register(&hub, "carol"));
    let room = mallory.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    poison(&mallory, &room);
    now(mallory.client.invite(&room, &[user("carol")])).unwrap();
    let told = all_heal(&hub, &room, &mut [&mut bob]);
    let by = Some(mallory.client.whoami().client);
    assert_eq!(
        losses(&told[0]),
        [(0, Loss::Poisoned { by, removed: false })]
    );
    assert_eq!(troubles(&told[0]), 1, "{:?}", told[0]);
    mallory.syncs();
    all_talk(&room, &mut [&mut bob, &mut mallory]);
}

#[test]
fn whom_others_could_follow_is_not_blamed() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    for name in ["dave", "erin"] {
        drop(Person::register(&hub, name));
    }
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    bob.syncs();
    carol.syncs();
    // It is alice whose state is wrong; she could remove bob, and must not.
    poison(&alice, &room);
    now(bob.client.invite(&room, &[user("dave")])).unwrap();
    carol.syncs();
    now(carol.client.invite(&room, &[user("erin")])).unwrap();
    let told = all_heal(&hub, &room, &mut [&mut alice]);
    assert_eq!(
        losses(&told[0]),
        [(
            0,
            Loss::Poisoned {
                by: None,
                removed: false
            }
        )]
    );
    let events = bob.syncs();
    assert_eq!(troubles(&events), 0);
    let device = |event: &Event| format!("{event:?}").contains("Device");
    assert!(
        !events.iter().any(device),
        "a return is no news: {events:?}"
    );
    assert_eq!(
        users(&mut alice, &room),
        ["alice", "bob", "carol", "dave", "erin"]
    );
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn what_is_old_blames_nobody() {
    let hub = hub();
    let [mut alice, mut mallory] = ["alice", "mallory"].map(|name| Person::register(&hub, name));
    drop(Person::register(&hub, "carol"));
    let room = alice.makes_room("Garden", &[&mut mallory]);
    mallory.syncs();
    poison(&mallory, &room);
    now(mallory.client.invite(&room, &[user("carol")])).unwrap();
    hub.state().now += 2 * 24 * 3_600_000;
    let told = all_heal(&hub, &room, &mut [&mut alice]);
    assert_eq!(
        losses(&told[0]),
        [(
            0,
            Loss::Poisoned {
                by: None,
                removed: false
            }
        )]
    );
}

#[test]
fn healing_survives_death_at_any_step() {
    let prepare = |hub: &Hub| {
        let [mut alice, mut bob, mut mallory] =
            ["alice", "bob", "mallory"].map(|name| Person::register(hub, name));
        let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
        bob.syncs();
        mallory.syncs();
        drop(Person::register(hub, "carol"));
        poison(&mallory, &room);
        now(mallory.client.invite(&room, &[user("carol")])).unwrap();
        alice.cuts_line();
        alice.says(&room, "kept");
        alice.mends_line();
        (alice, bob, room)
    };
    let heal = |alice: &mut Person, _room: &RoomUri| {
        drop(now(alice.client.sync(std::time::Duration::ZERO)));
    };
    sweep(prepare, heal, |alice, bob, room, when| {
        let hub = alice.line.hub();
        all_heal(&hub, room, &mut [&mut *alice, &mut *bob]);
        let journal = alice.client.events_after(0, 1000).unwrap();
        let events: Vec<Event> = journal.into_iter().map(|line| line.event).collect();
        assert_eq!(losses(&events).len(), 1, "{when}: {events:?}");
        assert_eq!(users(alice, room), ["alice", "bob", "carol"], "{when}");
        alice.syncs();
        assert_eq!(alice.history(room)[0].status, MessageStatus::Sent, "{when}");
        all_talk(room, &mut [alice, bob]);
    });
}
