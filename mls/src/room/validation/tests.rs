//! Each fault of a leaf has its name, and what a client knows decides between showing and refusing.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::identity::{ListedDevice, SignedDeviceList};
use crate::room::testing::Person;

fn mia() -> Person {
    Person::new("mia", 3)
}

fn list(person: &Person, version: u64, devices: &[u8], revoked: Option<u64>) -> SignedDeviceList {
    let device = |number: &u8| ListedDevice {
        client: person.client(*number),
        signature_key: person.device(*number).public(),
        added: 1,
        revoked,
    };
    let list = DeviceList {
        user: person.user.clone(),
        version,
        prev_hash: (version > 1).then_some([0; 32]),
        uik: person.uik(),
        recovery: PublicKey::from_bytes([9; 32]),
        devices: devices.iter().map(device).collect(),
        not_after: 1_000,
    };
    SignedDeviceList::sign(person.uik_key(), list).unwrap()
}

#[test]
fn a_good_leaf_says_who_it_is() {
    let leaf = objective(&mia().leaf(1)).unwrap();
    assert_eq!((leaf.client, leaf.user), (mia().client(1), mia().user));
    assert_eq!(
        (leaf.key, leaf.uik),
        (mia().device(1).public(), mia().uik())
    );
    assert_eq!((leaf.list_version, leaf.not_after), (1, 1_000));
}

#[test]
fn every_fault_of_a_leaf_has_its_name() {
    let good = || mia().leaf(1);
    let identity = |text: &str| LeafFacts {
        identity: text.as_bytes().to_vec(),
        ..good()
    };
    for bad in [
        identity("mimi://a.example/u/mia"),
        identity(""),
        identity(&mia().client(1).as_str().replace("a.example", "A.example")),
        LeafFacts {
            identity: vec![0xff],
            ..good()
        },
    ] {
        assert_eq!(objective(&bad), Err(IdentityViolation::Identity));
    }
    let bad = LeafFacts {
        signature_key: vec![4; 65],
        ..good()
    };
    assert_eq!(objective(&bad), Err(IdentityViolation::LeafKey));
    let bad = LeafFacts {
        device_credential: None,
        ..good()
    };
    assert_eq!(objective(&bad), Err(IdentityViolation::MissingCredential));
    let bad = LeafFacts {
        device_credential: Some(vec![1, 2, 3]),
        ..good()
    };
    assert!(matches!(
        objective(&bad),
        Err(IdentityViolation::Credential(
            DeviceCredentialError::Malformed(_)
        ))
    ));
    let unsigned = Err(IdentityViolation::Credential(
        DeviceCredentialError::BadSignature,
    ));
    // Another device's credential, another key, another user's name: each is somebody else's
    // signature.
    let borrowed = LeafFacts {
        device_credential: mia().leaf(2).device_credential,
        ..good()
    };
    assert_eq!(objective(&borrowed), unsigned);
    let swapped = LeafFacts {
        signature_key: mia().leaf(2).signature_key,
        ..good()
    };
    assert_eq!(objective(&swapped), unsigned);
    let renamed = LeafFacts {
        identity: Person::new("alice", 7).leaf(1).identity,
        ..good()
    };
    assert_eq!(objective(&renamed), unsigned);
}

#[test]
fn an_expired_leaf_is_still_valid() {
    let facts = LeafFacts {
        not_after_lifetime: Some(0),
        ..mia().leaf(1)
    };
    assert!(objective(&facts).is_ok());
}

#[test]
fn what_is_known_decides() {
    let judge =
        |person: &Person, device: u8, pin: Option<&Pin>, list: Option<&SignedDeviceList>| {
            let leaf = objective(&person.leaf(device)).unwrap();
            subjective(
                &leaf,
                &Known {
                    pin,
                    list: list.map(SignedDeviceList::list),
                },
            )
        };
    let known = list(&mia(), 1, &[1], None);
    let pin = Pin::of(&known);
    let impostor = mia().impostor();
    let changed = Subjective::Changed {
        pinned: mia().uik(),
        found: impostor.uik(),
    };

    assert_eq!(judge(&mia(), 1, Some(&pin), Some(&known)), Subjective::Fine);
    assert_eq!(judge(&mia(), 1, None, None), Subjective::Unverified);
    assert_eq!(judge(&mia(), 1, None, Some(&known)), Subjective::Unverified);
    assert_eq!(judge(&mia(), 1, Some(&pin), None), Subjective::Stale);
    assert_eq!(judge(&impostor, 1, Some(&pin), Some(&known)), changed);
    assert_eq!(
        judge(
            &impostor,
            1,
            Some(&pin),
            Some(&list(&impostor, 1, &[1], None))
        ),
        changed
    );
    assert_eq!(judge(&impostor, 1, None, Some(&known)), changed);
    let revoked = list(&mia(), 2, &[1], Some(5));
    assert_eq!(
        judge(&mia(), 1, Some(&pin), Some(&revoked)),
        Subjective::Revoked
    );
    assert_eq!(
        judge(&mia(), 2, Some(&pin), Some(&known)),
        Subjective::UnknownDevice
    );
    let other = list(&Person::new("rita", 4), 1, &[1], None);
    assert_eq!(
        judge(&mia(), 1, Some(&pin), Some(&other)),
        Subjective::Stale
    );

    let mut newer = objective(&mia().leaf(2)).unwrap();
    newer.list_version = 2;
    let verdict = subjective(
        &newer,
        &Known {
            pin: Some(&pin),
            list: Some(known.list()),
        },
    );
    assert_eq!(verdict, Subjective::Stale);
    newer.client = mia().client(1);
    let verdict = subjective(
        &newer,
        &Known {
            pin: Some(&pin),
            list: Some(known.list()),
        },
    );
    assert_eq!(
        verdict,
        Subjective::UnknownDevice,
        "a listed client with another key"
    );
}

#[test]
fn a_superseded_leaf_is_judged_by_the_key_that_succeeded_its_own() {
    let (old, new) = (mia(), mia().rotated(1));
    let judge = |superseded_by, revoked| {
        let known = list(&new, 2, &[1], revoked);
        let leaf = ValidLeaf {
            superseded_by,
            ..objective(&old.leaf(1)).unwrap()
        };
        subjective(
            &leaf,
            &Known {
                pin: Some(&Pin::of(&known)),
                list: Some(known.list()),
            },
        )
    };
    assert_eq!(judge(Some(new.uik()), None), Subjective::Fine);
    assert_eq!(judge(Some(new.uik()), Some(2)), Subjective::Revoked);
    // The control: nothing in the room shows that the key was succeeded.
    let changed = Subjective::Changed {
        pinned: new.uik(),
        found: old.uik(),
    };
    assert_eq!(judge(None, None), changed);
    let stranger = old.impostor().uik();
    let changed = Subjective::Changed {
        pinned: new.uik(),
        found: stranger,
    };
    assert_eq!(judge(Some(stranger), None), changed);
}

#[test]
fn only_a_known_or_new_contact_may_be_sent_to() {
    let key = mia().uik();
    for (verdict, may_send) in [
        (Subjective::Fine, true),
        (Subjective::Unverified, true),
        (Subjective::Stale, false),
        (Subjective::Revoked, false),
        (Subjective::UnknownDevice, false),
        (
            Subjective::Changed {
                pinned: key,
                found: key,
            },
            false,
        ),
    ] {
        assert_eq!(verdict.may_send(), may_send, "{verdict}");
    }
}
