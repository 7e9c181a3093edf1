//! Every decoder takes any bytes, and every object survives the wire.

use proptest::prelude::*;

use super::golden::all;
use super::*;

fn decode_everything(bytes: &[u8]) {
    let verdicts = [
        SignedCreationRecord::decode(bytes).is_ok(),
        DeviceCredential::decode(bytes)
            .is_ok_and(|read| read.verify(&phone(), &device().public()).is_ok()),
        SignedDeviceList::decode(bytes).is_ok_and(|list| list.follows(&signed_first()).is_ok()),
        SignedReceipt::decode(bytes).is_ok_and(|read| read.verify(&server().public()).is_ok()),
        SignedRoomProfile::decode(bytes).is_ok_and(|read| read.verify(&device().public()).is_ok()),
        Evidence::decode(bytes).is_ok(),
        Identity::decode(bytes).is_ok_and(|read| read.verify(&alice()).is_ok()),
        session().verify(&device().public(), bytes).is_ok(),
        recovery_proof().verify(&recovery().public(), bytes).is_ok(),
    ];
    assert!(
        verdicts.iter().filter(|accepted| **accepted).count() <= 1,
        "one object read as two"
    );
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        decode_everything(&bytes);
    }

    #[test]
    fn damaged_objects_never_panic(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let objects: Vec<Vec<u8>> = all().into_values().collect();
        let mut bytes = which.get(&objects).clone();
        let place = place.index(bytes.len());
        *bytes.get_mut(place).unwrap() = byte;
        if cut {
            bytes.truncate(place);
        }
        decode_everything(&bytes);
    }

    #[test]
    fn lists_survive_the_wire(version in 2_u64.., count in 1_u8..32, not_after in any::<u64>(), revoked in any::<bool>()) {
        let mut list = DeviceList { version, prev_hash: Some([1; 32]), not_after, ..first() };
        list.devices = (20..20 + count).map(|seed| listed(ClientUri::new(&alice(), [seed; 16]), seed)).collect();
        list.devices.iter_mut().take(3).for_each(|device| device.revoked = revoked.then_some(u64::MAX));
        let signed = SignedDeviceList::sign(&uik(), list).unwrap();
        prop_assert_eq!(SignedDeviceList::decode(signed.as_bytes()), Ok(signed));
    }

    #[test]
    fn texts_survive_the_wire(name in ".{0,60}", topic in ".{0,900}", version in any::<u64>(), time in any::<u64>()) {
        let signed = SignedRoomProfile::sign(&device(), RoomProfile { version, name, topic, time, ..profile() }).unwrap();
        prop_assert_eq!(SignedRoomProfile::decode(signed.as_bytes()), Ok(signed));
    }

    #[test]
    fn numbers_survive_the_wire(seq in any::<u64>(), epoch in any::<u64>(), time in any::<u64>(), head in any::<[u8; 32]>()) {
        let signed = SignedReceipt::sign(&server(), Receipt { room: room(), seq, epoch, head, time });
        prop_assert_eq!(SignedReceipt::decode(signed.as_bytes()), Ok(signed));
        let credential = DeviceCredential::issue(&uik(), &linked().0, &phone(), &device().public(), seq, time);
        prop_assert_eq!(DeviceCredential::decode(&credential.to_bytes()), Ok(credential));
        let record = CreationRecord { time, nonce: head, predecessor: None, ..record() };
        let signed = SignedCreationRecord::sign(&device(), record).unwrap();
        prop_assert_eq!(SignedCreationRecord::decode(signed.as_bytes()), Ok(signed));
    }
}
