//! Signed objects made from fixed seeds, for the tests beside this file.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};

use super::*;

mod continuity;
mod decoders;
mod evidence;
mod golden;
mod lists;
mod objects;

fn alice() -> UserUri {
    UserUri::parse("alice@a.example").unwrap()
}

fn phone() -> ClientUri {
    ClientUri::new(&alice(), [1; 16])
}

fn laptop() -> ClientUri {
    ClientUri::new(&alice(), [2; 16])
}

fn room() -> RoomUri {
    RoomUri::new(&alice().provider(), &[9; 32])
}

/// The user identity key of the first identity.
fn uik() -> UserIdentityKey {
    Identity::begin(&recovery(), &alice()).1
}

fn identity() -> Identity {
    Identity::begin(&recovery(), &alice()).0
}

fn recovery() -> RecoveryKey {
    RecoveryKey::from_seed([2; 32])
}

fn device() -> DeviceKey {
    DeviceKey::from_seed([3; 32])
}

fn server() -> ServerKey {
    ServerKey::from_seed([4; 32])
}

fn new_recovery() -> RecoveryKey {
    RecoveryKey::from_seed([12; 32])
}

/// The second generation.
fn renewed() -> (Identity, UserIdentityKey) {
    identity().renew(&recovery(), &alice()).unwrap()
}

/// The second generation with another recovery key behind it, and the generation after that.
fn linked() -> (Identity, UserIdentityKey) {
    let (identity, _) = renewed();
    let linked = identity.replace_recovery(&recovery(), &new_recovery(), &alice());
    linked.unwrap().0.renew(&new_recovery(), &alice()).unwrap()
}

fn listed(client: ClientUri, seed: u8) -> ListedDevice {
    let signature_key = DeviceKey::from_seed([seed; 32]).public();
    ListedDevice {
        client,
        signature_key,
        added: 1_000 + u64::from(seed),
        revoked: None,
    }
}

fn first() -> DeviceList {
    DeviceList {
        user: alice(),
        version: 1,
        prev_hash: None,
        identity: identity(),
        devices: vec![listed(phone(), 3)],
        not_after: 2_592_000_000,
    }
}

fn signed_first() -> SignedDeviceList {
    SignedDeviceList::sign(&uik(), first()).unwrap()
}

fn second() -> DeviceList {
    let mut list = DeviceList {
        version: 2,
        prev_hash: Some(signed_first().hash()),
        ..first()
    };
    list.devices.push(listed(laptop(), 5));
    list
}

fn signed_renewed() -> SignedDeviceList {
    let (identity, uik) = renewed();
    let list = DeviceList {
        identity,
        ..second()
    };
    SignedDeviceList::sign(&uik, list).unwrap()
}

fn credential() -> DeviceCredential {
    DeviceCredential::issue(
        &uik(),
        &identity(),
        &phone(),
        &device().public(),
        1,
        2_592_000_000,
    )
}

fn record() -> CreationRecord {
    CreationRecord {
        version: CREATION_RECORD_VERSION,
        hub: Provider::parse("a.example").unwrap(),
        hub_key: server().public(),
        creator: alice(),
        root: recovery().public(),
        device_key: device().public(),
        cipher_suite: 1,
        time: 1_700_000_000_000,
        nonce: [6; 32],
        predecessor: Some(room()),
    }
}

fn signed_record() -> SignedCreationRecord {
    SignedCreationRecord::sign(&device(), record()).unwrap()
}

fn receipt() -> Receipt {
    let head = *Head::start(&room())
        .next(1, b"first")
        .next(2, b"second")
        .as_bytes();
    Receipt {
        room: room(),
        seq: 2,
        epoch: 1,
        head,
        time: 1_700_000_000_001,
    }
}

fn profile() -> RoomProfile {
    let (name, topic) = ("Garden".to_owned(), "What grows".to_owned());
    RoomProfile {
        room: room(),
        version: 3,
        name,
        topic,
        time: 1_700_000_000_002,
        author: phone(),
    }
}

fn signed_profile() -> SignedRoomProfile {
    SignedRoomProfile::sign(&device(), profile()).unwrap()
}

fn session() -> SessionProof {
    let domain = Provider::parse("a.example").unwrap();
    SessionProof {
        domain,
        client: phone(),
        nonce: [8; 32],
        expires_at: 1_700_000_060_000,
    }
}

fn recovery_proof() -> RecoveryProof {
    let domain = Provider::parse("a.example").unwrap();
    RecoveryProof {
        domain,
        user: alice(),
        nonce: [8; 32],
        expires_at: 1_700_000_060_000,
    }
}

/// The hub signs another second entry as well.
fn contradiction() -> Receipt {
    let head = *Head::start(&signed_record().room_uri())
        .next(1, b"first")
        .next(2, b"another")
        .as_bytes();
    Receipt { head, ..told() }
}

/// A receipt of the record's room.
fn told() -> Receipt {
    let room = signed_record().room_uri();
    let head = *Head::start(&room)
        .next(1, b"first")
        .next(2, b"second")
        .as_bytes();
    Receipt {
        room,
        head,
        ..receipt()
    }
}

fn evidence() -> Evidence {
    let signed = [told(), contradiction()].map(|one| SignedReceipt::sign(&server(), one));
    Evidence::new(signed_record(), signed).unwrap()
}
