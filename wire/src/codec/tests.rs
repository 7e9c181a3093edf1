#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Read;

use proptest::prelude::*;
use tls_codec::{Deserialize, Serialize, Size, TlsDeserialize, TlsSerialize, TlsSize};

use super::*;

#[test]
fn lengths_have_one_form_each() {
    // RFC 9420, section 2.1.2: 1, 2 or 4 bytes, as few as will do.
    let cases: [(usize, &[u8]); 6] = [
        (0, &[0x00]),
        (63, &[0x3f]),
        (64, &[0x40, 0x40]),
        (16_383, &[0x7f, 0xff]),
        (16_384, &[0x80, 0x00, 0x40, 0x00]),
        (MAX_LENGTH, &[0xbf, 0xff, 0xff, 0xff]),
    ];
    for (length, bytes) in cases {
        let mut written = Vec::new();
        write_length(&mut written, length).unwrap();
        assert_eq!(written, bytes);
        assert_eq!(read_length(&mut &*bytes).unwrap(), length);
    }
    let too_long = write_length(&mut Vec::new(), MAX_LENGTH + 1).map_err(EncodeError::from);
    assert_eq!(
        too_long,
        Err(EncodeError::TooLong {
            limit: MAX_LENGTH,
            found: MAX_LENGTH + 1
        })
    );
}

