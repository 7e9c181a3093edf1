//! What a person left off on one device and takes up on another: positions read, drafts, names.
//!
//! Notes of this kind are sent when things settle and not for each keystroke: at most one for each
//! room in a few seconds. What was changed since is sent then, and only its last state.
//!
//! The surprise: a change that was not told yet is only remembered while the process runs. The room
//! keeps it, so that what is lost by a crash is that the others hear of it, until it changes again.

use std::collections::{BTreeMap, BTreeSet};

use grove_mls::content::AccountNote;
use grove_wire::limits::MAX_ACCOUNT_NOTE_BYTES;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};

use super::{greeting, is_account_room, send, sightings};
use crate::client::Client;
use crate::devices::{is_a_name, own_list, renamed_text};
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified};
use crate::step::{GroupError, Step};
use crate::store::{Room, RoomState, Store, StoreError};
use crate::transport::Transport;

/// The longest draft that is kept; the rest of a note holds its envelope.
pub const MAX_DRAFT_BYTES: usize = MAX_ACCOUNT_NOTE_BYTES - 1024;

/// At most one note of a kind for each room in this time, in milliseconds.
const APART_MS: u64 = 3_000;
/// So long the names of devices that were there before this one are no news, in milliseconds.
const GREETED_MS: u64 = 24 * 60 * 60 * 1000;
/// What a position takes in a note, beyond the room's URI, rounded up.
const POSITION_BYTES: usize = 16;

/// What is to be told to the other devices, and when.
#[derive(Default)]
pub(crate) struct Due {
    /// Rooms into which a device of ours came: in which epoch, and when it is our turn to speak.
    pub(super) sightings: BTreeMap<RoomUri, (u64, u64)>,
    /// A device came into the account room: when it is our turn to speak.
    pub(super) greeting: Option<u64>,
    /// Whom others have told that device meanwhile, as we know them.
    pub(super) pins_heard: BTreeSet<UserUri>,
    read: Coalesced,
    drafts: Coalesced,
    /// Drafts in the outbox: whatever arrives before them is older.
    drafts_out: BTreeSet<RoomUri>,
    /// The entry of the account room that a room's draft is from.
    draft_from: BTreeMap<RoomUri, u64>,
}

/// One kind of note, for each room not too often.
#[derive(Default)]
struct Coalesced {
    due: BTreeMap<RoomUri, u64>,
    sent: BTreeMap<RoomUri, u64>,
}

impl Coalesced {
    fn want(&mut self, room: &RoomUri, now: u64) {
        let last = self.sent.get(room).copied();
        let at = last.map_or(now, |last| now.max(last.saturating_add(APART_MS)));
        self.due.entry(room.clone()).or_insert(at);
    }

    fn take_due(&mut self, now: u64) -> Vec<RoomUri> {
        let (due, later) = std::mem::take(&mut self.due)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, at)| now >= *at);
        self.due = later;
        // What was sent long ago holds nothing back any more.
        self.sent.retain(|_, at| now < at.saturating_add(APART_MS));
        self.sent.extend(due.keys().map(|room| (room.clone(), now)));
        due.into_keys().collect()
    }
}

/// A position or a draft cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// This client does not know the room.
    #[error("you are not in this room")]
    NotAMember,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The draft has more than [`MAX_DRAFT_BYTES`].
    #[error("the draft has more than {MAX_DRAFT_BYTES} bytes")]
    TooLong,
}

