//! A hub that restarts: from a snapshot and the handshakes behind it, it is the hub it was.

use grove_mls::public::{HubGroup, SnapshotError};

use crate::world::{Group, World, device, user};

#[test]
fn a_loaded_group_goes_on_as_if_nothing_had_happened() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    world.assert_agreement();
    world.devices.push(device("dave", 0));
    world.add(1, &[3]).unwrap();
    world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    world
        .commit(0, |group, storage, device| {
            group.remove_users(storage, device, &[user("bob")])
        })
        .unwrap();
    world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    world.commit(2, Group::self_update).unwrap();
}

#[test]
fn the_first_epoch_can_be_loaded_too() {
    let mut world = World::alone("alice");
    world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    world.devices.push(device("bob", 0));
    world.add(0, &[1]).unwrap();
}

#[test]
fn pending_proposals_stand_in_the_snapshot() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let leave = world.devices[1].act(Group::leave).unwrap();
    world.hand_in(1, &leave).unwrap();
    world.sync();
    world.hub = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    assert_eq!(world.hub.pending().count(), 1);
    assert!(!world.hub.may_send(&user("bob")));
    world.commit(0, Group::commit_pending).unwrap();
    assert_eq!(world.members(), vec![0, 2]);
}

#[test]
fn replaying_the_log_leads_to_the_same_group() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let snapshot = world.hub.snapshot().unwrap();
    let from = world.log.len();
    let message = world.devices[0].say("between").unwrap();
    world.submit(message);
    let leave = world.devices[1].act(Group::leave).unwrap();
    world.hand_in(1, &leave).unwrap();
    world.sync();
    world.devices.push(device("carol", 1));
    let join = world.join_externally(3).unwrap();
    world.hand_in(3, &join).unwrap();
    world.sync();
    world.devices.push(device("dave", 0));
    world.add(0, &[4]).unwrap();

    let mut replayed = HubGroup::load(&snapshot).unwrap();
    for message in &world.log[from..] {
        replayed.replay(message).unwrap();
    }
    assert_eq!(replayed.epoch(), world.hub.epoch());
    assert_eq!(
        replayed.snapshot().unwrap(),
        world.hub.snapshot().unwrap(),
        "to the byte"
    );
    assert!(
        replayed.replay(&world.log[from + 1]).is_err(),
        "what is read twice does not follow"
    );
    world.hub = replayed;
    world.commit(0, Group::self_update).unwrap();
}

#[test]
fn what_is_not_a_snapshot_is_refused() {
    let world = World::with(&["alice", "bob"]);
    let snapshot = world.hub.snapshot().unwrap();
    assert!(matches!(HubGroup::load(&[]), Err(SnapshotError::Format(0))));
    let mut other = snapshot.clone();
    other[0] = 9;
    assert!(matches!(
        HubGroup::load(&other),
        Err(SnapshotError::Format(9))
    ));
    for length in [1, 2, snapshot.len() / 2, snapshot.len() - 1] {
        assert!(
            HubGroup::load(&snapshot[..length]).is_err(),
            "cut at {length}"
        );
    }
}

#[test]
fn a_commit_is_merged_in_its_epoch_only() {
    let mut world = World::with(&["alice", "bob"]);
    let client = world.devices[0].identity.client.clone();
    let bundle = world.devices[0].act(Group::self_update).unwrap();
    let grove_wire::mimi::update::HandshakeBundle::Commit {
        commit,
        welcome,
        group_info,
        ratchet_tree,
    } = &bundle
    else {
        panic!("a commit")
    };
    let parts = grove_mls::public::CommitParts {
        commit,
        welcome: welcome.as_ref(),
        group_info,
        ratchet_tree,
    };
    let early = world
        .hub
        .check_commit(parts, &client, world.now_ms)
        .unwrap();
    world.hand_in(0, &bundle).unwrap();
    world.sync();
    assert!(world.hub.merge(early).is_err());
    world.assert_agreement();
}
