//! Somebody else is faster.

use std::sync::{Arc, Mutex};

use grove_core::store::StoreError;
use grove_core::{Draft, MessageStatus};

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

/// Whether somebody may be sent to is asked where it is sealed: nothing comes in between.
#[test]
fn what_another_process_learns_of_a_member_stops_the_next_that_is_sealed() {
    for asked_before in [false, true] {
        let (mut in_time, mut too_late) = (0, 0);
        for number in 0.. {
            let hub = hub();
            let (mut alice, mut bob) = (
                Person::register(&hub, "alice"),
                Person::register(&hub, "bob"),
            );
            let room = alice.makes_room("Garden", &[&mut bob]);
            if asked_before {
                alice.says(&room, "before");
            }
            let second = alice.second_process();
            let learnt = Arc::new(Mutex::new(None));
            let (tells, there, its_hub) = (Arc::clone(&learnt), room.clone(), hub.clone());
            alice.before_transaction(number, move || {
                let sealed = second.on_disk(|tx| {
                    let mut pin = tx.find_pin(&user("bob"))?.unwrap();
                    pin.disputed = true;
                    tx.put_pin(&pin)?;
                    let waiting = tx.list_outgoing(&there)?;
                    Ok::<_, StoreError>(waiting.iter().any(|one| one.bytes.is_some()))
                });
                *tells.lock().unwrap() = Some((sealed.unwrap(), its_hub.state().submissions));
            });
            drop(now(alice
                .client
                .send(&room, Draft::Text("psst".to_owned()))));
            let Some((sealed, submissions)) = *learnt.lock().unwrap() else {
                break;
            };
            let sent = hub.state().submissions > submissions;
            assert!(
                sealed || !sent,
                "sealed for bob behind transaction {number}"
            );
            bob.syncs();
            if bob.reads(&room).contains(&"psst".to_owned()) {
                too_late += 1;
            } else {
                in_time += 1;
            }
        }
        assert!(in_time > 1 && too_late > 0, "{in_time} and {too_late}");
    }
}
