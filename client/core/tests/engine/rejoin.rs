//! Coming back because a person wants it.

use std::time::Duration;

use grove_core::{Class, Classified as _, Event, Loss, Numbered};
use grove_wire::uri::RoomUri;

use crate::heal::{all_talk, losses};
use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::tricks::{delete_records, stored};

fn two_in_a_room(hub: &Hub) -> (Person, Person, RoomUri) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(hub, name));
    let room = bob.makes_room("Garden", &[&mut alice]);
    alice.syncs();
    bob.syncs();
    (alice, bob, room)
}

fn events(told: Vec<Numbered>) -> Vec<Event> {
    told.into_iter().map(|told| told.event).collect()
}

#[test]
fn a_device_without_keys_is_shown_as_such_and_comes_back_when_told_to() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    bob.says(&room, "unheard");
    let seen = hub.state().rooms[&room].group.epoch();
    delete_records(&alice);
    alice.restart();
    // What needs the hub does not come about, what only needs a look does. It is told also when
    // another round of the same sync does not try again so soon.
    alice.line.trouble.lock().unwrap().refuses = Some("/groupInfo/");
    let synced = now(alice.client.sync(Duration::ZERO)).unwrap();
    let told: Vec<_> = synced.troubles.iter().map(|one| &one.room).collect();
    assert_eq!(told, [&Some(room.clone())], "{:?}", synced.troubles);
    let lost = alice.client.status().unwrap().lost_rooms;
    assert_eq!(lost.len(), 1);
    let view = alice.client.rooms().unwrap().remove(0);
    let lost = view.lost.unwrap();
    assert_eq!((lost.cause, lost.unread), ("state", 1), "{lost:?}");
    alice.line.trouble.lock().unwrap().refuses = None;
    let told = events(now(alice.client.rejoin(&room)).unwrap());
    assert_eq!(losses(&told), [(1, Loss::State)]);
    assert!(stored(&alice, &room).epoch > seen);
    assert_eq!(alice.client.rooms().unwrap()[0].lost, None);
    bob.syncs();
    all_talk(&room, &mut [&mut bob, &mut alice]);
}

#[test]
fn whoever_follows_reads_first_and_misses_nothing() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    bob.says(&room, "one");
    let told = events(now(alice.client.rejoin(&room)).unwrap());
    assert_eq!(losses(&told), [(0, Loss::State)]);
    assert_eq!(alice.reads(&room), ["one"]);
    bob.syncs();
    all_talk(&room, &mut [&mut bob, &mut alice]);
}

#[test]
fn a_room_that_the_hub_shows_as_it_was_is_not_come_back_into() {
    let hub = hub();
    let (mut alice, _bob, room) = two_in_a_room(&hub);
    alice
        .on_disk(|tx| {
            let mut known = tx.find_room(&room)?.unwrap();
            known.epoch += 1;
            tx.put_room(&known)
        })
        .unwrap();
    alice.restart();
    let seen = stored(&alice, &room).epoch;
    let refused = now(alice.client.rejoin(&room)).unwrap_err();
    assert_eq!(refused.class(), Class::Refused, "{refused}");
    assert_eq!(stored(&alice, &room).epoch, seen);
    assert_eq!(hub.state().rooms[&room].group.epoch(), seen - 1);
}

#[test]
fn who_is_out_of_the_room_does_not_come_back_so() {
    let hub = hub();
    let (mut alice, mut bob, room) = two_in_a_room(&hub);
    now(bob.client.remove(&room, &[crate::rooms::user("alice")])).unwrap();
    alice.syncs();
    let refused = now(alice.client.rejoin(&room)).unwrap_err();
    assert_eq!(refused.class(), Class::Refused);
}
