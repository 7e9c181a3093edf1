//! Removal: the removed reads no further, sends no more, and can come back only by being added
//! again.

use grove_mls::member::{CommitError, ReceiveError, Received, Refused, SealError};
use grove_mls::room::{PolicyViolation, Role};
use grove_wire::uri::ClientUri;

use crate::plain;
use crate::world::{Group, World, device, merged, unfollowable, user};

#[test]
fn the_removed_reads_its_removal_and_nothing_after_it() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let bundle = world.devices[0]
        .act(|group, storage, device| group.remove_users(storage, device, &[user("bob")]))
        .unwrap();
    world.hand_in(0, &bundle).unwrap();
    let removed = merged(world.catch_up(1).pop().unwrap());
    assert!(removed.removed_self);
    assert_eq!(removed.committer, world.devices[0].identity.client);
    world.sync();
    assert_eq!(world.members(), vec![0, 2]);

    let secret = world.devices[0].say("without bob").unwrap();
    world.submit(secret);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(1, entry),
        Err(ReceiveError::NotAMember)
    ));
    assert!(matches!(
        world.devices[1].say("hello?"),
        Err(SealError::NotAMember)
    ));
    assert!(matches!(
        world.devices[1].act(Group::self_update),
        Err(CommitError::NotAMember)
    ));
    assert!(!world.hub.may_send(&user("bob")));
}

#[test]
fn the_removed_cannot_open_what_is_said_next_even_with_its_old_state() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world
        .commit(0, |group, storage, device| {
            group.remove_users(storage, device, &[user("bob")])
        })
        .unwrap();
    let secret = world.devices[0].say("without bob").unwrap();
    // Bob's client could be another program that goes on trying.
    assert!(!plain::openmls_opens(
        &world.devices[1],
        &world.room,
        &secret
    ));
    assert!(
        plain::openmls_opens(&world.devices[2], &world.room, &secret),
        "the control: carol can"
    );
}

#[test]
fn a_member_may_not_remove_another_and_is_stopped_by_itself_hub_and_members() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let own = world.devices[1]
        .act(|group, storage, device| group.remove_users(storage, device, &[user("carol")]));
    assert!(matches!(
        own,
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::RemovalNotAllowed(_)
        )))
    ));
    assert!(!world.group(1).has_pending_commit());

    let commit = plain::commit_removal(&mut world.devices[1], &world.room, 2);
    assert!(matches!(
        plain::hand_in(&world, 1, &commit),
        Err(grove_mls::public::Refusal::Policy(
            PolicyViolation::RemovalNotAllowed(_)
        ))
    ));
    world.submit(commit.commit.clone());
    let entry = world.log.len() - 1;
    let reason = Refused::Policy(PolicyViolation::RemovalNotAllowed(user("carol")));
    assert!(unfollowable(world.read(0, entry), &reason));
    assert!(
        plain::openmls_merges(&world.devices[0], &world.room, &commit.commit),
        "negative control"
    );
}

#[test]
fn single_clients_are_removed_and_whose_last_one_goes_is_struck() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices.push(device("bob", 1));
    world.add(0, &[3]).unwrap();
    let clients: Vec<ClientUri> = world
        .devices
        .iter()
        .map(|device| device.identity.client.clone())
        .collect();
    let remove = |world: &mut World, actor: usize, gone: &[usize]| {
        let gone: Vec<ClientUri> = gone.iter().map(|one| clients[*one].clone()).collect();
        world.commit(actor, |group, storage, device| {
            group.remove_clients(storage, device, &gone)
        })
    };
    // Own clients without any power, others' only with it.
    assert!(matches!(
        remove(&mut world, 2, &[3]),
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::RemovalNotAllowed(_)
        )))
    ));
    remove(&mut world, 1, &[3]).unwrap();
    assert_eq!(world.members(), vec![0, 1, 2]);
    assert!(world.hub.state().participants.role_of(&user("bob")) > 0);
    assert!(matches!(
        remove(&mut world, 1, &[3]),
        Err(CommitError::Nothing)
    ));
    remove(&mut world, 0, &[1, 3]).unwrap();
    assert_eq!(world.members(), vec![0, 2]);
    assert_eq!(world.hub.state().participants.role_of(&user("bob")), 0);
}

#[test]
fn the_banned_loses_all_devices_and_is_not_added_again() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices.push(device("bob", 1));
    world.add(0, &[3]).unwrap();
    let ban = [(user("bob"), Role::Banned.index())];
    world
        .commit(0, |group, storage, device| {
            group.change_roles(storage, device, &ban)
        })
        .unwrap();
    assert_eq!(world.members(), vec![0, 2]);
    assert_eq!(
        world.hub.state().participants.role_of(&user("bob")),
        Role::Banned.index()
    );
    assert!(matches!(
        world.add(0, &[1]),
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::BannedHasClients(_)
        )))
    ));
}

#[test]
fn who_was_removed_can_be_added_again() {
    let mut world = World::with(&["alice", "bob"]);
    for _ in 0..3 {
        world
            .commit(0, |group, storage, device| {
                group.remove_users(storage, device, &[user("bob")])
            })
            .unwrap();
        assert_eq!(world.members(), vec![0]);
        world.add(0, &[1]).unwrap();
        let room = world.room.clone();
        world.devices[1].restart(&room);
        let message = world.devices[1].say("back").unwrap();
        world.submit(message);
        assert!(matches!(
            world.catch_up(0).pop().unwrap(),
            Received::Application { .. }
        ));
    }
}

#[test]
fn what_is_forgotten_leaves_nothing_of_the_room() {
    let mut world = World::with(&["alice", "bob"]);
    world.commit(0, Group::self_update).unwrap();
    let prefix = grove_mls::storage::room_prefix(&world.room).unwrap();
    let of_room = |world: &World| {
        world.devices[1]
            .records
            .keys()
            .iter()
            .filter(|key| key.starts_with(&prefix))
            .count()
    };
    assert!(of_room(&world) > 5);
    let bob = &mut world.devices[1];
    let storage = grove_mls::storage::MemberStorage::new(&bob.records);
    bob.group.take().unwrap().forget(&storage).unwrap();
    bob.records.write(&storage);
    assert_eq!(of_room(&world), 0);
}
