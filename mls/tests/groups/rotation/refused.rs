//! What a lost, revoked or stolen device tries, by another program where ours would not: hub and
//! members refuse it alike.

use grove_mls::identity::Identity;
use grove_mls::member::external::ExternalError;
use grove_mls::member::{ReceiveError, Refused};
use grove_mls::public::{ProposalViolation, Refusal};
use grove_mls::room::{PolicyViolation, Role};
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::MlsMessage;
use openmls::prelude::LeafNodeParameters;

use super::{alice, generations, renewed, room};
use crate::plain::{self, ForgedCommit};
use crate::world::{Device, Group, Keys, Map, World, device, unfollowable, user};

/// Hub and bob refuse a commit for the same reason, or device 0 if it is bob's; OpenMLS alone takes
/// it.
pub(super) fn both_refuse(
    world: &mut World,
    actor: usize,
    forged: &ForgedCommit,
    expected: &PolicyViolation,
) {
    let refused = plain::hand_in(world, actor, forged).unwrap_err();
    assert_eq!(refused, Refusal::Policy(expected.clone()));
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    let reader = usize::from(actor != 1);
    let read = world.read(reader, entry);
    assert!(
        unfollowable(read, &Refused::Policy(expected.clone())),
        "{expected}"
    );
    world.log.pop();
    let room = world.room.clone();
    assert!(
        plain::openmls_merges(&world.devices[reader], &room, &forged.commit),
        "negative control: {expected}"
    );
}

/// The device's leaf as these keys would sign it.
pub(super) fn leaf_by(device: &Device, keys: &Keys) -> LeafNodeParameters {
    let key = device.identity.key.public();
    let credential = keys.issue(&device.identity.client, &key);
    LeafNodeParameters::builder()
        .with_capabilities(plain::capabilities())
        .with_extensions(plain::extensions(Some(&credential)))
        .build()
}

#[test]
fn a_revoked_device_does_not_join_again() {
    let mut world = room();
    world.devices[0].take_up(&alice(1));
    world.devices[2].take_up(&alice(1));
    let revoked = world.devices[3].identity.client.clone();
    world
        .commit(0, |group, storage, device| {
            group.remove_clients(storage, device, &[revoked])
        })
        .unwrap();
    world.devices[3].records = Map::default();
    world.devices[3].group = None;
    let outdated = PolicyViolation::IdentityOutdated(user("alice"));
    assert!(matches!(
        world.join_externally(3),
        Err(ExternalError::Policy(refused)) if refused == outdated
    ));
    // By another program: while an old leaf stands, and when none does any more.
    let revoked = plain::extensions(Some(&world.devices[3].identity.credential));
    let forged = plain::external_commit(&world.devices[3], &world, revoked.clone());
    both_refuse(&mut world, 3, &forged, &outdated);
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(generations(&world), [(2, None); 2]);
    let forged = plain::external_commit(&world.devices[3], &world, revoked);
    both_refuse(&mut world, 3, &forged, &outdated);
}

#[test]
fn who_stole_a_device_does_not_renew_for_himself() {
    let mut world = renewed();
    let room = world.room.clone();
    let thief = Keys::made_up("alice");
    let unproven = PolicyViolation::IdentityUnproven(user("alice"));
    for (stolen, keys) in [(0, &thief), (2, &thief), (2, &thief.clone().renewed(9))] {
        let leaf = leaf_by(&world.devices[stolen], keys);
        let updated = plain::commit(&world.devices[stolen], &room, &[], |builder| {
            builder.leaf_node_parameters(leaf)
        });
        both_refuse(&mut world, stolen, &updated, &unproven);
    }
    // Nor by a new device of his making.
    world.devices.push(device("alice", 9));
    world.devices[4].take_up(&thief);
    let leaf = plain::extensions(Some(&world.devices[4].identity.credential));
    let joined = plain::external_commit(&world.devices[4], &world, leaf);
    both_refuse(&mut world, 4, &joined, &unproven);
}

#[test]
fn an_altered_identity_is_refused() {
    let mut world = room();
    let room = world.room.clone();
    let actor = &world.devices[0];
    let mut bytes = alice(1).identity.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let altered = Keys {
        identity: Identity::decode(&bytes).unwrap(),
        ..alice(1)
    };
    let update = |keys: &Keys| {
        let leaf = leaf_by(actor, keys);
        plain::commit(actor, &room, &[], |builder| {
            builder.leaf_node_parameters(leaf)
        })
    };
    let (altered, honest) = (update(&altered), update(&alice(1)));
    assert!(matches!(
        plain::hand_in(&world, 0, &altered),
        Err(Refusal::Identity(_))
    ));
    assert!(
        plain::hand_in(&world, 0, &honest).is_ok(),
        "negative control"
    );
    world.submit(altered.commit);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(1, entry),
        Err(ReceiveError::Unfollowable {
            committer: Some(_),
            ..
        })
    ));
}

#[test]
fn a_laggard_commits_and_proposes_nothing_but_itself() {
    let mut world = renewed();
    let room = world.room.clone();
    // A new leaf that is as old as before.
    let commit = plain::commit_without_pending(&mut world.devices[2], &room);
    let outdated = PolicyViolation::IdentityOutdated(user("alice"));
    both_refuse(&mut world, 2, &commit, &outdated);
    let list = [(user("dave"), Role::Member.index())];
    let commit = plain::commit(&world.devices[2], &room, &list, |builder| builder);
    both_refuse(&mut world, 2, &commit, &PolicyViolation::Laggard);

    let proposal = plain::propose_removal(&mut world.devices[2], &room, 0);
    let bundle = HandshakeBundle::Proposal {
        proposal: proposal.clone(),
        more_proposals: Vec::new(),
    };
    let laggard = ProposalViolation::Laggard;
    assert_eq!(
        world.hand_in(2, &bundle),
        Err(Refusal::Proposal(laggard.clone()))
    );
    world.submit(proposal);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(1, entry),
        Err(ReceiveError::Refused(Refused::Proposal(one))) if one == laggard
    ));
    world.log.pop();

    // It leaves alone, and the others stay.
    let leave = world.devices[2].act(Group::leave).unwrap();
    world.hand_in(2, &leave).unwrap();
    world.sync();
    assert_eq!(world.group(1).pending().refs.len(), 1);
    // Another laggard brings itself up to date, and takes the leaver along.
    world.devices[3].take_up(&alice(1));
    world.commit(3, Group::self_update).unwrap();
    assert_eq!(world.members(), vec![0, 1, 3]);
    assert_eq!(generations(&world), [(2, None); 2]);
}

#[test]
fn nobody_is_blamed_for_a_commit_he_did_not_sign() {
    let mut world = room();
    let bundle = world.devices[1].act(Group::self_update).unwrap();
    let commit = bundle.first().as_bytes().to_vec();
    let entry = world.log.len();
    // The tail is the signature of 64 bytes, the confirmation tag and the membership tag of 32,
    // each behind its length.
    for before_end in [100, 50, 1] {
        let place = commit.len() - before_end;
        let mut altered = commit.clone();
        altered[place] ^= 1;
        world.submit(MlsMessage::from_bytes(altered).expect("the outside is as before"));
        assert!(matches!(
            world.read(0, entry),
            Err(ReceiveError::Unfollowable {
                committer: None,
                ..
            })
        ));
        world.log.pop();
    }
    world.hand_in(1, &bundle).unwrap();
    world.sync();
}
