//! A user's identity key is replaced while rooms go on: every device, the hub and everybody else
//! follow; old keys do not come back.

use grove_mls::identity::{
    DeviceCredential, DeviceKey, DeviceList, ListedDevice, PublicKey, RecoveryKey,
    SignedDeviceList, SignedUikRotation, Succession, UserIdentityKey,
};
use grove_mls::key_package::LastResort;
use grove_mls::member::external::ExternalError;
use grove_mls::member::{CommitError, Member, Received, Refused};
use grove_mls::public::HubGroup;
use grove_mls::room::PolicyViolation;
use grove_wire::uri::{ClientUri, UserUri};

use crate::plain;
use crate::world::{Device, Group, Map, World, device, merged, uik, user};

mod refused;

/// Alice's key after so many rotations.
fn alices_key(rotations: u8) -> UserIdentityKey {
    match rotations {
        0 => uik("alice"),
        _ => UserIdentityKey::from_seed([0x40 + rotations; 32]),
    }
}

fn step(rotations: u8) -> Succession {
    let (old, new) = (alices_key(rotations - 1), alices_key(rotations).public());
    let version = u64::from(rotations) + 1;
    Succession::by_uik(SignedUikRotation::by_uik(
        &old,
        &user("alice"),
        &new,
        version,
    ))
}

fn succession(rotations: u8) -> Succession {
    (2..=rotations).fold(step(1), |chain, next| chain.extend(&step(next)).unwrap())
}

fn credential(device: &Device, uik: &UserIdentityKey, version: u64) -> DeviceCredential {
    let (client, key) = (&device.identity.client, device.identity.key.public());
    DeviceCredential::issue(uik, client, &key, version, u64::MAX / 2)
}

/// The device takes up the key after so many rotations.
fn take_up(device: &mut Device, rotations: u8) {
    let version = u64::from(rotations) + 1;
    device.identity.credential = credential(device, &alices_key(rotations), version);
    device.identity.succession = Some(succession(rotations));
}

/// Alice with three devices (0, 2 and 3) and bob (1).
fn room() -> World {
    let mut world = World::with(&["alice", "bob"]);
    world.devices.push(device("alice", 1));
    world.devices.push(device("alice", 2));
    world.add(0, &[2, 3]).unwrap();
    world
}

/// The same, after device 0 has taken up a new key.
fn rotated() -> World {
    let mut world = room();
    take_up(&mut world.devices[0], 1);
    world.commit(0, Group::self_update).unwrap();
    world
}

fn of(world: &World, user: &UserUri) -> Vec<Member> {
    let mut members = world.group(1).members().unwrap();
    members.retain(|member| member.user == *user);
    members
}

fn keys(world: &World) -> Vec<(PublicKey, Option<PublicKey>)> {
    of(world, &user("alice"))
        .iter()
        .map(|member| (member.uik, member.superseded_by))
        .collect()
}

