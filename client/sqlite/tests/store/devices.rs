//! What came with several devices: names, sightings, losses, notes; and a profile of the version
//! before, which keeps what it has.

use std::path::Path;

use grove_core::message::{MessageKind, MessageStatus};
use grove_core::store::{
    ContentKind, Listing, Lost, LostCause, Room, RoomState, Sighting, Store, StoreError,
    StoredMessage,
};
use grove_sqlite::{Key, SqliteStore};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};
use zeroize::Zeroizing;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &Key::Raw(Zeroizing::new([7; 32]))).unwrap()
}

fn user(name: &str) -> UserUri {
    UserUri::parse(&format!("{name}@a.example")).unwrap()
}

fn client(name: &str) -> ClientUri {
    ClientUri::new(&user(name), [1; 16])
}

fn room_uri() -> RoomUri {
    RoomUri::new(&Provider::parse("a.example").unwrap(), &[3; 32])
}

fn message(sender: &str, counter: u64, seq: Option<u64>) -> StoredMessage {
    StoredMessage {
        number: 0,
        room: room_uri(),
        seq,
        id: None,
        client: client(sender),
        counter,
        salt: [0; 16],
        time: 1000,
        kind: ContentKind::Shown(MessageKind::Text),
        text: "hello".to_owned(),
        in_reply_to: None,
        replaces: None,
        edited: false,
        deleted: false,
        status: MessageStatus::Received,
        failure: None,
        witnessed: true,
        trust: None,
        payload: None,
    }
}

#[test]
fn every_loss_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let by = Some(client("mallory"));
    let causes = [
        LostCause::Expired,
        LostCause::Poisoned(by),
        LostCause::Poisoned(None),
        LostCause::State,
    ];
    let losses = causes.into_iter().map(|cause| {
        Some(Lost {
            seq: 0,
            epoch: 1,
            time: 2,
            noticed: 3,
            cause,
        })
    });
    for lost in losses.chain([None]) {
        let room = Room {
            lost,
            read_up_to: 9,
            draft: "as I was saying".to_owned(),
            ..Room::new(room_uri(), RoomState::Joined, 5)
        };
        let read = store.transaction(|tx| {
            tx.put_room(&room)?;
            tx.find_room(&room_uri())
        });
        assert_eq!(read.unwrap(), Some(room));
    }
}

#[test]
fn a_device_has_one_name_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let (phone, laptop) = (client("alice"), ClientUri::new(&user("alice"), [2; 16]));
    let names = store.transaction(|tx| {
        tx.put_device_name(&phone, "telephone")?;
        tx.put_device_name(&laptop, "laptop")?;
        tx.put_device_name(&phone, "phone")?;
        tx.put_device_name(&laptop, "")?;
        tx.list_device_names()
    });
    assert_eq!(names.unwrap(), [(phone, "phone".to_owned())]);
}

#[test]
fn sightings_of_the_newest_epochs_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let sighting = |epoch| Sighting {
        epoch,
        seq: epoch + 1,
        head: [4; 32],
        authenticator: [5; 32],
    };
    let epochs = store.transaction(|tx| {
        for epoch in 1..=20 {
            tx.put_sighting(&room_uri(), &sighting(epoch))?;
        }
        let seen = tx.list_sightings(&room_uri())?;
        assert_eq!(seen.first(), Some(&sighting(20)));
        Ok::<_, StoreError>(seen.into_iter().map(|one| one.epoch).collect::<Vec<_>>())
    });
    assert_eq!(epochs.unwrap(), (5..=20).rev().collect::<Vec<_>>());
}

#[test]
fn records_go_by_their_beginning_and_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let keys = [
        b"room/a/tree".as_slice(),
        b"room/a",
        b"room/b",
        b"room/",
        b"key",
    ];
    let left = store.transaction(|tx| {
        for key in keys {
            tx.put_record(key, Some(b"value"))?;
        }
        tx.remove_records(b"room/a")?;
        let mut left = Vec::new();
        for key in keys {
            left.extend(tx.find_record(key)?.map(|_| key));
        }
        Ok::<_, StoreError>(left)
    });
    assert_eq!(left.unwrap(), [b"room/b".as_slice(), b"room/", b"key"]);
    let all = store.transaction(|tx| {
        tx.remove_records(b"")?;
        tx.find_record(b"key")
    });
    assert_eq!(all.unwrap(), None);
}

