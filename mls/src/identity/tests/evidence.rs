//! What proves that a hub lied, and what does not.

use super::*;

fn refused(record: SignedCreationRecord, receipts: [Receipt; 2], by: &ServerKey) -> EvidenceError {
    let signed = receipts.map(|one| SignedReceipt::sign(by, one));
    Evidence::new(record, signed).unwrap_err()
}

#[test]
fn two_contents_for_one_place_are_a_proof_in_either_order() {
    let proof = evidence();
    assert_eq!(Evidence::decode(&proof.to_bytes()), Ok(proof.clone()));
    let [one, other] = proof.receipts().clone();
    assert!(Evidence::new(signed_record(), [other, one]).is_ok());
    // Of two epochs for one entry as well.
    let moved = Receipt { epoch: 9, ..told() };
    let signed = [told(), moved].map(|one| SignedReceipt::sign(&server(), one));
    assert!(Evidence::new(signed_record(), signed).is_ok());
}

#[test]
fn what_an_honest_hub_signs_proves_nothing() {
    let record = signed_record;
    let agree = |other| refused(record(), [told(), other], &server());
    assert_eq!(agree(told()), EvidenceError::Agree);
    let later = Receipt { time: 1, ..told() };
    assert_eq!(agree(later), EvidenceError::Agree);
    let next = Receipt {
        seq: 3,
        ..contradiction()
    };
    assert_eq!(agree(next), EvidenceError::Agree);
}

#[test]
fn a_proof_is_of_the_records_room_and_hub() {
    let elsewhere = Receipt {
        room: room(),
        ..contradiction()
    };
    let other_room = refused(signed_record(), [told(), elsewhere], &server());
    assert_eq!(other_room, EvidenceError::OtherRoom);
    let stranger = ServerKey::from_seed([5; 32]);
    let forged = refused(signed_record(), [told(), contradiction()], &stranger);
    assert_eq!(forged, ReceiptError::BadSignature.into());
    // Somebody makes a record that names a key of their own: that is another room.
    let named = CreationRecord {
        hub_key: stranger.public(),
        ..record()
    };
    let named = SignedCreationRecord::sign(&device(), named).unwrap();
    let forged = refused(named, [told(), contradiction()], &stranger);
    assert_eq!(forged, EvidenceError::OtherRoom);
    let mut bytes = evidence().to_bytes();
    *bytes.first_mut().unwrap() = 2;
    assert_eq!(Evidence::decode(&bytes), Err(EvidenceError::Version(2)));
}

/// Whoever has no key of a server can name it in a record nevertheless, with a key of their own.
#[test]
fn what_somebody_makes_up_is_a_proof_against_their_own_key_alone() {
    let own = ServerKey::from_seed([5; 32]);
    let named = CreationRecord {
        hub_key: own.public(),
        ..record()
    };
    let hub = named.hub.clone();
    let named = SignedCreationRecord::sign(&device(), named).unwrap();
    let room = named.room_uri();
    let signed = [told(), contradiction()].map(|receipt| {
        let receipt = Receipt {
            room: room.clone(),
            ..receipt
        };
        SignedReceipt::sign(&own, receipt)
    });
    let made_up = Evidence::new(named, signed).unwrap();
    assert_eq!(made_up.record().record().hub, hub, "it says so");
    assert_eq!(*made_up.key(), own.public());
    assert_ne!(*made_up.key(), server().public());
    assert_eq!(*evidence().key(), server().public());
}
