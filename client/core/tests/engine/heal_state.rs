//! Keys that are gone, records that are damaged, entries that were too old: this client comes back.

use grove_core::{Event, Loss, MessageStatus};
use grove_mls::storage::room_prefix;

use crate::heal::{all_heal, all_talk, losses, troubles};
use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::add_device;
use crate::tricks::{damage, delete_records, forget_log, stored};

fn two(hub: &Hub) -> (Person, Person) {
    (Person::register(hub, "alice"), Person::register(hub, "bob"))
}

#[test]
fn a_device_without_keys_comes_back_into_every_room_with_one_line_each() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    let garden = bob.makes_room("Garden", &[&mut alice]);
    let kitchen = alice.makes_room("Kitchen", &[&mut bob]);
    for person in [&mut alice, &mut bob] {
        person.syncs();
    }
    bob.says(&garden, "one");
    bob.says(&garden, "two");
    alice.says(&kitchen, "mine");
    delete_records(&alice);
    alice.restart();
    let mut told = alice.syncs();
    told.extend(alice.syncs());
    let mut lost = losses(&told);
    lost.sort_by_key(|(unread, _)| *unread);
    assert_eq!(lost, [(0, Loss::State), (2, Loss::State)]);
    assert_eq!(troubles(&told), 2, "{told:?}");
    assert_eq!(alice.client.find_room("Garden").unwrap(), garden);
    for room in [&garden, &kitchen] {
        all_talk(room, &mut [&mut bob, &mut alice]);
    }
    assert_eq!(alice.reads(&kitchen)[0], "mine", "the history is there");
}

#[test]
fn an_invitation_whose_key_was_lost_is_followed_all_the_same() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    delete_records(&alice);
    alice.restart();
    let room = bob.makes_room("Garden", &[&mut alice]);
    let told = alice.syncs();
    assert_eq!(told, [Event::RoomJoined { room: room.clone() }]);
    bob.syncs();
    hub.state().now += 10_000;
    bob.syncs();
    alice.syncs();
    assert_eq!(
        alice.client.find_room("Garden").unwrap(),
        room,
        "its name was told"
    );
    all_talk(&room, &mut [&mut bob, &mut alice]);
}

#[test]
fn a_damaged_room_does_not_stop_the_others() {
    for label in [
        "tree",
        "context",
        "message_secrets",
        "epoch_secrets",
        "state",
    ] {
        let hub = hub();
        let (mut alice, mut bob) = two(&hub);
        let (room, other) = (
            alice.makes_room("Garden", &[&mut bob]),
            alice.makes_room("Kitchen", &[&mut bob]),
        );
        bob.syncs();
        damage(&alice, &room, label, |value| value.fill(0xff));
        alice.restart();
        bob.says(&room, "can you read this?");
        bob.says(&other, "or this?");
        let told = alice.syncs();
        assert_eq!(alice.reads(&other), ["or this?"], "{label}");
        assert_eq!(losses(&told), [(1, Loss::State)], "{label}");
        assert_eq!(troubles(&told), 1, "{label}: {told:?}");
        all_talk(&room, &mut [&mut bob, &mut alice]);
        all_talk(&other, &mut [&mut bob, &mut alice]);
    }
}

#[test]
fn nothing_is_left_of_what_was_damaged() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    damage(&alice, &room, "tree", |value| value.fill(0xff));
    let mut orphan = room_prefix(&room).unwrap();
    orphan.extend_from_slice(b"/epoch_keys/of an epoch nobody knows");
    alice.on_disk(|tx| tx.put_record(&orphan, Some(b"a key")).unwrap());
    alice.restart();
    alice.syncs();
    assert_eq!(stored(&alice, &room).lost, None);
    assert_eq!(alice.on_disk(|tx| tx.find_record(&orphan).unwrap()), None);
}

