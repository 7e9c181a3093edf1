//! Taking what arrived: frames of the log and of the inbox, each in one transaction with all it
//! changes.
//!
//! Asks nobody: what must be fetched is remembered and done by [`Client::settle`].
//!
//! The surprise: nothing here fails because of what a frame says. An entry that cannot be read
//! becomes one warning and the cursor moves on; when no later one could be read either, the room is
//! lost and its entries are passed over in silence. Only a store that fails stops it, and then
//! nothing of the frame was taken.

pub(crate) mod application;
mod catch_up;
pub(crate) mod chain;
mod copy;
mod entry;
pub(crate) mod loss;

pub use catch_up::CatchUpError;
pub(crate) use entry::is_leaving;

use grove_wire::api::events::{ClientFrame, InboxEntry, InboxItem, ServerFrame};
use grove_wire::codec::{self, DecodeError, Skippable};
use grove_wire::uri::RoomUri;

use crate::client::Client;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, RoomState, Store, StoreError, WaitingWelcome};
use crate::transport::Transport;

/// What came of the frames.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// What happened, in order.
    pub events: Vec<Numbered>,
    /// The acknowledgement to send back: one binary message on the WebSocket, or the body of
    /// `POST /v1/acks`. None if nothing is to be acknowledged.
    pub ack: Option<Vec<u8>>,
    /// There is something to do that needs the network: call [`Client::settle`].
    pub unsettled: bool,
}

/// Frames could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The bytes are not frames.
    #[error("the server sent something that is no frame")]
    Frame(#[from] DecodeError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ReceiveError {
    fn class(&self) -> Class {
        match self {
            Self::Frame(_) => Class::Failure,
            Self::Group(error) => error.class(),
            Self::Store(_) => Class::Store,
        }
    }
}

/// What one frame came to.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The position to acknowledge, if the frame was of a room whose log this client reads.
    position: Option<(RoomUri, u64)>,
    /// The inbox entry to acknowledge.
    inbox: Option<u64>,
    /// Something must be fetched or sent.
    unsettled: bool,
    /// Entries are missing before the frame's.
    gap: bool,
    /// Entries that were new.
    pub(crate) new_entries: usize,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Takes the frames of one WebSocket message or of one long-poll answer.
    ///
    /// # Errors
    /// [`ReceiveError`]. Frames before the failing one were taken and must be received again to be
    /// acknowledged, which is harmless.
    pub fn receive(&mut self, frames: &[u8]) -> Result<Received, ReceiveError> {
        let mut positions: Vec<(RoomUri, u64)> = Vec::new();
        let mut inbox = None;
        let mut unsettled = false;
        for frame in decode(frames)? {
            let taken = self.take_frame(&frame)?;
            if let Some((room, seq)) = taken.position {
                positions.retain(|(other, _)| *other != room);
                positions.push((room, seq));
            }
            inbox = inbox.max(taken.inbox);
            unsettled |= taken.unsettled;
        }
        let ack = if positions.is_empty() && inbox.is_none() {
            None
        } else {
            let frame = ClientFrame::Ack { positions, inbox };
            Some(codec::encode(&frame).map_err(|error| StoreError::Damaged(error.to_string()))?)
        };
        Ok(Received {
            events: self.take_heard(),
            ack,
            unsettled,
        })
    }

    pub(crate) fn take_frame(&mut self, frame: &ServerFrame) -> Result<Taken, ReceiveError> {
        match frame {
            ServerFrame::Expired { room, first_seq } => {
                Ok(self.transaction(|step| loss::expire(step, room, *first_seq))?)
            }
            ServerFrame::Inbox { entries } => self.transaction(|step| take_inbox(step, entries)),
            ServerFrame::Log {
                room,
                first_seq,
                entries,
                receipt,
            } => {
                let log = Log {
                    room,
                    first_seq: *first_seq,
                    entries: entries.iter().map(AsRef::as_ref).collect(),
                    receipt: receipt.as_bytes(),
                };
                self.transaction(|step| take_log(step, &log))
            }
        }
    }
}

