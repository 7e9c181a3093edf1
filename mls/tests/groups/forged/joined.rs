//! Rooms that were bad before one came: whoever joins judges the whole tree.

use grove_mls::key_package::KEY_PACKAGE_LIFETIME;
use grove_mls::key_package::LastResort;
use grove_mls::member::external::{self, ExternalError};
use grove_mls::member::join::{self, JoinError};
use grove_mls::room::validation::IdentityViolation;
use grove_mls::room::{PolicyViolation, Role};
use grove_mls::storage::MemberStorage;
use grove_wire::mls::{MlsMessage, RatchetTree};
use grove_wire::uri::ClientUri;
use openmls::prelude::{
    KeyPackageIn, Lifetime, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion,
    RatchetTreeIn, StagedWelcome,
};
use openmls_traits::OpenMlsProvider as _;
use tls_codec::{Deserialize as _, Serialize as _};

use super::made_up_key;
use crate::plain::{Key, capabilities, key_package, openmls, wire};
use crate::world::{Keys, World, device, user};

#[test]
fn a_room_with_a_second_alice_in_it_is_not_joined() {
    let missing = PolicyViolation::Identity(IdentityViolation::MissingCredential);
    is_not_joined(None, &missing);
    let differ = PolicyViolation::IdentitiesDiffer(user("alice"));
    is_not_joined(Some(&Keys::made_up("alice")), &differ);
}

/// Neither by a Welcome nor by oneself, if these keys made the second alice.
fn is_not_joined(keys: Option<&Keys>, refused: &PolicyViolation) {
    let mut world = World::with(&["alice", "bob"]);
    let list = [(user("dave"), Role::Member.index())];
    world
        .commit(0, |group, storage, device| {
            group.add(storage, device, &[], &list)
        })
        .unwrap();
    let room = world.room.clone();
    let mut dave = device("dave", 0);
    let client = ClientUri::new(&user("alice"), [0x66; 16]);
    let lifetime = Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs());
    let credential = keys.map(|keys| keys.issue(&client, &made_up_key().public()));
    let second_alice = key_package(
        client.as_str(),
        &made_up_key(),
        credential.as_ref(),
        capabilities(),
        lifetime,
    );
    let for_dave = dave.key_package(LastResort::Yes).to_wire().unwrap();
    let for_dave = KeyPackageIn::tls_deserialize(&mut for_dave.as_bytes()).unwrap();

    // Bob's program has let her in, and invites dave.
    let bob = &world.devices[1];
    let (storage, mut group) = openmls(bob, &room);
    let for_dave = for_dave
        .validate(storage.crypto(), ProtocolVersion::Mls10)
        .unwrap();
    let key = Key(&bob.identity.key);
    group
        .add_members_without_update(&storage, &key, &[second_alice])
        .unwrap();
    group.merge_pending_commit(&storage).unwrap();
    let (_commit, welcome, _group_info) = group
        .add_members_without_update(&storage, &key, &[for_dave])
        .unwrap();
    group.merge_pending_commit(&storage).unwrap();
    let welcome = wire(&welcome).welcome().unwrap();
    let tree = group
        .export_ratchet_tree()
        .tls_serialize_detached()
        .unwrap();
    let tree = RatchetTree::from_bytes(tree).unwrap();
    let group_info = wire(
        &group
            .export_group_info(storage.crypto(), &key, false)
            .unwrap(),
    );
    let group_info = group_info.group_info().unwrap();

    let of_dave = MemberStorage::new(&dave.records);
    match join::join(&of_dave, &dave.identity, &welcome, &tree, &room) {
        Err(JoinError::Policy(violation)) => assert_eq!(violation, *refused),
        other => panic!("{other:?}"),
    }
    let of_dave = MemberStorage::new(&dave.records);
    match external::external_commit(
        &of_dave,
        &dave.identity,
        &group_info,
        &tree,
        &[],
        &room,
        None,
    ) {
        Err(ExternalError::Policy(violation)) => assert_eq!(violation, *refused),
        other => panic!("{other:?}"),
    }

    // The negative control: OpenMLS alone joins.
    let of_dave = MemberStorage::new(&dave.records);
    let message = MlsMessage::from_welcome(&welcome);
    let message = MlsMessageIn::tls_deserialize(&mut message.as_bytes()).unwrap();
    let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
        panic!("a Welcome")
    };
    let tree = RatchetTreeIn::tls_deserialize(&mut tree.as_bytes()).unwrap();
    let joined =
        StagedWelcome::build_from_welcome(&of_dave, &MlsGroupJoinConfig::default(), welcome)
            .unwrap()
            .with_ratchet_tree(tree)
            .build()
            .unwrap()
            .into_group(&of_dave);
    assert_eq!(joined.unwrap().members().count(), 4);
}
