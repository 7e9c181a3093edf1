//! Each fault of a leaf has its name, and what a client knows decides between showing and refusing.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::identity::{IdentityError, ListedDevice, SignedDeviceList};
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
        identity: person.identity().clone(),
        devices: devices.iter().map(device).collect(),
        not_after: 1_000,
    };
    SignedDeviceList::sign(person.uik_key(), list).unwrap()
}

#[test]
fn a_good_leaf_says_who_it_is() {
    let leaf = objective(&mia().leaf(1)).unwrap();
    assert_eq!((leaf.client, leaf.user), (mia().client(1), mia().user));
    assert_eq!(leaf.key, mia().device(1).public());
    assert_eq!(leaf.identity, *mia().identity());
    assert_eq!((leaf.list_version, leaf.not_after), (1, 1_000));
    assert_eq!(leaf.left_behind_by, None);
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
    let version = IdentityViolation::from(DeviceCredentialError::Version(1));
    assert_eq!(objective(&bad), Err(version));
    let bad = LeafFacts {
        device_credential: Some(vec![2, 3, 4]),
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
    let shared = LeafFacts {
        signature_key: mia().identity().uik().as_bytes().to_vec(),
        ..good()
    };
    let refused = IdentityViolation::from(DeviceCredentialError::SharedKey);
    assert_eq!(objective(&shared), Err(refused));
    // An identity is certified for its user, by the recovery key.
    let uncertified = Err(IdentityViolation::Credential(
        DeviceCredentialError::Identity(IdentityError::BadSignature),
    ));
    let renamed = LeafFacts {
        identity: Person::new("alice", 7).leaf(1).identity,
        ..good()
    };
    assert_eq!(objective(&renamed), uncertified);
    assert_eq!(objective(&mia().forged().leaf(1)), uncertified);
}

#[test]
fn an_expired_leaf_is_still_valid() {
    let facts = LeafFacts {
        not_after_lifetime: Some(0),
        ..mia().leaf(1)
    };
    assert!(objective(&facts).is_ok());
}

fn verdict(leaf: &ValidLeaf, pin: Option<&Pin>, list: Option<&SignedDeviceList>) -> Subjective {
    let list = list.map(SignedDeviceList::list);
    subjective(leaf, &Known { pin, list })
}

#[test]
fn what_is_known_decides() {
    let judge =
        |person: &Person, device: u8, pin: Option<&Pin>, list: Option<&SignedDeviceList>| {
            verdict(&objective(&person.leaf(device)).unwrap(), pin, list)
        };
    let known = list(&mia(), 1, &[1], None);
    let pin = Pin::of(&known);

    assert_eq!(judge(&mia(), 1, Some(&pin), Some(&known)), Subjective::Fine);
    assert_eq!(judge(&mia(), 1, None, None), Subjective::Unverified);
    assert_eq!(judge(&mia(), 1, None, Some(&known)), Subjective::Unverified);
    assert_eq!(judge(&mia(), 1, Some(&pin), None), Subjective::Stale);
    let revoked = list(&mia(), 2, &[1], Some(5));
    assert_eq!(
        judge(&mia(), 1, Some(&pin), Some(&revoked)),
        Subjective::Revoked
    );
    assert_eq!(
        judge(&mia(), 1, None, Some(&revoked)),
        Subjective::Revoked,
        "first contact excuses nothing"
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
    assert_eq!(judge(&mia(), 1, None, Some(&other)), Subjective::Unverified);

    let mut newer = objective(&mia().leaf(2)).unwrap();
    newer.list_version = 2;
    assert_eq!(verdict(&newer, Some(&pin), Some(&known)), Subjective::Stale);
    newer.client = mia().client(1);
    for list in [&known, &revoked] {
        assert_eq!(
            verdict(&newer, Some(&pin), Some(list)),
            Subjective::UnknownDevice,
            "a listed client with another key"
        );
    }
}

#[test]
fn an_identity_that_nothing_ties_to_the_known_one_is_a_change() {
    let known = list(&mia(), 1, &[1], None);
    let pin = Pin::of(&known);
    let (one, other) = (mia().with_next_recovery(1), mia().with_next_recovery(2));
    let of_one = list(&one, 2, &[1], None);
    for stranger in [
        mia().impostor(),
        mia().impostor().rotated(1),
        mia().impostor().with_next_recovery(1),
    ] {
        let leaf = objective(&stranger.leaf(1)).unwrap();
        let own = list(&stranger, 1, &[1], None);
        for (pin, list) in [
            (Some(&pin), None),
            (Some(&pin), Some(&known)),
            (Some(&pin), Some(&own)),
            (None, Some(&known)),
        ] {
            assert_eq!(verdict(&leaf, pin, list), Subjective::Changed);
        }
        let own_pin = Pin::of(&own);
        let fine = verdict(&leaf, Some(&own_pin), Some(&own));
        assert_eq!(fine, Subjective::Fine, "negative control");
        // The room shows another as the user, beside a device that is known.
        let beside = ValidLeaf {
            left_behind_by: Some(Box::new(stranger.identity().clone())),
            ..objective(&mia().leaf(1)).unwrap()
        };
        let shown = verdict(&beside, Some(&pin), Some(&known));
        assert_eq!(shown, Subjective::Changed);
    }
    // Two next recovery keys from one.
    let leaf = objective(&other.leaf(1)).unwrap();
    let forked = verdict(&leaf, Some(&Pin::of(&of_one)), None);
    assert_eq!(forked, Subjective::Changed);
    assert_eq!(verdict(&leaf, None, Some(&of_one)), Subjective::Changed);
    assert_eq!(verdict(&leaf, Some(&pin), None), Subjective::Stale);
}

#[test]
fn a_later_identity_than_the_lists_asks_for_the_newest_list() {
    let known = list(&mia(), 9, &[1], None);
    let pin = Pin::of(&known);
    for later in [
        mia().rotated(1),
        mia().rotated(3),
        mia().with_next_recovery(1),
    ] {
        let leaf = objective(&later.leaf(1)).unwrap();
        let stale = verdict(&leaf, Some(&pin), Some(&known));
        assert_eq!(stale, Subjective::Stale);
        assert_eq!(verdict(&leaf, None, Some(&known)), Subjective::Stale);
        let newest = list(&later, 1, &[1], None);
        let fine = verdict(&leaf, Some(&pin), Some(&newest));
        assert_eq!(fine, Subjective::Fine, "negative control");
        // Another leaf in the room shows it.
        let behind = ValidLeaf {
            left_behind_by: Some(Box::new(later.identity().clone())),
            ..objective(&mia().leaf(1)).unwrap()
        };
        let stale = verdict(&behind, Some(&pin), Some(&known));
        assert_eq!(stale, Subjective::Stale);
    }
}

#[test]
fn an_earlier_identity_than_the_lists_is_judged_by_the_lists_word_on_the_device() {
    for later in [
        mia().rotated(1),
        mia().rotated(3),
        mia().with_next_recovery(1),
    ] {
        let named = list(&later, 2, &[1], None);
        let revoked = list(&later, 2, &[1], Some(2));
        let dropped = list(&later, 2, &[2], None);
        let old = Pin::of(&list(&mia(), 1, &[1], None));
        let new = Pin::of(&named);
        for left_behind_by in [None, Some(Box::new(later.identity().clone()))] {
            let leaf = ValidLeaf {
                left_behind_by,
                // A thief writes what he likes here; it counts under the newest identity only.
                list_version: 100,
                ..objective(&mia().leaf(1)).unwrap()
            };
            for pin in [None, Some(&old), Some(&new)] {
                for (list, expected) in [
                    (&named, Subjective::Laggard),
                    (&revoked, Subjective::Revoked),
                    (&dropped, Subjective::UnknownDevice),
                ] {
                    assert_eq!(verdict(&leaf, pin, Some(list)), expected);
                }
            }
            assert_eq!(verdict(&leaf, Some(&new), None), Subjective::Stale);
        }
    }
}

#[test]
fn only_a_known_or_new_contact_may_be_sent_to() {
    for (verdict, may_send) in [
        (Subjective::Fine, true),
        (Subjective::Laggard, true),
        (Subjective::Unverified, true),
        (Subjective::Stale, false),
        (Subjective::Revoked, false),
        (Subjective::UnknownDevice, false),
        (Subjective::Changed, false),
    ] {
        assert_eq!(verdict.may_send(), may_send, "{verdict}");
    }
}
