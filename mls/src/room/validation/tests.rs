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

fn verdict(
    leaf: &ValidLeaf,
    pinned: Option<&Person>,
    list: Option<&SignedDeviceList>,
) -> Subjective {
    let list = list.map(SignedDeviceList::list);
    let known = pinned.map(|person| Known {
        identity: person.identity(),
        list,
    });
    subjective(leaf, known.as_ref())
}

fn leaf(person: &Person, device: u8) -> ValidLeaf {
    objective(&person.leaf(device)).unwrap()
}

/// The first device of a person, beside one of the same person later on.
fn left_behind(person: &Person, later: &Person) -> ValidLeaf {
    ValidLeaf {
        left_behind_by: Some(Box::new(later.identity().clone())),
        ..leaf(person, 1)
    }
}

#[test]
fn what_is_known_decides() {
    let known = list(&mia(), 1, &[1], None);
    let judge = |device: u8, pinned: bool, list: Option<&SignedDeviceList>| {
        verdict(&leaf(&mia(), device), pinned.then_some(&mia()), list)
    };
    assert_eq!(judge(1, true, Some(&known)), Subjective::Fine);
    assert_eq!(judge(1, false, None), Subjective::Unverified);
    assert_eq!(judge(1, true, None), Subjective::Unverified);
    let revoked = list(&mia(), 2, &[1], Some(5));
    assert_eq!(judge(1, true, Some(&revoked)), Subjective::Revoked);
    assert_eq!(judge(2, true, Some(&known)), Subjective::UnknownDevice);
    let other = list(&Person::new("rita", 4), 1, &[1], None);
    assert_eq!(judge(1, true, Some(&other)), Subjective::Unverified);

    let mut newer = leaf(&mia(), 2);
    newer.list_version = 2;
    let judge = |leaf: &ValidLeaf, list| verdict(leaf, Some(&mia()), Some(list));
    assert_eq!(judge(&newer, &known), Subjective::Stale);
    newer.client = mia().client(1);
    for list in [&known, &revoked] {
        assert_eq!(
            judge(&newer, list),
            Subjective::UnknownDevice,
            "a listed client with another key"
        );
    }
}

#[test]
fn an_identity_that_nothing_ties_to_the_known_one_is_a_change() {
    let known = list(&mia(), 1, &[1], None);
    for stranger in [
        mia().impostor(),
        mia().impostor().rotated(1),
        mia().impostor().with_next_recovery(1),
    ] {
        let own = list(&stranger, 1, &[1], None);
        for list in [None, Some(&known), Some(&own)] {
            let shown = verdict(&leaf(&stranger, 1), Some(&mia()), list);
            assert_eq!(shown, Subjective::Changed);
            // The room shows another as the user, beside a device that is known.
            let beside = left_behind(&mia(), &stranger);
            assert_eq!(verdict(&beside, Some(&mia()), list), Subjective::Changed);
        }
        let fine = verdict(&leaf(&stranger, 1), Some(&stranger), Some(&own));
        assert_eq!(fine, Subjective::Fine, "negative control");
    }
    // Two next recovery keys from one.
    let (one, other) = (mia().with_next_recovery(1), mia().with_next_recovery(2));
    let of_one = list(&one, 2, &[1], None);
    for (pinned, list) in [(&one, None), (&mia(), Some(&of_one))] {
        let forked = verdict(&leaf(&other, 1), Some(pinned), list);
        assert_eq!(forked, Subjective::Changed);
    }
}

#[test]
fn a_later_identity_than_the_lists_asks_for_the_newest_list() {
    let known = list(&mia(), 9, &[1], None);
    for later in [
        mia().rotated(1),
        mia().rotated(3),
        mia().with_next_recovery(1),
    ] {
        let newest = list(&later, 1, &[1], None);
        for pinned in [&mia(), &later] {
            let judge = |list| verdict(&leaf(&later, 1), Some(pinned), list);
            assert_eq!(judge(Some(&known)), Subjective::Stale);
            assert_eq!(judge(Some(&newest)), Subjective::Fine, "negative control");
            assert_eq!(judge(None), Subjective::Unverified);
        }
    }
}

#[test]
fn an_earlier_identity_than_the_known_one_needs_something_that_speaks_for_it() {
    for later in [
        mia().rotated(1),
        mia().rotated(3),
        mia().with_next_recovery(1),
    ] {
        // A thief writes what he likes into a leaf; it counts under the newest identity only.
        let alone = ValidLeaf {
            list_version: 100,
            ..leaf(&mia(), 1)
        };
        let beside = left_behind(&mia(), &later);
        let named = list(&later, 2, &[1], None);
        let revoked = list(&later, 2, &[1], Some(2));
        let dropped = list(&later, 2, &[2], None);
        for leaf in [&alone, &beside] {
            for pinned in [&mia(), &later] {
                for (list, expected) in [
                    (&named, Subjective::Laggard),
                    (&revoked, Subjective::Revoked),
                    (&dropped, Subjective::UnknownDevice),
                ] {
                    assert_eq!(verdict(leaf, Some(pinned), Some(list)), expected);
                }
            }
        }
        // The list of the older identity says nothing any more, and none is at hand.
        let older = list(&mia(), 9, &[1], None);
        for list in [None, Some(&older)] {
            let outdated = verdict(&alone, Some(&later), list);
            assert_eq!(outdated, Subjective::Outdated);
            let laggard = verdict(&beside, Some(&later), list);
            assert_eq!(laggard, Subjective::Laggard);
            assert_eq!(verdict(&beside, Some(&mia()), list), Subjective::Laggard);
        }
    }
}

#[test]
fn only_a_known_or_new_contact_may_be_sent_to() {
    for (verdict, may_send) in [
        (Subjective::Fine, true),
        (Subjective::Laggard, true),
        (Subjective::Unverified, true),
        (Subjective::Outdated, false),
        (Subjective::Stale, false),
        (Subjective::Revoked, false),
        (Subjective::UnknownDevice, false),
        (Subjective::Changed, false),
    ] {
        assert_eq!(verdict.may_send(), may_send, "{verdict}");
    }
}
