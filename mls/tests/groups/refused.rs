//! Commits that break a rule of rooms: hub and members refuse each for the same reason, and OpenMLS
//! alone would merge it.

use grove_mls::key_package::{KEY_PACKAGE_LIFETIME, KeyPackageError, LastResort};
use grove_mls::member::{ReceiveError, Refused};
use grove_mls::public::{CommitParts, Refusal};
use grove_mls::room::{PolicyViolation, Role};
use grove_wire::codec::Opaque;
use grove_wire::mimi::room::component;
use grove_wire::mimi::update::{GroupInfoOption, HandshakeBundle, RatchetTreeOption};
use grove_wire::mls::GroupInfo;
use openmls::messages::proposals::AppDataUpdateProposal;
use openmls::prelude::{Extension, ExternalSender, LeafNodeIndex, Lifetime, Proposal};

use crate::plain::{self, ForgedCommit};
use crate::world::{Group, World, device, unfollowable, user};

fn both_refuse(world: &mut World, actor: usize, forged: &ForgedCommit, expected: &PolicyViolation) {
    assert_eq!(
        plain::hand_in(world, actor, forged).unwrap_err(),
        Refusal::Policy(expected.clone())
    );
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    let reader = usize::from(actor == 0);
    match world.read(reader, entry) {
        Err(ReceiveError::Unfollowable { committer, reason }) => {
            assert_eq!(reason, expected.to_string());
            let signer = &world.devices[actor].identity.client;
            assert_eq!(committer.as_ref(), Some(signer));
        }
        other => panic!("{other:?}"),
    }
    world.log.pop();
    let room = world.room.clone();
    assert!(
        plain::openmls_merges(&world.devices[reader], &room, &forged.commit),
        "negative control: {expected}"
    );
}

fn component_update(id: u16, update: &[u8]) -> Proposal {
    Proposal::AppDataUpdate(Box::new(AppDataUpdateProposal::update(id, update.to_vec())))
}

#[test]
fn components_that_are_fixed_cannot_be_changed_even_by_the_owner() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    for id in [
        component::SAFE_AAD,
        component::FRANKING_AGENT,
        component::ROOM_METADATA,
        component::BASE_ROOM_POLICY,
        component::CREATION_RECORD,
        component::PREAUTH_LIST,
        0x8002,
    ] {
        // Safe AAD must stay what it is for OpenMLS itself to follow.
        let forged = plain::commit(&world.devices[0], &room, &[], |builder| {
            builder.add_proposal(component_update(id, &[0]))
        });
        both_refuse(&mut world, 0, &forged, &PolicyViolation::ComponentFixed(id));
    }
    let remove = Proposal::AppDataUpdate(Box::new(AppDataUpdateProposal::remove(
        component::CREATION_RECORD,
    )));
    let forged = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder.add_proposal(remove)
    });
    both_refuse(
        &mut world,
        0,
        &forged,
        &PolicyViolation::ComponentRemoved(component::CREATION_RECORD),
    );
}

#[test]
fn the_list_changes_once_per_commit() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let list = |name: &str| {
        let state = world.group(0).state();
        let update = state
            .participants
            .update(&[(user(name), Role::Member.index())])
            .unwrap();
        component_update(
            component::PARTICIPANT_LIST,
            &grove_wire::codec::encode(&update).unwrap(),
        )
    };
    let (first, second) = (list("dave"), list("erin"));
    let forged = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder.add_proposal(first).add_proposal(second)
    });
    both_refuse(
        &mut world,
        0,
        &forged,
        &PolicyViolation::ComponentTwice(component::PARTICIPANT_LIST),
    );
}

#[test]
fn the_groups_extensions_stay() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let (_storage, group) = plain::openmls(&world.devices[0], &room);
    let mut extensions = group.extensions().clone();
    let mut senders = extensions.external_senders().unwrap().clone();
    let another = plain::identity("mimi://evil.example", &world.devices[0].identity.key);
    senders.push(ExternalSender::new(
        another.signature_key,
        another.credential,
    ));
    extensions
        .add_or_replace(Extension::ExternalSenders(senders))
        .unwrap();
    let forged = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder
            .propose_group_context_extensions(extensions)
            .unwrap()
    });
    both_refuse(&mut world, 0, &forged, &PolicyViolation::ContextExtensions);
}

