//! Successions: what proves that one key follows another, and what does not.

use std::collections::BTreeSet;

use super::*;

fn rotation(old: &UserIdentityKey, new: &UserIdentityKey, version: u64) -> Succession {
    let new = new.public();
    Succession::by_uik(SignedUikRotation::by_uik(old, &alice(), &new, version))
}

fn recovered(by: &RecoveryKey, version: u64, previous: &SignedDeviceList) -> Succession {
    let (old, new) = (uik().public(), new_uik().public());
    let rotation = SignedUikRotation::by_recovery(by, &alice(), &old, &new, version);
    Succession::by_recovery(rotation, previous)
}

#[test]
fn the_old_key_or_the_recovery_key_proves_a_succession() {
    for succession in [by_uik(), by_recovery()] {
        assert_eq!(succession.verify(&alice()), Ok(()));
        assert_eq!(*succession.old(), uik().public());
        assert_eq!(*succession.leads_to(), new_uik().public());
        let read = Succession::decode(succession.as_bytes());
        assert_eq!(read.as_ref(), Ok(&succession));
    }
}

#[test]
fn the_recovery_key_counts_only_as_the_list_before_names_it() {
    let expected = recovered(&recovery(), 2, &signed_first());
    assert_eq!(expected.verify(&alice()), Ok(()), "negative control");
    let stranger = recovered(&new_recovery(), 2, &signed_first());
    assert_eq!(
        stranger.verify(&alice()),
        Err(SuccessionError::BadSignature)
    );
    // A list of the thief's own making names the recovery key he has, but the old key has not
    // signed it.
    let forged = DeviceList {
        uik: third_uik().public(),
        recovery: new_recovery().public(),
        ..first()
    };
    let forged = SignedDeviceList::sign(&third_uik(), forged).unwrap();
    let forged = recovered(&new_recovery(), 2, &forged);
    assert_eq!(forged.verify(&alice()), Err(SuccessionError::Unlinked));
    // Not the list before, but one of another time.
    let later = recovered(&recovery(), 3, &signed_first());
    assert_eq!(later.verify(&alice()), Err(SuccessionError::Unlinked));
}

#[test]
fn a_list_stands_in_it_exactly_if_the_recovery_key_signed() {
    let by_uik = SignedUikRotation::by_uik(&uik(), &alice(), &new_uik().public(), 2);
    let with_list = Succession::by_recovery(by_uik, &signed_first());
    assert_eq!(
        with_list.verify(&alice()),
        Err(SuccessionError::ListPresence)
    );
    let without = Succession::by_uik(rotated().uik_rotation().unwrap().clone());
    assert_eq!(without.verify(&alice()), Err(SuccessionError::ListPresence));
}

#[test]
fn it_is_one_users() {
    let bob = UserUri::parse("bob@a.example").unwrap();
    for succession in [by_uik(), by_recovery()] {
        assert_eq!(succession.verify(&bob), Err(SuccessionError::OtherUser));
    }
    let of_bob = DeviceList {
        user: bob,
        devices: Vec::new(),
        ..first()
    };
    let of_bob = SignedDeviceList::sign(&uik(), of_bob).unwrap();
    let mixed = recovered(&recovery(), 2, &of_bob);
    assert_eq!(mixed.verify(&alice()), Err(SuccessionError::OtherUser));
}

#[test]
fn an_unreadable_list_is_refused() {
    let mut bytes = by_recovery().as_bytes().to_vec();
    // A byte of the list's signature, which stands before its two absent rotations.
    *bytes.get_mut(240).unwrap() ^= 1;
    let read = Succession::decode(&bytes).unwrap();
    assert!(matches!(
        read.verify(&alice()),
        Err(SuccessionError::PreviousList(_))
    ));
}

#[test]
fn successions_form_a_chain() {
    let chain = chain();
    assert_eq!(chain.verify(&alice()), Ok(()));
    assert_eq!(*chain.old(), new_uik().public());
    assert_eq!(*chain.leads_to(), third_uik().public());
    let succeeded: Vec<_> = chain.succeeded().copied().collect();
    assert_eq!(succeeded, [uik().public(), new_uik().public()]);
    assert_eq!(Succession::decode(chain.as_bytes()), Ok(chain));

    let elsewhere = rotation(&uik(), &third_uik(), 3);
    assert_eq!(by_uik().extend(&elsewhere), Err(SuccessionError::Unlinked));
    // Put together by hand, it does not verify.
    let torn = [by_uik().as_bytes(), elsewhere.as_bytes()].concat();
    let torn = Succession::decode(&torn).unwrap();
    assert_eq!(torn.verify(&alice()), Err(SuccessionError::Unlinked));
}

#[test]
fn a_chain_neither_returns_nor_goes_back() {
    let back = by_uik().extend(&rotation(&new_uik(), &uik(), 3)).unwrap();
    assert_eq!(back.verify(&alice()), Err(SuccessionError::Unlinked));
    let to_itself = rotation(&uik(), &uik(), 2);
    assert_eq!(to_itself.verify(&alice()), Err(SuccessionError::Unlinked));
    let same_version = rotation(&new_uik(), &third_uik(), 2);
    let same_version = by_uik().extend(&same_version).unwrap();
    assert_eq!(
        same_version.verify(&alice()),
        Err(SuccessionError::Unlinked)
    );
}

#[test]
fn only_the_part_that_is_needed_is_shown() {
    let since = |keys: &[PublicKey]| chain().since(&keys.iter().copied().collect::<BTreeSet<_>>());
    let (first, second, third) = (uik().public(), new_uik().public(), third_uik().public());
    assert_eq!(since(&[first, second, third]), Some(chain()));
    assert_eq!(since(&[first]), Some(chain()));
    let part = since(&[second]).unwrap();
    assert_eq!(part, rotation(&new_uik(), &third_uik(), 3));
    assert_eq!(part.verify(&alice()), Ok(()));
    assert_eq!(since(&[third]), None);
    assert_eq!(since(&[]), None);
}

#[test]
fn a_chain_is_bounded_and_forgets_its_oldest_links() {
    let keys: Vec<UserIdentityKey> = (100..112)
        .map(|seed| UserIdentityKey::from_seed([seed; 32]))
        .collect();
    let rotations: Vec<Succession> = keys
        .windows(2)
        .zip(2..)
        .map(|(pair, version)| rotation(pair.first().unwrap(), pair.last().unwrap(), version))
        .collect();
    let long = rotations
        .iter()
        .skip(1)
        .fold(rotations.first().unwrap().clone(), |chain, next| {
            chain.extend(next).unwrap()
        });
    assert_eq!(long.verify(&alice()), Ok(()));
    assert_eq!(long.succeeded().count(), MAX_SUCCESSION_LINKS);
    assert_eq!(*long.leads_to(), keys.last().unwrap().public());
    let all: Vec<u8> = rotations
        .iter()
        .flat_map(|one| one.as_bytes().to_vec())
        .collect();
    assert_eq!(Succession::decode(&all), Err(SuccessionError::TooLong));
    assert!(matches!(
        Succession::decode(&[]),
        Err(SuccessionError::Malformed(_))
    ));
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
