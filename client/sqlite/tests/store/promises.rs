//! The store's promises: all or nothing, only with the key, and for two processes at once.

use std::path::Path;

use grove_core::Trust;
use grove_core::message::{MessageKind, MessageStatus};
use grove_core::store::{
    Account, AccountState, ContentKind, Listing, Outgoing, OutgoingKind, Pin, Room, RoomState,
    Seed, Stop, Store, StoreError, StoredMessage, WaitingWelcome,
};
use grove_sqlite::{Key, SqliteStore};
use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};
use zeroize::Zeroizing;

fn key(byte: u8) -> Key {
    Key::Raw(Zeroizing::new([byte; 32]))
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &key(7)).unwrap()
}

fn alice() -> UserUri {
    UserUri::parse("alice@a.example").unwrap()
}

fn room_uri() -> RoomUri {
    RoomUri::new(&Provider::parse("a.example").unwrap(), &[3; 32])
}

fn account() -> Account {
    Account {
        user: alice(),
        client: ClientUri::new(&alice(), [1; 16]),
        state: AccountState::Registering,
        uik: Seed::new([1; 32]),
        device: Seed::new([2; 32]),
        recovery: Some(Seed::new([3; 32])),
        device_list: vec![4; 100],
        credential: vec![5; 100],
        server_key: vec![6; 32],
        suites: vec![1, 2],
        token: Some("token".to_owned()),
        token_expires_at: 8,
        listened: 10,
        account_room: Some(room_uri()),
        rooms_checked: 12,
    }
}

fn message(counter: u64, seq: Option<u64>, text: &str) -> StoredMessage {
    StoredMessage {
        number: 0,
        room: room_uri(),
        seq,
        id: seq.map(|seq| [u8::try_from(seq).unwrap(); 32]),
        client: ClientUri::new(&alice(), [1; 16]),
        counter,
        salt: [0; 16],
        time: 1000 + counter,
        kind: ContentKind::Shown(MessageKind::Text),
        text: text.to_owned(),
        in_reply_to: None,
        replaces: Some([9; 32]),
        edited: false,
        deleted: false,
        status: if seq.is_some() {
            MessageStatus::Sent
        } else {
            MessageStatus::Queued
        },
        failure: None,
        witnessed: false,
        trust: Some(Trust::UnknownDevice),
        payload: None,
    }
}

