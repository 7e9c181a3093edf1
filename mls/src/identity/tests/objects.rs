//! What each object binds, and which contradictions are refused.

use data_encoding::HEXLOWER;

use super::*;

#[test]
fn a_session_proof_binds_every_field() {
    let signature = session().sign(&device());
    let verify = |proof: SessionProof| proof.verify(&device().public(), &signature);
    assert_eq!(verify(session()), Ok(()));
    assert!(
        verify(SessionProof {
            domain: Provider::parse("b.example").unwrap(),
            ..session()
        })
        .is_err()
    );
    assert!(
        verify(SessionProof {
            client: laptop(),
            ..session()
        })
        .is_err()
    );
    assert!(
        verify(SessionProof {
            nonce: [0; 32],
            ..session()
        })
        .is_err()
    );
    assert!(
        verify(SessionProof {
            expires_at: 0,
            ..session()
        })
        .is_err()
    );
    assert!(session().verify(&uik().public(), &signature).is_err());
}

#[test]
fn a_credential_belongs_to_one_leaf() {
    let read = DeviceCredential::decode(&credential().to_bytes()).unwrap();
    assert_eq!(read.to_bytes().len(), 218);
    assert_eq!(read.verify(&phone(), &device().public()), Ok(()));
    assert!(read.verify(&laptop(), &device().public()).is_err());
    assert_eq!(
        read.verify(&phone(), &uik().public()),
        Err(DeviceCredentialError::SharedKey)
    );
    let mut older = read.to_bytes();
    *older.first_mut().unwrap() = 1;
    assert_eq!(
        DeviceCredential::decode(&older),
        Err(DeviceCredentialError::Version(1))
    );
    // The key that signs is the one that the identity in it certifies.
    let (identity, _) = renewed();
    let key = device().public();
    let foreign = DeviceCredential::issue(&uik(), &identity, &phone(), &key, 1, 1);
    assert_eq!(
        foreign.verify(&phone(), &key),
        Err(DeviceCredentialError::BadSignature)
    );
    let namesake = ClientUri::new(&UserUri::parse("alice@b.example").unwrap(), [1; 16]);
    assert!(read.verify(&namesake, &device().public()).is_err());
}

#[test]
fn signatures_hold_for_one_label_only() {
    let key = device();
    let signature = key.0.sign(Label::Session, b"bytes");
    assert_eq!(
        verify(&key.public(), Label::Session, b"bytes", &signature),
        Ok(())
    );
    assert_eq!(
        verify(&key.public(), Label::RoomProfile, b"bytes", &signature),
        Err(BadSignature)
    );
    assert_eq!(
        verify_with_label(&key.public(), "Session", b"bytes", &signature),
        Err(BadSignature)
    );
    let mls = key.sign_with_label("LeafNodeTBS", b"bytes");
    assert_eq!(
        verify_with_label(&key.public(), "LeafNodeTBS", b"bytes", &mls),
        Ok(())
    );
    assert_eq!(
        verify_with_label(&key.public(), "GroupInfoTBS", b"bytes", &mls),
        Err(BadSignature)
    );
}

#[test]
fn a_small_order_key_verifies_nothing() {
    // The identity point: without strict verification it accepts a signature over any message.
    let mut point = [0; 32];
    *point.first_mut().unwrap() = 1;
    let signature = [point, [0; 32]].concat();
    assert_eq!(
        verify(
            &PublicKey::from_bytes(point),
            Label::Session,
            b"anything",
            &signature
        ),
        Err(BadSignature)
    );
    let lax = ed25519_dalek::VerifyingKey::from_bytes(&point).unwrap();
    let parsed = ed25519_dalek::Signature::from_slice(&signature).unwrap();
    let accepts = ed25519_dalek::Verifier::verify(&lax, b"anything", &parsed).is_ok();
    assert!(
        accepts,
        "negative control: the usual verification accepts it"
    );
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let sign = |record| SignedCreationRecord::sign(&device(), record).unwrap_err();
    assert_eq!(
        sign(CreationRecord {
            version: 2,
            ..record()
        }),
        RecordError::Version(2)
    );
    let hub = Provider::parse("b.example").unwrap();
    assert_eq!(
        sign(CreationRecord { hub, ..record() }),
        RecordError::ForeignCreator
    );
    assert_eq!(
        sign(CreationRecord {
            device_key: uik().public(),
            ..record()
        }),
        RecordError::BadSignature
    );
    let other = SignedCreationRecord::sign(
        &device(),
        CreationRecord {
            nonce: [7; 32],
            ..record()
        },
    )
    .unwrap();
    assert_ne!(other.room_uri(), signed_record().room_uri());
}

