//! No frame that decodes makes a store fail: whatever numbers and bytes a hub or a member says, the
//! cursor goes on, and a good message behind it is read.

use grove_mls::content::{ExtensionKey, ExtensionValue, MAX_INTEGER, MimiContent};
use grove_mls::identity::{Receipt, RoomProfile, ServerKey, SignedReceipt, SignedRoomProfile};
use grove_mls::room::Role;
use grove_wire::api::events::{InboxEntry, InboxItem, ServerFrame};
use grove_wire::codec::{self, Opaque, Skippable};
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mls::{MlsMessage, Welcome};
use grove_wire::uri::{Provider, RoomUri};
use proptest::prelude::*;

use crate::hand::{changes_roles, device, says, says_profile, witnessed};
use crate::hub::Hub;
use crate::person::{Person, hub};
use crate::rooms::user;
use crate::siblings::client;
use crate::tricks::{View, stored};

/// Numbers at which something could break.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..20_u64,
        prop_oneof![Just(32), Just(48), Just(53), Just(63)].prop_flat_map(|bits: u32| {
            let edge = 1_u64 << bits;
            prop_oneof![Just(edge - 1), Just(edge), Just(edge + 1)]
        }),
        Just(i64::MAX.unsigned_abs()),
        Just(u64::MAX - 1),
        Just(u64::MAX),
    ]
}

/// What stands in a log, made of what stood there before.
#[derive(Debug, Clone)]
enum Entry {
    Noise(Vec<u8>),
    /// An earlier entry, with another time.
    Again {
        place: usize,
        time: u64,
    },
    /// An earlier message with a byte changed.
    Bent {
        place: usize,
        byte: usize,
        time: u64,
    },
}

fn entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80).prop_map(Entry::Noise),
        (any::<usize>(), number()).prop_map(|(place, time)| Entry::Again { place, time }),
        (any::<usize>(), any::<usize>(), number()).prop_map(|(place, byte, time)| Entry::Bent {
            place,
            byte,
            time
        }),
    ]
}

impl Entry {
    /// Its bytes, from entries that are there. Only messages are bent, and at their ends: of
    /// commits that cannot be read other tests speak.
    fn bytes(&self, log: &[Vec<u8>]) -> Vec<u8> {
        let of = |place: usize, time| {
            let mut entry: FanoutMessage = codec::decode(&log[place % log.len()]).unwrap();
            entry.timestamp = time;
            entry
        };
        let entry = match self {
            Self::Noise(bytes) => return bytes.clone(),
            Self::Again { place, time } => of(*place, *time),
            Self::Bent { place, byte, time } => {
                let mut entry = of(*place, *time);
                if matches!(entry.tail, FanoutTail::Application { .. }) {
                    let mut bytes = entry.message.as_bytes().to_vec();
                    let at = bytes.len() - 1 - byte % 16;
                    bytes[at] ^= 1;
                    entry.message = MlsMessage::from_bytes(bytes).unwrap();
                }
                entry
            }
        };
        codec::encode(&entry).unwrap()
    }
}

#[derive(Debug, Clone)]
enum Frame {
    Log {
        elsewhere: bool,
        /// None: what the reader waits for.
        first_seq: Option<u64>,
        entries: Vec<Entry>,
        /// What the hub signs: the place of the last if there is no seq, epoch and time. None:
        /// something that is no receipt.
        signed: Option<(Option<u64>, u64, u64)>,
    },
    Inbox(Vec<(u64, u64, u64)>),
    Expired {
        elsewhere: bool,
        first_seq: u64,
    },
}

