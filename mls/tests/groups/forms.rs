//! Keys and leaves that merge without complaint and take from everybody what the tree is for:
//! refused by hub and members alike.

use grove_mls::form::FormViolation;
use grove_mls::identity::{DeviceCredential, DeviceKey, Identity, MAX_RECOVERY_LINKS, RecoveryKey};
use grove_mls::key_package::{self, KEY_PACKAGE_LIFETIME, KeyPackageError};
use grove_mls::leaf::MAX_LEAF_BYTES;
use grove_mls::member::{ReceiveError, Refused};
use grove_mls::public::Refusal;
use grove_mls::room::Role;
use grove_mls::storage::MemberStorage;
use grove_wire::uri::{ClientUri, Provider, UserUri};
use openmls::prelude::{KeyPackage, LeafNodeParameters, Lifetime, MlsMessageOut, RatchetTreeIn};
use tls_codec::{Deserialize as _, Serialize, Size as _, VLBytes};

use crate::bent::{Bent, BentStorage};
use crate::plain::{self, ForgedCommit};
use crate::world::{Device, Group, Map, World, device, user};

/// Nobody can encrypt to these: the point of order one, and what is no point at all.
const UNUSABLE: [&[u8]; 3] = [&[0; 32], &[9; 31], &[]];

/// How many nodes an update path has in a room of four, one device each.
const PATH: usize = 2;

fn four() -> World {
    World::with(&["alice", "bob", "carol", "dave"])
}

/// A commit by `actor` with a path, in which one key is another.
fn renewal(world: &World, actor: usize, bent: &Bent) -> ForgedCommit {
    plain::commit_with(bent, &world.devices[actor], &world.room, &[], |builder| {
        builder.force_self_update(true)
    })
}

fn both_refuse(
    world: &mut World,
    (actor, reader): (usize, usize),
    forged: &ForgedCommit,
    expected: &Refused,
) {
    let by_hub = plain::hand_in(world, actor, forged).unwrap_err();
    assert_eq!(by_hub, Refusal::from(expected.clone()));
    world.submit(forged.commit.clone());
    let entry = world.log.len() - 1;
    let before = world.group(reader).epoch();
    match world.read(reader, entry) {
        Err(ReceiveError::Unfollowable { committer, reason }) => {
            assert_eq!(reason, expected.to_string());
            let signer = &world.devices[actor].identity.client;
            assert_eq!(committer.as_ref(), Some(signer));
        }
        other => panic!("{other:?}"),
    }
    world.log.pop();
    assert_eq!(world.group(reader).epoch(), before, "nothing is merged");
    assert!(
        plain::openmls_merges(&world.devices[reader], &world.room, &forged.commit),
        "negative control: {expected}"
    );
}

fn unusable() -> Refused {
    FormViolation::KeyUnusable.into()
}

fn reused() -> Refused {
    FormViolation::KeyReused.into()
}

/// The keys of the parent nodes, by their place in the tree.
fn parent_keys(world: &World) -> Vec<Vec<u8>> {
    let tree = world.hub.tree().unwrap();
    let tree = RatchetTreeIn::tls_deserialize(&mut tree.as_bytes()).unwrap();
    tree.parents().map(first_vector).collect()
}

fn first_vector(value: &impl Serialize) -> Vec<u8> {
    let bytes = value.tls_serialize_detached().unwrap();
    VLBytes::tls_deserialize(&mut bytes.as_slice())
        .unwrap()
        .into()
}

fn key_package(of: &Device, bent: Bent) -> KeyPackage {
    let records = Map::default();
    let provider = BentStorage {
        storage: MemberStorage::new(&records),
        crypto: bent,
    };
    let identity = &of.identity;
    plain::key_package_with(
        &provider,
        (identity.client.as_str(), &identity.key),
        plain::extensions(Some(&identity.credential)),
        plain::capabilities(),
        Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs()),
    )
}

/// Bob adds erin with this KeyPackage.
fn adding(world: &World, added: KeyPackage) -> ForgedCommit {
    let list = [(user("erin"), Role::Member.index())];
    let bent = Bent::new(usize::MAX, &[]);
    plain::commit_with(&bent, &world.devices[1], &world.room, &list, |builder| {
        builder.propose_adds([added])
    })
}

fn uploaded(world: &World, key_package: &KeyPackage) -> Result<(), KeyPackageError> {
    let message = plain::wire(&MlsMessageOut::from(key_package.clone()));
    key_package::validate(message.as_bytes(), world.now_ms).map(|_valid| ())
}

#[test]
fn the_keys_of_a_path_are_those_that_come_into_the_tree() {
    let mut world = four();
    world.commit(1, Group::self_update).unwrap();
    let keys: Vec<Vec<u8>> = world
        .log
        .last()
        .unwrap()
        .update_path_keys()
        .into_iter()
        .map(<[u8]>::to_vec)
        .collect();
    assert_eq!(keys.len(), PATH);
    assert_eq!(
        keys,
        parent_keys(&world),
        "from the leaf upwards, as bob's path lies in the tree"
    );
    let add = &world.log[0];
    assert!(add.update_path_keys().is_empty(), "adds have no path");
}

