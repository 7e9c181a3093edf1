//! Somebody else is faster.

use std::sync::{Arc, Mutex};

use grove_core::MessageStatus;

use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::add_device;

#[test]
fn a_lost_commit_race_is_redone_unseen() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    drop((
        Person::register(&hub, "carol"),
        Person::register(&hub, "dave"),
    ));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let bob = Arc::new(Mutex::new(bob));
    let (faster, same_room) = (Arc::clone(&bob), room.clone());
    alice.before("/update/", move || {
        now(faster
            .lock()
            .unwrap()
            .client
            .invite(&same_room, &[user("dave")]))
        .unwrap();
    });
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    let mut bob = bob.lock().unwrap();
    bob.syncs();
    for person in [&mut alice, &mut *bob] {
        let members: Vec<_> = person
            .client
            .members(&room)
            .unwrap()
            .into_iter()
            .map(|member| member.user)
            .collect();
        assert_eq!(
            members,
            [user("alice"), user("bob"), user("dave"), user("carol")]
        );
    }
    assert_eq!(hub.state().rooms[&room].group.epoch(), 3);
}

#[test]
fn both_invite_the_same_person_and_that_is_no_error() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let mut carol = Person::register(&hub, "carol");
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let bob = Arc::new(Mutex::new(bob));
    let (faster, same_room) = (Arc::clone(&bob), room.clone());
    alice.before("/update/", move || {
        now(faster
            .lock()
            .unwrap()
            .client
            .invite(&same_room, &[user("carol")]))
        .unwrap();
    });
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    assert_eq!(hub.state().rooms[&room].group.epoch(), 2);
    carol.syncs();
    alice.says(&room, "hello");
    carol.syncs();
    assert_eq!(carol.reads(&room), ["hello"]);
}

#[test]
fn a_message_of_an_old_epoch_is_sealed_again_with_the_same_counter() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    drop(Person::register(&hub, "carol"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let bob = Arc::new(Mutex::new(bob));
    let (faster, same_room) = (Arc::clone(&bob), room.clone());
    alice.before("/submitMessage/", move || {
        now(faster
            .lock()
            .unwrap()
            .client
            .invite(&same_room, &[user("carol")]))
        .unwrap();
    });
    let sent = alice.says(&room, "in two epochs");
    assert_eq!(sent.status, MessageStatus::Sent);
    let mut bob = bob.lock().unwrap();
    bob.syncs();
    assert_eq!(bob.reads(&room), ["in two epochs"]);
}

#[test]
fn leaving_survives_a_race() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    drop(Person::register(&hub, "carol"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let alice = Arc::new(Mutex::new(alice));
    let (faster, same_room) = (Arc::clone(&alice), room.clone());
    bob.before("/update/", move || {
        now(faster
            .lock()
            .unwrap()
            .client
            .invite(&same_room, &[user("carol")]))
        .unwrap();
    });
    now(bob.client.leave(&room)).unwrap();
    let mut alice = alice.lock().unwrap();
    alice.syncs();
    alice.says(&room, "bye");
    assert_eq!(alice.client.members(&room).unwrap().len(), 2);
}

#[test]
fn joining_by_oneself_survives_a_race() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    drop(Person::register(&hub, "carol"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    let mut bob = add_device(&hub, &mut bob, 9);
    let alice = Arc::new(Mutex::new(alice));
    let (faster, same_room) = (Arc::clone(&alice), room.clone());
    bob.before("/update/", move || {
        now(faster
            .lock()
            .unwrap()
            .client
            .invite(&same_room, &[user("carol")]))
        .unwrap();
    });
    now(bob.client.join(&room)).unwrap();
    bob.says(&room, "made it");
    let mut alice = alice.lock().unwrap();
    alice.syncs();
    assert_eq!(alice.reads(&room), ["made it"]);
}
