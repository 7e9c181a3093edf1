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
    assert_eq!(rotated().follows(&signed_first()), Ok(()));
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
    let recovery_swapped = continued(|list| list.recovery = new_recovery().public());
    assert_eq!(recovery_swapped, Err(PinViolation::RecoveryUnlinked.into()));
}

#[test]
fn a_list_does_not_follow_another_users() {
    let bob = UserUri::parse("bob@a.example").unwrap();
    let other = DeviceList {
        user: bob,
        devices: Vec::new(),
        ..first()
    };
    let other = SignedDeviceList::sign(&uik(), other).unwrap();
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
        refused(&|list| list.devices.push(listed(laptop(), 1))),
        ListError::SharedKey
    );
    assert_eq!(
        refused(&|list| list.recovery = list.uik),
        ListError::SharedKey
    );
    assert_eq!(
        refused(&|list| list.uik = new_uik().public()),
        ListError::BadSignature
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

#[test]
fn new_keys_need_the_old_ones() {
    let pin = Pin::of(&signed_first());
    assert_eq!(pin.advance(&rotated()), Ok(Pin::of(&rotated())));

    let list = || DeviceList {
        uik: new_uik().public(),
        ..second()
    };
    let rotate = |rotation| SignedDeviceList::sign_rotated(&new_uik(), list(), rotation, None);
    let by_uik = SignedUikRotation::by_uik(&uik(), &alice(), &new_uik().public(), 2);
    assert_eq!(
        rotate(Some(by_uik)).unwrap().follows(&signed_first()),
        Ok(())
    );
    assert_eq!(
        pin.advance(&rotate(None).unwrap()),
        Err(PinViolation::UikUnlinked)
    );

    // A thief's rotation: signed by a key that is neither the old one nor the recovery key.
    let thief = RecoveryKey::from_seed([66; 32]);
    let forged =
        SignedUikRotation::by_recovery(&thief, &alice(), &uik().public(), &new_uik().public(), 2);
    assert_eq!(
        pin.advance(&rotate(Some(forged)).unwrap()),
        Err(PinViolation::UikUnlinked)
    );
    let from_nowhere = SignedUikRotation::by_uik(&new_uik(), &alice(), &new_uik().public(), 2);
    assert_eq!(
        pin.advance(&rotate(Some(from_nowhere)).unwrap()),
        Err(PinViolation::UikUnlinked)
    );

    // Rotations that belong to another list.
    let bob = UserUri::parse("bob@a.example").unwrap();
    for strange in [
        SignedUikRotation::by_uik(&uik(), &alice(), &new_uik().public(), 3),
        SignedUikRotation::by_uik(&uik(), &bob, &new_uik().public(), 2),
        SignedUikRotation::by_uik(&uik(), &alice(), &uik().public(), 2),
    ] {
        assert_eq!(rotate(Some(strange)), Err(ListError::Rotation));
    }
    let moved = SignedRecoveryRotation::sign(&recovery(), &alice(), &new_recovery().public(), 2);
    assert_eq!(
        SignedDeviceList::sign_rotated(&uik(), second(), None, Some(moved)),
        Err(ListError::Rotation)
    );

    // The stolen user identity key cannot change the recovery key.
    let list = DeviceList {
        recovery: new_recovery().public(),
        ..second()
    };
    let own = SignedRecoveryRotation::sign(&new_recovery(), &alice(), &list.recovery, 2);
    let stolen = SignedDeviceList::sign_rotated(&uik(), list, None, Some(own)).unwrap();
    assert_eq!(pin.advance(&stolen), Err(PinViolation::RecoveryUnlinked));
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
    assert_eq!(pin.advance(&later), Ok(pin));
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