#[test]
fn a_leaf_to_which_nobody_can_encrypt_is_refused() {
    let mut world = four();
    for key in UNUSABLE {
        let forged = renewal(&world, 1, &Bent::new(PATH, key));
        both_refuse(&mut world, (1, 0), &forged, &unusable());
        assert!(
            !plain::openmls_commits_after(&world.devices[0], &world.room, &forged.commit),
            "what it is good for: alice could not commit any more"
        );
    }
    let honest = renewal(&world, 1, &Bent::new(usize::MAX, &[]));
    plain::hand_in(&world, 1, &honest).unwrap();
    assert!(
        plain::openmls_commits_after(&world.devices[0], &world.room, &honest.commit),
        "the control of the control"
    );
}

#[test]
fn a_node_to_which_nobody_can_encrypt_is_refused() {
    let mut world = four();
    let forged = lowest_node(&world, 1, 2, UNUSABLE[0]);
    both_refuse(&mut world, (1, 2), &forged, &unusable());
    assert!(
        !plain::openmls_commits_after(&world.devices[2], &world.room, &forged.commit),
        "carol could not commit any more"
    );
}

/// A commit by `actor` with this key in the lowest node of its path, below which `reader` is not:
/// who is below a node finds out that its key is another. OpenMLS makes the path's keys in no
/// certain order, so this tries.
fn lowest_node(world: &World, actor: usize, reader: usize, key: &[u8]) -> ForgedCommit {
    (0..256)
        .map(|attempt| renewal(world, actor, &Bent::new(attempt % PATH, key)))
        .find(|forged| plain::openmls_merges(&world.devices[reader], &world.room, &forged.commit))
        .unwrap()
}

#[test]
fn a_joiner_to_whom_nobody_can_encrypt_is_refused() {
    let mut world = four();
    let carol = device("carol", 1);
    let extensions = plain::extensions(Some(&carol.identity.credential));
    // The fifth leaf has the root above it, and nothing else.
    let bent = Bent::new(1, UNUSABLE[0]);
    let forged = plain::external_commit_with(&bent, &carol, &world, extensions);
    assert_eq!(forged.commit.update_path_keys().len(), 1);
    world.devices.push(carol);
    both_refuse(&mut world, (4, 0), &forged, &unusable());
}

#[test]
fn a_key_package_with_a_key_that_cannot_be_used_is_refused() {
    let mut world = four();
    let erin = device("erin", 0);
    for key in UNUSABLE {
        for at in [0, 1] {
            let added = key_package(&erin, Bent::new(at, key));
            let expected = KeyPackageError::Form(FormViolation::KeyUnusable);
            assert_eq!(uploaded(&world, &added), Err(expected.clone()));
            let forged = adding(&world, added);
            both_refuse(&mut world, (1, 0), &forged, &expected.into());
        }
    }
    let honest = key_package(&erin, Bent::new(usize::MAX, &[]));
    assert_eq!(uploaded(&world, &honest), Ok(()));
    plain::hand_in(&world, 1, &adding(&world, honest)).unwrap();
}

/// The room of four after carol's and then alice's renewal, and the keys above carol and dave,
/// above alice and bob, and of the root.
fn renewed() -> (World, [Vec<u8>; 3]) {
    let mut world = four();
    world.commit(2, Group::self_update).unwrap();
    world.commit(0, Group::self_update).unwrap();
    let keys: [Vec<u8>; 3] = parent_keys(&world).try_into().unwrap();
    let [left, root, right] = keys;
    (world, [right, left, root])
}

fn too_large() -> FormViolation {
    FormViolation::LeafTooLarge
}

#[test]
fn a_leaf_that_is_too_large_is_refused() {
    let mut world = four();
    let bob = &world.devices[1];
    let parameters = LeafNodeParameters::builder()
        .with_capabilities(plain::verbose_capabilities())
        .with_extensions(plain::extensions(Some(&bob.identity.credential)))
        .build();
    let forged = plain::commit(bob, &world.room, &[], |builder| {
        builder.leaf_node_parameters(parameters)
    });
    both_refuse(&mut world, (1, 0), &forged, &too_large().into());
}

#[test]
fn a_key_package_with_a_leaf_that_is_too_large_is_refused() {
    let mut world = four();
    let erin = device("erin", 0).identity;
    let added = plain::key_package(
        erin.client.as_str(),
        &erin.key,
        Some(&erin.credential),
        plain::verbose_capabilities(),
        Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs()),
    );
    let expected = KeyPackageError::Form(too_large());
    assert_eq!(uploaded(&world, &added), Err(expected.clone()));
    let forged = adding(&world, added);
    both_refuse(&mut world, (1, 0), &forged, &expected.into());
}