#[test]
fn every_record_is_read_as_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let mut room = Room::new(room_uri(), RoomState::Joined, 5);
    room.name = "Garden".to_owned();
    room.head = Some([1; 32]);
    room.removals_since = Some(77);
    room.keys_in_doubt = true;
    room.profile_due = true;
    room.stop = Some(Stop::Fork { theirs: vec![1] });
    let outgoing = Outgoing {
        number: 0,
        room: room_uri(),
        kind: OutgoingKind::Application { message: 1 },
        epoch: 4,
        bytes: Some(vec![1, 2]),
        message_id: Some([4; 32]),
    };
    let pin = Pin {
        user: alice(),
        identity: vec![4],
        device_list: Some(vec![1]),
        rival: Some(vec![2]),
        disputed: true,
        verified: true,
        verified_by: Some(ClientUri::new(&alice(), [3; 16])),
        since: 3,
    };
    let welcome = WaitingWelcome {
        inbox_id: 2,
        room: room_uri(),
        seq: 3,
        epoch: 4,
        welcome: vec![5],
    };
    let number = open(&path)
        .transaction(|tx| {
            tx.put_account(&account())?;
            tx.put_room(&room)?;
            tx.put_head(&room_uri(), 5, &[5; 32])?;
            tx.put_pin(&pin)?;
            tx.put_welcome(&welcome)?;
            tx.add_message(&message(1, Some(1), "hello"))?;
            tx.put_record(b"key", Some(b"value"))?;
            tx.add_journal_line("{}")?;
            tx.add_outgoing(&outgoing)
        })
        .unwrap();
    open(&path)
        .transaction(|tx| {
            assert_eq!(tx.find_account()?, Some(account()));
            assert_eq!(tx.find_room(&room_uri())?, Some(room.clone()));
            assert_eq!(tx.list_rooms()?, [room]);
            assert_eq!(tx.find_head(&room_uri(), 5)?, Some([5; 32]));
            assert_eq!(tx.find_pin(&alice())?, Some(pin.clone()));
            let seen = Pin {
                device_list: None,
                rival: None,
                ..pin
            };
            tx.put_pin(&seen)?;
            assert_eq!(tx.find_pin(&alice())?, Some(seen.clone()));
            // Whom somebody compared come first, then the oldest.
            let named = |name: &str, verified, since| Pin {
                user: UserUri::parse(name).unwrap(),
                verified,
                since,
                ..seen.clone()
            };
            let old = named("old@a.example", false, 1);
            let older = named("z@a.example", false, 0);
            for pin in [&old, &older] {
                tx.put_pin(pin)?;
            }
            assert_eq!(tx.list_pins(9)?, [seen.clone(), older.clone(), old]);
            assert_eq!(tx.list_pins(2)?, [seen, older]);
            assert_eq!(tx.list_welcomes()?, [welcome]);
            let stored = StoredMessage {
                number: 1,
                ..message(1, Some(1), "hello")
            };
            assert_eq!(tx.find_message(1)?, Some(stored.clone()));
            assert_eq!(
                tx.find_message_by_id(&room_uri(), &[1; 32])?,
                Some(stored.clone())
            );
            assert_eq!(
                tx.find_message_by_counter(&room_uri(), &stored.client, 1)?,
                Some(stored)
            );
            assert_eq!(
                tx.find_record(b"key")?.as_deref(),
                Some(b"value".as_slice())
            );
            assert_eq!(tx.list_journal(0, 10)?, [(1, "{}".to_owned())]);
            let outgoing = Outgoing { number, ..outgoing };
            assert_eq!(
                tx.list_outgoing(&room_uri())?,
                std::slice::from_ref(&outgoing)
            );
            assert_eq!(tx.find_outgoing(number)?, Some(outgoing));
            tx.remove_outgoing(number)?;
            tx.remove_welcome(2)?;
            tx.put_record(b"key", None)?;
            tx.remove_journal(1)?;
            tx.remove_heads(&room_uri(), 6)?;
            assert_eq!(tx.find_outgoing(number)?, None);
            assert_eq!(tx.list_welcomes()?, []);
            assert_eq!(tx.find_record(b"key")?, None);
            assert_eq!(tx.list_journal(0, 10)?, []);
            assert_eq!(tx.find_head(&room_uri(), 5)?, None);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn a_failing_transaction_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let failed: Result<(), StoreError> = store.transaction(|tx| {
        tx.put_record(b"ratchet", Some(b"moved on"))?;
        tx.add_message(&message(1, Some(1), "plaintext"))?;
        Err(StoreError::Full)
    });
    assert_eq!(failed, Err(StoreError::Full));
    let kept = |tx: &mut dyn grove_core::Tx| {
        Ok::<_, StoreError>((
            tx.find_record(b"ratchet")?,
            tx.count_messages(MessageStatus::Sent)?,
        ))
    };
    assert_eq!(store.transaction(kept).unwrap(), (None, 0));
    // The control: the same without the failure leaves both.
    store
        .transaction(|tx| {
            tx.put_record(b"ratchet", Some(b"moved on"))?;
            tx.add_message(&message(1, Some(1), "plaintext"))
        })
        .unwrap();
    assert_eq!(
        store.transaction(kept).unwrap(),
        (Some(b"moved on".to_vec()), 1)
    );
}

#[test]
fn a_panic_in_a_transaction_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let mut store = open(&path);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.transaction(|tx| {
            tx.put_record(b"ratchet", Some(b"moved on"))?;
            assert!(tx.find_record(b"ratchet")?.is_none(), "the panic");
            Ok::<_, StoreError>(())
        })
    }));
    assert!(outcome.is_err());
    drop(store);
    let found = open(&path)
        .transaction(|tx| tx.find_record(b"ratchet"))
        .unwrap();
    assert_eq!(found, None);
}

#[test]
fn the_file_opens_with_its_key_only_and_shows_nothing_without() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let mut store = open(&path);
    store
        .transaction(|tx| tx.add_message(&message(1, Some(1), "a secret between us")))
        .unwrap();
    drop(store);
    assert_eq!(
        SqliteStore::open(&path, &key(8)).unwrap_err(),
        StoreError::WrongKey
    );
    let words = Key::Passphrase(Zeroizing::new("it's wrong".to_owned()));
    assert_eq!(
        SqliteStore::open(&path, &words).unwrap_err(),
        StoreError::WrongKey
    );
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let shows = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
        assert!(!shows(b"secret between"), "plaintext on the disk");
        assert!(!shows(b"SQLite format"), "not encrypted");
    }
    assert!(
        open(&path)
            .transaction(|tx| tx.find_message(1))
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_passphrase_opens_what_it_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let words = Key::Passphrase(Zeroizing::new(
        "it's \"quoted\"; DROP TABLE rooms".to_owned(),
    ));
    SqliteStore::open(&path, &words)
        .unwrap()
        .transaction(|tx| tx.put_record(b"a", Some(b"b")))
        .unwrap();
    let found = SqliteStore::open(&path, &words)
        .unwrap()
        .transaction(|tx| tx.find_record(b"a"))
        .unwrap();
    assert_eq!(found.as_deref(), Some(b"b".as_slice()));
}

