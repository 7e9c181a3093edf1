//! Joining by oneself: new devices, lost state, and leavers taken along.

use grove_mls::identity::ServerKey;
use grove_mls::member::external::{self, ExternalError};
use grove_mls::member::{Received, Refused};
use grove_mls::public::Refusal;
use grove_mls::public::group_info::{self, GroupInfoError};
use grove_mls::room::{PolicyViolation, Role};
use grove_mls::storage::MemberStorage;
use grove_wire::mimi::group_info::GroupInfoResponse;
use grove_wire::mimi::update::RatchetTreeOption;
use grove_wire::mls::GroupInfo;

use crate::plain;
use crate::world::{Group, Keys, Map, SUITE, World, device, merged, unfollowable, user};

fn talks(world: &mut World, speaker: usize, listener: usize) {
    let message = world.devices[speaker].say("here I am").unwrap();
    world.submit(message);
    assert!(matches!(
        world.catch_up(listener).pop().unwrap(),
        Received::Application { .. }
    ));
    world.sync();
}

#[test]
fn a_new_device_of_a_participant_joins_while_all_others_sleep() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("bob", 1));
    let bundle = world.join_externally(2).unwrap();
    world.hand_in(2, &bundle).unwrap();
    let joined = merged(world.catch_up(0).pop().unwrap());
    assert_eq!(joined.committer, world.devices[2].identity.client);
    assert_eq!(joined.added, vec![world.devices[2].identity.client.clone()]);
    assert!(
        matches!(world.catch_up(2)[0], Received::AlreadySeen),
        "the own commit comes back"
    );
    world.sync();
    let room = world.room.clone();
    world.devices[2].restart(&room);
    talks(&mut world, 2, 0);
    talks(&mut world, 0, 2);
}

#[test]
fn somebody_listed_without_a_client_is_added_and_does_not_join() {
    let mut world = World::with(&["alice"]);
    let list = [(user("carol"), Role::Member.index())];
    world
        .commit(0, |group, storage, device| {
            group.add(storage, device, &[], &list)
        })
        .unwrap();
    world.devices.push(device("carol", 0));
    let enters = PolicyViolation::EntersByAdd(user("carol"));
    assert!(matches!(
        world.join_externally(1),
        Err(ExternalError::Policy(refused)) if refused == enters
    ));
    // By another program: anybody could say to be carol.
    for keys in [Keys::of("carol"), Keys::made_up("carol")] {
        world.devices[1].take_up(&keys);
        let carol = &world.devices[1];
        let leaf = plain::extensions(Some(&carol.identity.credential));
        let forged = plain::external_commit(carol, &world, leaf);
        assert_eq!(
            plain::hand_in(&world, 1, &forged).unwrap_err(),
            Refusal::Policy(enters.clone())
        );
        world.submit(forged.commit.clone());
        let entry = world.log.len() - 1;
        let reason = Refused::Policy(enters.clone());
        assert!(unfollowable(world.read(0, entry), &reason));
        world.log.pop();
        let merges = plain::openmls_merges(&world.devices[0], &world.room, &forged.commit);
        assert!(merges, "negative control");
    }
    world.devices[1] = device("carol", 0);
    world.add(0, &[1]).unwrap();
    talks(&mut world, 1, 0);
}

#[test]
fn who_is_not_listed_does_not_join() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("mallory", 0));
    assert!(matches!(
        world.join_externally(2),
        Err(ExternalError::Policy(PolicyViolation::JoinNotAllowed))
    ));
    let ban = [(user("bob"), Role::Banned.index())];
    world
        .commit(0, |group, storage, device| {
            group.change_roles(storage, device, &ban)
        })
        .unwrap();
    world.devices[1].records = Map::default();
    assert!(matches!(
        world.join_externally(1),
        Err(ExternalError::Policy(PolicyViolation::JoinNotAllowed))
    ));
}

#[test]
fn a_client_that_lost_its_state_comes_back_and_its_old_leaf_goes() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices[1].records = Map::default();
    world.devices[1].group = None;
    let bundle = world.join_externally(1).unwrap();
    world.hand_in(1, &bundle).unwrap();
    let back = merged(world.catch_up(0).pop().unwrap());
    assert_eq!(back.removed, vec![world.devices[1].identity.client.clone()]);
    assert_eq!(back.added, back.removed);
    assert!(back.participants_changed.is_empty());
    world.sync();
    assert_eq!(world.hub.clients().len(), 3);
    talks(&mut world, 1, 2);
}

#[test]
fn a_joiner_takes_the_leavers_along_and_strikes_them_from_the_list() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let leave = world.devices[1].act(Group::leave).unwrap();
    world.hand_in(1, &leave).unwrap();
    world.sync();
    world.devices.push(device("carol", 1));
    let bundle = world.join_externally(3).unwrap();
    world.hand_in(3, &bundle).unwrap();
    world.sync();
    assert_eq!(world.members(), vec![0, 2, 3]);
    assert_eq!(world.hub.state().participants.role_of(&user("bob")), 0);
    talks(&mut world, 3, 0);
}

