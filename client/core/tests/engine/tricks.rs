//! What time, damage, a hub or a member can do to a room so that it cannot be followed any more.

use std::collections::{BTreeMap, BTreeSet};

use grove_core::Tx;
use grove_core::store::Room;
use grove_mls::identity::{Head, ServerKey};
use grove_mls::storage::room_prefix;
use grove_wire::api::events::ServerFrame;
use grove_wire::codec;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mls::{GroupInfo, MlsMessage};
use grove_wire::uri::{ClientUri, RoomUri};

use crate::hub::Hub;
use crate::person::Person;

/// What the hub does in a room.
#[derive(Default)]
pub(crate) struct Tricks {
    /// Entries up to this one were deleted for their age.
    pub(crate) gone: u64,
    /// The next commit is relayed with a bit of its membership tag turned. The hub itself cannot
    /// tell: it does not have the key.
    pub(crate) turns_bit: bool,
    /// What is given to whoever wants to join, in place of the room's state.
    pub(crate) group_info: Option<GroupInfo>,
    /// What single readers are shown of the log, in place of what stands there. The hub signs for
    /// it.
    pub(crate) views: BTreeMap<ClientUri, View>,
    /// New leaves have to stand in the newest list of their users, as an honest hub demands.
    pub(crate) judges_leaves: bool,
    /// Who is told that there is no such room when they ask for its state.
    pub(crate) denied: BTreeSet<ClientUri>,
    /// So many of the next messages are refused, and kept.
    pub(crate) refuses: usize,
    pub(crate) kept: Vec<MlsMessage>,
    /// Handshakes are answered as if they were accepted, and stand nowhere.
    pub(crate) swallows: bool,
    /// Whom the hub gives no receipts.
    pub(crate) unsigned: BTreeSet<ClientUri>,
}

/// A log made of another.
pub(crate) type View = Box<dyn Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send>;

impl Tricks {
    /// What the members get to see of a commit.
    pub(crate) fn relay(&mut self, commit: &MlsMessage) -> MlsMessage {
        if !std::mem::take(&mut self.turns_bit) {
            return commit.clone();
        }
        let mut bytes = commit.as_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        MlsMessage::from_bytes(bytes).unwrap()
    }

    /// The log as a reader is shown it, with heads that fit.
    pub(crate) fn log(
        &self,
        room: &RoomUri,
        who: &ClientUri,
        log: &[(Vec<u8>, Head)],
    ) -> Vec<(Vec<u8>, Head)> {
        let Some(view) = self.views.get(who) else {
            return log.to_vec();
        };
        let entries = log.iter().map(|(entry, _)| entry.clone()).collect();
        let mut head = Head::start(room);
        let chained = |(seq, entry): (u64, Vec<u8>)| {
            head = head.next(seq, &entry);
            (entry, head)
        };
        (1..).zip(view(entries)).map(chained).collect()
    }

    /// What a reader gets who stands before the first entry that is left.
    pub(crate) fn expired(&self, room: &RoomUri, after: u64) -> Option<Vec<u8>> {
        let frame = ServerFrame::Expired {
            room: room.clone(),
            first_seq: self.gone + 1,
        };
        (after < self.gone).then(|| frame.encode().unwrap())
    }
}

/// All that is in a room's log is deleted for its age.
pub(crate) fn forget_log(hub: &Hub, room: &RoomUri) {
    let mut state = hub.state();
    let room = state.rooms.get_mut(room).unwrap();
    room.tricks.gone = u64::try_from(room.log.len()).unwrap();
}

/// The hub writes the newest entry of a room into its log once more.
pub(crate) fn repeat_last(hub: &Hub, room: &RoomUri) {
    append(hub, room, |_| {});
}

/// The hub writes the newest message of a room into its log once more, with another last
/// byte. What tells the sender still opens.
pub(crate) fn repeat_last_altered(hub: &Hub, room: &RoomUri) {
    append(hub, room, |entry| {
        let mut bytes = entry.message.as_bytes().to_vec();
        let last = bytes.last_mut().unwrap();
        *last = last.wrapping_add(1);
        entry.message = MlsMessage::from_bytes(bytes).unwrap();
    });
}

