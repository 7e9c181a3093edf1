//! What somebody between the two devices, or in place of one, does not get done.

use super::*;
use crate::linking::package::seal;
use crate::suite::Suite;

#[test]
fn an_offer_altered_on_purpose_gives_another_code_and_opens_nothing() {
    let newcomer = newcomer();
    let honest = newcomer.offer().clone();
    // Every field but the user, whose change ends the exchange, and the commitment, which the
    // reveal would not meet.
    let altered = [
        LinkOffer {
            link: [8; 16],
            ..honest.clone()
        },
        LinkOffer {
            expires_at: 1,
            ..honest.clone()
        },
        LinkOffer {
            secret: [8; 16],
            ..honest.clone()
        },
        LinkOffer {
            public_key: super::newcomer().offer().public_key.clone(),
            ..honest.clone()
        },
    ];
    for offer in altered {
        let mut approver = Approver::begin(offer.clone(), phone()).unwrap();
        approver.take_reveal(&newcomer.reveal()).unwrap();
        let answer = approver.answer();
        assert_ne!(approver.code().unwrap(), newcomer.code(&answer).unwrap());
        let sealed = approver.seal(&package(&offer)).unwrap();
        let opened = newcomer.open(&answer, &sealed);
        assert!(matches!(opened, Err(LinkError::Mls(_))));
    }
    let committed = LinkOffer {
        commitment: [8; 32],
        ..honest
    };
    let mut approver = Approver::begin(committed, phone()).unwrap();
    assert_eq!(
        approver.take_reveal(&newcomer.reveal()),
        Err(LinkError::Commitment)
    );
}

#[test]
fn what_was_not_committed_to_is_not_taken() {
    let newcomer = newcomer();
    let mut approver = Approver::begin(newcomer.offer().clone(), phone()).unwrap();
    let reveal = newcomer.reveal();
    for place in 0..reveal.len() {
        let mut altered = reveal.clone();
        *altered.get_mut(place).unwrap() ^= 1;
        assert_eq!(approver.take_reveal(&altered), Err(LinkError::Commitment));
    }
    let another = super::newcomer().reveal();
    assert_eq!(approver.take_reveal(&another), Err(LinkError::Commitment));
    assert!(approver.take_reveal(&reveal).is_ok(), "negative control");
}

#[test]
fn another_users_device_is_not_linked() {
    let name = "laptop".to_owned();
    let begun = Newcomer::begin(alice(), [7; 16], 1, mallory(), key(), name.clone());
    assert_eq!(begun.err(), Some(LinkError::OtherUser));
    let offer = newcomer().offer().clone();
    assert_eq!(
        Approver::begin(offer.clone(), mallory()).err(),
        Some(LinkError::OtherUser)
    );

    // Who makes the offer by another program commits to whom he likes.
    let reveal = Reveal {
        client: mallory(),
        device_key: key(),
        name,
        nonce: [0; 32],
    };
    let reveal = codec::encode(&reveal).unwrap();
    let offer = LinkOffer {
        commitment: commitment(&reveal),
        ..offer
    };
    let mut approver = Approver::begin(offer, phone()).unwrap();
    assert_eq!(approver.take_reveal(&reveal), Err(LinkError::OtherUser));

    let answer = Answer {
        sibling: mallory(),
        nonce: [0; 32],
    };
    let answer = codec::encode(&answer).unwrap();
    assert_eq!(newcomer().code(&answer), Err(LinkError::OtherUser));
}

#[test]
fn a_wrong_answer_gives_another_code_and_opens_nothing() {
    let (newcomer, approver) = met();
    let other = Approver::begin(newcomer.offer().clone(), phone()).unwrap();
    assert_ne!(newcomer.code(&other.answer()), approver.code());
    let sealed = approver.seal(&package(newcomer.offer())).unwrap();
    let opened = newcomer.open(&other.answer(), &sealed);
    assert!(matches!(opened, Err(LinkError::Mls(_))));
    assert!(
        newcomer.open(&approver.answer(), &sealed).is_ok(),
        "negative control"
    );
}

#[test]
fn a_package_of_another_exchange_does_not_open() {
    let (first, approver) = met();
    let (second, other) = met();
    let sealed = approver.seal(&package(first.offer())).unwrap();
    for answer in [approver.answer(), other.answer()] {
        assert!(matches!(
            second.open(&answer, &sealed),
            Err(LinkError::Mls(_))
        ));
    }
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(matches!(
        first.open(&approver.answer(), &altered),
        Err(LinkError::Mls(_))
    ));
}

