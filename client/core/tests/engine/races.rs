//! Somebody else is faster.

use std::sync::{Arc, Mutex};

use grove_core::store::{Pin, Stop, StoreError};
use grove_core::{Draft, InviteError, MessageStatus, Tx};
use grove_wire::uri::RoomUri;

use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{add_device, client};

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

type Deed = fn(&mut dyn Tx, &RoomUri) -> Result<(), StoreError>;

/// Bob's pin is disputed: another device of alice knows him as somebody else.
fn disputes_bob(tx: &mut dyn Tx, _room: &RoomUri) -> Result<(), StoreError> {
    let Some(pin) = tx.find_pin(&user("bob"))? else {
        return Ok(());
    };
    tx.put_pin(&Pin {
        disputed: true,
        ..pin
    })
}

fn stops(tx: &mut dyn Tx, room: &RoomUri) -> Result<(), StoreError> {
    let mut known = tx.find_room(room)?.unwrap();
    known.stop = Some(Stop::Sibling);
    tx.put_room(&known)
}

/// Another process does this right before alice's transaction of this number, if there is one, and
/// looks at what was made by then.
fn meanwhile<R: Send + 'static>(
    alice: &Person,
    number: usize,
    deed: impl FnOnce(&mut dyn Tx) -> Result<R, StoreError> + Send + 'static,
) -> Arc<Mutex<Option<R>>> {
    let second = alice.second_process();
    let seen = Arc::new(Mutex::new(None));
    let tells = Arc::clone(&seen);
    alice.before_transaction(number, move || {
        *tells.lock().unwrap() = Some(second.on_disk(deed).unwrap());
    });
    seen
}

/// Whether anything may be sent is asked where it is sealed: nothing comes in between.
#[test]
fn what_another_process_learns_stops_the_next_that_is_sealed() {
    let deeds: [Deed; 2] = [disputes_bob, stops];
    for (asked_before, deed) in deeds.map(|deed| [(false, deed), (true, deed)]).concat() {
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
            let (there, its_hub) = (room.clone(), hub.clone());
            let seen = meanwhile(&alice, number, move |tx| {
                deed(tx, &there)?;
                let waiting = tx.list_outgoing(&there)?;
                let sealed = waiting.iter().any(|one| one.bytes.is_some());
                Ok((sealed, its_hub.state().submissions))
            });
            drop(now(alice
                .client
                .send(&room, Draft::Text("psst".to_owned()))));
            let Some((sealed, submissions)) = *seen.lock().unwrap() else {
                break;
            };
            let sent = hub.state().submissions > submissions;
            assert!(sealed || !sent, "sealed behind transaction {number}");
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

#[test]
fn what_another_process_learns_of_somebody_counts_before_they_are_added() {
    let (mut in_time, mut too_late) = (0, 0);
    for number in 0.. {
        let hub = hub();
        let [mut alice, bob, carol] =
            ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
        let room = alice.makes_room("Garden", &[]);
        let there = room.clone();
        let seen = meanwhile(&alice, number, move |tx| {
            disputes_bob(tx, &there)?;
            let known = tx.find_pin(&user("bob"))?.is_some();
            let made = !tx.list_outgoing(&there)?.is_empty();
            let epoch = tx.find_room(&there)?.unwrap().epoch;
            Ok((known, made || epoch > 0))
        });
        let both = [user("bob"), user("carol")];
        let invited = now(alice.client.invite(&room, &both));
        let Some((known, made)) = *seen.lock().unwrap() else {
            break;
        };
        let added = hub.state().rooms[&room].group.clients();
        let is_in = added.contains(&client(&bob));
        if known && !made {
            assert!(!is_in, "added behind transaction {number}");
            assert!(matches!(invited, Err(InviteError::Trust(_))), "{invited:?}");
            in_time += 1;
        } else {
            too_late += usize::from(is_in);
        }
        drop(carol);
    }
    assert!(in_time > 1 && too_late > 0, "{in_time} and {too_late}");
}