fn says(world: &mut World, speaker: usize, listener: usize) -> Option<PublicKey> {
    let message = world.devices[speaker].say("still here").unwrap();
    world.submit(message);
    let heard = world.catch_up(listener).pop().unwrap();
    world.sync();
    match heard {
        Received::Application {
            sender, may_send, ..
        } => {
            assert!(may_send);
            sender.superseded_by
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn three_devices_rotate_one_by_one_and_everybody_follows() {
    let mut world = rotated();
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    assert_eq!(
        keys(&world),
        [(new, None), (old, Some(new)), (old, Some(new))]
    );
    let room = world.room.clone();
    assert!(plain::shows_succession(&world.devices[0], &room));
    assert_eq!(says(&mut world, 0, 1), None);
    assert_eq!(
        says(&mut world, 2, 1),
        Some(new),
        "it speaks, with the old key"
    );

    take_up(&mut world.devices[2], 1);
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(keys(&world), [(new, None), (new, None), (old, Some(new))]);
    assert!(
        plain::shows_succession(&world.devices[2], &room),
        "one old leaf stands"
    );
    take_up(&mut world.devices[3], 1);
    world.commit(3, Group::self_update).unwrap();
    assert_eq!(keys(&world), [(new, None); 3]);
    assert_eq!(says(&mut world, 3, 1), None);

    // What is not needed any more goes with the next renewal.
    world.commit(0, Group::self_update).unwrap();
    assert!(!plain::shows_succession(&world.devices[0], &room));
    // The hub after a restart sees the same room.
    let again = HubGroup::load(&world.hub.snapshot().unwrap()).unwrap();
    assert_eq!(again.tree().unwrap(), world.hub.tree().unwrap());
}

#[test]
fn a_new_key_and_the_removal_of_a_lost_device_are_one_commit() {
    let mut world = room();
    take_up(&mut world.devices[0], 1);
    let lost = world.devices[3].identity.client.clone();
    world
        .commit(0, |group, storage, device| {
            group.remove_clients(storage, device, &[lost])
        })
        .unwrap();
    assert_eq!(world.members(), vec![0, 1, 2]);
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    assert_eq!(keys(&world), [(new, None), (old, Some(new))]);
}

#[test]
fn who_slept_through_two_rotations_takes_both_steps() {
    let mut world = rotated();
    take_up(&mut world.devices[2], 1);
    world.commit(2, Group::self_update).unwrap();
    take_up(&mut world.devices[0], 2);
    world.commit(0, Group::self_update).unwrap();
    let [old, new, newer] = [0, 1, 2].map(|rotations| alices_key(rotations).public());
    assert_eq!(
        keys(&world),
        [(newer, None), (new, Some(newer)), (old, Some(newer))]
    );
    take_up(&mut world.devices[3], 2);
    world.commit(3, Group::self_update).unwrap();
    take_up(&mut world.devices[2], 2);
    world.commit(2, Group::self_update).unwrap();
    assert_eq!(keys(&world), [(newer, None); 3]);
}

#[test]
fn a_room_that_missed_two_rotations_takes_both_at_once() {
    let mut world = room();
    take_up(&mut world.devices[0], 2);
    world.commit(0, Group::self_update).unwrap();
    let (old, newer) = (alices_key(0).public(), alices_key(2).public());
    assert_eq!(
        keys(&world),
        [(newer, None), (old, Some(newer)), (old, Some(newer))]
    );
}

#[test]
fn a_leaf_keeps_its_succession_if_its_device_has_forgotten_it() {
    let mut world = rotated();
    world.devices[0].identity.succession = None;
    world.commit(0, Group::self_update).unwrap();
    let room = world.room.clone();
    assert!(plain::shows_succession(&world.devices[0], &room));
}

#[test]
fn a_key_package_brings_the_succession_along() {
    let mut world = World::with(&["alice", "bob"]);
    let mut recovered = device("alice", 1);
    take_up(&mut recovered, 1);
    let package = recovered.key_package(LastResort::No);
    assert_eq!(package.leaf.uik, alices_key(1).public());
    world.devices.push(recovered);
    world.add(1, &[2]).unwrap();
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    assert_eq!(keys(&world), [(old, Some(new)), (new, None)]);

    // Whoever is added while two keys stand joins all the same.
    world.devices.push(device("carol", 0));
    world.add(1, &[3]).unwrap();
    assert_eq!(says(&mut world, 3, 1), None);
    // The control: without it the same KeyPackage is refused.
    let mut without = World::with(&["alice", "bob"]);
    let mut recovered = device("alice", 1);
    take_up(&mut recovered, 1);
    recovered.identity.succession = None;
    without.devices.push(recovered);
    assert!(matches!(
        without.add(1, &[2]),
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::TwoIdentities(_)
        )))
    ));
}

