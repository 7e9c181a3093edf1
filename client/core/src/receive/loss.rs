//! Losing a room, and having it back: from which entry on its log could not be followed, and what
//! that came to.
//!
//! Knows nothing of the network; how a client comes back stands in `settle::heal`.
//!
//! The surprise: a lost room is not always one that cannot be read. Whoever was away too long, and
//! whoever is back in but has still to remove the one who broke the room, is lost and reads.
//! [`is_out`] tells them apart: the room seems to have come to a later epoch than the group at
//! hand. That is the hub's word and stands in the loss; [`Room::epoch`] is what members have
//! signed.

use grove_mls::member::Group;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mls::{ContentType, Framing, MlsMessage, SenderKind};
use grove_wire::uri::{ClientUri, RoomUri};

use super::{Taken, copy};
use crate::event::{Event, Loss};
use crate::step::{GroupError, Step};
use crate::store::{
    BEYOND, Listing, Lost, LostCause, OutgoingKind, Room, RoomState, StoreError, StoredMessage,
};
use crate::{outbox, tally};

/// A commit that cannot be followed is everybody's affair for so long, in milliseconds: a day. A
/// client that reads later may fail for reasons of its own, and others have seen to it by then.
const NEWS_MS: u64 = 24 * 60 * 60 * 1000;
/// So many of the newest messages are looked at for what was read and sent during the loss.
const LOOKED_AT: usize = 1000;

/// Whether nothing of a room can be read until this client has joined anew.
pub(crate) fn is_out(step: &mut Step<'_>, room: &Room) -> Result<bool, StoreError> {
    let Some(lost) = &room.lost else {
        return Ok(false);
    };
    let epoch = step.epoch_of(&room.uri)?;
    Ok(epoch.is_none_or(|epoch| epoch < lost.epoch))
}

/// The log cannot be followed behind `read`; `time` is the hub's time of the first entry behind it.
/// A commit of this client in the outbox goes too: it was made for the room as it was.
pub(crate) fn lose(
    step: &mut Step<'_>,
    room: &mut Room,
    cause: LostCause,
    read: u64,
    time: u64,
) -> Result<(), GroupError> {
    if room.state != RoomState::Joined {
        return step.forget_group(&room.uri);
    }
    for outgoing in step.tx.list_outgoing(&room.uri)? {
        if outgoing.kind == OutgoingKind::Commit {
            step.tx.remove_outgoing(outgoing.number)?;
        }
    }
    room.removals_since = None;
    step.memory.removals_due.remove(&room.uri);
    step.memory.profiles_due.remove(&room.uri);
    step.memory.noticed_loss(&room.uri);
    // What is not read from here on is told with the loss.
    tally::forget(step, &room.uri)?;
    if room.lost.is_some() {
        return Ok(());
    }
    tracing::warn!(room = %room.uri, seq = read, cause = word(&cause), "the room is lost");
    if cause == LostCause::State {
        copy::count_anew(step, room)?;
    }
    if matches!(cause, LostCause::Poisoned(Some(_))) {
        // A member has signed what ends the epoch: a room that is still in it is not offered.
        room.epoch = room.epoch.saturating_add(1);
    }
    room.unreadable = 0;
    room.lost = Some(Lost {
        seq: read,
        epoch: 0,
        time,
        noticed: step.now,
        cause,
    });
    Ok(())
}

/// The hub says again and again that the room is in another epoch, and what it gives of the log
/// does not lead there: this device reads at a place that is not true.
pub(crate) fn astray(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let known = step.tx.find_room(room)?;
    let Some(mut room) = known.filter(|room| room.state == RoomState::Joined) else {
        return Ok(());
    };
    let (read, now) = (room.seq, step.now);
    lose(step, &mut room, LostCause::State, read, now)?;
    Ok(step.tx.put_room(&room)?)
}

/// This device has changed the room and this database knows nothing of it: it is an older copy, or
/// there are two of them, and the other one is in use. This one begins anew, as another leaf.
pub(super) fn outlived(step: &mut Step<'_>, room: &mut Room, time: u64) -> Result<(), GroupError> {
    step.forget_group(&room.uri)?;
    lose(
        step,
        room,
        LostCause::State,
        room.seq.saturating_sub(1),
        time,
    )
}

/// The cause that a commit is which cannot be merged.
pub(super) fn poisoned(step: &Step<'_>, committer: Option<ClientUri>, time: u64) -> LostCause {
    match committer {
        // Only a copy of this device, or an older state of it, meets a commit it does not know of.
        Some(client) if client == step.identity.client => LostCause::State,
        Some(client) if is_news(step.now, time) => LostCause::Poisoned(Some(client)),
        _ => LostCause::Poisoned(None),
    }
}

/// Whether others may be about a commit of this time, too, when it is read.
pub(crate) fn is_news(read: u64, time: u64) -> bool {
    read <= time.saturating_add(NEWS_MS)
}

/// Passes over an entry that cannot be read: counts it, and sees which epoch the room has come to.
pub(super) fn skip(
    step: &mut Step<'_>,
    room: &mut Room,
    fanout: &FanoutMessage,
) -> Result<(), GroupError> {
    outbox::accepted_by_log(step, room, &fanout.message, fanout.timestamp)?;
    let Some(framing) = fanout.message.framing() else {
        return Ok(());
    };
    if framing.group_id != room.uri.hash() || !is_sane(room, &fanout.message) {
        return Ok(());
    }
    let is_application = matches!(fanout.tail, FanoutTail::Application { .. });
    if is_application && step.tx.find_message_at(&room.uri, room.seq)?.is_none() {
        room.unreadable = room.unreadable.saturating_add(1);
    }
    let reached = match framing.content_type {
        ContentType::Commit => framing.epoch.saturating_add(1),
        ContentType::Application | ContentType::Proposal => framing.epoch,
    };
    acquit(step, room, &framing)?;
    if let Some(lost) = &mut room.lost {
        lost.epoch = lost.epoch.max(reached);
    }
    Ok(())
}

