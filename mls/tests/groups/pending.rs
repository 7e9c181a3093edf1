//! Proposals that await a commit: leaving, and that no commit may leave them out.

use grove_mls::member::{CommitError, ReceiveError, Received, Refused, SealError};
use grove_mls::public::{ProposalViolation, Refusal};
use grove_mls::room::PolicyViolation;
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::MlsMessage;

use crate::plain;
use crate::world::{Group, World, device, merged, unfollowable, user};

fn leave(world: &mut World, leaver: usize) {
    let bundle = world.devices[leaver].act(Group::leave).unwrap();
    world.hand_in(leaver, &bundle).unwrap();
    world.sync();
}

#[test]
fn a_leaver_blocks_sending_until_somebody_commits() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    leave(&mut world, 1);
    assert!(world.group(1).is_leaving());
    assert!(matches!(
        world.devices[2].say("wait"),
        Err(SealError::PendingProposals)
    ));
    assert!(
        !world.hub.may_send(&user("bob")),
        "the hub stops the leaver at once"
    );
    assert!(world.hub.may_send(&user("carol")));

    let room = world.room.clone();
    world.devices[2].restart(&room);
    world.commit(2, Group::commit_pending).unwrap();
    assert!(!world.devices[1].is_in());
    assert_eq!(
        world.hub.state().participants.role_of(&user("bob")),
        0,
        "struck from the list"
    );
    world.devices[2].say("now").unwrap();
}

#[test]
fn two_leave_at_once_and_one_commit_takes_both() {
    let mut world = World::with(&["alice", "bob", "carol", "dave"]);
    let bob = world.devices[1].act(Group::leave).unwrap();
    let carol = world.devices[2].act(Group::leave).unwrap();
    world.hand_in(1, &bob).unwrap();
    world.hand_in(2, &carol).unwrap();
    world.sync();
    world.commit(0, Group::self_update).unwrap();
    assert_eq!(world.members(), vec![0, 3]);
    assert_eq!(world.hub.state().participants.len(), 2);
}

#[test]
fn leaving_takes_all_devices_of_the_user_along() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("bob", 1));
    world.add(0, &[2]).unwrap();
    let bundle = world.devices[1].act(Group::leave).unwrap();
    let HandshakeBundle::Proposal { more_proposals, .. } = &bundle else {
        panic!("proposals")
    };
    assert_eq!(more_proposals.len(), 1);
    world.hand_in(1, &bundle).unwrap();
    world.sync();
    assert!(world.group(2).is_leaving());
    let read = {
        let bundle = world.devices[0].act(Group::commit_pending).unwrap();
        world.hand_in(0, &bundle).unwrap();
        world.catch_up(2).pop().unwrap()
    };
    let merged = merged(read);
    assert!(merged.removed_self);
    assert_eq!(merged.removed.len(), 2);
    assert_eq!(merged.participants_changed, vec![(user("bob"), 3, 0)]);
    world.sync();
    assert_eq!(world.members(), vec![0]);
}

#[test]
fn two_devices_of_a_user_leave_at_once_and_the_second_finds_itself_leaving() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("bob", 1));
    world.add(0, &[2]).unwrap();
    let first = world.devices[1].act(Group::leave).unwrap();
    let second = world.devices[2].act(Group::leave).unwrap();
    world.hand_in(1, &first).unwrap();
    assert_eq!(
        world.hand_in(2, &second),
        Err(Refusal::Proposal(ProposalViolation::AlreadyLeaving)),
        "the first one's removal by the second comes too late"
    );
    world.sync();
    assert!(world.group(2).is_leaving());
    world.commit(0, Group::commit_pending).unwrap();
    assert_eq!(world.members(), vec![0]);
}

#[test]
fn who_leaves_cannot_commit_and_leaves_once() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    leave(&mut world, 1);
    for refused in [
        world.devices[1].act(Group::self_update),
        world.devices[1].act(Group::leave),
    ] {
        assert!(matches!(refused, Err(CommitError::Leaving)));
    }
}

#[test]
fn proposals_of_an_older_epoch_are_void_and_made_again() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let late = world.devices[1].act(Group::leave).unwrap();
    let winner = world.devices[0].act(Group::self_update).unwrap();
    world.hand_in(0, &winner).unwrap();
    assert!(matches!(
        world.hand_in(1, &late),
        Err(Refusal::WrongEpoch { .. })
    ));
    world.sync();
    assert!(
        !world.group(1).is_leaving(),
        "nor has its proposal made it refuse the commit"
    );
    leave(&mut world, 1);
    world.commit(2, Group::commit_pending).unwrap();
    assert_eq!(world.members(), vec![0, 2]);
}

#[test]
fn a_proposal_read_twice_counts_once() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    leave(&mut world, 1);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(0, entry).unwrap(),
        Received::AlreadySeen
    ));
    assert!(matches!(
        world.read(1, entry).unwrap(),
        Received::AlreadySeen
    ));
    assert_eq!(world.group(0).pending().refs.len(), 1);
    let again = HandshakeBundle::Proposal {
        proposal: world.log[entry].clone(),
        more_proposals: Vec::new(),
    };
    assert_eq!(world.hand_in(1, &again), Err(Refusal::AlreadyPending));
}

