//! Device lists: their chain, their keys, and what a pin accepts.

use super::*;

fn continued(change: impl FnOnce(&mut DeviceList)) -> Result<(), ListError> {
    let mut list = second();
    change(&mut list);
    SignedDeviceList::sign(&uik(), list)?.follows(&signed_first())
}

#[test]
fn lists_follow_one_another() {
    assert_eq!(continued(|_| {}), Ok(()));
    assert_eq!(signed_renewed().follows(&signed_first()), Ok(()));
    let revoked = continued(|list| {
        list.devices
            .iter_mut()
            .for_each(|device| device.revoked = Some(9_000));
    });
    assert_eq!(revoked, Ok(()));
    let skipped = PinViolation::Version { known: 1, found: 3 };
    assert_eq!(continued(|list| list.version = 3), Err(skipped.into()));
    assert_eq!(
        continued(|list| list.prev_hash = Some([0; 32])),
        Err(PinViolation::Fork(1).into())
    );
    assert_eq!(
        continued(|list| drop(list.devices.remove(0))),
        Err(ListError::DeviceMissing(phone()))
    );
    let altered = continued(|list| list.devices.iter_mut().for_each(|device| device.added += 1));
    assert_eq!(altered, Err(ListError::DeviceAltered(phone())));
    let rekeyed = continued(|list| {
        list.devices
            .iter_mut()
            .take(1)
            .for_each(|device| *device = listed(phone(), 77));
    });
    assert_eq!(rekeyed, Err(ListError::DeviceAltered(phone())));
}

#[test]
fn a_list_does_not_follow_another_users() {
    let bob = UserUri::parse("bob@a.example").unwrap();
    let (identity, key) = Identity::begin(&new_recovery(), &bob);
    let other = DeviceList {
        user: bob,
        identity,
        devices: Vec::new(),
        ..first()
    };
    let other = SignedDeviceList::sign(&key, other).unwrap();
    let list = DeviceList {
        prev_hash: Some(other.hash()),
        ..second()
    };
    let next = SignedDeviceList::sign(&uik(), list).unwrap();
    assert_eq!(next.follows(&other), Err(ListError::OtherUser));
}

#[test]
fn a_revoked_device_stays_revoked() {
    let mut revoked = second();
    for device in &mut revoked.devices {
        device.revoked = Some(9_000);
    }
    let before = SignedDeviceList::sign(&uik(), revoked.clone()).unwrap();
    for mark in [None, Some(9_001)] {
        let mut list = DeviceList {
            version: 3,
            prev_hash: Some(before.hash()),
            ..revoked.clone()
        };
        for device in &mut list.devices {
            device.revoked = mark;
        }
        let next = SignedDeviceList::sign(&uik(), list).unwrap();
        assert_eq!(
            next.follows(&before),
            Err(ListError::DeviceAltered(phone()))
        );
    }
}

#[test]
fn lists_that_contradict_themselves_are_refused() {
    let refused = |change: &dyn Fn(&mut DeviceList)| {
        let mut list = first();
        change(&mut list);
        SignedDeviceList::sign(&uik(), list).unwrap_err()
    };
    let bob = ClientUri::new(&UserUri::parse("bob@a.example").unwrap(), [1; 16]);
    assert_eq!(refused(&|list| list.version = 0), ListError::FirstList);
    assert_eq!(refused(&|list| list.version = 2), ListError::FirstList);
    assert_eq!(
        refused(&|list| list.prev_hash = Some([0; 32])),
        ListError::FirstList
    );
    assert_eq!(
        refused(&|list| list.devices.push(listed(bob.clone(), 9))),
        ListError::ForeignDevice(bob.clone())
    );
    assert_eq!(
        refused(&|list| list.devices.push(listed(phone(), 9))),
        ListError::DuplicateDevice(phone())
    );
    assert_eq!(
        refused(&|list| list.devices.push(listed(laptop(), 3))),
        ListError::DuplicateDevice(laptop())
    );
    assert_eq!(
        refused(&|list| list.devices.push(listed(laptop(), 2))),
        ListError::SharedKey
    );
    assert_eq!(
        refused(&|list| list.identity = renewed().0),
        ListError::BadSignature
    );
    assert_eq!(
        refused(&|list| list.user = UserUri::parse("bob@a.example").unwrap()),
        ListError::Identity(IdentityError::BadSignature)
    );
    let early = |list: &mut DeviceList| {
        list.devices
            .iter_mut()
            .for_each(|device| device.revoked = Some(1));
    };
    assert_eq!(refused(&early), ListError::RevokedTooEarly(phone()));
    let many = |list: &mut DeviceList| {
        list.devices = (20..53)
            .map(|seed| listed(ClientUri::new(&alice(), [seed; 16]), seed))
            .collect();
    };
    assert_eq!(refused(&many), ListError::TooManyDevices);
    let endless = |list: &mut DeviceList| {
        let device = ListedDevice {
            revoked: Some(9_000),
            ..listed(phone(), 3)
        };
        list.devices = (0..1000_u128)
            .map(|number| {
                let client = ClientUri::new(&alice(), number.to_be_bytes());
                let mut key = [0; 32];
                key.iter_mut()
                    .zip(number.to_le_bytes())
                    .for_each(|(to, from)| *to = from);
                ListedDevice {
                    client,
                    signature_key: PublicKey::from_bytes(key),
                    ..device.clone()
                }
            })
            .collect();
    };
    assert_eq!(refused(&endless), ListError::TooLong);
    assert!(matches!(
        SignedDeviceList::decode(&vec![0; 70_000]),
        Err(ListError::TooLong)
    ));
}