#[test]
fn the_largest_honest_leaf_has_room() {
    let label = "a".repeat(63);
    let domain = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let provider = Provider::parse(&domain).unwrap();
    let longest = UserUri::new(&provider, &"a".repeat(64)).unwrap();
    for (user, about) in [(user("alice"), 1300), (longest, MAX_LEAF_BYTES)] {
        let key = DeviceKey::from_seed([7; 32]);
        let mut recovery = RecoveryKey::from_seed([0; 32]);
        let (mut identity, mut uik) = Identity::begin(&recovery, &user);
        for link in 0..MAX_RECOVERY_LINKS {
            let next = RecoveryKey::from_seed([u8::try_from(link).unwrap() + 1; 32]);
            (identity, uik) = identity.replace_recovery(&recovery, &next, &user).unwrap();
            recovery = next;
        }
        let client = ClientUri::new(&user, [7; 16]);
        let credential =
            DeviceCredential::issue(&uik, &identity, &client, &key.public(), 1, u64::MAX / 2);
        let made = plain::key_package(
            client.as_str(),
            &key,
            Some(&credential),
            plain::capabilities(),
            Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs()),
        );
        // In a path a parent hash stands in place of the lifetime.
        let size = made.leaf_node().tls_serialized_len() + 32;
        assert!(size < about, "{size} for {client}");
    }
}

#[test]
fn a_leaf_with_the_key_of_a_standing_node_is_refused() {
    let (mut world, [right, left, root]) = renewed();
    let erin = device("erin", 0);
    for (key, stays) in [(right, true), (left, false), (root, false)] {
        let forged = renewal(&world, 1, &Bent::new(PATH, &key));
        both_refuse(&mut world, (1, 0), &forged, &reused());
        let pair = (&world.devices[0], &erin);
        assert_eq!(
            plain::openmls_joins_after(pair, &world.room, &forged.commit),
            !stays,
            "nobody could join any more; bob's own nodes go with the commit"
        );
    }
}

#[test]
fn an_added_leaf_with_the_key_of_a_standing_node_is_refused() {
    let (mut world, [right, ..]) = renewed();
    let added = key_package(&device("erin", 0), Bent::new(1, &right));
    assert_eq!(uploaded(&world, &added), Ok(()), "alone it is fine");
    let forged = adding(&world, added);
    both_refuse(&mut world, (1, 0), &forged, &reused());
    let frank = device("frank", 0);
    assert!(!plain::openmls_joins_after(
        (&world.devices[0], &frank),
        &world.room,
        &forged.commit
    ));
}

#[test]
fn a_joiner_with_the_key_of_a_standing_node_is_refused() {
    let (mut world, [right, ..]) = renewed();
    let carol = device("carol", 1);
    let extensions = plain::extensions(Some(&carol.identity.credential));
    let forged = plain::external_commit_with(&Bent::new(1, &right), &carol, &world, extensions);
    world.devices.push(carol);
    both_refuse(&mut world, (4, 0), &forged, &reused());
}

#[test]
fn a_node_with_the_key_of_a_standing_node_is_refused() {
    let (mut world, [right, left, _]) = renewed();
    for key in [right, left] {
        let forged = lowest_node(&world, 1, 2, &key);
        both_refuse(&mut world, (1, 2), &forged, &reused());
    }
}

#[test]
fn a_device_that_joins_again_with_its_old_leafs_key_is_refused() {
    let mut world = four();
    let dave = device("dave", 0);
    let old = leaf_keys(&world).pop().unwrap();
    let extensions = plain::extensions(Some(&dave.identity.credential));
    let bent = Bent::new(PATH, &old);
    let forged = plain::external_commit_with(&bent, &dave, &world, extensions);
    both_refuse(&mut world, (3, 0), &forged, &reused());
}

fn leaf_keys(world: &World) -> Vec<Vec<u8>> {
    let tree = world.hub.tree().unwrap();
    let tree = RatchetTreeIn::tls_deserialize(&mut tree.as_bytes()).unwrap();
    tree.leaves()
        .map(|leaf| first_vector(leaf.encryption_key()))
        .collect()
}

#[test]
fn a_key_for_external_joins_that_cannot_be_used_is_refused_by_the_hub() {
    let world = four();
    let erin = device("erin", 0);
    let joins = |forged: &ForgedCommit| {
        let pair = (&world.devices[0], &erin);
        plain::openmls_joins_by(pair, &world.room, forged)
    };
    for key in UNUSABLE {
        let forged = renewal(&world, 1, &Bent::new(PATH + 1, key));
        let refused = plain::hand_in(&world, 1, &forged).unwrap_err();
        assert_eq!(refused, Refusal::GroupInfo);
        assert!(!joins(&forged), "nobody could join by it");
    }
    let honest = renewal(&world, 1, &Bent::new(usize::MAX, &[]));
    plain::hand_in(&world, 1, &honest).unwrap();
    assert!(joins(&honest), "the control of the control");
}