#[test]
fn two_receipts_for_one_place_contradict() {
    let one = receipt();
    assert!(!one.contradicts(&Receipt {
        time: 0,
        ..one.clone()
    }));
    assert!(!one.contradicts(&Receipt {
        seq: 3,
        head: [0; 32],
        ..one.clone()
    }));
    assert!(one.contradicts(&Receipt {
        head: [0; 32],
        ..one.clone()
    }));
    assert!(one.contradicts(&Receipt {
        epoch: 2,
        ..one.clone()
    }));
    let forged = SignedReceipt::sign(&ServerKey::from_seed([5; 32]), one);
    assert_eq!(
        forged.verify(&server().public()),
        Err(ReceiptError::BadSignature)
    );
}

#[test]
fn of_two_profiles_one_counts_for_everybody() {
    let sign = |profile| SignedRoomProfile::sign(&device(), profile).unwrap();
    let (old, new) = (
        sign(profile()),
        sign(RoomProfile {
            version: 4,
            ..profile()
        }),
    );
    assert!(new.supersedes(&old) && !old.supersedes(&new) && !old.supersedes(&old));
    let twin = sign(RoomProfile {
        name: "Yard".to_owned(),
        ..profile()
    });
    assert_ne!(twin.supersedes(&old), old.supersedes(&twin));
    let long = RoomProfile {
        name: "x".repeat(MAX_ROOM_NAME_BYTES + 1),
        ..profile()
    };
    assert_eq!(
        SignedRoomProfile::sign(&device(), long),
        Err(ProfileError::NameTooLong)
    );
    let long = RoomProfile {
        topic: "x".repeat(MAX_ROOM_TOPIC_BYTES + 1),
        ..profile()
    };
    assert_eq!(
        SignedRoomProfile::sign(&device(), long),
        Err(ProfileError::TopicTooLong)
    );
}

#[test]
fn recovery_words_are_the_key() {
    // A known value of BIP-39: 32 zero bytes.
    let zero = RecoveryKey::from_seed([0; 32]);
    let expected = format!("{}art", "abandon ".repeat(23));
    assert_eq!(zero.words().as_str(), expected);
    let words = recovery().words();
    let shouted = words.to_uppercase().replace(' ', "\n  ");
    assert_eq!(
        RecoveryKey::from_words(&shouted).unwrap().seed(),
        recovery().seed()
    );
    let error = |words: &str| RecoveryKey::from_words(words).unwrap_err();
    assert_eq!(error("abandon abandon"), WordsError::Count);
    assert_eq!(error(&"abandon ".repeat(24)), WordsError::Checksum);
    assert_eq!(
        error(&format!("abandon grooove {}", "abandon ".repeat(22))),
        WordsError::UnknownWord(2)
    );
}

#[test]
fn secrets_are_not_printed() {
    let secret = HEXLOWER.encode(&[3; 4]);
    for text in [
        format!("{:?}", device()),
        format!("{:?}", uik()),
        format!("{:?}", recovery()),
        format!("{:?}", server()),
    ] {
        assert!(text.contains("key:") && !text.contains(&secret), "{text}");
    }
}

#[test]
fn a_recovery_proof_is_for_one_server_one_user_and_one_nonce() {
    let signature = recovery_proof().sign(&recovery());
    let accepted = |proof: RecoveryProof| proof.verify(&recovery().public(), &signature).is_ok();
    assert!(accepted(recovery_proof()), "negative control");
    let others = [
        RecoveryProof {
            domain: Provider::parse("b.example").unwrap(),
            ..recovery_proof()
        },
        RecoveryProof {
            user: UserUri::parse("bob@a.example").unwrap(),
            ..recovery_proof()
        },
        RecoveryProof {
            nonce: [9; 32],
            ..recovery_proof()
        },
        RecoveryProof {
            expires_at: 0,
            ..recovery_proof()
        },
    ];
    for other in others {
        assert!(!accepted(other));
    }
}

#[test]
fn an_account_room_is_known_by_its_record() {
    let with = |nonce| SignedCreationRecord::sign(&device(), CreationRecord { nonce, ..record() });
    assert!(is_account_room(
        &with(account_room_nonce(&alice())).unwrap()
    ));
    assert!(!is_account_room(&signed_record()));
    let bob = UserUri::parse("bob@a.example").unwrap();
    assert!(!is_account_room(&with(account_room_nonce(&bob)).unwrap()));
}