#[test]
fn the_generation_changes_when_another_connection_wrote_and_only_then() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let (mut one, mut other) = (open(&path), open(&path));
    let before = one.generation().unwrap();
    one.transaction(|tx| tx.put_record(b"mine", Some(b"1")))
        .unwrap();
    assert_eq!(one.generation().unwrap(), before, "own writes do not count");
    other
        .transaction(|tx| tx.put_record(b"theirs", Some(b"1")))
        .unwrap();
    assert_ne!(one.generation().unwrap(), before);
    let inside = one.transaction(|tx| tx.generation()).unwrap();
    assert_eq!(inside, one.generation().unwrap());
}

#[test]
fn two_connections_take_turns() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    drop(open(&path));
    let count = |path: std::path::PathBuf| {
        std::thread::spawn(move || {
            let mut store = open(&path);
            // Few enough that whoever waits is served in time on a slow disk: SQLite's lock is not
            // fair.
            for _ in 0..15 {
                store
                    .transaction(|tx| {
                        let before = tx.find_record(b"count")?.map_or(0, |bytes| bytes.len());
                        tx.put_record(b"count", Some(&vec![0; before + 1]))
                    })
                    .unwrap();
            }
        })
    };
    let writers = [count(path.clone()), count(path.clone())];
    for writer in writers {
        writer.join().unwrap();
    }
    let counted = open(&path)
        .transaction(|tx| tx.find_record(b"count"))
        .unwrap();
    assert_eq!(counted.unwrap().len(), 30, "an update was lost");
}

#[test]
fn history_is_in_the_order_of_the_log_and_what_waits_comes_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    store
        .transaction(|tx| {
            tx.add_message(&message(1, None, "waits"))?;
            tx.add_message(&message(2, Some(9), "ninth"))?;
            tx.add_message(&message(3, Some(4), "fourth"))?;
            let profile = StoredMessage {
                kind: ContentKind::Profile,
                ..message(4, Some(5), "")
            };
            tx.add_message(&profile)
        })
        .unwrap();
    let mut texts = |limit, before| {
        let listed = store
            .transaction(|tx| tx.list_messages(&room_uri(), Listing { limit, before }))
            .unwrap();
        listed
            .into_iter()
            .map(|message| message.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(10, None), ["fourth", "ninth", "waits"]);
    assert_eq!(texts(2, None), ["ninth", "waits"]);
    assert_eq!(texts(10, Some(1)), ["fourth", "ninth"]);
    assert_eq!(texts(10, Some(2)), ["fourth"]);
}

#[test]
fn what_failed_stands_where_it_was_written() {
    use MessageStatus::{Failed, Queued, Received, Sent};

    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    let of = |status, number, seq, text: &str| StoredMessage {
        status,
        ..message(number, seq, text)
    };
    // As they were written here, or came here; `sent` waited until the others had spoken.
    let written = [
        of(Failed, 1, None, "failed at the start"),
        of(Received, 2, Some(3), "one"),
        of(Sent, 3, Some(4), "two"),
        of(Sent, 4, Some(9), "sent"),
        of(Failed, 5, None, "failed"),
        of(Failed, 6, None, "failed too"),
        of(Queued, 7, None, "waits"),
        of(Received, 8, Some(7), "three"),
        of(Received, 9, Some(8), "four"),
    ];
    let ordered = [
        "failed at the start",
        "one",
        "two",
        "failed",
        "failed too",
        "three",
        "four",
        "sent",
        "waits",
    ];
    let list = |store: &mut SqliteStore, limit, before| {
        let listing = Listing { limit, before };
        store
            .transaction(|tx| tx.list_messages(&room_uri(), listing))
            .unwrap()
    };
    for message in &written {
        store.transaction(|tx| tx.add_message(message)).unwrap();
    }
    // Whole, the newest few, and page by page.
    for limit in 1..=written.len() {
        let newest = list(&mut store, limit, None);
        let texts: Vec<_> = newest.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(
            texts,
            ordered.get(ordered.len() - limit..).unwrap(),
            "{limit}"
        );
        let (mut read, mut before) = (Vec::new(), None);
        loop {
            let page = list(&mut store, limit, before);
            let Some(first) = page.first() else { break };
            before = Some(first.number);
            read.splice(0..0, page.into_iter().map(|one| one.text));
        }
        assert_eq!(read, ordered, "{limit}");
    }
}

