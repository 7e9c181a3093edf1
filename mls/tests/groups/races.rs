//! Commits that meet: one wins, and whoever lost reads on and makes theirs anew.

use grove_mls::member::{ReceiveError, Received};
use grove_mls::public::Refusal;

use crate::world::{Group, World, merged};

#[test]
fn of_two_commits_for_one_epoch_the_second_is_told_the_epoch() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    for round in 0..50 {
        let (first, second) = (round % 3, (round + 1) % 3);
        let epoch = world.hub.epoch();
        let winner = world.devices[first].act(Group::self_update).unwrap();
        let loser = world.devices[second].act(Group::self_update).unwrap();
        world.hand_in(first, &winner).unwrap();
        assert_eq!(
            world.hand_in(second, &loser),
            Err(Refusal::WrongEpoch { current: epoch + 1 })
        );
        assert!(world.group(second).has_pending_commit());
        world.sync();
        assert!(
            !world.group(second).has_pending_commit(),
            "reading the winner drops it"
        );
    }
}

#[test]
fn the_own_commit_is_merged_when_it_comes_back_even_after_a_restart() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let bundle = world.devices[0].act(Group::self_update).unwrap();
    let before = world.group(0).epoch();
    world.hand_in(0, &bundle).unwrap();
    assert_eq!(
        world.group(0).epoch(),
        before,
        "nothing is merged before it is read"
    );
    world.devices[0].restart(&room);
    let own = merged(world.catch_up(0).pop().unwrap());
    assert!(own.was_own);
    assert_eq!(own.epoch, before + 1);
    world.sync();
}

#[test]
fn a_commit_read_twice_is_seen_already_and_one_too_early_says_so() {
    let mut world = World::with(&["alice", "bob"]);
    let first = world.devices[0].act(Group::self_update).unwrap();
    world.hand_in(0, &first).unwrap();
    world.catch_up(0);
    let second = world.devices[0].act(Group::self_update).unwrap();
    world.hand_in(0, &second).unwrap();
    let entry = world.log.len() - 1;
    let current = world.group(1).epoch();
    assert!(matches!(
        world.read(1, entry),
        Err(ReceiveError::Ahead { current: own, found }) if own == current && found == current + 1
    ));
    world.sync();
    assert!(matches!(
        world.read(1, entry).unwrap(),
        Received::AlreadySeen
    ));
    assert!(
        matches!(world.read(0, entry).unwrap(), Received::AlreadySeen),
        "the own one too"
    );
}

#[test]
fn a_refused_commit_is_discarded_and_another_can_be_made() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices[0].act(Group::self_update).unwrap();
    assert!(matches!(
        world.devices[0].act(Group::self_update),
        Err(grove_mls::member::CommitError::CommitPending)
    ));
    world.devices[0]
        .act(|group, storage, _| group.discard_pending(storage))
        .unwrap();
    world.commit(0, Group::self_update).unwrap();
}

#[test]
fn messages_are_sealed_while_a_commit_waits() {
    let mut world = World::with(&["alice", "bob"]);
    let bundle = world.devices[0].act(Group::self_update).unwrap();
    let message = world.devices[0].say("meanwhile").unwrap();
    world.submit(message);
    world.hand_in(0, &bundle).unwrap();
    assert!(matches!(world.catch_up(1)[0], Received::Application { .. }));
    world.sync();
}
