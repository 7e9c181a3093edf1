//! Golden bytes of one exchange, made from fixed seeds by an implementation other than this one. A
//! change there is a change of the protocol: a new device and an old one of different versions
//! would not meet.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use grove_wire::codec::Opaque;

use super::*;

const GOLDEN: &str = include_str!("../vectors.txt");

fn exchange() -> (Newcomer, Approver) {
    let reveal = Reveal {
        client: laptop(),
        device_key: DeviceKey::from_seed(NEWCOMERS_KEY).public(),
        name: "laptop".to_owned(),
        nonce: [6; 32],
    };
    let offer = LinkOffer {
        user: alice(),
        link: [7; 16],
        suite: 1,
        public_key: Opaque::new(vec![8_u8; 32]).unwrap(),
        secret: [9; 16],
        commitment: [0; 32],
        expires_at: 1_700_000_600_000,
    };
    let newcomer = Newcomer::committed(offer, &reveal, Zeroizing::new(vec![0; 32])).unwrap();
    let offer = newcomer.offer().clone();
    let mut approver = Approver::answering(offer, phone(), [10; 32]).unwrap();
    approver.take_reveal(&newcomer.reveal()).unwrap();
    (newcomer, approver)
}

fn all() -> BTreeMap<&'static str, String> {
    let (newcomer, approver) = exchange();
    let (offer, answer, reveal) = (
        newcomer.offer().to_bytes(),
        approver.answer(),
        newcomer.reveal(),
    );
    let context = Exchange {
        offer: &offer,
        answer: &answer,
        reveal: &reveal,
    }
    .context();
    BTreeMap::from([
        ("answer", HEXLOWER.encode(&answer)),
        ("code", approver.code().unwrap().to_string()),
        ("context", HEXLOWER.encode(&context)),
        ("offer", newcomer.offer().to_text()),
        ("reveal", HEXLOWER.encode(&reveal)),
    ])
}

#[test]
fn an_exchange_has_its_golden_bytes() {
    let golden: BTreeMap<&str, &str> = GOLDEN
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let made = all();
    for (name, value) in &made {
        assert_eq!(golden.get(name).copied(), Some(value.as_str()), "{name}");
    }
    assert_eq!(golden.len(), made.len());
}
