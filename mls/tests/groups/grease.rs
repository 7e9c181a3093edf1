//! Clients that can do more than ours, say it in another order, and say what nobody can (GREASE,
//! RFC 9420, section 13.5): no reason to refuse them.

use grove_mls::key_package::{self, KEY_PACKAGE_LIFETIME, KeyPackageError};
use grove_mls::member::Received;
use grove_mls::storage::MemberStorage;
use grove_wire::mls::KeyPackage as WireKeyPackage;
use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, Extension, ExtensionType, Extensions, KeyPackage,
    LeafNode, LeafNodeParameters, Lifetime, ProposalType, UnknownExtension,
};
use openmls_rust_crypto::RustCrypto;
use tls_codec::Serialize as _;

use crate::plain::{Key, capabilities, commit, extensions, hand_in, identity};
use crate::world::{Device, World, device, now_ms, user};

/// An extension type of somebody else's.
const THEIRS: u16 = 0xF0F0;

/// What ours can do, backwards and twice, with more between.
fn greased() -> Capabilities {
    let ours = capabilities();
    let mut extensions: Vec<ExtensionType> = ours.extensions().to_vec();
    extensions.extend([ExtensionType::from(THEIRS), ExtensionType::LastResort]);
    extensions.extend(ours.extensions());
    extensions.reverse();
    let mut proposals: Vec<ProposalType> = vec![ProposalType::from(0xF0F1)];
    proposals.extend(ours.proposals());
    proposals.extend(ours.proposals());
    proposals.reverse();
    let suite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    let other = Ciphersuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384;
    let credentials = [
        CredentialType::from(0xF0F2),
        CredentialType::Basic,
        CredentialType::X509,
        CredentialType::Basic,
    ];
    Capabilities::new(
        None,
        Some(&[other, suite]),
        Some(&extensions),
        Some(&proposals),
        Some(&credentials),
    )
    .with_grease(&RustCrypto::default())
}

fn theirs() -> Extension {
    Extension::Unknown(THEIRS, UnknownExtension(vec![1, 2, 3]))
}

/// A device's leaf extensions, and one of somebody else's.
fn leaf_extensions(device: &Device) -> Extensions<LeafNode> {
    let mut extensions = extensions(Some(&device.identity.credential));
    extensions.add(theirs()).unwrap();
    extensions
}

/// A KeyPackage of another make, whose secrets the device keeps.
fn make(device: &Device, capabilities: Capabilities) -> WireKeyPackage {
    let storage = MemberStorage::new(&device.records);
    let made = KeyPackage::builder()
        .key_package_lifetime(Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs()))
        .key_package_extensions(Extensions::single(theirs()).unwrap())
        .leaf_node_capabilities(capabilities)
        .leaf_node_extensions(leaf_extensions(device))
        .build(
            Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            &storage,
            &Key(&device.identity.key),
            identity(device.identity.client.as_str(), &device.identity.key),
        )
        .unwrap();
    device.records.write(&storage);
    let bytes = made.key_package().tls_serialize_detached().unwrap();
    WireKeyPackage::from_bytes(bytes).unwrap()
}

#[test]
fn a_key_package_that_can_do_more_is_taken_and_its_device_comes_in() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("carol", 0));
    let made = make(&world.devices[2], greased());
    let valid = key_package::validate_bare(&made, world.now_ms).unwrap();
    let roles = [(user("carol"), 3)];
    world
        .commit(0, |group, storage, device| {
            group.add(storage, device, &[valid], &roles)
        })
        .unwrap();
    assert!(world.devices[2].is_in());
    world.assert_agreement();
    let hello = world.devices[2].say("hello").unwrap();
    world.submit(hello);
    for reader in [0, 1] {
        let read = world.catch_up(reader).pop().unwrap();
        assert!(matches!(read, Received::Application { .. }));
    }
}

#[test]
fn a_leaf_that_can_do_more_is_taken_by_hub_and_members() {
    let mut world = World::with(&["alice", "bob"]);
    let room = world.room.clone();
    let bob = &world.devices[1];
    let parameters = LeafNodeParameters::builder()
        .with_capabilities(greased())
        .with_extensions(leaf_extensions(bob))
        .build();
    let made = commit(bob, &room, &[], |builder| {
        builder
            .force_self_update(true)
            .leaf_node_parameters(parameters)
    });
    hand_in(&world, 1, &made).unwrap();
    world.submit(made.commit);
    let entry = world.log.len() - 1;
    assert!(matches!(world.read(0, entry), Ok(Received::Commit(_))));
}

#[test]
fn an_extension_that_the_leaf_does_not_list_is_refused() {
    let alice = device("alice", 0);
    let storage = MemberStorage::new(&alice.records);
    let made = KeyPackage::builder()
        .key_package_lifetime(Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs()))
        .key_package_extensions(Extensions::single(theirs()).unwrap())
        .leaf_node_capabilities(capabilities())
        .leaf_node_extensions(extensions(Some(&alice.identity.credential)))
        .build(
            Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            &storage,
            &Key(&alice.identity.key),
            identity(alice.identity.client.as_str(), &alice.identity.key),
        )
        .unwrap();
    let now_ms = now_ms(made.key_package().life_time().not_after());
    let bytes = made.key_package().tls_serialize_detached().unwrap();
    let made = WireKeyPackage::from_bytes(bytes).unwrap();
    let refused = key_package::validate_bare(&made, now_ms).unwrap_err();
    assert!(
        matches!(refused, KeyPackageError::Malformed(_)),
        "{refused}"
    );
}