#[test]
fn nothing_is_sealed_before_the_reveal() {
    let newcomer = newcomer();
    let mut approver = Approver::begin(newcomer.offer().clone(), phone()).unwrap();
    let package = package(newcomer.offer());
    assert_eq!(approver.seal(&package), Err(LinkError::NotRevealed));
    assert_eq!(approver.code(), Err(LinkError::NotRevealed));
    assert!(approver.take_reveal(&[]).is_err());
    assert_eq!(approver.seal(&package), Err(LinkError::NotRevealed));
    approver.take_reveal(&newcomer.reveal()).unwrap();
    assert!(approver.seal(&package).is_ok(), "negative control");
}

#[test]
fn nothing_is_sealed_to_what_is_no_key() {
    let newcomer = newcomer();
    for key in [vec![], vec![8_u8; 31], vec![8; 33], vec![0; 32]] {
        let offer = LinkOffer {
            public_key: codec::Opaque::new(key).unwrap(),
            ..newcomer.offer().clone()
        };
        let package = package(&offer);
        let mut approver = Approver::begin(offer, phone()).unwrap();
        approver.take_reveal(&newcomer.reveal()).unwrap();
        assert!(matches!(approver.seal(&package), Err(LinkError::Mls(_))));
    }
    let unknown = LinkOffer {
        suite: 3,
        ..newcomer.offer().clone()
    };
    assert_eq!(
        Approver::begin(unknown, phone()).err(),
        Some(LinkError::Suite(3))
    );
}

#[test]
fn who_does_not_know_the_secret_cannot_seal_for_the_newcomer() {
    let (newcomer, approver) = met();
    let stranger = LinkPackage {
        secret: [0; 16],
        ..package(newcomer.offer())
    };
    assert_eq!(approver.seal(&stranger), Err(LinkError::Secret));
    // Another program seals it all the same.
    let (offer, answer, reveal) = (
        newcomer.offer().to_bytes(),
        approver.answer(),
        newcomer.reveal(),
    );
    let exchange = Exchange {
        offer: &offer,
        answer: &answer,
        reveal: &reveal,
    };
    let suite = Suite::from_code(newcomer.offer().suite).unwrap();
    let key = &newcomer.offer().public_key;
    let sealed = seal(suite, key, &exchange, &stranger).unwrap();
    assert_eq!(newcomer.open(&answer, &sealed), Err(LinkError::Secret));
}

#[test]
fn a_package_that_does_not_make_a_device_is_refused_by_both() {
    let (newcomer, approver) = met();
    let right = package(newcomer.offer());
    let (offer, answer, reveal) = (
        newcomer.offer().to_bytes(),
        approver.answer(),
        newcomer.reveal(),
    );
    let exchange = Exchange {
        offer: &offer,
        answer: &answer,
        reveal: &reveal,
    };
    let suite = Suite::from_code(newcomer.offer().suite).unwrap();
    let with = |list| LinkPackage {
        device_list: list,
        ..right.clone()
    };
    let without_it = list(|list| drop(list.devices.pop()));
    let revoked = list(|list| {
        list.devices
            .iter_mut()
            .for_each(|one| one.revoked = Some(2));
    });
    let another_key = list(|list| {
        list.devices.pop();
        list.devices.push(listed(laptop(), [66; 32]));
    });
    let elsewhere = grove_wire::uri::Provider::parse("b.example").unwrap();
    let wrong = [
        (with(without_it), LinkError::Package),
        (with(revoked), LinkError::Package),
        (with(another_key), LinkError::Package),
        (
            LinkPackage {
                uik: Zeroizing::new([66; 32]),
                ..right.clone()
            },
            LinkError::Package,
        ),
        (
            LinkPackage {
                account_room: RoomUri::new(&elsewhere, &[9; 32]),
                ..right.clone()
            },
            LinkError::OtherUser,
        ),
    ];
    for (package, reason) in wrong {
        assert_eq!(approver.seal(&package), Err(reason.clone()));
        let key = &newcomer.offer().public_key;
        let sealed = seal(suite, key, &exchange, &package).unwrap();
        assert_eq!(newcomer.open(&answer, &sealed), Err(reason));
    }
    let unsigned = with(b"no list".to_vec());
    assert!(matches!(
        approver.seal(&unsigned),
        Err(LinkError::DeviceList(_))
    ));
}
