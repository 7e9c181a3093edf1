//! Every reason for a refusal has a commit that meets it.

use std::mem::{Discriminant, discriminant};

use super::*;

/// A scene for each reason. Where a reason stands for several faults, each has its own.
fn refusals() -> Vec<(PolicyViolation, Scene)> {
    use PolicyViolation as No;

    let cast = cast();
    let Cast {
        olga,
        adam,
        mia,
        rita,
        eve,
    } = &cast;
    let room = || cast.room();
    let eve_joins = || room().joined_by(eve.leaf(1));
    let second_device = || room().with_leaf(mia.leaf(2));
    let renewed = || room().with_leaf(mia.rotated(1).leaf(2));
    let standard = || Some(roles_update(Roles::standard().as_data()));
    let banned_eve = || cast.room_with_inactive_eve(Role::Banned);
    let many = (10..10 + 32).fold(room(), |scene, device| scene.with_leaf(mia.leaf(device)));
    let missing = LeafFacts {
        device_credential: None,
        ..eve.leaf(1)
    };
    let renamed = LeafFacts {
        identity: mia.client(9).as_str().as_bytes().to_vec(),
        ..mia.leaf(1)
    };
    let updated = |facts: LeafFacts| {
        let mut scene = room().by(MIA);
        scene.commit.updated_leaf = Some(facts);
        scene
    };
    let mut context_extensions = room();
    context_extensions.commit.context_extensions = true;
    let mut pre_shared_key = room();
    pre_shared_key.commit.other_proposals = vec![4];
    let mut tall = Roles::standard().as_data().clone();
    tall.roles
        .get_mut(3)
        .unwrap()
        .authorized_role_changes
        .push(SingleSourceRoleChangeTargets {
            from_role_index: 3,
            target_role_indexes: vec![5],
        });
    let twice = ParticipantListUpdate {
        added_participants: vec![UserRolePair {
            user: mia.user.clone(),
            role_index: 3,
        }],
        ..ParticipantListUpdate::default()
    };
    let twice = Some(codec::encode(&twice).unwrap());
    let user = |person: &Person| person.user.clone();

    vec![
        (
            No::AddByJoiner,
            room().joined_by(mia.leaf(2)).add(rita.leaf(2)),
        ),
        (No::AddOfNonParticipant(user(eve)), room().add(eve.leaf(1))),
        (
            No::AddNotAllowed(user(mia)),
            room().by(RITA).add(mia.leaf(2)),
        ),
        (
            No::AddNotAllowed(user(eve)),
            room().by(RITA).list(&[(eve, Role::Member)]),
        ),
        (
            No::AddNotAllowed(user(eve)),
            room().by(MIA).list(&[(eve, Role::Admin)]),
        ),
        (
            No::AddNotAllowed(user(eve)),
            room().by(MIA).list(&[(eve, Role::Banned)]),
        ),
        (
            No::AddNotAllowed(user(eve)),
            room().by(ADAM).list(&[(eve, Role::Owner)]),
        ),
        (
            No::BannedHasClients(user(mia)),
            room().list(&[(mia, Role::Banned)]),
        ),
        (
            No::BannedHasClients(user(eve)),
            banned_eve().add(eve.leaf(1)),
        ),
        (No::ChangedClient, updated(mia.leaf(2))),
        (
            No::CommitterLeaving,
            room()
                .by(MIA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending(),
        ),
        (
            No::CommitterLeaving,
            room()
                .by(MIA)
                .wait_for(PendingKind::Remove(MIA))
                .include_pending(),
        ),
        (No::CommitterRemoved, room().by(MIA).remove(MIA)),
        (No::CommitterRemoved, room().by(MIA).self_remove(MIA)),
        (
            No::CommitterNotParticipant,
            room().with_leaf(eve.leaf(1)).by(4),
        ),
        (
            No::CommitterNotParticipant,
            banned_eve().with_leaf(eve.leaf(1)).by(4),
        ),
        (
            No::ComponentFixed(component::ROOM_METADATA),
            room().component(component::ROOM_METADATA, Some(vec![0])),
        ),
        (
            No::ComponentFixed(component::CREATION_RECORD),
            room().component(component::CREATION_RECORD, Some(vec![0])),
        ),
        (
            No::ComponentFixed(0x9999),
            room().component(0x9999, Some(vec![0])),
        ),
        (
            No::ComponentRemoved(component::PARTICIPANT_LIST),
            room().component(component::PARTICIPANT_LIST, None),
        ),
        (
            No::ComponentMalformed(component::PARTICIPANT_LIST),
            room().component(component::PARTICIPANT_LIST, Some(vec![1])),
        ),
        (
            No::ComponentMalformed(component::ROLES_LIST),
            room().component(component::ROLES_LIST, Some(vec![1])),
        ),
        (
            No::ComponentTwice(component::PARTICIPANT_LIST),
            room()
                .list(&[(eve, Role::Member)])
                .list(&[(mia, Role::Admin)]),
        ),
        (No::ContextExtensions, context_extensions),
        (No::DuplicateClient(mia.client(1)), room().add(mia.leaf(1))),
        (
            No::DuplicateClient(mia.client(1)),
            room().joined_by(mia.leaf(1)),
        ),
        (
            No::EntersByAdd(user(eve)),
            cast.room_with_inactive_eve(Role::Member)
                .joined_by(eve.leaf(1)),
        ),
        (
            No::IdentitiesDiffer(user(mia)),
            updated(mia.rotated(1).leaf(1)).add(mia.rotated(2).leaf(2)),
        ),
        (
            No::IdentityOutdated(user(mia)),
            renewed().by(ADAM).add(mia.leaf(3)),
        ),
        (
            No::IdentityUnproven(user(mia)),
            room().add(mia.impostor().leaf(2)),
        ),
        (
            No::IdentityUnproven(user(mia)),
            room().joined_by(mia.impostor().leaf(2)),
        ),
        (
            No::IdentityUnproven(user(mia)),
            updated(mia.impostor().leaf(1)),
        ),
        (No::Laggard, renewed().by(MIA)),
        (No::LaggardsRemain(user(mia)), renewed().by(ADAM).remove(4)),
        (
            No::Identity(IdentityViolation::MissingCredential),
            room().list(&[(eve, Role::Member)]).add(missing.clone()),
        ),
        (
            No::Identity(IdentityViolation::MissingCredential),
            room().joined_by(missing),
        ),
        (
            No::Identity(crate::identity::DeviceCredentialError::BadSignature.into()),
            updated(renamed),
        ),
        (
            No::ForeignExternalSender(1),
            second_device().remove_for(4, Proposer::External(1)),
        ),
        (
            No::JoinerRemovesOthers,
            room().joined_by(mia.leaf(2)).remove(RITA),
        ),
        (No::JoinNotAllowed, eve_joins()),
        (No::JoinNotAllowed, banned_eve().joined_by(eve.leaf(1))),
        (No::JoinNotAllowed, cast.open_room().joined_by(eve.leaf(1))),
        (
            No::JoinNotAllowed,
            cast.open_room()
                .joined_by(eve.leaf(1))
                .list(&[(eve, Role::Admin)]),
        ),
        (
            No::JoinerChangesOthers,
            room().joined_by(mia.leaf(2)).list(&[(eve, Role::Member)]),
        ),
        (
            No::JoinerChangesOthers,
            room().joined_by(mia.leaf(2)).list(&[(mia, Role::Admin)]),
        ),
        (
            No::JoinerChangesOthers,
            cast.room_with_inactive_eve(Role::Member)
                .joined_by(mia.leaf(2))
                .list(&[(eve, Role::None)]),
        ),
        (No::LastClientGone(user(mia)), room().self_remove(MIA)),
        (No::LastClientGone(user(mia)), room().remove(MIA)),
        (
            No::Participants(ParticipantsError::Twice(user(mia))),
            room().component(component::PARTICIPANT_LIST, twice),
        ),
        (
            No::PendingLeftOut,
            second_device().wait_for(PendingKind::SelfRemove(4)),
        ),
        (
            No::PendingLeftOut,
            second_device().wait_for(PendingKind::Remove(4)),
        ),
        (
            No::PendingLeftOut,
            second_device()
                .joined_by(rita.leaf(2))
                .wait_for(PendingKind::SelfRemove(4)),
        ),
        (No::ProposalNotAllowed(4), pre_shared_key),
        (
            No::RemovalNotAllowed(user(rita)),
            room().by(MIA).remove(RITA).list(&[(rita, Role::None)]),
        ),
        (
            No::RemovalNotAllowed(user(olga)),
            room().by(ADAM).remove(OLGA).list(&[(olga, Role::None)]),
        ),
        (
            No::RemovalNotAllowed(user(mia)),
            second_device().remove_for(4, Proposer::Member(RITA)),
        ),
        (
            No::RemovalNotAllowed(user(eve)),
            cast.room_with_inactive_eve(Role::Member)
                .by(MIA)
                .list(&[(eve, Role::None)]),
        ),
        (
            No::RemovedHasClients(user(mia)),
            room().list(&[(mia, Role::None)]),
        ),
        (
            No::RemovedHasClients(user(mia)),
            second_device().remove(MIA).list(&[(mia, Role::None)]),
        ),
        (
            No::RoleChangeNotAllowed(user(rita)),
            room().by(MIA).list(&[(rita, Role::Member)]),
        ),
        (
            No::RoleChangeNotAllowed(user(mia)),
            room().by(MIA).list(&[(mia, Role::Admin)]),
        ),
        (
            No::RoleChangeNotAllowed(user(adam)),
            room().by(ADAM).list(&[(adam, Role::Owner)]),
        ),
        (
            No::RoleChangeNotAllowed(user(mia)),
            room().by(ADAM).list(&[(mia, Role::Admin)]),
        ),
        (
            No::RoleChangeNotAllowed(user(olga)),
            room().by(ADAM).list(&[(olga, Role::Member)]),
        ),
        (
            No::RoleDefinitionsNotAllowed,
            room().by(ADAM).component(component::ROLES_LIST, standard()),
        ),
        (
            No::RoleDefinitionsNotAllowed,
            room()
                .joined_by(olga.leaf(2))
                .component(component::ROLES_LIST, standard()),
        ),
        (
            No::RolesWithParticipants,
            room()
                .list(&[(eve, Role::Member)])
                .component(component::ROLES_LIST, standard()),
        ),
        (
            No::Roles(RolesError::TooHigh(3)),
            room().component(component::ROLES_LIST, Some(roles_update(&tall))),
        ),
        (No::TooManyClients(user(mia)), many),
        (
            No::TooManyWithoutClients,
            crowd(MAX_WITHOUT_CLIENTS).by(MIA),
        ),
        (No::UnknownLeaf(9), room().remove(9)),
        (No::UnknownLeaf(9), room().self_remove(9)),
        (No::UnknownLeaf(9), room().by(9)),
        (
            No::UnknownLeaf(9),
            second_device().remove_for(4, Proposer::Member(9)),
        ),
    ]
}

/// A room in which so many users are listed without a client, and one more is entered.
fn crowd(waiting: usize) -> Scene {
    let people: Vec<Person> = (0..=waiting)
        .map(|number| Person::new(&format!("crowd{number}"), 9))
        .collect();
    let mut scene = cast().room();
    let (last, before) = people.split_last().unwrap();
    let listed: Vec<_> = before
        .iter()
        .map(|person| (person.user.clone(), Role::Member.index()))
        .collect();
    let update = scene.state.participants.update(&listed).unwrap();
    let update = codec::encode(&update).unwrap();
    let id = component::PARTICIPANT_LIST;
    scene.state = scene.state.updated(id, &update).unwrap();
    scene.list(&[(last, Role::Member)])
}

#[test]
fn members_do_not_fill_the_list_with_users_who_are_not_there() {
    // Whoever could strike them may; so may anybody as long as they are few, or as they come.
    for scene in [
        crowd(MAX_WITHOUT_CLIENTS).by(ADAM),
        crowd(MAX_WITHOUT_CLIENTS - 1).by(MIA),
    ] {
        assert_eq!(scene.check().err(), None);
    }
    let last = Person::new(&format!("crowd{MAX_WITHOUT_CLIENTS}"), 9);
    let comes = crowd(MAX_WITHOUT_CLIENTS).by(MIA).add(last.leaf(1));
    assert_eq!(comes.check().err(), None);
}

#[test]
fn every_refusal_has_its_reason() {
    for (number, (expected, scene)) in refusals().into_iter().enumerate() {
        assert_eq!(scene.check().unwrap_err(), expected, "scene {number}");
    }
}

#[test]
fn every_reason_is_met() {
    let met: Vec<Discriminant<PolicyViolation>> = refusals()
        .iter()
        .map(|(reason, _)| discriminant(reason))
        .collect();
    let distinct = met
        .iter()
        .enumerate()
        .filter(|(place, reason)| !met.iter().take(*place).any(|other| other == *reason));
    let reasons = include_str!("../../violation.rs")
        .matches("#[error(")
        .count();
    assert_eq!(distinct.count(), reasons);
}