/// The frames that this version knows; others are passed over.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<ServerFrame>, DecodeError> {
    let frames = ServerFrame::decode_all(bytes)?;
    if frames.unknown > 0 {
        tracing::warn!(frames.unknown, "frames of a later version are passed over");
    }
    Ok(frames.known)
}

/// A frame of a room's log.
struct Log<'a> {
    room: &'a RoomUri,
    first_seq: u64,
    entries: Vec<&'a [u8]>,
    receipt: &'a [u8],
}

/// Takes Welcomes. One that comes again leads nowhere new: that is seen when it is followed. What
/// was taken before is not remembered by number: an absurd one would stand for all that come after.
fn take_inbox(step: &mut Step<'_>, entries: &[InboxEntry]) -> Result<Taken, ReceiveError> {
    let mut taken = Taken::default();
    let sane = |entry: &&InboxEntry| entry.id < BEYOND;
    for entry in entries.iter().filter(sane) {
        let (room, seq, epoch, welcome) = match &entry.item {
            Skippable::Known(InboxItem::Welcome {
                room,
                seq,
                epoch,
                welcome,
            }) => (room, seq, epoch, welcome),
            Skippable::Unknown { kind, .. } => {
                tracing::warn!(kind, "an inbox item of a later version is passed over");
                continue;
            }
        };
        if *seq >= BEYOND || *epoch >= BEYOND {
            continue;
        }
        step.tx.put_welcome(&WaitingWelcome {
            inbox_id: entry.id,
            room: room.clone(),
            seq: *seq,
            epoch: *epoch,
            welcome: welcome.as_bytes().to_vec(),
        })?;
        taken.unsettled = true;
        taken.new_entries += 1;
    }
    taken.inbox = entries.iter().filter(sane).map(|entry| entry.id).max();
    Ok(taken)
}

fn take_log(step: &mut Step<'_>, log: &Log<'_>) -> Result<Taken, ReceiveError> {
    let mut taken = Taken::default();
    let Some(mut room) = step.tx.find_room(log.room)? else {
        // A Welcome leads here; the log is fetched once it was joined.
        step.memory.unknown.insert(log.room.clone());
        taken.unsettled = true;
        return Ok(taken);
    };
    let last = log
        .first_seq
        .saturating_add(u64::try_from(log.entries.len()).unwrap_or(u64::MAX))
        .saturating_sub(1);
    match room.state {
        RoomState::Creating | RoomState::Joining => {
            step.memory.behind.insert(room.uri);
            taken.unsettled = true;
            return Ok(taken);
        }
        RoomState::Left | RoomState::Removed if step.epoch_of(&room.uri)?.is_none() => {
            taken.position = Some((room.uri, last));
            return Ok(taken);
        }
        RoomState::Joined | RoomState::Left | RoomState::Removed => {}
    }
    if log.first_seq > room.seq.saturating_add(1) {
        step.memory.behind.insert(room.uri);
        taken.unsettled = true;
        taken.gap = true;
        return Ok(taken);
    }
    let signed = chain::read(step, &room, log.receipt)?;
    if !chain::is_signed(step, &mut room, last, signed.as_ref())? {
        return Ok(taken);
    }
    for (seq, entry) in (log.first_seq..).zip(&log.entries) {
        if seq <= room.seq {
            continue;
        }
        room.seq = seq;
        chain::extend(step, &mut room, entry)?;
        entry::take(step, &mut room, entry)?;
        taken.new_entries += 1;
    }
    if let Some(signed) = &signed {
        chain::keep(step, &mut room, signed)?;
    }
    taken.unsettled |= room.removals_since.is_some() || room.profile_due || room.lost.is_some();
    taken.position = Some((room.uri.clone(), room.seq));
    step.tx.put_room(&room)?;
    Ok(taken)
}