fn frame() -> impl Strategy<Value = Frame> {
    let triple = || (number(), number(), number());
    let entries = || prop::collection::vec(entry(), 0..4);
    let often_none = || prop_oneof![Just(None), number().prop_map(Some)];
    let signed = prop::option::of((often_none(), number(), number()));
    let any_log = (any::<bool>(), often_none(), entries(), signed);
    prop_oneof![
        any_log.prop_map(|(elsewhere, first_seq, entries, signed)| Frame::Log {
            elsewhere,
            first_seq,
            entries,
            signed,
        }),
        (entries(), number()).prop_map(|(entries, time)| Frame::Log {
            elsewhere: false,
            first_seq: None,
            entries,
            signed: Some((None, 0, time)),
        }),
        prop::collection::vec(triple(), 0..3).prop_map(Frame::Inbox),
        (any::<bool>(), number()).prop_map(|(elsewhere, first_seq)| Frame::Expired {
            elsewhere,
            first_seq,
        }),
    ]
}

impl Frame {
    fn bytes(&self, hub: &Hub, reader: &Person, room: &RoomUri) -> Vec<u8> {
        let other = RoomUri::new(&Provider::parse("a.example").unwrap(), &[7; 32]);
        let pick = |elsewhere| if elsewhere { &other } else { room }.clone();
        let frame = match self {
            Self::Log {
                elsewhere,
                first_seq,
                entries,
                signed,
            } => {
                let log = entries_of(hub, room);
                let opaque = |entry: &Entry| Opaque::new(entry.bytes(&log)).unwrap();
                let first_seq = first_seq.unwrap_or(stored(reader, room).seq + 1);
                let last = first_seq.saturating_add(u64::try_from(entries.len()).unwrap());
                let last = last.saturating_sub(1);
                let receipt = signed.map_or(vec![1, 2, 3], |(seq, epoch, time)| {
                    let receipt = Receipt {
                        room: pick(*elsewhere),
                        seq: seq.unwrap_or(last),
                        epoch,
                        head: [9; 32],
                        time,
                    };
                    let key = ServerKey::from_seed([42; 32]);
                    SignedReceipt::sign(&key, receipt).as_bytes().to_vec()
                });
                ServerFrame::Log {
                    room: pick(*elsewhere),
                    first_seq,
                    entries: entries.iter().map(opaque).collect(),
                    receipt: Opaque::new(receipt).unwrap(),
                }
            }
            Self::Inbox(items) => ServerFrame::Inbox {
                entries: items.iter().map(|item| inbox_entry(*item, room)).collect(),
            },
            Self::Expired {
                elsewhere,
                first_seq,
            } => ServerFrame::Expired {
                room: pick(*elsewhere),
                first_seq: *first_seq,
            },
        };
        frame.encode().unwrap()
    }
}

fn inbox_entry((id, seq, epoch): (u64, u64, u64), room: &RoomUri) -> InboxEntry {
    InboxEntry {
        id,
        item: Skippable::Known(InboxItem::Welcome {
            room: room.clone(),
            seq,
            epoch,
            welcome: a_welcome(),
        }),
    }
}

/// A Welcome for nobody: suite 1, no secrets, no group (RFC 9420, section 12.4.3.1).
fn a_welcome() -> Welcome {
    Welcome::from_bytes(vec![0, 1, 0, 0]).unwrap()
}

fn entries_of(hub: &Hub, room: &RoomUri) -> Vec<Vec<u8>> {
    let state = hub.state();
    let log = &state.rooms[room].log;
    log.iter().map(|(entry, _)| entry.clone()).collect()
}