/// The hub writes the newest message of a room into its log once more, with another time.
pub(crate) fn repeat_last_at(hub: &Hub, room: &RoomUri, time: u64) {
    append(hub, room, |entry| entry.timestamp = time);
}

/// The hub writes the newest message of a room into its log once more, as if of another epoch.
pub(crate) fn repeat_last_in_epoch(hub: &Hub, room: &RoomUri, epoch: u64) {
    append(hub, room, |entry| {
        let mut bytes = entry.message.as_bytes().to_vec();
        // Behind version, wire format and the group's id with its length (RFC 9420, section 6.3).
        let place = 2 + 2 + 1 + room.hash().len();
        bytes[place..place + 8].copy_from_slice(&epoch.to_be_bytes());
        entry.message = MlsMessage::from_bytes(bytes).unwrap();
    });
}

/// The hub proposes to remove a client, as the room's external sender (RFC 9420, sections 6 and
/// 12.1.8.1).
pub(crate) fn proposes_removal(hub: &Hub, room: &RoomUri, client: &ClientUri) {
    let mut state = hub.state();
    let (key, now) = (ServerKey::from_seed([42; 32]), state.now);
    let known = state.rooms.get_mut(room).unwrap();
    let clients = known.group.clients();
    let leaf = clients.iter().position(|one| one == client).unwrap();
    let mut content = vec![0, 1, 0, 1];
    codec::write_opaque(&mut content, &room.hash()).unwrap();
    content.extend(known.group.epoch().to_be_bytes());
    let (external, proposal, remove) = (2, 2, 3);
    content.extend([external, 0, 0, 0, 0]);
    codec::write_opaque(&mut content, &[0]).unwrap();
    content.extend([proposal, 0, remove]);
    content.extend(u32::try_from(leaf).unwrap().to_be_bytes());
    let signature = key.sign_with_label("FramedContentTBS", &content);
    codec::write_opaque(&mut content, &signature).unwrap();
    let message = MlsMessage::from_bytes(content).unwrap();
    known.group.replay(&message).unwrap();
    let tail = FanoutTail::Proposal {
        more_proposals: Vec::new(),
    };
    crate::rooms::append(room, known, now, message, tail);
}

/// The hub writes into the log what it has refused.
pub(crate) fn takes_after_all(hub: &Hub, room: &RoomUri) {
    let mut state = hub.state();
    let now = state.now;
    let known = state.rooms.get_mut(room).unwrap();
    let message = known.tricks.kept.pop().unwrap();
    let tail = FanoutTail::Application { frank: None };
    crate::rooms::append(room, known, now, message, tail);
}

fn append(hub: &Hub, room: &RoomUri, change: impl FnOnce(&mut FanoutMessage)) {
    let mut state = hub.state();
    let log = &mut state.rooms.get_mut(room).unwrap().log;
    let (entry, head) = log.last().unwrap().clone();
    let mut entry = codec::decode(&entry).unwrap();
    change(&mut entry);
    let entry = codec::encode(&entry).unwrap();
    let seq = u64::try_from(log.len()).unwrap() + 1;
    let next = head.next(seq, &entry);
    log.push((entry, next));
}

/// From now on this person's commits are sound to whoever has no keys, and to nobody else: the
/// secret that leads to the next epoch is another one. Signatures and tags are as they must be.
pub(crate) fn poison(person: &Person, room: &RoomUri) {
    damage(person, room, "epoch_secrets", |value| value[2] ^= 1);
}

/// Changes a record of a room's MLS state.
pub(crate) fn damage(person: &Person, room: &RoomUri, label: &str, act: impl FnOnce(&mut [u8])) {
    let mut key = room_prefix(room).unwrap();
    key.extend_from_slice(b"/");
    key.extend_from_slice(label.as_bytes());
    person.on_disk(|tx| {
        let mut value = tx.find_record(&key).unwrap().unwrap();
        act(&mut value);
        tx.put_record(&key, Some(&value)).unwrap();
    });
}

/// Deletes everything MLS has stored.
pub(crate) fn delete_records(person: &Person) {
    person.on_disk(|tx| tx.remove_records(b"").unwrap());
}

/// A room as it is stored.
pub(crate) fn stored(person: &Person, room: &RoomUri) -> Room {
    person.on_disk(|tx: &mut dyn Tx| tx.find_room(room).unwrap().unwrap())
}
