//! What a lost, revoked or stolen device tries, by another program where ours would not: hub and
//! members refuse it alike.

use grove_mls::identity::{SignedUikRotation, Succession, UserIdentityKey};
use grove_mls::member::external::ExternalError;
use grove_mls::member::{ReceiveError, Refused};
use grove_mls::public::{ProposalViolation, Refusal};
use grove_mls::room::PolicyViolation;
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::mls::MlsMessage;
use openmls::prelude::LeafNodeParameters;

use super::{alices_key, credential, keys, room, rotated, succession, take_up};
use crate::plain::{self, ForgedCommit};
use crate::world::{Group, Map, World, device, unfollowable, user};

/// Hub and bob refuse a commit for the same reason; OpenMLS alone takes it.
fn both_refuse(world: &mut World, actor: usize, forged: &ForgedCommit, expected: &PolicyViolation) {
    let refused = plain::hand_in(world, actor, forged).unwrap_err();
    assert_eq!(refused, Refusal::Policy(expected.clone()));
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    let read = world.read(1, entry);
    assert!(
        unfollowable(read, &Refused::Policy(expected.clone())),
        "{expected}"
    );
    world.log.pop();
    let room = world.room.clone();
    assert!(
        plain::openmls_merges(&world.devices[1], &room, &forged.commit),
        "negative control: {expected}"
    );
}

#[test]
fn a_revoked_device_does_not_join_again() {
    let mut world = room();
    take_up(&mut world.devices[0], 1);
    take_up(&mut world.devices[2], 1);
    let revoked = world.devices[3].identity.client.clone();
    world
        .commit(0, |group, storage, device| {
            group.remove_clients(storage, device, &[revoked])
        })
        .unwrap();
    world.devices[3].records = Map::default();
    world.devices[3].group = None;
    assert!(matches!(
        world.join_externally(3),
        Err(ExternalError::Policy(PolicyViolation::SuccessionMissing(_)))
    ));
    // By another program: while an old leaf stands, and when none does any more.
    let revoked = plain::extensions(Some(&world.devices[3].identity.credential));
    let forged = plain::external_commit(&world.devices[3], &world, revoked.clone());
    let missing = PolicyViolation::SuccessionMissing(user("alice"));
    both_refuse(&mut world, 3, &forged, &missing);
    // With the first renewal the last old leaf goes, with the next ones what was shown because of
    // it.
    for actor in [2, 0, 2] {
        world.commit(actor, Group::self_update).unwrap();
    }
    let forged = plain::external_commit(&world.devices[3], &world, revoked);
    let two = PolicyViolation::TwoIdentities(user("alice"));
    both_refuse(&mut world, 3, &forged, &two);
}

#[test]
fn who_stole_a_device_does_not_rotate_for_himself() {
    let mut world = rotated();
    let thief = UserIdentityKey::from_seed([0x66; 32]);
    let new = thief.public();
    let rotation = SignedUikRotation::by_uik(&alices_key(0), &user("alice"), &new, 2);
    let stolen = &world.devices[2];
    let extensions = plain::succeeding(
        &credential(stolen, &thief, 2),
        &Succession::by_uik(rotation),
    );
    let room = world.room.clone();
    let parameters = LeafNodeParameters::builder()
        .with_capabilities(plain::capabilities())
        .with_extensions(extensions)
        .build();
    let updated = plain::commit(stolen, &room, &[], |builder| {
        builder.leaf_node_parameters(parameters)
    });
    let two = PolicyViolation::TwoIdentities(user("alice"));
    both_refuse(&mut world, 2, &updated, &two);
    // Nor by a new device of his making.
    world.devices.push(device("alice", 9));
    let made_up = &world.devices[4];
    let rotation = SignedUikRotation::by_uik(&alices_key(0), &user("alice"), &new, 2);
    let extensions = plain::succeeding(
        &credential(made_up, &thief, 2),
        &Succession::by_uik(rotation),
    );
    let joined = plain::external_commit(made_up, &world, extensions);
    both_refuse(&mut world, 4, &joined, &two);
}

#[test]
fn an_altered_succession_is_refused() {
    let mut world = room();
    let room = world.room.clone();
    let actor = &world.devices[0];
    let mut bytes = succession(1).as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let altered = Succession::decode(&bytes).unwrap();
    let update = |succession: &Succession| {
        let credential = credential(actor, &alices_key(1), 2);
        let parameters = LeafNodeParameters::builder()
            .with_capabilities(plain::capabilities())
            .with_extensions(plain::succeeding(&credential, succession))
            .build();
        plain::commit(actor, &room, &[], |builder| {
            builder.leaf_node_parameters(parameters)
        })
    };
    let (altered, honest) = (update(&altered), update(&succession(1)));
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
fn a_superseded_device_commits_and_proposes_nothing_but_itself() {
    let mut world = rotated();
    let room = world.room.clone();
    let commit = plain::commit_without_pending(&mut world.devices[2], &room);
    both_refuse(&mut world, 2, &commit, &PolicyViolation::Superseded);

    let proposal = plain::propose_removal(&mut world.devices[2], &room, 0);
    let bundle = HandshakeBundle::Proposal {
        proposal: proposal.clone(),
        more_proposals: Vec::new(),
    };
    let superseded = ProposalViolation::Superseded;
    assert_eq!(
        world.hand_in(2, &bundle),
        Err(Refusal::Proposal(superseded.clone()))
    );
    world.submit(proposal);
    let entry = world.log.len() - 1;
    assert!(matches!(
        world.read(1, entry),
        Err(ReceiveError::Refused(Refused::Proposal(one))) if one == superseded
    ));
    world.log.pop();

    // It leaves alone, and the others stay.
    let leave = world.devices[2].act(Group::leave).unwrap();
    world.hand_in(2, &leave).unwrap();
    world.sync();
    assert_eq!(world.group(1).pending().refs.len(), 1);
    // Another old one brings itself up to date, and takes the leaver along.
    take_up(&mut world.devices[3], 1);
    world.commit(3, Group::self_update).unwrap();
    assert_eq!(world.members(), vec![0, 1, 3]);
    assert_eq!(keys(&world), [(alices_key(1).public(), None); 2]);
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
