#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::codec::{DecodeError, MAX_LENGTH};
use crate::samples::{self, cat};

/// One good encoding of many kinds, to mutate.
fn good() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        samples::application().prop_map(MlsMessage::into_bytes),
        samples::commit().prop_map(MlsMessage::into_bytes),
        samples::proposal().prop_map(MlsMessage::into_bytes),
        samples::welcome().prop_map(Welcome::into_bytes),
        samples::group_info().prop_map(GroupInfo::into_bytes),
        samples::key_package().prop_map(KeyPackage::into_bytes),
        samples::ratchet_tree().prop_map(RatchetTree::into_bytes),
        samples::application()
            .prop_map(|message| FanoutMessage::write_application(1, &message, None)),
        (samples::room(), samples::bytes(60)).prop_map(|(room, entry)| ServerFrame::write_log(
            &room,
            1,
            &[entry],
            b"receipt"
        )),
        (samples::room(), any::<u64>()).prop_map(|(room, first_seq)| {
            ServerFrame::Expired { room, first_seq }.encode().unwrap()
        }),
        samples::client().prop_map(|uri| encode(&uri).unwrap()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_are_refused_or_canonical(bytes in vec(any::<u8>(), 0..600)) {
        prop_assert!(is_canonical(&bytes));
    }

    #[test]
    fn small_bytes_reach_deeper(bytes in vec(0_u8..6, 0..200)) {
        prop_assert!(is_canonical(&bytes));
    }

    #[test]
    fn mutated_bytes_are_refused_or_canonical(
        mut bytes in good(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for (position, value) in flips {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        prop_assert!(is_canonical(&bytes));
        prop_assert!(is_canonical(&bytes[..cut.index(bytes.len())]));
    }
}

#[test]
fn a_huge_claim_anywhere_is_refused() {
    // The largest length there is, put at each place of something good, with three bytes behind it.
    let claim = [0xbf, 0xff, 0xff, 0xff, 1, 2, 3];
    let good = samples::plain_application(b"group", 1, b"ciphertext").into_bytes();
    for at in 0..good.len() {
        assert!(is_canonical(&cat(&[&good[..at], &claim])));
    }
    // Where lengths stand: of the group, the authenticated data, the sender data, the ciphertext.
    for at in [4, 19, 23, 35] {
        let refused = decode::<MlsMessage>(&cat(&[&good[..at], &claim]));
        assert!(
            matches!(refused, Err(DecodeError::TooLong { found, .. }) if found > MAX_LENGTH),
            "{at}"
        );
    }
}
