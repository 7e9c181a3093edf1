//! Two devices and whoever sits between them.

#![expect(clippy::unwrap_used, reason = "tests")]

use grove_wire::codec;
use grove_wire::uri::{RoomUri, UserUri};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::newcomer::Reveal;
use super::*;
use crate::identity::{
    DeviceKey, DeviceList, Identity, ListedDevice, PublicKey, RecoveryKey, SignedDeviceList,
    UserIdentityKey,
};

mod golden;
mod refused;

pub(super) const NEWCOMERS_KEY: [u8; 32] = [5; 32];

pub(super) fn alice() -> UserUri {
    UserUri::parse("alice@a.example").unwrap()
}

pub(super) fn phone() -> ClientUri {
    ClientUri::new(&alice(), [1; 16])
}

pub(super) fn laptop() -> ClientUri {
    ClientUri::new(&alice(), [2; 16])
}

fn mallory() -> ClientUri {
    ClientUri::new(&UserUri::parse("mallory@a.example").unwrap(), [2; 16])
}

fn key() -> PublicKey {
    DeviceKey::from_seed(NEWCOMERS_KEY).public()
}

fn keys() -> (Identity, UserIdentityKey) {
    Identity::begin(&RecoveryKey::from_seed([2; 32]), &alice())
}

fn newcomer() -> Newcomer {
    let name = "laptop".to_owned();
    Newcomer::begin(alice(), [7; 16], 600_000, laptop(), key(), name).unwrap()
}

fn listed(client: ClientUri, seed: [u8; 32]) -> ListedDevice {
    ListedDevice {
        client,
        signature_key: DeviceKey::from_seed(seed).public(),
        added: 1,
        revoked: None,
    }
}

fn list(change: impl FnOnce(&mut DeviceList)) -> Vec<u8> {
    let mut list = DeviceList {
        user: alice(),
        version: 2,
        prev_hash: Some([0; 32]),
        identity: keys().0,
        devices: vec![listed(phone(), [3; 32]), listed(laptop(), NEWCOMERS_KEY)],
        not_after: 1,
    };
    change(&mut list);
    SignedDeviceList::sign(&keys().1, list)
        .unwrap()
        .as_bytes()
        .to_vec()
}

fn package(offer: &LinkOffer) -> LinkPackage {
    LinkPackage {
        secret: offer.secret,
        uik: Zeroizing::new(*keys().1.seed()),
        device_list: list(|_| {}),
        account_room: RoomUri::new(&alice().provider(), &[9; 32]),
    }
}

/// Both sides after a reveal.
fn met() -> (Newcomer, Approver) {
    let newcomer = newcomer();
    let offer = LinkOffer::parse(&newcomer.offer().to_text()).unwrap();
    let mut approver = Approver::begin(offer, phone()).unwrap();
    approver.take_reveal(&newcomer.reveal()).unwrap();
    (newcomer, approver)
}

#[test]
fn two_devices_meet_compare_and_hand_over_the_keys() {
    let newcomer = newcomer();
    let text = newcomer.offer().to_text();
    let offer = LinkOffer::parse(&text.to_ascii_uppercase()).unwrap();
    assert_eq!(&offer, newcomer.offer());
    let mut approver = Approver::begin(offer, phone()).unwrap();
    let answer = approver.answer();
    let revealed = approver.take_reveal(&newcomer.reveal()).unwrap();
    assert_eq!(revealed.client, laptop());
    assert_eq!(revealed.device_key, key());
    assert_eq!(revealed.name, "laptop");

    let code = newcomer.code(&answer).unwrap();
    assert_eq!(approver.code().unwrap(), code);
    assert_eq!(Code::parse(&code.to_string()), Ok(code));
    let package = package(newcomer.offer());
    let sealed = approver.seal(&package).unwrap();
    assert!(newcomer.open(&answer, &sealed).unwrap() == package);
}

#[test]
fn an_altered_text_is_refused() {
    let newcomer = newcomer();
    let text = newcomer.offer().to_text();
    for place in 0..text.len() {
        let mut altered = text.clone().into_bytes();
        let byte = altered.get_mut(place).unwrap();
        *byte = if *byte == b'Q' { b'R' } else { b'Q' };
        let altered = String::from_utf8(altered).unwrap();
        assert!(LinkOffer::parse(&altered).is_err(), "character {place}");
        assert!(LinkOffer::parse(text.get(..place).unwrap()).is_err());
    }
    assert_eq!(
        LinkOffer::parse("alice@a.example"),
        Err(LinkTextError::NotALink)
    );
    let damaged = text.get(..text.len() - 8).unwrap();
    assert_eq!(LinkOffer::parse(damaged), Err(LinkTextError::Damaged));
    let (start, end) = text.split_at(100);
    let wrapped = format!("  {start}\n  {end}\n").to_lowercase();
    assert_eq!(LinkOffer::parse(&wrapped).as_ref(), Ok(newcomer.offer()));
}

#[test]
fn codes_are_six_digits() {
    let code = Code::parse(" 012 345 ").unwrap();
    assert_eq!(code.to_string(), "012 345");
    assert_eq!(Code::parse("012345"), Ok(code));
    assert_ne!(Code::parse("012346"), Ok(code));
    for wrong in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６"] {
        assert_eq!(Code::parse(wrong), Err(CodeError), "{wrong}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,200}") {
        let (newcomer, mut approver) = met();
        prop_assert!(approver.take_reveal(&bytes).is_err());
        prop_assert!(newcomer.open(&approver.answer(), &bytes).is_err());
        drop(newcomer.code(&bytes));
        drop(newcomer.open(&bytes, &bytes));
        prop_assert!(LinkOffer::parse(&text).is_err());
        let encoded = data_encoding::BASE32_NOPAD.encode(&bytes);
        let text = format!("grove-link:{encoded}");
        prop_assert!(LinkOffer::parse(&text).is_err());
    }
}