fn under((identity, uik): (Identity, UserIdentityKey), list: DeviceList) -> SignedDeviceList {
    SignedDeviceList::sign(&uik, DeviceList { identity, ..list }).unwrap()
}

#[test]
fn only_the_recovery_key_begins_the_next_identity() {
    let pin = Pin::of(&signed_first());
    assert_eq!(
        pin.advance(&signed_renewed()),
        Ok(Pin::of(&signed_renewed()))
    );
    let linked = under(linked(), second());
    assert_eq!(pin.advance(&linked), Ok(Pin::of(&linked)));

    // A thief's, however often renewed.
    let thief = RecoveryKey::from_seed([66; 32]);
    let mut keys = Identity::begin(&thief, &alice());
    for _ in 0..5 {
        let forged = under(keys.clone(), second());
        assert_eq!(pin.advance(&forged), Err(PinViolation::Unproven));
        assert_eq!(
            forged.follows(&signed_first()),
            Err(PinViolation::Unproven.into())
        );
        keys = keys.0.renew(&thief, &alice()).unwrap();
    }
    // One that was followed does not come back.
    let pin = Pin::of(&signed_renewed());
    let back = under(
        (identity(), uik()),
        DeviceList {
            version: 9,
            ..second()
        },
    );
    assert_eq!(pin.advance(&back), Err(PinViolation::Outdated));
}

#[test]
fn the_next_identity_counts_whatever_a_thief_has_signed_before() {
    // With the key alone a thief makes a list of the highest version there is.
    let last = DeviceList {
        version: u64::MAX,
        prev_hash: Some([1; 32]),
        ..second()
    };
    let last = under((identity(), uik()), last);
    let pin = Pin::of(&signed_first()).advance(&last).unwrap();
    assert_eq!(pin.version, u64::MAX);
    let next = signed_renewed();
    assert!(next.is_newer_than(&last) && !last.is_newer_than(&next));
    assert_eq!(pin.advance(&next), Ok(Pin::of(&next)));
}

#[test]
fn the_first_list_of_an_identity_may_drop_devices_but_alters_none() {
    let follows = |change: fn(&mut DeviceList)| {
        let mut list = second();
        change(&mut list);
        under(renewed(), list).follows(&signed_first())
    };
    assert_eq!(follows(|list| drop(list.devices.remove(0))), Ok(()));
    let altered = follows(|list| list.devices.iter_mut().for_each(|one| one.added += 1));
    assert_eq!(altered, Err(ListError::DeviceAltered(phone())));
    let elsewhere = follows(|list| list.prev_hash = Some([7; 32]));
    assert_eq!(elsewhere, Err(PinViolation::Fork(1).into()));
}

#[test]
fn a_pin_moves_forward_only() {
    let later = SignedDeviceList::sign(&uik(), second()).unwrap();
    let fork = SignedDeviceList::sign(
        &uik(),
        DeviceList {
            not_after: 1,
            ..second()
        },
    )
    .unwrap();
    let pin = Pin::of(&signed_first()).advance(&later).unwrap();
    assert_eq!(pin.advance(&later), Ok(pin.clone()));
    assert_eq!(pin.advance(&fork), Err(PinViolation::Fork(2)));
    assert_eq!(
        pin.advance(&signed_first()),
        Err(PinViolation::Version { known: 2, found: 1 })
    );
    let ahead = DeviceList {
        version: 7,
        prev_hash: Some([0; 32]),
        ..second()
    };
    let ahead = SignedDeviceList::sign(&uik(), ahead).unwrap();
    assert_eq!(pin.advance(&ahead).map(|pin| pin.version), Ok(7));
}