#[test]
fn a_proposal_with_a_junk_membership_tag_is_pending_at_hub_and_members_alike() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let bundle = world.devices[1].act(Group::leave).unwrap();
    let turned = with_turned_tag(bundle.first());
    assert!(
        plain::openmls_takes(&world.devices[0], &world.room, bundle.first()),
        "the control of the control"
    );
    assert!(
        !plain::openmls_takes(&world.devices[0], &world.room, &turned),
        "control: OpenMLS refuses at a member what the hub cannot see"
    );
    world.hand_in(1, &alone(&turned)).unwrap();
    assert!(matches!(
        world.catch_up(0).pop().unwrap(),
        Received::Proposal(_)
    ));
    world.sync();
    assert!(world.group(1).is_leaving(), "the leaver itself takes it");
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(0, entry).unwrap(),
        Received::AlreadySeen
    ));
    // The tag is not in the reference: the honest one is the same proposal.
    world.submit(bundle.first().clone());
    assert!(matches!(
        world.read(0, entry + 1).unwrap(),
        Received::AlreadySeen
    ));
    world.log.pop();

    world.commit(2, Group::self_update).unwrap();
    assert_eq!(world.members(), vec![0, 2]);
    let message = world.devices[0].say("not blocked").unwrap();
    world.submit(message);
    world.sync();
}

#[test]
fn a_joiner_includes_a_proposal_with_a_junk_membership_tag() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let bundle = world.devices[1].act(Group::leave).unwrap();
    world
        .hand_in(1, &alone(&with_turned_tag(bundle.first())))
        .unwrap();
    world.sync();
    world.devices.push(device("carol", 1));
    let joining = world.join_externally(3).unwrap();
    world.hand_in(3, &joining).unwrap();
    world.sync();
    assert_eq!(world.members(), vec![0, 2, 3]);
}

#[test]
fn a_client_leaves_once_however_often_it_signs_that() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let [first, second] =
        [1, 2].map(|nonce| plain::self_remove(&world.devices[1], &world.room, nonce));
    assert_ne!(first, second);
    world.hand_in(1, &alone(&first)).unwrap();
    world.sync();
    let expected = ProposalViolation::AlreadyLeaving;
    assert_eq!(
        world.hand_in(1, &alone(&second)),
        Err(Refusal::Proposal(expected.clone()))
    );
    assert!(
        plain::openmls_takes(&world.devices[0], &world.room, &second),
        "negative control"
    );
    world.submit(second);
    let entry = world.log.len() - 1;
    match world.read(0, entry) {
        Err(ReceiveError::Refused(Refused::Proposal(refused))) => assert_eq!(refused, expected),
        other => panic!("{other:?}"),
    }
    world.log.pop();
    world.commit(0, Group::commit_pending).unwrap();
    assert_eq!(world.members(), vec![0, 2]);
}

#[test]
fn a_client_that_is_removed_may_still_leave() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let removal = plain::hub_removal(&world, 1);
    world.hub.replay(&removal).unwrap();
    world.submit(removal);
    world.sync();
    let leaving = plain::self_remove(&world.devices[1], &world.room, 1);
    world.hand_in(1, &alone(&leaving)).unwrap();
    world.sync();
    assert_eq!(world.group(0).pending().refs.len(), 2);
}

/// With a turned last byte: the last field of a member's public message is its membership tag.
fn with_turned_tag(message: &MlsMessage) -> MlsMessage {
    let mut bytes = message.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    MlsMessage::from_bytes(bytes).unwrap()
}

fn alone(proposal: &MlsMessage) -> HandshakeBundle {
    HandshakeBundle::Proposal {
        proposal: proposal.clone(),
        more_proposals: Vec::new(),
    }
}

#[test]
fn a_commit_that_leaves_a_leaver_in_is_refused_by_hub_and_members() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    leave(&mut world, 1);
    let commit = plain::commit_without_pending(&mut world.devices[2], &world.room);
    let refused = plain::hand_in(&world, 2, &commit).unwrap_err();
    assert_eq!(refused, Refusal::Policy(PolicyViolation::PendingLeftOut));

    world.submit(commit.commit.clone());
    let entry = world.log.len() - 1;
    let before = world.group(0).epoch();
    let reason = Refused::Policy(PolicyViolation::PendingLeftOut);
    assert!(unfollowable(world.read(0, entry), &reason));
    assert_eq!(world.group(0).epoch(), before, "nothing is merged");

    // Negative control: OpenMLS alone takes it.
    assert!(plain::openmls_merges(
        &world.devices[0],
        &world.room,
        &commit.commit
    ));
}

#[test]
fn nobody_proposes_what_may_not_wait() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices.push(device("dave", 0));
    for proposal in [
        plain::propose_removal(&mut world.devices[1], &world.room, 2),
        plain::propose_removal(&mut world.devices[1], &world.room, 1),
        plain::propose_update(&mut world.devices[1], &world.room),
        plain::propose_list_update(&mut world.devices[1], &world.room),
    ] {
        let bundle = HandshakeBundle::Proposal {
            proposal: proposal.clone(),
            more_proposals: Vec::new(),
        };
        assert!(matches!(
            world.hand_in(1, &bundle),
            Err(Refusal::Proposal(_))
        ));
        world.submit(proposal);
        let entry = world.log.len() - 1;
        assert!(matches!(
            world.read(0, entry),
            Err(ReceiveError::Refused(Refused::Proposal(_)))
        ));
        world.devices[0].say("not blocked").unwrap();
        world.log.pop();
    }
}

#[test]
fn one_client_does_not_hand_in_anothers_handshake() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    let leave = world.devices[1].act(Group::leave).unwrap();
    assert_eq!(world.hand_in(2, &leave), Err(Refusal::NotYours));
    let commit = world.devices[0].act(Group::self_update).unwrap();
    assert_eq!(world.hand_in(2, &commit), Err(Refusal::NotYours));
}
