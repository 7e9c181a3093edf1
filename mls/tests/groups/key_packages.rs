//! KeyPackages: what a home server takes, and what it refuses.

use grove_mls::key_package::{self, KEY_PACKAGE_LIFETIME, KeyPackageError, LastResort};
use grove_mls::room::validation::IdentityViolation;
use grove_mls::storage::MemberStorage;
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, Provider};
use openmls::prelude::{Capabilities, KeyPackage, Lifetime, MlsMessageOut};

use crate::plain::{capabilities, key_package as forge, wire};
use crate::world::{Keys, SUITE, World, device, user};

fn lifetime() -> Lifetime {
    Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs())
}

fn judge(key_package: KeyPackage, now_ms: u64) -> Result<(), KeyPackageError> {
    let message = wire(&MlsMessageOut::from(key_package));
    key_package::validate(message.as_bytes(), now_ms).map(|_valid| ())
}

#[test]
fn what_a_device_makes_is_valid_in_both_forms() {
    let mut alice = device("alice", 0);
    for last_resort in [LastResort::No, LastResort::Yes] {
        let valid = alice.key_package(last_resort);
        assert_eq!(valid.last_resort, last_resort);
        assert_eq!(valid.leaf.client, alice.identity.client);
        assert_eq!(valid.leaf.identity, Keys::of("alice").identity);
        let bare = valid.to_wire().unwrap();
        let now_ms = (valid.not_after - 1) * 1000;
        assert_eq!(
            key_package::validate_bare(&bare, now_ms).unwrap().reference,
            valid.reference
        );
        let framed = MlsMessage::from_key_package(&bare);
        assert_eq!(
            key_package::validate(framed.as_bytes(), now_ms)
                .unwrap()
                .reference,
            valid.reference
        );
    }
}

#[test]
fn lifetimes_are_judged_by_the_time_given() {
    let mut alice = device("alice", 0);
    let valid = alice.key_package(LastResort::No);
    let bare = valid.to_wire().unwrap();
    let at = |seconds: u64| key_package::validate_bare(&bare, seconds * 1000).map(|_valid| ());
    assert_eq!(at(valid.not_after - 1), Ok(()));
    assert_eq!(at(valid.not_after), Err(KeyPackageError::Expired));
    let made = valid.not_after - KEY_PACKAGE_LIFETIME.as_secs();
    // A day before it was made it begins; half an hour later it is taken.
    let (half_an_hour, day) = (30 * 60, 24 * 60 * 60);
    assert_eq!(
        at(made - day + half_an_hour),
        Ok(()),
        "the device's clock is half an hour ahead"
    );
    assert_eq!(
        at(made - day + half_an_hour - 1),
        Err(KeyPackageError::NotYet),
        "it has begun, but not for a clock that is half an hour behind"
    );
    assert_eq!(at(made - day - 1), Err(KeyPackageError::NotYet));
    let says = alice.identity.client.as_str();
    let long = Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs() + day);
    let forged = forge(
        says,
        &alice.identity.key,
        Some(&alice.identity.credential),
        capabilities(),
        long,
    );
    assert_eq!(
        judge(forged, (valid.not_after - 1) * 1000),
        Err(KeyPackageError::Lifetime)
    );
}

#[test]
fn a_leaf_must_be_able_to_take_part_and_be_its_users() {
    let mut alice = device("alice", 0);
    let now_ms = (alice.key_package(LastResort::No).not_after - 1) * 1000;
    let key = &alice.identity.key;
    let credential = &alice.identity.credential;
    let says = alice.identity.client.as_str();
    assert_eq!(
        judge(
            forge(says, key, Some(credential), capabilities(), lifetime()),
            now_ms
        ),
        Ok(())
    );
    let few = Capabilities::new(
        None,
        None,
        Some(&[openmls::prelude::ExtensionType::Unknown(0xF001)]),
        None,
        None,
    );
    assert_eq!(
        judge(forge(says, key, Some(credential), few, lifetime()), now_ms),
        Err(KeyPackageError::Capabilities)
    );
    assert_eq!(
        judge(forge(says, key, None, capabilities(), lifetime()), now_ms),
        Err(KeyPackageError::Identity(
            IdentityViolation::MissingCredential
        ))
    );
    let other = ClientUri::new(&user("alice"), [5; 16]);
    assert!(matches!(
        judge(
            forge(
                other.as_str(),
                key,
                Some(credential),
                capabilities(),
                lifetime()
            ),
            now_ms
        ),
        Err(KeyPackageError::Identity(IdentityViolation::Credential(_)))
    ));
    let copied = Keys::of("alice").issue(
        &alice.identity.client,
        &device("bob", 0).identity.key.public(),
    );
    assert!(matches!(
        judge(
            forge(says, key, Some(&copied), capabilities(), lifetime()),
            now_ms
        ),
        Err(KeyPackageError::Identity(IdentityViolation::Credential(_)))
    ));
}

#[test]
fn changed_bytes_are_refused() {
    let mut alice = device("alice", 0);
    let valid = alice.key_package(LastResort::No);
    let now_ms = (valid.not_after - 1) * 1000;
    let bytes = MlsMessage::from_key_package(&valid.to_wire().unwrap()).into_bytes();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(
            key_package::validate(&changed, now_ms).is_err(),
            "byte {place}"
        );
    }
    let mut trailing = bytes.clone();
    trailing.push(0);
    assert!(key_package::validate(&trailing, now_ms).is_err());
    assert!(key_package::validate(&bytes[..bytes.len() - 1], now_ms).is_err());
}

#[test]
fn a_key_package_is_used_up_by_its_welcome_unless_it_is_the_last_resort() {
    for (last_resort, kept) in [(LastResort::No, false), (LastResort::Yes, true)] {
        let mut world = World::with(&["alice"]);
        world.devices.push(device("bob", 0));
        let key_package = world.devices[1].key_package(last_resort);
        let roles = [(user("bob"), 3)];
        world
            .commit(0, |group, storage, device| {
                group.add(storage, device, &[key_package], &roles)
            })
            .unwrap();
        let left = world.devices[1]
            .records
            .keys()
            .iter()
            .filter(|key| key.starts_with(b"key_package/"))
            .count();
        assert_eq!(left, usize::from(kept));
    }
}

#[test]
fn a_request_for_key_material_names_who_asks() {
    use grove_mls::member::key_material;
    use grove_mls::public::key_material as hub;
    let alice = device("alice", 0);
    let bob = device("bob", 0);
    let room = grove_wire::uri::RoomUri::new(&Provider::parse("a.example").unwrap(), &[1; 32]);
    let request = key_material::request(&alice.identity, &user("bob"), &room, SUITE).unwrap();
    let encoded = grove_wire::codec::encode(&request).unwrap();
    assert_eq!(
        grove_wire::codec::decode::<grove_wire::mimi::key_material::KeyMaterialRequest>(&encoded)
            .unwrap(),
        request
    );
    let verify = |request, device: &crate::world::Device| {
        hub::verify(
            request,
            &device.identity.client,
            &device.identity.key.public(),
        )
    };
    assert_eq!(verify(&request, &alice), Ok(()));
    assert_eq!(verify(&request, &bob), Err(hub::KeyMaterialError::NotYours));
    let mut changed = request.clone();
    changed.target_user = user("carol");
    assert_eq!(
        verify(&changed, &alice),
        Err(hub::KeyMaterialError::BadSignature)
    );
    let _unused = MemberStorage::new(&alice.records);
}
