//! A user's identity is renewed while rooms go on: every device, the hub and everybody else follow;
//! old identities do not come back.

use grove_mls::key_package::LastResort;
use grove_mls::member::external::ExternalError;
use grove_mls::member::{CommitError, Member, Received, Refused};
use grove_mls::public::HubGroup;
use grove_mls::room::PolicyViolation;
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::uri::UserUri;
use openmls::prelude::LeafNodeIndex;

use crate::plain::{self, ForgedCommit};
use crate::world::{Group, Keys, Map, World, device, merged, user};

mod refused;
mod replaced;

/// Alice's identity after so many renewals.
fn alice(renewals: u8) -> Keys {
    Keys::of("alice").renewed(renewals)
}

/// Alice with three devices (0, 2 and 3) and bob (1).
fn room() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("alice", 1));
    world.devices.push(device("alice", 2));
    world.add(0, &[2, 3]).unwrap();
    world
}

/// The same, after device 0 has taken up the next identity.
fn renewed() -> World {
    let mut world = room();
    world.devices[0].take_up(&alice(1));
    world.commit(0, Group::self_update).unwrap();
    world
}

fn of(world: &World, user: &UserUri) -> Vec<Member> {
    let mut members = world.group(1).members().unwrap();
    members.retain(|member| member.leaf.user == *user);
    members
}

/// The generations of alice's leaves as bob sees them, each with the one that left it behind.
fn generations(world: &World) -> Vec<(u32, Option<u32>)> {
    of(world, &user("alice"))
        .iter()
        .map(|Member { leaf, .. }| {
            let behind = leaf.left_behind_by.as_ref();
            let behind = behind.map(|one| one.rank().generation());
            (leaf.identity.rank().generation(), behind)
        })
        .collect()
}

/// Which generation has left the speaker behind, as the listener hears it.
fn says(world: &mut World, speaker: usize, listener: usize) -> Option<u32> {
    let message = world.devices[speaker].say("still here").unwrap();
    world.submit(message);
    let heard = world.catch_up(listener).pop().unwrap();
    world.sync();
    match heard {
        Received::Application {
            sender, may_send, ..
        } => {
            assert!(may_send);
            let behind = sender.left_behind_by.as_ref();
            behind.map(|one| one.rank().generation())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn three_devices_renew_one_by_one_and_everybody_follows() {
    let mut world = renewed();
    assert_eq!(generations(&world), [(2, None), (1, Some(2)), (1, Some(2))]);
    assert_eq!(says(&mut world, 0, 1), None);
    assert_eq!(
        says(&mut world, 2, 1),
        Some(2),
        "it speaks, left behind as it is"
    );

    world.devices[2].take_up(&alice(1));
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(2, None), (2, None), (1, Some(2))]);
    world.devices[3].take_up(&alice(1));
    world.commit(3, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(2, None); 3]);
    assert_eq!(says(&mut world, 3, 1), None);

    // The hub after a restart sees the same room.
    let again = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    assert_eq!(again.tree().unwrap(), world.hub.tree().unwrap());
    let seen = again.leaves().unwrap();
    let alices = seen
        .iter()
        .filter(|leaf| leaf.client.user() == user("alice"));
    assert!(
        alices
            .clone()
            .all(|leaf| leaf.identity == alice(1).identity)
    );
    assert_eq!(alices.count(), 3);
}

#[test]
fn a_new_identity_and_the_removal_of_a_lost_device_are_one_commit() {
    let mut world = room();
    world.devices[0].take_up(&alice(1));
    let lost = world.devices[3].identity.client.clone();
    world
        .commit(0, |group, storage, device| {
            group.remove_clients(storage, device, &[lost])
        })
        .unwrap();
    assert_eq!(world.members(), vec![0, 1, 2]);
    assert_eq!(generations(&world), [(2, None), (1, Some(2))]);
}

#[test]
fn who_slept_through_two_renewals_takes_both_at_once() {
    let mut world = renewed();
    world.devices[2].take_up(&alice(1));
    world.commit(2, Group::self_update).unwrap();
    world.devices[0].take_up(&alice(2));
    world.commit(0, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(3, None), (2, Some(3)), (1, Some(3))]);
    world.devices[3].take_up(&alice(2));
    world.commit(3, Group::self_update).unwrap();
    world.devices[2].take_up(&alice(2));
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(3, None); 3]);
}

#[test]
fn a_room_that_missed_two_renewals_takes_the_last() {
    let mut world = room();
    world.devices[0].take_up(&alice(2));
    world.commit(0, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(3, None), (1, Some(3)), (1, Some(3))]);
}

#[test]
fn the_next_recovery_key_wins_over_every_generation_before_it() {
    let mut world = room();
    world.devices[2].take_up(&alice(6));
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(1, Some(7)), (7, None), (1, Some(7))]);
    let next = Keys::of("alice").replaced();
    world.devices[0].take_up(&next);
    world.commit(0, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(1, None), (7, Some(1)), (1, Some(1))]);
    let first = of(&world, &user("alice")).remove(0).leaf;
    assert_eq!(first.identity.recovery(), &next.recovery.public());
}