/// The new key by the recovery key, with the list before, as whoever has nothing but the words
/// makes it.
fn by_recovery(devices: Vec<ListedDevice>) -> Succession {
    let recovery = RecoveryKey::from_seed([0x77; 32]);
    let list = DeviceList {
        user: user("alice"),
        version: 1,
        prev_hash: None,
        uik: alices_key(0).public(),
        recovery: recovery.public(),
        devices,
        not_after: 0,
    };
    let list = SignedDeviceList::sign(&alices_key(0), list).unwrap();
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    let rotation = SignedUikRotation::by_recovery(&recovery, &user("alice"), &old, &new, 2);
    Succession::by_recovery(rotation, &list)
}

#[test]
fn a_recovered_device_joins_beside_the_lost_one_and_removes_it() {
    let mut world = World::with(&["alice", "bob"]);
    let mut recovered = device("alice", 1);
    take_up(&mut recovered, 1);
    recovered.identity.succession = None;
    world.devices.push(recovered);
    assert!(
        matches!(
            world.join_externally(2),
            Err(ExternalError::Policy(PolicyViolation::TwoIdentities(_)))
        ),
        "negative control"
    );
    world.devices[2].identity.succession = Some(by_recovery(Vec::new()));
    let bundle = world.join_externally(2).unwrap();
    world.hand_in(2, &bundle).unwrap();
    world.sync();
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    assert_eq!(keys(&world), [(old, Some(new)), (new, None)]);
    assert_eq!(says(&mut world, 2, 1), None);

    // The lost device can do nothing against it.
    let found = world.devices[2].identity.client.clone();
    let stolen = &mut world.devices[0];
    let removal =
        stolen.act(|group, storage, device| group.remove_clients(storage, device, &[found]));
    assert!(matches!(
        removal,
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::Superseded
        )))
    ));
    let lost = world.devices[0].identity.client.clone();
    let bundle = world.devices[2]
        .act(|group, storage, device| group.remove_clients(storage, device, &[lost]))
        .unwrap();
    world.hand_in(2, &bundle).unwrap();
    assert!(merged(world.catch_up(0).pop().unwrap()).removed_self);
    world.sync();
    assert_eq!(world.members(), vec![1, 2]);
    assert_eq!(keys(&world), [(new, None)]);
    assert!(world.hub.state().participants.role_of(&user("alice")) > 0);
}

#[test]
fn a_long_succession_stays_out_of_key_packages() {
    let revoked = |number: u8| {
        let mut seed = [0xD0; 32];
        seed[0] = number;
        ListedDevice {
            client: ClientUri::new(&user("alice"), [number; 16]),
            signature_key: DeviceKey::from_seed(seed).public(),
            added: 1,
            revoked: Some(2),
        }
    };
    let long = by_recovery((0..200).map(revoked).collect());
    assert!(long.as_bytes().len() > 12 * 1024);
    let mut world = World::with(&["alice", "bob"]);
    let mut recovered = device("alice", 1);
    take_up(&mut recovered, 1);
    recovered.identity.succession = Some(long);
    world.devices.push(recovered);
    assert!(matches!(
        world.add(1, &[2]),
        Err(CommitError::Refused(Refused::Policy(
            PolicyViolation::TwoIdentities(_)
        )))
    ));
    // It joins by itself.
    let bundle = world.join_externally(2).unwrap();
    world.hand_in(2, &bundle).unwrap();
    world.sync();
    let (old, new) = (alices_key(0).public(), alices_key(1).public());
    assert_eq!(keys(&world), [(old, Some(new)), (new, None)]);
}

#[test]
fn a_device_that_joins_anew_shows_the_succession_of_its_own_old_leaf() {
    let mut world = World::with(&["alice", "bob"]);
    world.devices[0].records = Map::default();
    world.devices[0].group = None;
    take_up(&mut world.devices[0], 1);
    let bundle = world.join_externally(0).unwrap();
    world.hand_in(0, &bundle).unwrap();
    world.sync();
    assert_eq!(keys(&world), [(alices_key(1).public(), None)]);
}
