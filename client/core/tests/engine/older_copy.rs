//! A database that is an older copy of itself, as after a backup was put back: the device has done
//! since what the copy knows nothing of.

use grove_core::{Event, Loss, MessageStatus, WarningKind};
use grove_mls::content::MimiContent;
use grove_mls::franking;
use grove_mls::member::Group;
use grove_mls::storage::MemberStorage;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;

use crate::hand::{OnDisk, device, submit, witnessed};
use crate::heal::{all_talk, losses, troubles};
use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::lines;
use crate::tricks::{delete_records, repeat_last_altered, stored};

fn two_in_a_room(hub: &Hub) -> (Person, Person, RoomUri) {
    let (mut alice, mut bob) = (Person::register(hub, "alice"), Person::register(hub, "bob"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    (alice, bob, room)
}

#[test]
fn an_older_copy_reads_before_it_speaks_and_is_heard() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    let mut copy = alice.copy();
    alice.says(&room, "one");
    alice.says(&room, "two");
    drop(alice);
    let sent = copy.says(&room, "three");
    assert_eq!(sent.status, MessageStatus::Sent, "with new keys");
    let told = copy.syncs();
    assert_eq!(lines(&told, WarningKind::Clone).len(), 1, "{told:?}");
    assert_eq!(troubles(&told), 1, "{told:?}");
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    assert_eq!(bob.reads(&room), ["one", "two", "three"]);
    all_talk(&room, &mut [&mut bob, &mut copy]);
}

#[test]
fn a_device_that_others_sent_for_takes_new_keys_once_and_stays() {
    // The hub can make up the looks of an own message, and so can a member. A healthy device must
    // not lose its room for that.
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    alice.says(&room, "one");
    let epoch = |alice: &Person| stored(alice, &room).epoch;
    let before = epoch(&alice);
    for _ in 0..3 {
        repeat_last_altered(&hub, &room);
    }
    let told = alice.syncs();
    assert_eq!(lines(&told, WarningKind::Clone).len(), 1, "{told:?}");
    assert_eq!(troubles(&told), 1, "{told:?}");
    assert_eq!(epoch(&alice), before, "it has nothing to say");
    alice.restart();
    alice.says(&room, "two");
    alice.says(&room, "three");
    assert_eq!(epoch(&alice), before + 1, "it stays the leaf that it is");
    bob.syncs();
    assert_eq!(bob.reads(&room), ["one", "two", "three"]);
    all_talk(&room, &mut [&mut bob, &mut alice]);
    assert_eq!(epoch(&alice), before + 1);
}

#[test]
fn a_commit_of_somebody_else_does_not_do_for_new_keys() {
    // The copy follows it too, and both seal with the same keys again.
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    drop(Person::register(&hub, "carol"));
    let mut copy = alice.copy();
    alice.says(&room, "one");
    copy.syncs();
    now(bob.client.invite(&room, &[user("carol")])).unwrap();
    let epoch = stored(&bob, &room).epoch;
    alice.says(&room, "two");
    copy.restart();
    assert_eq!(copy.says(&room, "three").status, MessageStatus::Sent);
    assert_eq!(stored(&copy, &room).epoch, epoch + 1);
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    assert_eq!(bob.reads(&room), ["one", "two", "three"]);
}

#[test]
fn what_was_written_without_a_line_is_counted_anew() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    let mut copy = alice.copy();
    alice.says(&room, "one");
    drop(alice);
    copy.cuts_line();
    assert_eq!(copy.says(&room, "two").status, MessageStatus::Queued);
    copy.mends_line();
    copy.syncs();
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "no counter comes twice: {told:?}");
    assert_eq!(bob.reads(&room), ["one", "two"]);
}

#[test]
fn what_is_sealed_with_keys_that_were_used_is_read_by_nobody() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    let copy = alice.copy();
    alice.says(&room, "one");
    let sealed = seal_unread(&copy, &room, "two");
    assert_eq!(submit(&copy, &room, sealed), 200, "the hub cannot tell");
    let told = lines(&bob.syncs(), WarningKind::Clone);
    assert_eq!(bob.reads(&room), ["one"]);
    // Nobody can tell who it was: nobody is named.
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(!told[0].contains("alice"), "{told:?}");
}

#[test]
fn an_older_copy_comes_back_past_its_own_changes() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    drop(Person::register(&hub, "carol"));
    let mut copy = alice.copy();
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    alice.says(&room, "one");
    drop(alice);
    let told = copy.syncs();
    assert_eq!(losses(&told), [(1, Loss::State)]);
    assert_eq!(troubles(&told), 1, "{told:?}");
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    assert_eq!(copy.client.members(&room).unwrap().len(), 3);
    all_talk(&room, &mut [&mut bob, &mut copy]);
}

#[test]
fn an_older_copy_comes_back_past_its_own_return() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    alice.syncs();
    let mut copy = alice.copy();
    delete_records(&alice);
    alice.restart();
    assert_eq!(losses(&alice.syncs()).len(), 1);
    drop(alice);
    bob.syncs();
    bob.says(&room, "one");
    let told = copy.syncs();
    assert_eq!(losses(&told), [(1, Loss::State)]);
    let left = |event: &Event| matches!(event, Event::RoomLeft { .. });
    assert!(!told.iter().any(left), "{told:?}");
    all_talk(&room, &mut [&mut bob, &mut copy]);
}

#[test]
fn an_older_copy_comes_into_a_room_that_it_never_heard_of() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let mut copy = alice.copy();
    let room = bob.makes_room("Garden", &[&mut alice]);
    alice.syncs();
    alice.says(&room, "one");
    drop(alice);
    let told = copy.syncs();
    let joined = Event::RoomJoined { room: room.clone() };
    assert_eq!(told, [joined]);
    let told = bob.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    all_talk(&room, &mut [&mut bob, &mut copy]);
}

#[test]
fn a_room_that_nothing_is_said_in_is_found_within_a_day() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let mut copy = alice.copy();
    let room = bob.makes_room("Garden", &[&mut alice]);
    alice.syncs();
    drop(alice);
    assert_eq!(copy.syncs(), [], "nothing comes of it");
    hub.state().now += 25 * 3_600_000;
    let told = copy.syncs();
    let joined = Event::RoomJoined { room: room.clone() };
    assert_eq!(told, [joined]);
    all_talk(&room, &mut [&mut bob, &mut copy]);
}

/// Seals as the copy would if it did not read first.
fn seal_unread(copy: &Person, room: &RoomUri, text: &str) -> MlsMessage {
    let device = device(copy);
    let salt = [7; 16];
    let content = MimiContent::text(salt, &device.client.user(), room, text);
    let content = witnessed(copy, room, content).encode();
    copy.on_disk(|tx| {
        let records = OnDisk(tx);
        let storage = MemberStorage::new(&records);
        let mut group = Group::load(&storage, room).unwrap().unwrap();
        let tag = franking::franking_tag(&salt, &content);
        group.seal(&storage, &device, &content, tag).unwrap()
    })
}