#[test]
fn a_counter_is_used_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(&directory.path().join("grove.db"));
    store
        .transaction(|tx| tx.add_message(&message(1, Some(1), "first")))
        .unwrap();
    assert!(
        store
            .transaction(|tx| tx.add_message(&message(1, Some(2), "second")))
            .is_err()
    );
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    drop(open(&path));
    let connection = rusqlite::Connection::open(&path).unwrap();
    let literal = format!("x'{}'", "07".repeat(32));
    connection.pragma_update(None, "key", literal).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(
        SqliteStore::open(&path, &key(7)).unwrap_err(),
        StoreError::TooNew {
            found: 99,
            known: 11
        }
    );
}

#[test]
fn every_trust_is_kept_as_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grove.db");
    let kinds = Trust::ALL.into_iter().map(Some).chain([None]);
    for (counter, trust) in (1..).zip(kinds) {
        let message = StoredMessage {
            trust,
            ..message(counter, Some(counter), "hello")
        };
        let number = open(&path).transaction(|tx| tx.add_message(&message));
        let found = open(&path).transaction(|tx| tx.find_message(number.unwrap()));
        assert_eq!(found.unwrap().unwrap().trust, trust);
    }
}

#[test]
fn receipts_go_with_their_heads_and_proofs_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grove.db");
    let mut store = open(&path);
    store
        .transaction(|tx| {
            for seq in 1..=3_u8 {
                tx.put_head(&room_uri(), seq.into(), &[seq; 32])?;
                tx.put_receipt(&room_uri(), seq.into(), &[seq])?;
            }
            tx.put_receipt(&room_uri(), 3, &[33])?;
            tx.add_evidence(&room_uri(), 7, b"proof")?;
            tx.add_evidence(&room_uri(), 8, b"proof")?;
            tx.add_evidence(&room_uri(), 9, b"another")?;
            tx.remove_heads(&room_uri(), 3)
        })
        .unwrap();
    store
        .transaction(|tx| {
            assert_eq!(tx.find_receipt(&room_uri(), 2)?, None);
            assert_eq!(tx.find_receipt(&room_uri(), 3)?, Some(vec![33]));
            let kept = tx.list_evidence()?;
            let kept: Vec<_> = kept.iter().map(|one| (one.time, &one.bytes[..])).collect();
            assert_eq!(kept, [(7, &b"proof"[..]), (9, &b"another"[..])]);
            tx.remove_heads(&room_uri(), i64::MAX.unsigned_abs())?;
            assert_eq!(tx.find_head(&room_uri(), 3)?, None);
            assert_eq!(tx.list_evidence()?.len(), 2);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn tallies_of_others_go_and_the_own_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("grove.db"));
    let [own, other] = [[1; 16], [2; 16]].map(|id| ClientUri::new(&alice(), id));
    let elsewhere = RoomUri::new(&Provider::parse("a.example").unwrap(), &[9; 32]);
    store
        .transaction(|tx| {
            assert_eq!(tx.find_tally(&room_uri(), &own)?, None);
            tx.put_tally(&room_uri(), &own, 1)?;
            tx.put_tally(&room_uri(), &own, 2)?;
            tx.put_tally(&room_uri(), &other, (1 << 53) - 1)?;
            tx.put_tally(&elsewhere, &other, 3)?;
            assert_eq!(tx.find_tally(&room_uri(), &other)?, Some((1 << 53) - 1));
            tx.remove_tallies(&room_uri(), &own)?;
            assert_eq!(tx.find_tally(&room_uri(), &own)?, Some(2));
            assert_eq!(tx.find_tally(&room_uri(), &other)?, None);
            assert_eq!(tx.find_tally(&elsewhere, &other)?, Some(3));
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn every_stop_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grove.db");
    let mut store = open(&path);
    let fork = Stop::Fork { theirs: vec![1] };
    for stop in [fork, Stop::PROVEN, Stop::Sibling, Stop::Withheld] {
        let mut room = Room::new(room_uri(), RoomState::Joined, 1);
        room.stop = Some(stop);
        store.transaction(|tx| tx.put_room(&room)).unwrap();
        let found = store.transaction(|tx| tx.find_room(&room_uri()));
        assert_eq!(found.unwrap(), Some(room));
    }
}