/// Bob has read a message of each; what mallory says then, at the edges of all numbers, and a good
/// message he has not.
fn scene() -> (Hub, Person, RoomUri) {
    let hub = hub();
    let [mut alice, mut bob, mut mallory] =
        ["alice", "bob", "mallory"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
    changes_roles(&alice, &room, &[(user("mallory"), Role::Admin.index())]);
    alice.says(&room, "before");
    bob.syncs();
    bob.says(&room, "mine");
    bob.syncs();
    mallory.syncs();
    says_edges(&mallory, &room);
    alice.syncs();
    alice.says(&room, "good");
    (hub, bob, room)
}

/// A member says all that it can say of numbers, and texts as hostile as they come.
fn says_edges(mallory: &Person, room: &RoomUri) {
    let hostile = "\u{202e}\u{0}\n\u{1b}[2J«»'\"; DROP TABLE rooms; --";
    let author = device(mallory);
    for (salt, version) in (0..).zip([0, 1 << 47, 1 << 48, i64::MAX.unsigned_abs(), u64::MAX]) {
        let profile = RoomProfile {
            room: room.clone(),
            version,
            name: hostile.to_owned(),
            topic: hostile.to_owned(),
            time: u64::MAX - salt,
            author: author.client.clone(),
        };
        let signed = SignedRoomProfile::sign(&author.key, profile).unwrap();
        says_profile(mallory, room, &signed);
    }
    let (counter, sent) = (-1, -4);
    let text = |salt| MimiContent::text([salt; 16], &user("mallory"), room, hostile);
    for (salt, (place, value)) in (0..).zip([
        (counter, MAX_INTEGER),
        (counter, 0),
        (counter, -MAX_INTEGER),
        (sent, MAX_INTEGER),
        (sent, -1),
        (sent, 0),
    ]) {
        let mut content = witnessed(mallory, room, text(salt));
        let value = ExtensionValue::Integer(value);
        content
            .extensions
            .insert(ExtensionKey::Number(place), value);
        says(mallory, room, &content);
    }
    let key = ServerKey::from_seed([42; 32]);
    for (salt, seq) in (20..).zip([1 << 48, i64::MAX.unsigned_abs(), u64::MAX]) {
        let receipt = Receipt {
            room: room.clone(),
            seq,
            epoch: u64::MAX,
            head: [9; 32],
            time: u64::MAX,
        };
        let receipt = SignedReceipt::sign(&key, receipt).as_bytes().to_vec();
        let mut content = witnessed(mallory, room, text(salt));
        let (place, value) = (ExtensionKey::Number(-2), ExtensionValue::Bytes(receipt));
        content.extensions.insert(place, value);
        says(mallory, room, &content);
    }
}

#[test]
fn what_a_member_says_at_the_edges_of_all_numbers_is_read_past() {
    let (_hub, mut bob, room) = scene();
    bob.syncs();
    assert_eq!(bob.reads(&room).pop().unwrap(), "good");
}

#[test]
fn no_frame_makes_the_store_fail() {
    let (hub, bob, room) = scene();
    proptest!(ProptestConfig::with_cases(64), |(frames in prop::collection::vec(frame(), 1..6))| {
        let mut reader = bob.copy();
        for frame in &frames {
            let bytes = frame.bytes(&hub, &reader, &room);
            let received = reader.client.receive(&bytes);
            prop_assert!(received.is_ok(), "{frame:?}: {}", received.unwrap_err());
        }
        // What it holds now can be read again.
        reader.restart();
        reader.history(&room);
    });
}

#[test]
fn behind_any_entries_a_good_message_is_read() {
    let (hub, bob, room) = scene();
    let read = usize::try_from(stored(&bob, &room).seq).unwrap();
    proptest!(ProptestConfig::with_cases(64), |(entries in prop::collection::vec(entry(), 1..6))| {
        let mut reader = bob.copy();
        let shown = entries.clone();
        let view: View = Box::new(move |mut log| {
            let made: Vec<Vec<u8>> = shown.iter().map(|entry| entry.bytes(&log[..read])).collect();
            let new = log.split_off(read);
            log.extend(made);
            log.extend(new);
            log
        });
        hub.state().rooms.get_mut(&room).unwrap().tricks.views.insert(client(&bob), view);
        let before = entries_of(&hub, &room).len();
        let frame = hub.state().log_frame(&room, &client(&bob), u64::try_from(read).unwrap(), 1 << 40);
        let received = reader.client.receive(&frame);
        prop_assert!(received.is_ok(), "{}", received.unwrap_err());
        prop_assert_eq!(reader.reads(&room).pop().unwrap(), "good");
        let all = u64::try_from(before + entries.len()).unwrap();
        prop_assert_eq!(stored(&reader, &room).seq, all);
    });
}