/// Whether the epoch of the entry that `room` stands at can be true: each epoch was begun by an
/// entry of its own. A room that is believed to have come further is never come back into.
pub(super) fn is_sane(room: &Room, message: &MlsMessage) -> bool {
    message
        .framing()
        .is_some_and(|framing| framing.epoch < room.seq)
}

/// Somebody else, who was in the room before, has followed the commit: then it was not broken for
/// everybody, and its author is not to blame.
fn acquit(step: &mut Step<'_>, room: &mut Room, framing: &Framing<'_>) -> Result<(), GroupError> {
    let Some(Lost {
        cause: LostCause::Poisoned(blamed @ Some(_)),
        ..
    }) = &mut room.lost
    else {
        return Ok(());
    };
    let Some(SenderKind::Member(leaf)) = framing.sender else {
        return Ok(());
    };
    let at_work = |group: &mut Group| (group.epoch(), group.client_at(leaf));
    let (epoch, client) = match step.group(&room.uri, |group, _, _| Ok(at_work(group))) {
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(()),
        found => found?,
    };
    if framing.epoch == epoch.saturating_add(1) && client.is_some() && client != *blamed {
        *blamed = None;
    }
    Ok(())
}

/// What lay before `first_seq` was deleted for its age.
pub(super) fn expire(
    step: &mut Step<'_>,
    uri: &RoomUri,
    first_seq: u64,
) -> Result<Taken, GroupError> {
    let mut taken = Taken {
        unsettled: true,
        ..Taken::default()
    };
    let gone = first_seq.saturating_sub(1);
    let known = step.tx.find_room(uri)?.filter(|_| gone < BEYOND);
    let Some(mut room) = known else {
        return Ok(taken);
    };
    match room.state {
        RoomState::Creating | RoomState::Joining => return Ok(taken),
        RoomState::Left | RoomState::Removed => {
            step.forget_group(uri)?;
            taken.unsettled = false;
        }
        RoomState::Joined if gone > room.seq => {
            let (read, time) = (room.seq, last_sign(step, &room)?);
            lose(step, &mut room, LostCause::Expired, read, time)?;
            pass_over(step, &mut room, gone)?;
            taken.new_entries = 1;
        }
        RoomState::Joined => {}
    }
    if gone > room.seq {
        room.seq = gone;
        room.head = None;
    }
    step.tx.put_room(&room)?;
    if room.state == RoomState::Joined {
        step.memory.behind.insert(uri.clone());
    }
    taken.position = Some((room.uri, room.seq));
    Ok(taken)
}

/// Counts what lies between the last entry read and `to` as not read, but for what this client sent
/// itself.
pub(crate) fn pass_over(step: &Step<'_>, room: &mut Room, to: u64) -> Result<(), StoreError> {
    let messages = newest_messages(step, room)?;
    let own = messages
        .iter()
        .filter(|message| message.client == step.identity.client)
        .filter_map(|message| message.seq)
        .filter(|seq| (room.seq.saturating_add(1)..=to).contains(seq))
        .count();
    let own = u64::try_from(own).unwrap_or(u64::MAX);
    let passed = to.saturating_sub(room.seq).saturating_sub(own);
    room.unreadable = room.unreadable.saturating_add(passed);
    Ok(())
}

fn newest_messages(step: &Step<'_>, room: &Room) -> Result<Vec<StoredMessage>, StoreError> {
    let listing = Listing {
        limit: LOOKED_AT,
        before: None,
    };
    step.tx.list_messages(&room.uri, listing)
}

/// When this client last certainly read the room.
fn last_sign(step: &Step<'_>, room: &Room) -> Result<u64, StoreError> {
    let newest = Listing {
        limit: 1,
        before: None,
    };
    let messages = step.tx.list_messages(&room.uri, newest)?;
    let read = messages.last().map(|message| message.time);
    Ok(read.unwrap_or_default().max(room.leaf_since).min(step.now))
}

/// What became of the device that broke a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    /// It is not in the room any more.
    Gone,
    /// It is in the room, or was never known.
    Stays,
}

/// This client reads the room again: tells what it missed, in one line. The caller writes the room.
pub(crate) fn end(step: &mut Step<'_>, room: &mut Room, signer: Signer) -> Result<(), StoreError> {
    let Some(lost) = room.lost.take() else {
        return Ok(());
    };
    let unread = std::mem::take(&mut room.unreadable);
    step.memory.healed(&room.uri, step.now);
    if lost.seq == 0 {
        // It was never in: see `settle::welcome`.
        let room = room.uri.clone();
        return step.tell(Event::RoomJoined { room });
    }
    let read_again = newest_messages(step, room)?
        .iter()
        .filter(|message| message.client != step.identity.client)
        .filter(|message| message.seq.is_some_and(|seq| seq > lost.seq))
        .map(|message| message.time)
        .min();
    let until = read_again.unwrap_or(step.now);
    step.tell(Event::Healed {
        room: room.uri.clone(),
        unread,
        from_ms: lost.time,
        to_ms: until.max(lost.time),
        cause: match lost.cause {
            LostCause::Expired => Loss::Expired,
            LostCause::Poisoned(by) => Loss::Poisoned {
                by,
                removed: signer == Signer::Gone,
            },
            LostCause::State => Loss::State,
        },
    })
}

/// The cause in a word.
pub(crate) fn word(cause: &LostCause) -> &'static str {
    match cause {
        LostCause::Expired => "expired",
        LostCause::Poisoned(_) => "poisoned",
        LostCause::State => "state",
    }
}