#[test]
fn who_was_leaving_and_joins_again_has_left_and_come_back() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let leave = world.devices[1].act(Group::leave).unwrap();
    world.hand_in(1, &leave).unwrap();
    world.sync();
    world.devices[1].records = Map::default();
    world.devices[1].group = None;
    let bundle = world.join_externally(1).unwrap();
    world.hand_in(1, &bundle).unwrap();
    world.sync();
    assert_eq!(world.members(), vec![0, 1, 2]);
    assert!(!world.group(1).is_leaving());
    talks(&mut world, 1, 0);
}

#[test]
fn a_joiner_that_leaves_a_leaver_in_is_refused() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices.push(device("carol", 1));
    let without = world.join_externally(3).unwrap();
    let leave = world.devices[1].act(Group::leave).unwrap();
    world.hand_in(1, &leave).unwrap();
    assert_eq!(
        world.hand_in(3, &without),
        Err(Refusal::Policy(PolicyViolation::PendingLeftOut))
    );
}

#[test]
fn who_lost_the_race_forgets_and_joins_anew() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("bob", 1));
    let late = world.join_externally(2).unwrap();
    world.commit_without(2, Group::self_update);
    assert!(matches!(
        world.hand_in(2, &late),
        Err(Refusal::WrongEpoch { .. })
    ));
    let joiner = &mut world.devices[2];
    let storage = MemberStorage::new(&joiner.records);
    joiner.group.take().unwrap().forget(&storage).unwrap();
    joiner.records.write(&storage);
    let bundle = world.join_externally(2).unwrap();
    world.hand_in(2, &bundle).unwrap();
    world.sync();
}

#[test]
fn an_epoch_seen_already_is_not_joined_again() {
    let mut world = World::with(&["alice", "bob"]);
    let seen = world.group(1).epoch();
    assert!(matches!(
        world.join_externally(1),
        Err(ExternalError::Stale { seen: one, found }) if one == seen && found == seen
    ));
    talks(&mut world, 1, 0);
}

#[test]
fn an_epoch_before_what_another_device_saw_is_not_joined() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("bob", 1));
    let found = world.group(0).epoch();
    let group_info = GroupInfo::from_bytes(world.group_info.clone()).unwrap();
    let tree = world.hub.tree().unwrap();
    let join = |at_least| {
        let records = Map::default();
        let storage = MemberStorage::new(&records);
        let identity = &world.devices[2].identity;
        let room = &world.room;
        external::external_commit(&storage, identity, &group_info, &tree, &[], room, at_least)
            .map(|(group, _bundle)| group.epoch())
    };
    let seen = found + 1;
    assert!(matches!(
        join(Some(seen)),
        Err(ExternalError::Stale { seen: one, found: other }) if one == seen && other == found
    ));
    assert_eq!(join(Some(found)).unwrap(), found + 1, "negative control");
}

#[test]
fn the_answer_must_be_the_hubs_and_of_the_room() {
    let world = World::with(&["alice", "bob"]);
    let bob = &world.devices[1].identity;
    let (request, secret) = external::request_group_info(bob, SUITE).unwrap();
    let answer = |key: &ServerKey, room| {
        let group_info = GroupInfo::from_bytes(world.group_info.clone()).unwrap();
        let tree = RatchetTreeOption::Full(world.hub.tree().unwrap());
        group_info::encrypt_group_info(key, &request, room, group_info, tree, Vec::new()).unwrap()
    };
    let open = |response: &GroupInfoResponse| {
        external::open_group_info(
            &secret,
            response,
            &world.room,
            Some(&world.server_key.public()),
        )
    };
    assert!(open(&answer(&world.server_key, &world.room)).is_ok());
    let false_hub = answer(&ServerKey::from_seed([8; 32]), &world.room);
    assert!(matches!(open(&false_hub), Err(ExternalError::BadSignature)));
    let other_room = grove_wire::uri::RoomUri::new(&world.provider, &[1; 32]);
    assert!(matches!(
        open(&answer(&world.server_key, &other_room)),
        Err(ExternalError::WrongRoom)
    ));
    let refused = GroupInfoResponse::NotAuthorized {
        room_id: world.room.clone(),
    };
    assert!(matches!(open(&refused), Err(ExternalError::Refused)));

    // Another's request is not answered.
    let alice = &world.devices[0].identity;
    assert_eq!(
        group_info::verify_request(&request, &alice.client, &alice.key.public()),
        Err(GroupInfoError::NotYours)
    );
    let mut changed = request.clone();
    changed.joining_code = grove_wire::codec::Opaque::new(vec![1]).unwrap();
    assert_eq!(
        group_info::verify_request(&changed, &bob.client, &bob.key.public()),
        Err(GroupInfoError::BadSignature)
    );
}

#[test]
fn a_room_that_is_not_the_one_wanted_is_not_joined() {
    let world = World::with(&["alice", "bob"]);
    let other = World::with(&["carol", "bob"]);
    let bob = &world.devices[1];
    let records = Map::default();
    let storage = MemberStorage::new(&records);
    let group_info = GroupInfo::from_bytes(other.group_info.clone()).unwrap();
    let tree = other.hub.tree().unwrap();
    assert!(matches!(
        external::external_commit(
            &storage,
            &bob.identity,
            &group_info,
            &tree,
            &[],
            &world.room,
            None
        ),
        Err(ExternalError::WrongRoom)
    ));
}