#[test]
fn whoever_was_away_too_long_reads_on_where_no_commit_was_missed() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    for text in ["one", "two", "three"] {
        alice.says(&room, text);
    }
    forget_log(&hub, &room);
    let epoch = hub.state().rooms[&room].group.epoch();
    alice.says(&room, "four");
    let told = all_heal(&hub, &room, &mut [&mut bob]);
    assert_eq!(losses(&told[0]), [(3, Loss::Expired)]);
    assert_eq!(troubles(&told[0]), 1, "{told:?}");
    assert_eq!(bob.reads(&room), ["four"]);
    assert_eq!(
        hub.state().rooms[&room].group.epoch(),
        epoch,
        "nobody was bothered"
    );
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn whoever_missed_a_commit_joins_anew() {
    // What is left begins in an epoch that bob never reached; or nothing is left at all.
    joins_anew_after(&["two"]);
    joins_anew_after(&[]);
}

fn joins_anew_after(left: &[&str]) {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    drop(Person::register(&hub, "carol"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    bob.cuts_line();
    assert_eq!(bob.says(&room, "kept").status, MessageStatus::Queued);
    bob.mends_line();
    alice.says(&room, "one");
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    forget_log(&hub, &room);
    let epoch = hub.state().rooms[&room].group.epoch();
    for text in left {
        alice.says(&room, text);
    }
    let told = all_heal(&hub, &room, &mut [&mut bob]);
    let [(unread, cause)] = losses(&told[0]).try_into().unwrap();
    assert_eq!(cause, Loss::Expired);
    // What was said, the commit, and what is left but in an epoch not reached.
    assert_eq!(unread, 2 + u64::try_from(left.len()).unwrap());
    assert_eq!(hub.state().rooms[&room].group.epoch(), epoch + 1);
    alice.syncs();
    assert_eq!(
        alice.reads(&room).last().unwrap(),
        "kept",
        "it was sent from the new epoch"
    );
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn what_expired_in_a_room_that_was_left_is_nobodys_concern() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    now(bob.client.leave(&room)).unwrap();
    alice.syncs();
    alice.says(&room, "bye");
    forget_log(&hub, &room);
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    let position = hub.state().rooms[&room].cursors[&bob.client.whoami().client].position;
    assert_eq!(
        position,
        hub.state().rooms[&room].tricks.gone,
        "it is acknowledged"
    );
    assert_eq!(bob.client.rooms().unwrap()[0].state, "left");
    assert_eq!(stored(&bob, &room).lost, None);
}

#[test]
fn whoever_was_taken_off_the_list_meanwhile_is_told_so() {
    let hub = hub();
    let (mut alice, mut bob) = two(&hub);
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    delete_records(&bob);
    bob.restart();
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    let told = bob.syncs();
    assert_eq!(troubles(&told), 1, "{told:?}");
    assert_eq!(bob.client.rooms().unwrap()[0].state, "removed");
    assert_eq!(stored(&bob, &room).lost, None);
}

#[test]
fn who_comes_in_alone_hears_the_rooms_name_once() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    now(alice.client.settle()).unwrap();
    // Her other device, while the first is away.
    let mut carol = add_device(&hub, &mut carol, 9);
    now(carol.client.join(&room)).unwrap();
    let before = hub.state().rooms[&room].log.len();
    // Alice, whose turn it would be, is away.
    bob.syncs();
    assert_eq!(
        hub.state().rooms[&room].log.len(),
        before,
        "bob waits for alice"
    );
    let again = now(bob.client.settle()).unwrap().again_in.unwrap();
    hub.state().now += u64::try_from(again.as_millis()).unwrap();
    now(bob.client.settle()).unwrap();
    assert_eq!(hub.state().rooms[&room].log.len(), before + 1);
    alice.syncs();
    hub.state().now += 60_000;
    alice.syncs();
    assert_eq!(
        hub.state().rooms[&room].log.len(),
        before + 1,
        "once is enough"
    );
    carol.syncs();
    assert_eq!(carol.client.find_room("Garden").unwrap(), room);
}