#[test]
fn who_loses_the_last_client_leaves_the_list_and_who_leaves_the_list_loses_all() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let room = world.room.clone();
    let forged = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder.propose_removals([LeafNodeIndex::new(1)])
    });
    both_refuse(
        &mut world,
        0,
        &forged,
        &PolicyViolation::LastClientGone(user("bob")),
    );
    let forged = plain::commit(&world.devices[0], &room, &[(user("bob"), 0)], |builder| {
        builder
    });
    both_refuse(
        &mut world,
        0,
        &forged,
        &PolicyViolation::RemovedHasClients(user("bob")),
    );
}

#[test]
fn a_member_cannot_promote_itself() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let list = [(user("bob"), Role::Owner.index())];
    let forged = plain::commit(&world.devices[1], &room, &list, |builder| builder);
    both_refuse(
        &mut world,
        1,
        &forged,
        &PolicyViolation::RoleChangeNotAllowed(user("bob")),
    );
}

#[test]
fn authenticated_data_behind_the_frame_is_refused() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let (storage, mut group) = plain::openmls(&world.devices[0], &room);
    group.set_aad(b"tail".to_vec());
    let key = plain::Key(&world.devices[0].identity.key);
    let made = group
        .self_update(
            &storage,
            &key,
            openmls::prelude::LeafNodeParameters::default(),
        )
        .unwrap();
    let commit = plain::wire(made.commit());
    drop(storage);
    let reference = plain::commit(&world.devices[0], &room, &[], |builder| {
        builder.force_self_update(true)
    });
    let forged = ForgedCommit {
        commit,
        ..reference
    };
    assert_eq!(
        plain::hand_in(&world, 0, &forged).unwrap_err(),
        Refusal::AuthenticatedData
    );
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    assert!(unfollowable(
        world.read(1, entry),
        &Refused::AuthenticatedData
    ));
    assert!(
        plain::openmls_merges(&world.devices[1], &room, &forged.commit),
        "negative control"
    );
}

#[test]
fn the_welcome_must_be_for_those_who_are_added() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("carol", 0));
    world.devices.push(device("dave", 0));
    let key_packages: Vec<_> = [2, 3]
        .map(|other| world.devices[other].key_package(LastResort::No))
        .into();
    let roles = [(user("carol"), 3), (user("dave"), 3)];
    let bundle = world.devices[0]
        .act(|group, storage, device| group.add(storage, device, &key_packages, &roles))
        .unwrap();
    let HandshakeBundle::Commit {
        commit,
        welcome,
        group_info,
        ratchet_tree,
    } = bundle
    else {
        panic!("a commit")
    };
    let whole = welcome.unwrap();
    let one = whole.entry_for(0);
    let client = world.devices[0].identity.client.clone();
    let check = |welcome| {
        let parts = CommitParts {
            commit: &commit,
            welcome,
            group_info: &group_info,
            ratchet_tree: &ratchet_tree,
        };
        world
            .hub
            .check_commit(parts, &client, world.now_ms)
            .map(|checked| checked.added.len())
    };
    assert_eq!(check(None), Err(Refusal::Welcome));
    assert_eq!(
        check(one.as_ref()),
        Err(Refusal::Welcome),
        "one is left out"
    );
    assert_eq!(check(Some(&whole)), Ok(2));
}

#[test]
fn the_group_info_must_be_that_of_the_commit() {
    let mut world = World::with(&["alice", "bob"]);
    let client = world.devices[0].identity.client.clone();
    let bundle = world.devices[0].act(Group::self_update).unwrap();
    let HandshakeBundle::Commit {
        commit, group_info, ..
    } = bundle
    else {
        panic!("a commit")
    };
    let check = |group_info: &GroupInfoOption, ratchet_tree: &RatchetTreeOption| {
        let parts = CommitParts {
            commit: &commit,
            welcome: None,
            group_info,
            ratchet_tree,
        };
        world
            .hub
            .check_commit(parts, &client, world.now_ms)
            .map(|checked| checked.group_info)
    };
    let left = RatchetTreeOption::DistributionService;
    let whole = check(&group_info, &left).unwrap();
    let full = GroupInfoOption::Full(GroupInfo::from_bytes(whole.clone()).unwrap());
    assert_eq!(
        check(&full, &left).as_ref(),
        Ok(&whole),
        "the hub rebuilds it byte for byte"
    );

    let GroupInfoOption::Partial(mut partial) = group_info.clone() else {
        panic!("ours are partial")
    };
    partial.signature = Opaque::new(vec![0; 64]).unwrap();
    assert_eq!(
        check(&GroupInfoOption::Partial(partial.clone()), &left),
        Err(Refusal::GroupInfo)
    );
    let GroupInfoOption::Partial(mut partial) = group_info.clone() else {
        panic!("ours are partial")
    };
    partial.group_info_extensions.clear();
    assert_eq!(
        check(&GroupInfoOption::Partial(partial), &left),
        Err(Refusal::GroupInfo)
    );
    let old = GroupInfoOption::Full(GroupInfo::from_bytes(world.group_info.clone()).unwrap());
    assert_eq!(
        check(&old, &left),
        Err(Refusal::GroupInfo),
        "that of the epoch before"
    );
    assert_eq!(
        check(&group_info, &RatchetTreeOption::OutOfBand),
        Err(Refusal::RatchetTree)
    );
}

