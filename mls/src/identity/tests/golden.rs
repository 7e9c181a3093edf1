//! Golden bytes of every signed object, and that no byte of one can be changed.
//!
//! `vectors.txt` holds the bytes, one object per line, made from the seeds of the parent module by
//! an implementation other than this one. A change there is a change of the protocol: existing
//! rooms and accounts would no longer verify.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::*;

const GOLDEN: &str = include_str!("../vectors.txt");

pub(super) fn all() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("account_room.nonce", account_room_nonce(&alice()).to_vec()),
        ("creation_record", signed_record().as_bytes().to_vec()),
        (
            "creation_record.room",
            signed_record().room_uri().as_str().as_bytes().to_vec(),
        ),
        ("device_credential", credential().to_bytes()),
        ("device_list.1", signed_first().as_bytes().to_vec()),
        ("device_list.1.hash", signed_first().hash().to_vec()),
        (
            "device_list.2.renewed",
            signed_renewed().as_bytes().to_vec(),
        ),
        ("identity.1", identity().to_bytes()),
        ("identity.2", renewed().0.to_bytes()),
        ("identity.linked", linked().0.to_bytes()),
        ("evidence", evidence().to_bytes()),
        ("head.0", Head::start(&room()).as_bytes().to_vec()),
        ("head.2", receipt().head.to_vec()),
        (
            "receipt",
            SignedReceipt::sign(&server(), receipt())
                .as_bytes()
                .to_vec(),
        ),
        (
            "recovery.signature",
            recovery_proof().sign(&recovery()).to_vec(),
        ),
        ("room_profile", signed_profile().as_bytes().to_vec()),
        ("safety_number", digits(&identity())),
        ("safety_number.linked", digits(&linked().0)),
        ("session.signature", session().sign(&device()).to_vec()),
        ("uik.1", uik().seed().to_vec()),
        ("uik.2", renewed().1.seed().to_vec()),
    ])
}

fn digits(identity: &Identity) -> Vec<u8> {
    identity.safety_number(&alice()).to_string().into_bytes()
}

#[test]
fn every_signed_object_has_its_golden_bytes() {
    let golden: BTreeMap<&str, &str> = GOLDEN
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let made = all();
    for (name, bytes) in &made {
        assert_eq!(
            golden.get(name).copied(),
            Some(HEXLOWER.encode(bytes).as_str()),
            "{name}"
        );
    }
    assert_eq!(golden.len(), made.len());
}

/// Flips one bit of every byte in turn; each time the check must fail.
fn assert_every_byte_counts(name: &str, bytes: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(bytes), "{name}: negative control");
    for place in 0..bytes.len() {
        let mut tampered = bytes.to_vec();
        *tampered.get_mut(place).unwrap() ^= 1;
        assert!(!accepts(&tampered), "{name}: byte {place} does not count");
    }
    assert!(!accepts(&[bytes, &[0]].concat()), "{name}: trailing byte");
    for length in 0..bytes.len() {
        assert!(
            !accepts(bytes.get(..length).unwrap()),
            "{name}: cut at {length}"
        );
    }
}

#[test]
fn no_byte_of_an_object_can_be_changed() {
    assert_every_byte_counts("record", signed_record().as_bytes(), |bytes| {
        SignedCreationRecord::decode(bytes).is_ok()
    });
    assert_every_byte_counts("credential", &credential().to_bytes(), |bytes| {
        DeviceCredential::decode(bytes)
            .is_ok_and(|read| read.verify(&phone(), &device().public()).is_ok())
    });
    assert_every_byte_counts("list", signed_first().as_bytes(), |bytes| {
        SignedDeviceList::decode(bytes).is_ok()
    });
    assert_every_byte_counts("renewed list", signed_renewed().as_bytes(), |bytes| {
        SignedDeviceList::decode(bytes).is_ok_and(|list| list.follows(&signed_first()).is_ok())
    });
    let receipt = SignedReceipt::sign(&server(), receipt());
    assert_every_byte_counts("receipt", receipt.as_bytes(), |bytes| {
        SignedReceipt::decode(bytes).is_ok_and(|receipt| receipt.verify(&server().public()).is_ok())
    });
    assert_every_byte_counts("profile", signed_profile().as_bytes(), |bytes| {
        SignedRoomProfile::decode(bytes)
            .is_ok_and(|profile| profile.verify(&device().public()).is_ok())
    });
    for identity in [identity(), renewed().0, linked().0] {
        assert_every_byte_counts("identity", &identity.to_bytes(), |bytes| {
            Identity::decode(bytes).is_ok_and(|read| read.verify(&alice()).is_ok())
        });
    }
    assert_every_byte_counts("evidence", &evidence().to_bytes(), |bytes| {
        Evidence::decode(bytes).is_ok()
    });
    let proof = recovery_proof();
    assert_every_byte_counts("recovery", &proof.sign(&recovery()), |bytes| {
        proof.verify(&recovery().public(), bytes).is_ok()
    });
    assert_every_byte_counts("session", &session().sign(&device()), |bytes| {
        session().verify(&device().public(), bytes).is_ok()
    });
}
