//! People talk: two, five and fifty of them, with restarts between any two steps.

use grove_mls::franking;
use grove_mls::member::{Received, SealError};
use grove_mls::room::Role;

use crate::world::{World, device, text, user};

#[test]
fn two_people_talk_both_ways() {
    let mut world = World::with(&["alice", "bob"]);
    let hello = world.devices[0].say("hello").unwrap();
    world.submit(hello);
    let received = world.catch_up(1).pop().unwrap();
    let Received::Application {
        sender,
        leaf,
        data,
        authenticated_data,
        may_send,
    } = received
    else {
        panic!("a message")
    };
    assert_eq!(
        (sender.user, leaf, data.as_slice(), may_send),
        (user("alice"), 0, b"hello".as_slice(), true)
    );
    let tag = franking::franking_tag(&[7; 16], b"hello");
    assert_eq!(franking::find_tag(&authenticated_data).unwrap(), Some(tag));

    let answer = world.devices[1].say("hi").unwrap();
    world.submit(answer);
    let read = world.catch_up(0);
    assert!(
        matches!(read[0], Received::Own),
        "the own message comes back and cannot be opened"
    );
    assert_eq!(text(&read[1]), b"hi");
}

#[test]
fn five_people_talk_across_restarts() {
    let mut world = World::with(&["alice", "bob", "carol", "dave", "erin"]);
    let room = world.room.clone();
    for speaker in 0..5 {
        world.devices[speaker].restart(&room);
        let message = world.devices[speaker]
            .say(&format!("from {speaker}"))
            .unwrap();
        world.devices[speaker].restart(&room);
        world.submit(message);
    }
    for reader in 0..5 {
        world.devices[reader].restart(&room);
        let heard: Vec<Vec<u8>> = world
            .catch_up(reader)
            .iter()
            .filter(|one| !matches!(one, Received::Own))
            .map(|one| text(one).to_vec())
            .collect();
        let said: Vec<Vec<u8>> = (0..5)
            .filter(|one| *one != reader)
            .map(|one| format!("from {one}").into_bytes())
            .collect();
        assert_eq!(heard, said);
    }
}

#[test]
fn fifty_people_added_at_once_hear_each_other() {
    let mut world = World::alone("p0");
    for number in 1..50 {
        world.devices.push(device(&format!("p{number}"), 0));
    }
    let others: Vec<usize> = (1..50).collect();
    world.add(0, &others).unwrap();
    assert_eq!(world.hub.state().participants.len(), 50);
    for speaker in [0, 17, 49] {
        let message = world.devices[speaker].say("here").unwrap();
        world.submit(message);
    }
    for reader in 0..50 {
        let heard = world
            .catch_up(reader)
            .iter()
            .filter(|one| matches!(one, Received::Application { .. }))
            .count();
        assert_eq!(heard, if [0, 17, 49].contains(&reader) { 2 } else { 3 });
    }
    world.assert_agreement();
}

#[test]
fn a_message_read_twice_is_told_apart() {
    let mut world = World::with(&["alice", "bob"]);
    let hello = world.devices[0].say("hello").unwrap();
    world.submit(hello);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(1, entry).unwrap(),
        Received::Application { .. }
    ));
    assert!(matches!(world.read(1, entry).unwrap(), Received::Reused));
    let room = world.room.clone();
    world.devices[1].restart(&room);
    assert!(
        matches!(world.read(1, entry).unwrap(), Received::Reused),
        "after a restart too"
    );
}

#[test]
fn who_may_only_read_cannot_seal_and_is_marked_if_others_do_it_for_them() {
    let mut world = World::with(&["alice", "bob"]);
    let role = [(user("bob"), Role::ReadOnly.index())];
    world
        .commit(0, |group, storage, device| {
            group.change_roles(storage, device, &role)
        })
        .unwrap();
    assert!(matches!(
        world.devices[1].say("psst"),
        Err(SealError::NotAllowed)
    ));
    assert!(!world.hub.may_send(&user("bob")));
    assert!(world.hub.may_send(&user("alice")));

    // Bob's client could be another program: seal with OpenMLS itself.
    let message = crate::plain::seal_with_openmls(&mut world.devices[1], &world.room, b"psst");
    world.submit(message);
    let received = world.catch_up(0).pop().unwrap();
    assert!(matches!(
        received,
        Received::Application {
            may_send: false,
            ..
        }
    ));
}