#[test]
fn longer_lengths_than_needed_are_refused() {
    for bytes in [
        &[0x40, 0x00][..],
        &[0x40, 0x3f],
        &[0x80, 0, 0, 0],
        &[0x80, 0, 0x3f, 0xff],
    ] {
        assert_eq!(
            read_length(&mut &*bytes).map_err(DecodeError::from),
            Err(DecodeError::NotMinimal)
        );
    }
    let eight_bytes = [0xc0, 0, 0, 0, 0, 0, 0, 1];
    assert!(matches!(
        read_length(&mut &eight_bytes[..]).map_err(DecodeError::from),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // 2^30 - 1 bytes claimed, three there.
    let bytes = [0xbf, 0xff, 0xff, 0xff, 1, 2, 3];
    assert_eq!(
        decode::<Opaque<1000>>(&bytes),
        Err(DecodeError::TooLong {
            limit: 1000,
            found: MAX_LENGTH
        })
    );
    let mut out = Vec::new();
    assert_eq!(
        read_into(&mut &bytes[4..], MAX_LENGTH, &mut out),
        Err(tls_codec::Error::EndOfStream)
    );
    assert!(out.capacity() < 1024, "{} bytes for three", out.capacity());
    assert_eq!(
        decode::<Opaque<{ usize::MAX }>>(&bytes),
        Err(DecodeError::Truncated)
    );
    assert_eq!(
        decode::<List<u64, { usize::MAX }>>(&bytes),
        Err(DecodeError::Truncated)
    );
}

#[test]
fn bounds_hold_both_ways() {
    assert!(Opaque::<3>::new(vec![0; 3]).is_ok());
    assert_eq!(
        Opaque::<3>::new(vec![0; 4]),
        Err(EncodeError::TooLong { limit: 3, found: 4 })
    );
    assert_eq!(
        decode::<Opaque<3>>(&[4, 0, 0, 0, 0]),
        Err(DecodeError::TooLong { limit: 3, found: 4 })
    );
    assert_eq!(
        decode::<List<u16, 3>>(&[4, 0, 0, 0, 0]),
        Err(DecodeError::TooLong { limit: 3, found: 4 })
    );
    assert_eq!(
        encode(&List::<u16, 3>::from(vec![1, 2])),
        Err(EncodeError::TooLong { limit: 3, found: 4 })
    );
}

#[test]
fn trailing_and_missing_bytes_are_refused() {
    assert_eq!(decode::<u16>(&[0, 1, 2, 3]), Err(DecodeError::Trailing(2)));
    assert_eq!(decode::<Opaque<9>>(&[1]), Err(DecodeError::Truncated));
    assert_eq!(decode::<Opaque<9>>(&[]), Err(DecodeError::Truncated));
    // An element that ends behind its list.
    assert_eq!(
        decode::<List<u16, 9>>(&[3, 0, 1, 0, 1]),
        Err(DecodeError::Truncated)
    );
}

#[test]
fn presence_and_flags_are_zero_or_one() {
    assert_eq!(decode::<Option<u8>>(&[0]), Ok(None));
    assert_eq!(decode::<Option<u8>>(&[1, 7]), Ok(Some(7)));
    assert!(matches!(
        decode::<Option<u8>>(&[2, 7]),
        Err(DecodeError::Malformed(_))
    ));
    assert_eq!(flag::tls_deserialize(&mut &[1_u8][..]), Ok(true));
    let other = flag::tls_deserialize(&mut &[2_u8][..]).map_err(DecodeError::from);
    assert_eq!(other, Err(DecodeError::unknown("flag", 2_u8)));
}

#[derive(Debug, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
struct Empty;

#[test]
fn an_element_without_bytes_does_not_loop() {
    assert!(matches!(
        decode::<List<Empty, 9>>(&[1, 0]),
        Err(DecodeError::Malformed(_))
    ));
    assert!(matches!(
        decode_all::<Empty>(&[1]),
        Err(DecodeError::Malformed(_))
    ));
}

#[test]
fn text_is_utf8() {
    let read = |bytes: &[u8]| Text::<8>::tls_deserialize(&mut &*bytes).map_err(DecodeError::from);
    assert_eq!(read(&[2, 0xc3, 0xa9]).unwrap(), "é");
    assert!(matches!(read(&[1, 0xff]), Err(DecodeError::Malformed(_))));
    assert_eq!(
        read(&[9, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        Err(DecodeError::TooLong { limit: 8, found: 9 })
    );
    assert!(Text::<2>::tls_serialize("abc", &mut Vec::new()).is_err());
}

#[test]
fn errors_survive_their_way_through_tls_codec() {
    for error in [
        DecodeError::malformed("here"),
        DecodeError::NotMinimal,
        DecodeError::TooLong { limit: 7, found: 9 },
        DecodeError::Truncated,
        DecodeError::unknown("proposal type", 77_u16),
    ] {
        assert_eq!(
            DecodeError::from(tls_codec::Error::from(error.clone())),
            error
        );
    }
    for error in [
        EncodeError::Malformed("here".to_owned()),
        EncodeError::TooLong { limit: 7, found: 9 },
    ] {
        assert_eq!(
            EncodeError::from(tls_codec::Error::from(error.clone())),
            error
        );
    }
}

/// Gives one byte at a time, as a socket may.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(buffer.get_mut(..length).unwrap_or_default())
    }
}

proptest! {
    #[test]
    fn opaque_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..20_000)) {
        let value = Opaque::<20_000>::new(bytes).unwrap();
        let encoded = encode(&value).unwrap();
        prop_assert_eq!(encoded.len(), value.tls_serialized_len());
        prop_assert_eq!(Opaque::tls_deserialize(&mut Slow(&encoded)).unwrap(), value.clone());
        prop_assert_eq!(decode::<Opaque<20_000>>(&encoded).unwrap(), value);
    }

    #[test]
    fn lists_round_trip(items in proptest::collection::vec(any::<u64>(), 0..100)) {
        let value = List::<u64, 800>::from(items);
        let encoded = encode(&value).unwrap();
        prop_assert_eq!(encoded.len(), value.tls_serialized_len());
        prop_assert_eq!(decode::<List<u64, 800>>(&encoded).unwrap(), value.clone());
        let counted = count(&value);
        prop_assert_eq!(counted, encoded.len());
        prop_assert_eq!(value.tls_serialize(&mut Vec::new()).unwrap(), encoded.len());
    }

    #[test]
    fn every_accepted_length_is_the_shortest(bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
        let mut rest = &*bytes;
        if let Ok(length) = read_length(&mut rest) {
            let mut again = Vec::new();
            write_length(&mut again, length).unwrap();
            prop_assert_eq!(again.len() + rest.len(), bytes.len());
        }
    }
}