#[test]
fn what_others_said_since_is_unread() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let reaction = StoredMessage {
        kind: ContentKind::Shown(MessageKind::Reaction),
        ..message("bob", 3, Some(6))
    };
    let taken_back = StoredMessage {
        deleted: true,
        ..message("bob", 4, Some(7))
    };
    let counted = store.transaction(|tx| {
        tx.add_message(&message("bob", 1, Some(4)))?;
        tx.add_message(&message("bob", 2, Some(5)))?;
        tx.add_message(&reaction)?;
        tx.add_message(&taken_back)?;
        tx.add_message(&message("carol", 1, Some(8)))?;
        tx.add_message(&message("alice", 1, Some(9)))?;
        let count = |after| tx.count_unread(&room_uri(), after, &user("alice"));
        Ok::<_, StoreError>([count(0)?, count(4)?, count(5)?, count(8)?])
    });
    assert_eq!(counted.unwrap(), [3, 2, 1, 0]);
}

#[test]
fn a_place_in_the_log_is_taken_by_what_is_never_shown_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let note = StoredMessage {
        kind: ContentKind::AccountNote,
        payload: Some(vec![1, 2]),
        ..message("alice", 2, Some(5))
    };
    let taken = store.transaction(|tx| {
        tx.add_message(&message("alice", 1, None))?;
        let number = tx.add_message(&note)?;
        assert_eq!(tx.find_message(number)?.unwrap().payload, note.payload);
        assert_eq!(tx.count_messages(MessageStatus::Received)?, 1);
        let newest = Listing {
            limit: 10,
            before: None,
        };
        assert_eq!(tx.list_messages(&room_uri(), newest)?.len(), 1);
        let other = RoomUri::new(&Provider::parse("a.example").unwrap(), &[4; 32]);
        Ok::<_, StoreError>([
            tx.find_message_at(&room_uri(), 4)?
                .map(|message| message.counter),
            tx.find_message_at(&room_uri(), 5)?
                .map(|message| message.counter),
            tx.find_message_at(&other, 5)?
                .map(|message| message.counter),
        ])
    });
    assert_eq!(taken.unwrap(), [None, Some(2), None]);
}

#[test]
fn a_profile_of_the_version_before_keeps_what_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let literal = format!("x'{}'", "07".repeat(32));
    connection.pragma_update(None, "key", literal).unwrap();
    connection
        .execute_batch(include_str!("../../migrations/0001_profile.sql"))
        .unwrap();
    connection
        .execute(
            "INSERT INTO messages VALUES (41, ?1, 5, NULL, ?2, 1, zeroblob(16), 1000, 'text', 'kept', NULL, NULL, \
             0, 0, 'received', NULL)",
            [room_uri().as_str(), client("bob").as_str()],
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO rooms VALUES (?1, 'joined', 'Garden', '', NULL, 0, 3, 5, NULL, NULL, 1, 0, 7, 0, NULL, NULL, \
             NULL)",
            [room_uri().as_str()],
        )
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    let mut store = open(&path);
    let kept = store.transaction(|tx| {
        let message = tx.find_message(41)?.unwrap();
        let next = tx.add_message(&StoredMessage {
            kind: ContentKind::AccountNote,
            ..following(&message)
        })?;
        Ok::<_, StoreError>((message, next, tx.find_room(&room_uri())?.unwrap()))
    });
    let (message, next, room) = kept.unwrap();
    assert_eq!((message.text.as_str(), message.payload), ("kept", None));
    assert_eq!(next, 42, "no number is given twice");
    assert_eq!(
        room,
        Room {
            name: "Garden".to_owned(),
            epoch: 3,
            seq: 5,
            ..Room::new(room_uri(), RoomState::Joined, 7)
        }
    );
}

/// The message after this one.
fn following(message: &StoredMessage) -> StoredMessage {
    StoredMessage {
        counter: message.counter + 1,
        seq: Some(6),
        ..message.clone()
    }
}