impl Classified for KeepError {
    fn class(&self) -> Class {
        match self {
            Self::NotAMember => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::TooLong => Class::Unknown,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Remembers that a person has read a room up to an entry, on this device and, with the next
    /// [`Client::settle`], on the others. Earlier entries than the known one change nothing.
    ///
    /// # Errors
    /// [`KeepError::NotAMember`], [`KeepError::Store`].
    pub fn mark_read(&mut self, room: &RoomUri, seq: u64) -> Result<(), KeepError> {
        self.transaction(|step| {
            let mut known = find(step, room)?;
            let seq = seq.min(known.seq);
            if seq <= known.read_up_to {
                return Ok(());
            }
            known.read_up_to = seq;
            step.tx.put_room(&known)?;
            step.memory.notes_due.read.want(room, step.now);
            Ok(())
        })
    }

    /// Keeps a text that was begun in a room and not sent, here and on the user's other devices; an
    /// empty one takes it away.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn set_draft(&mut self, room: &RoomUri, text: &str) -> Result<(), KeepError> {
        if text.len() > MAX_DRAFT_BYTES {
            return Err(KeepError::TooLong);
        }
        self.transaction(|step| {
            let mut known = find(step, room)?;
            if known.draft == text {
                return Ok(());
            }
            text.clone_into(&mut known.draft);
            step.tx.put_room(&known)?;
            step.memory.notes_due.drafts.want(room, step.now);
            Ok(())
        })
    }

    /// The text that was begun in a room, on whichever device; empty if there is none.
    ///
    /// # Errors
    /// [`KeepError::NotAMember`], [`KeepError::Store`].
    pub fn draft(&mut self, room: &RoomUri) -> Result<String, KeepError> {
        Ok(self.transaction(|step| find(step, room))?.draft)
    }

    /// Puts what is due to be told into the outbox of the account room.
    pub(crate) fn tell_siblings(&mut self) -> Result<(), GroupError> {
        self.transaction(|step| {
            sightings::send_due(step)?;
            greeting::send_due(step)?;
            Ok(send_due(step)?)
        })
    }

    /// When something is due to be told.
    pub(crate) fn next_note(&self) -> Option<u64> {
        let due = &self.memory.notes_due;
        let turns = due.sightings.values().map(|(_, at)| *at);
        let kept = due.read.due.values().chain(due.drafts.due.values());
        turns.chain(kept.copied()).chain(due.greeting).min()
    }
}

fn find(step: &Step<'_>, room: &RoomUri) -> Result<Room, KeepError> {
    if is_account_room(step, room)? {
        return Err(KeepError::NotAMember);
    }
    step.tx.find_room(room)?.ok_or(KeepError::NotAMember)
}

fn send_due(step: &mut Step<'_>) -> Result<(), StoreError> {
    let now = step.now;
    let due = &mut step.memory.notes_due;
    let read = due.read.take_due(now);
    let drafts = due.drafts.take_due(now);
    send_positions(step, &read)?;
    send_drafts(step, &drafts)
}

/// Tells a device of ours that came into rooms what was left off there.
pub(super) fn greet(step: &mut Step<'_>, rooms: &[RoomUri]) -> Result<(), StoreError> {
    send_positions(step, rooms)?;
    let mut begun = Vec::new();
    for room in rooms {
        let known = step.tx.find_room(room)?;
        begun.extend(
            known
                .filter(|room| !room.draft.is_empty())
                .map(|room| room.uri),
        );
    }
    send_drafts(step, &begun)
}

fn send_positions(step: &mut Step<'_>, rooms: &[RoomUri]) -> Result<(), StoreError> {
    let mut note = Vec::new();
    let mut bytes = 0;
    for room in rooms {
        let known = step.tx.find_room(room)?;
        let Some(known) = known.filter(|room| room.read_up_to > 0) else {
            continue;
        };
        let size = known.uri.as_str().len() + POSITION_BYTES;
        if bytes + size > MAX_ACCOUNT_NOTE_BYTES {
            send(step, &AccountNote::Read(std::mem::take(&mut note)))?;
            bytes = 0;
        }
        bytes += size;
        note.push((known.uri, known.read_up_to));
    }
    if note.is_empty() {
        return Ok(());
    }
    send(step, &AccountNote::Read(note))
}

fn send_drafts(step: &mut Step<'_>, rooms: &[RoomUri]) -> Result<(), StoreError> {
    for room in rooms {
        let Some(known) = step.tx.find_room(room)? else {
            continue;
        };
        step.memory.notes_due.drafts_out.insert(room.clone());
        let (room, text) = (known.uri, known.draft);
        send(step, &AccountNote::Draft { room, text })?;
    }
    Ok(())
}

/// An own note stands in the account room's log, at `seq`: a draft in it is the newest from there
/// on.
pub(crate) fn accepted(step: &mut Step<'_>, payload: &[u8], seq: u64) -> Result<(), StoreError> {
    let Ok(AccountNote::Draft { room, text }) = AccountNote::decode(payload) else {
        return Ok(());
    };
    step.memory.notes_due.drafts_out.remove(&room);
    put_draft(step, &room, &text, seq)
}

/// A sibling's draft, at the entry the account room stands at. What was written here since is
/// newer.
pub(super) fn take_draft(
    step: &mut Step<'_>,
    account: &Room,
    room: &RoomUri,
    text: &str,
) -> Result<(), StoreError> {
    if *room == account.uri || step.memory.notes_due.drafts_out.contains(room) {
        return Ok(());
    }
    put_draft(step, room, text, account.seq)
}

fn put_draft(step: &mut Step<'_>, room: &RoomUri, text: &str, seq: u64) -> Result<(), StoreError> {
    let due = &mut step.memory.notes_due;
    let from = due.draft_from.entry(room.clone()).or_default();
    if seq < *from || due.drafts.due.contains_key(room) {
        return Ok(());
    }
    *from = seq;
    let Some(mut known) = step.tx.find_room(room)? else {
        let text = Some(text.as_bytes()).filter(|text| !text.is_empty());
        return step.tx.put_record(&early_draft(room), text);
    };
    text.clone_into(&mut known.draft);
    step.tx.put_room(&known)
}

/// A room that this device comes into, with what its siblings left off there before it did: they
/// told it once, and the account room may have been read before the Welcome was.
pub(crate) fn new_room(
    step: &mut Step<'_>,
    uri: &RoomUri,
    state: RoomState,
) -> Result<Room, StoreError> {
    let mut room = Room::new(uri.clone(), state, step.now);
    let (draft, position) = (early_draft(uri), early_position(uri));
    if let Some(text) = step.tx.find_record(&draft)? {
        room.draft = String::from_utf8_lossy(&text).into_owned();
        step.tx.put_record(&draft, None)?;
    }
    if let Some(seq) = step.tx.find_record(&position)? {
        room.read_up_to = seq.try_into().map_or(0, u64::from_be_bytes);
        step.tx.put_record(&position, None)?;
    }
    Ok(room)
}

fn early_draft(room: &RoomUri) -> Vec<u8> {
    format!("grove/early_draft/{}", room.as_str()).into_bytes()
}

fn early_position(room: &RoomUri) -> Vec<u8> {
    format!("grove/early_position/{}", room.as_str()).into_bytes()
}

/// How far the user has read elsewhere; positions only grow.
pub(super) fn take_read(
    step: &mut Step<'_>,
    account: &Room,
    positions: &[(RoomUri, u64)],
) -> Result<(), StoreError> {
    for (room, seq) in positions.iter().filter(|(room, _)| *room != account.uri) {
        let Some(mut known) = step.tx.find_room(room)? else {
            step.tx
                .put_record(&early_position(room), Some(&seq.to_be_bytes()))?;
            continue;
        };
        if *seq > known.read_up_to {
            known.read_up_to = *seq;
            step.tx.put_room(&known)?;
        }
    }
    Ok(())
}

/// Another name of a device, by a sibling. It is told, since a stolen device says such things too;
/// but for what a device that is new here hears of those before it.
pub(super) fn take_name(
    step: &mut Step<'_>,
    sender: &ClientUri,
    client: &ClientUri,
    name: &str,
) -> Result<(), StoreError> {
    if client.user() != step.identity.user || !is_a_name(name) {
        return Ok(());
    }
    let names = step.tx.list_device_names()?;
    let known = names.into_iter().find(|(found, _)| found == client);
    let known = known.map(|(_, name)| name).unwrap_or_default();
    if known == name {
        return Ok(());
    }
    step.tx.put_device_name(client, name)?;
    let list = own_list(step)?;
    let (Some(named), Some(own)) = (
        list.list().find(client),
        list.list().find(&step.identity.client),
    ) else {
        return Ok(());
    };
    let greeted = own.added.saturating_add(GREETED_MS);
    if known.is_empty() && named.added < own.added && step.now < greeted {
        return Ok(());
    }
    let text = renamed_text(step, client, (&known, name), sender)?;
    step.tell(Event::Warning {
        room: None,
        kind: WarningKind::Device,
        text,
    })
}