#[test]
fn a_key_package_brings_the_next_identity() {
    let recovered = |keys: &Keys| {
        let mut world = World::with(&["alice", "bob"]);
        let mut recovered = device("alice", 1);
        recovered.take_up(keys);
        let package = recovered.key_package(LastResort::No);
        assert_eq!(package.leaf.identity, keys.identity);
        world.devices.push(recovered);
        let added = world.add(1, &[2]);
        (world, added)
    };
    let (mut world, added) = recovered(&alice(1));
    added.unwrap();
    assert_eq!(generations(&world), [(1, Some(2)), (2, None)]);

    // Whoever is added while two identities stand joins all the same.
    world.devices.push(device("carol", 0));
    world.add(1, &[3]).unwrap();
    assert_eq!(says(&mut world, 3, 1), None);
    // The control: an identity without the words is refused.
    let (_world, added) = recovered(&Keys::made_up("alice"));
    assert!(matches!(
        added,
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::IdentityUnproven(_)
        )))
    ));
}

#[test]
fn a_recovered_device_joins_beside_the_lost_one_and_removes_it() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("alice", 1));
    world.devices[2].take_up(&Keys::made_up("alice").renewed(1));
    assert!(
        matches!(
            world.join_externally(2),
            Err(ExternalError::Policy(PolicyViolation::IdentityUnproven(_)))
        ),
        "negative control"
    );
    world.devices[2].take_up(&alice(1));
    let bundle = world.join_externally(2).unwrap();
    world.hand_in(2, &bundle).unwrap();
    world.sync();
    assert_eq!(generations(&world), [(1, Some(2)), (2, None)]);
    assert_eq!(says(&mut world, 2, 1), None);

    // The lost device can do nothing against it.
    let found = world.devices[2].identity.client.clone();
    let removal = world.devices[0]
        .act(|group, storage, device| group.remove_clients(storage, device, &[found]));
    assert!(removal.is_err());
    let room = world.room.clone();
    let found = of(&world, &user("alice")).remove(1).index;
    let removal = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder.propose_removals([LeafNodeIndex::new(found)])
    });
    refused::both_refuse(&mut world, 0, &removal, &PolicyViolation::Laggard);

    let lost = world.devices[0].identity.client.clone();
    let bundle = world.devices[2]
        .act(|group, storage, device| group.remove_clients(storage, device, &[lost]))
        .unwrap();
    world.hand_in(2, &bundle).unwrap();
    assert!(merged(world.catch_up(0).pop().unwrap()).removed_self);
    world.sync();
    assert_eq!(world.members(), vec![1, 2]);
    assert_eq!(generations(&world), [(2, None)]);
    assert!(world.hub.state().participants.role_of(&user("alice")) > 0);
}

#[test]
fn a_device_that_joins_anew_takes_up_the_next_identity() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices[0].records = Map::default();
    world.devices[0].group = None;
    world.devices[0].take_up(&alice(1));
    let bundle = world.join_externally(0).unwrap();
    world.hand_in(0, &bundle).unwrap();
    world.sync();
    assert_eq!(generations(&world), [(2, None)]);
}

#[test]
fn the_newest_device_leaves_and_the_laggards_go_with_it() {
    let mut world = renewed();
    let HandshakeBundle::Proposal { proposal, .. } = world.devices[0].act(Group::leave).unwrap()
    else {
        panic!("proposals")
    };
    // By another program, which leaves out the others.
    let alone = HandshakeBundle::Proposal {
        proposal,
        more_proposals: Vec::new(),
    };
    world.hand_in(0, &alone).unwrap();
    world.sync();
    let room = world.room.clone();
    let without: ForgedCommit = plain::commit(&world.devices[1], &room, &[], |builder| builder);
    let refused = plain::hand_in(&world, 1, &without).unwrap_err();
    let remain = PolicyViolation::LaggardsRemain(user("alice"));
    assert_eq!(refused, grove_mls::public::Refusal::Policy(remain));

    // Bob is a plain member.
    world.commit(1, Group::commit_pending).unwrap();
    assert_eq!(world.members(), vec![1]);
    assert_eq!(world.hub.state().participants.role_of(&user("alice")), 0);
}

/// Devices of alice leave, by another program that leaves the others alone.
fn leave_alone(world: &mut World, devices: &[usize]) {
    for device in devices {
        let left = world.devices[*device].act(Group::leave).unwrap();
        let HandshakeBundle::Proposal { proposal, .. } = left else {
            panic!("proposals")
        };
        let alone = HandshakeBundle::Proposal {
            proposal,
            more_proposals: Vec::new(),
        };
        world.hand_in(*device, &alone).unwrap();
        world.sync();
    }
}

#[test]
fn a_laggard_takes_the_place_of_the_newest_device_that_leaves() {
    let mut world = renewed();
    leave_alone(&mut world, &[0]);
    world.devices[2].take_up(&alice(1));
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(world.members(), vec![1, 2, 3]);
    assert_eq!(generations(&world), [(2, None), (1, Some(2))]);
}

#[test]
fn a_joiner_leaves_in_whoever_has_laggards_to_take_along() {
    let mut world = renewed();
    world.devices[2].take_up(&alice(1));
    world.commit(2, Group::self_update).unwrap();
    // Each of the two could go; both cannot, while the third sleeps.
    leave_alone(&mut world, &[0, 2]);
    world.devices.push(device("bob", 1));
    let bundle = world.join_externally(4).unwrap();
    world.hand_in(4, &bundle).unwrap();
    world.sync();
    assert_eq!(world.members(), vec![0, 1, 2, 3, 4]);
    assert_eq!(says(&mut world, 4, 1), None);
}
