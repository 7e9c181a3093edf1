//! Notes between a user's own devices: their bytes, their bounds, and that they survive a message.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use grove_wire::limits::{MAX_ACCOUNT_NOTE_BYTES, MAX_DEVICE_NAME_BYTES};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use proptest::prelude::*;
use zeroize::Zeroizing;

use crate::content::{AccountNote, AccountNoteError, MimiContent, NotedPin, RoomSighting};
use crate::identity::{Identity, RecoveryKey};

/// One note per line, made by an implementation other than this one.
const GOLDEN: &str = include_str!("../account_notes.txt");

fn alice() -> UserUri {
    UserUri::parse("alice@a.example").unwrap()
}

fn room() -> RoomUri {
    RoomUri::new(&alice().provider(), &[9; 32])
}

fn sighting() -> RoomSighting {
    RoomSighting {
        room: room(),
        epoch: 3,
        seq: 17,
        head: [2; 32],
        authenticator: [3; 32],
    }
}

fn pin() -> NotedPin {
    NotedPin {
        user: alice(),
        identity: Identity::begin(&RecoveryKey::from_seed([2; 32]), &alice()).0,
        verified: true,
    }
}

fn notes() -> BTreeMap<&'static str, AccountNote> {
    let list = b"list".to_vec();
    BTreeMap::from([
        (
            "device_list",
            AccountNote::DeviceList { list: list.clone() },
        ),
        (
            "device_name",
            AccountNote::DeviceName {
                client: ClientUri::new(&alice(), [1; 16]),
                name: "phone".to_owned(),
            },
        ),
        (
            "draft",
            AccountNote::Draft {
                room: room(),
                text: "grüß".to_owned(),
            },
        ),
        (
            "new_uik",
            AccountNote::NewUik {
                seed: Zeroizing::new([1; 32]),
                list,
            },
        ),
        ("pins", AccountNote::Pins(vec![pin()])),
        ("read", AccountNote::Read(vec![(room(), 17)])),
        ("sightings", AccountNote::Sightings(vec![sighting()])),
    ])
}

#[test]
fn every_note_has_its_golden_bytes_and_survives_a_message() {
    let golden: BTreeMap<&str, &str> = GOLDEN
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let notes = notes();
    assert_eq!(golden.len(), notes.len());
    for (name, note) in &notes {
        let bytes = HEXLOWER.encode(&note.encode().unwrap());
        assert_eq!(golden.get(name).copied(), Some(bytes.as_str()), "{name}");
        let content = MimiContent::account_note([7; 16], &alice(), &room(), note).unwrap();
        let read = MimiContent::decode(&content.encode()).unwrap();
        assert_eq!(read.as_account_note().unwrap().as_ref(), Some(note));
        assert_eq!(read.as_text(), None);
        assert!(!format!("{note:?}").contains("list\""));
    }
    let text = MimiContent::text([7; 16], &alice(), &room(), "not a note");
    assert_eq!(text.as_account_note(), Ok(None));
}

#[test]
fn notes_are_bounded() {
    let sightings = |count| AccountNote::Sightings(vec![sighting(); count]);
    let fits = (1..10_000)
        .find(|count| sightings(*count).encode().is_err())
        .unwrap()
        - 1;
    assert!(fits > 200, "{fits}");
    let size = sightings(fits).encode().unwrap().len();
    assert!(size <= MAX_ACCOUNT_NOTE_BYTES && size + 200 > MAX_ACCOUNT_NOTE_BYTES);
    let long = AccountNote::DeviceName {
        client: ClientUri::new(&alice(), [1; 16]),
        name: "x".repeat(MAX_DEVICE_NAME_BYTES + 1),
    };
    assert_eq!(long.encode(), Err(AccountNoteError::TooLong));
    let too_long = vec![1; MAX_ACCOUNT_NOTE_BYTES + 1];
    assert_eq!(
        AccountNote::decode(&too_long),
        Err(AccountNoteError::TooLong)
    );
    for unknown in [&[0][..], &[8], &[]] {
        assert!(matches!(
            AccountNote::decode(unknown),
            Err(AccountNoteError::Malformed(_))
        ));
    }
}

/// A store has signed numbers of 64 bits: a higher one would make it fail, and with it every later
/// note.
#[test]
fn numbers_that_no_store_can_hold_are_refused() {
    let most = u64::try_from(i64::MAX).unwrap();
    let notes = |number| {
        let seen = |epoch, seq| RoomSighting {
            epoch,
            seq,
            ..sighting()
        };
        [
            AccountNote::Read(vec![(room(), 1), (room(), number)]),
            AccountNote::Sightings(vec![seen(1, number)]),
            AccountNote::Sightings(vec![sighting(), seen(number, 1)]),
        ]
    };
    for note in notes(most) {
        let bytes = note.encode().unwrap();
        assert_eq!(AccountNote::decode(&bytes), Ok(note), "the control");
    }
    for note in notes(most + 1) {
        let bytes = note.encode().unwrap();
        assert_eq!(AccountNote::decode(&bytes), Err(AccountNoteError::Range));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(kind in 0_u8..8, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [&[kind], bytes.as_slice()].concat();
        if let Ok(note) = AccountNote::decode(&bytes) {
            prop_assert_eq!(note.encode().unwrap(), bytes);
        }
    }
}