#[test]
fn a_key_package_that_would_not_outlive_the_log_is_refused_by_the_hub() {
    let world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let dave = device("dave", 0);
    let short = Lifetime::new(89 * 24 * 60 * 60);
    let says = dave.identity.client.as_str();
    let added = plain::key_package(
        says,
        &dave.identity.key,
        Some(&dave.identity.credential),
        plain::capabilities(),
        short,
    );
    let list = [(user("dave"), Role::Member.index())];
    let forged = plain::commit(&world.devices[0], &room, &list, |builder| {
        builder.propose_adds([added])
    });
    assert_eq!(
        plain::hand_in(&world, 0, &forged).unwrap_err(),
        Refusal::KeyPackage(KeyPackageError::Expired)
    );
}

#[test]
fn a_key_package_that_has_just_begun_is_refused_by_the_hub() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("carol", 0));
    let added = world.devices[2].key_package(LastResort::No);
    let made = crate::world::now_ms(added.not_after);
    let roles = [(user("carol"), Role::Member.index())];
    let bundle = world.devices[0]
        .act(|group, storage, device| group.add(storage, device, &[added], &roles))
        .unwrap();
    let half_an_hour_in = 30 * 60 * 1000 - 24 * 60 * 60 * 1000;
    world.now_ms = made.checked_add_signed(half_an_hour_in - 1000).unwrap();
    assert_eq!(
        world.hand_in(0, &bundle),
        Err(Refusal::KeyPackage(KeyPackageError::NotYet))
    );
    world.now_ms = made.checked_add_signed(half_an_hour_in).unwrap();
    world.hand_in(0, &bundle).unwrap();
    world.sync();
}

#[test]
fn a_key_package_with_too_long_a_life_is_refused_by_all() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let dave = device("dave", 0);
    let long = Lifetime::new(2 * KEY_PACKAGE_LIFETIME.as_secs());
    let says = dave.identity.client.as_str();
    let added = plain::key_package(
        says,
        &dave.identity.key,
        Some(&dave.identity.credential),
        plain::capabilities(),
        long,
    );
    let list = [(user("dave"), Role::Member.index())];
    let forged = plain::commit(&world.devices[0], &room, &list, |builder| {
        builder.propose_adds([added])
    });
    assert_eq!(
        plain::hand_in(&world, 0, &forged).unwrap_err(),
        Refusal::KeyPackage(KeyPackageError::Lifetime)
    );
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    let reason = Refused::KeyPackage(KeyPackageError::Lifetime);
    assert!(unfollowable(world.read(1, entry), &reason));
    assert!(
        plain::openmls_merges(&world.devices[1], &room, &forged.commit),
        "negative control"
    );
}

#[test]
fn handshakes_of_another_room_or_kind_are_refused() {
    let mut world = World::with(&["alice", "bob"]);
    let mut other = World::with(&["carol", "bob"]);
    let foreign = other.devices[1].act(Group::self_update).unwrap();
    assert_eq!(world.hand_in(1, &foreign), Err(Refusal::WrongRoom));
    world.submit(foreign.first().clone());
    let entry = world.log.len() - 1;
    assert!(matches!(world.read(0, entry), Err(ReceiveError::WrongRoom)));

    let message = world.devices[0].say("not a handshake").unwrap();
    let disguised = HandshakeBundle::Proposal {
        proposal: message,
        more_proposals: Vec::new(),
    };
    assert_eq!(world.hand_in(0, &disguised), Err(Refusal::NotAHandshake));
}
