//! The hash chain of a room's log against the receipts the hub signs.
//!
//! Two receipts of one hub for one entry that contradict each other are a proof against it that
//! anybody can check; sending stops and the proof is kept. Every receipt seen is kept for a while:
//! which of them another will contradict, nobody knows before.
//!
//! The surprise: a receipt may speak of an entry that was not read yet, in the hub's answer to an
//! own message or in what a member holds. Its head is remembered and the entry has to fit when it
//! comes.

use grove_mls::identity::{Evidence, Head, SignedReceipt};
use grove_wire::uri::RoomUri;

use crate::event::{Event, WarningKind};
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, Room, RoomState, Stop, StoreError};

/// Heads and receipts kept for comparing with what members hold.
const KEPT: u64 = 4096;
/// What the hub has accepted comes back within so long, in milliseconds, or is asked for.
const OVERDUE_MS: u64 = 30 * 1000;

/// Moves the chain on by the entry that `room` now stands at.
pub(super) fn extend(step: &mut Step<'_>, room: &mut Room, entry: &[u8]) -> Result<(), GroupError> {
    let Some(before) = room.head else {
        return Ok(());
    };
    let head = *Head::from_bytes(before).next(room.seq, entry).as_bytes();
    room.head = Some(head);
    let expected = step.tx.find_head(&room.uri, room.seq)?;
    if expected.is_some_and(|expected| expected != head) {
        let theirs = kept(step, room, room.seq)?;
        return stop(step, room, None, theirs);
    }
    step.tx.put_head(&room.uri, room.seq, &head)?;
    if room.seq.is_multiple_of(KEPT) {
        step.tx
            .remove_heads(&room.uri, room.seq.saturating_sub(KEPT))?;
    }
    Ok(())
}

/// Whether the hub has signed for the last of some entries, as a home server must. If not, nothing
/// of them is to be taken, and nothing is sent until it does.
pub(super) fn is_signed(
    step: &mut Step<'_>,
    room: &mut Room,
    last: u64,
    signed: Option<&SignedReceipt>,
) -> Result<bool, StoreError> {
    if room.state != RoomState::Joined || room.uri.hub() != step.identity.client.provider() {
        return Ok(true);
    }
    if signed.is_some_and(|signed| signed.receipt().seq == last) {
        if room.stop == Some(Stop::Withheld) {
            room.stop = None;
        }
        return Ok(true);
    }
    withheld(
        step,
        room,
        "the server does not sign for what it says was written here; nothing of it is taken, and \
         nothing is sent",
    )?;
    Ok(false)
}

/// Takes the hub's word that something of this client stands at `seq`, if it has signed for it, as
/// a home server must.
///
/// If that is news, and this client has passed the place without reading anything there, then what
/// it was told of where to begin was not true: it goes back and reads on from there.
pub(crate) fn accept(
    step: &mut Step<'_>,
    room: &mut Room,
    seq: u64,
    receipt: Option<&[u8]>,
    is_news: bool,
) -> Result<bool, GroupError> {
    let signed = match receipt {
        Some(receipt) => read(step, room, receipt)?,
        None => None,
    };
    let is_signed = is_signed(step, room, seq, signed.as_ref())?;
    if let Some(signed) = signed.filter(|signed| signed.receipt().seq == seq) {
        let was_passed = seq <= room.seq && step.tx.find_head(&room.uri, seq)?.is_none();
        if is_news && was_passed && room.state == RoomState::Joined {
            tracing::warn!(room = %room.uri, seq, "the place in the log was not true");
            room.seq = seq.saturating_sub(1);
            room.head = None;
            step.memory.behind.insert(room.uri.clone());
        }
        keep(step, room, &signed)?;
    }
    Ok(is_signed)
}

/// Whether the hub, which is to be a home server, has signed that something stands at `seq` of a
/// room that this client comes into: its chain is not begun yet.
pub(crate) fn is_signed_by_hub(
    step: &mut Step<'_>,
    room: &Room,
    seq: u64,
    receipt: Option<&[u8]>,
) -> Result<bool, GroupError> {
    if room.uri.hub() != step.identity.client.provider() {
        return Ok(true);
    }
    let signed = match receipt {
        Some(receipt) => read(step, room, receipt)?,
        None => None,
    };
    Ok(signed.is_some_and(|signed| signed.receipt().seq == seq))
}

/// Whether the hub has signed for entries that should have come by now.
pub(crate) fn is_overdue(room: &Room, now: u64) -> bool {
    newest(room).is_some_and(|newest| {
        let receipt = newest.receipt();
        // Its time is the hub's word: one from the future excuses nothing.
        let is_ahead = receipt.time > now.saturating_add(OVERDUE_MS);
        let is_old = now >= receipt.time.saturating_add(OVERDUE_MS);
        receipt.seq > room.seq && (is_ahead || is_old)
    })
}

/// The last entry of a room that the hub is known to have signed for; 0 for none.
pub(super) fn signed_seq(step: &Step<'_>, room: &RoomUri) -> Result<u64, StoreError> {
    let known = step.tx.find_room(room)?;
    let newest = known.as_ref().and_then(newest);
    Ok(newest.map_or(0, |newest| newest.receipt().seq))
}

/// The log was read to the end that the hub gives: whether that is all it had signed for before it
/// was asked. What another process heard meanwhile comes next time.
pub(super) fn check_end(
    step: &mut Step<'_>,
    room: &mut Room,
    signed: u64,
) -> Result<(), StoreError> {
    if room.state != RoomState::Joined || room.lost.is_some() || signed <= room.seq {
        return Ok(());
    }
    withheld(
        step,
        room,
        "the server keeps back what it has signed for; nothing is sent until it gives it",
    )
}

fn withheld(step: &mut Step<'_>, room: &mut Room, text: &str) -> Result<(), StoreError> {
    if room.stop.is_some() {
        return Ok(());
    }
    room.stop = Some(Stop::Withheld);
    step.tx.put_room(room)?;
    step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Fork,
        text: text.to_owned(),
    })
}

/// Compares a receipt from the hub with the chain and keeps it. The first one after joining starts
/// the chain.
pub(crate) fn take_receipt(
    step: &mut Step<'_>,
    room: &mut Room,
    receipt: &[u8],
) -> Result<(), GroupError> {
    match read(step, room, receipt)? {
        Some(signed) => keep(step, room, &signed),
        None => Ok(()),
    }
}

/// [`take_receipt`] of one that was read.
pub(super) fn keep(
    step: &mut Step<'_>,
    room: &mut Room,
    signed: &SignedReceipt,
) -> Result<(), GroupError> {
    if !fits(step, room, signed)? {
        return Ok(());
    }
    let receipt = signed.receipt();
    if receipt.seq == room.seq && room.head.is_none() {
        room.head = Some(receipt.head);
    }
    if newest(room).is_none_or(|newest| newest.receipt().seq < receipt.seq) {
        room.receipt = Some(signed.as_bytes().to_vec());
    }
    Ok(())
}

/// Compares the receipt a member holds with what the hub told us. One of an entry that was not read
/// yet is kept until then, though there should be none: a message stands behind all that its sender
/// had seen when it was sent.
pub(super) fn check_witness(
    step: &mut Step<'_>,
    room: &mut Room,
    receipt: &[u8],
) -> Result<(), GroupError> {
    let Some(signed) = read(step, room, receipt)? else {
        return Ok(());
    };
    if fits(step, room, &signed)? && signed.receipt().seq >= room.seq {
        stop(step, room, None, Some(signed))?;
    }
    Ok(())
}

/// Whether a receipt agrees with the chain and with every receipt seen; it is kept then. If not,
/// sending stops.
fn fits(step: &mut Step<'_>, room: &mut Room, signed: &SignedReceipt) -> Result<bool, GroupError> {
    let receipt = signed.receipt();
    if let Some(ours) = kept(step, room, receipt.seq)?
        && ours.receipt().contradicts(receipt)
    {
        stop(step, room, Some(ours), Some(signed.clone()))?;
        return Ok(false);
    }
    let head = if receipt.seq == room.seq {
        room.head
    } else {
        step.tx.find_head(&room.uri, receipt.seq)?
    };
    if head.is_some_and(|head| head != receipt.head) {
        // The hub's receipt for what it told us may come next, and make a proof of it.
        step.tx
            .put_receipt(&room.uri, receipt.seq, signed.as_bytes())?;
        stop(step, room, None, Some(signed.clone()))?;
        return Ok(false);
    }
    step.tx.put_head(&room.uri, receipt.seq, &receipt.head)?;
    step.tx
        .put_receipt(&room.uri, receipt.seq, signed.as_bytes())?;
    Ok(true)
}

/// Looks whether a receipt of the hub's is the other half of a proof that is wanting one.
pub(crate) fn take_other_half(
    step: &mut Step<'_>,
    room: &mut Room,
    receipt: &[u8],
) -> Result<(), GroupError> {
    let Some(Stop::Fork { theirs }) = room.stop.clone() else {
        return Ok(());
    };
    let (Some(ours), Some(theirs)) = (read(step, room, receipt)?, read(step, room, &theirs)?)
    else {
        return Ok(());
    };
    if keep_proof(step, room, ours, theirs)? {
        room.stop = Some(Stop::PROVEN);
        step.tx.put_room(room)?;
    }
    Ok(())
}

/// A receipt of this room that its hub signed; anything else proves nothing and is passed over.
pub(super) fn read(
    step: &mut Step<'_>,
    room: &Room,
    receipt: &[u8],
) -> Result<Option<SignedReceipt>, GroupError> {
    let Ok(signed) = SignedReceipt::decode(receipt) else {
        return Ok(None);
    };
    let hub = match step.group(&room.uri, |group, _, _| Ok(*group.server_key())) {
        Ok(hub) => hub,
        // The keys of the room may be gone; its hub may be the home server, which is known.
        Err(GroupError::NotAMember | GroupError::Unusable(_))
            if room.uri.hub() == step.identity.client.provider() =>
        {
            step.identity.server_key
        }
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let ours = signed.receipt().room == room.uri
        && signed.receipt().seq < BEYOND
        && signed.verify(&hub).is_ok();
    Ok(ours.then_some(signed))
}

/// The receipt of an entry that is kept.
fn kept(step: &Step<'_>, room: &Room, seq: u64) -> Result<Option<SignedReceipt>, StoreError> {
    let found = step.tx.find_receipt(&room.uri, seq)?;
    Ok(found.and_then(|bytes| SignedReceipt::decode(&bytes).ok()))
}

fn newest(room: &Room) -> Option<SignedReceipt> {
    room.receipt
        .as_deref()
        .and_then(|bytes| SignedReceipt::decode(bytes).ok())
}

/// Stops sending, and keeps what proves the reason. A proof found later is kept as well; one is
/// enough.
fn stop(
    step: &mut Step<'_>,
    room: &mut Room,
    ours: Option<SignedReceipt>,
    theirs: Option<SignedReceipt>,
) -> Result<(), GroupError> {
    if room.stop == Some(Stop::PROVEN) {
        return Ok(());
    }
    let bytes = theirs.as_ref().map(|one| one.as_bytes().to_vec());
    let is_proven = match (ours, theirs) {
        (Some(ours), Some(theirs)) => keep_proof(step, room, ours, theirs)?,
        _ => false,
    };
    let is_news = !matches!(room.stop, Some(Stop::Fork { .. }));
    if is_proven {
        room.stop = Some(Stop::PROVEN);
    } else if is_news {
        let theirs = bytes.unwrap_or_default();
        room.stop = Some(Stop::Fork { theirs });
    }
    if !is_news {
        return Ok(());
    }
    let text = if is_proven {
        "the server signed two different logs of this room; nothing more is sent to it"
    } else {
        "what the server gives here is not what it has signed; nothing more is sent to it"
    };
    Ok(step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Fork,
        text: text.to_owned(),
    })?)
}

/// Keeps two receipts, if they are a proof.
fn keep_proof(
    step: &mut Step<'_>,
    room: &Room,
    ours: SignedReceipt,
    theirs: SignedReceipt,
) -> Result<bool, GroupError> {
    let record = match step.group(&room.uri, |group, _, _| Ok(group.record().clone())) {
        Ok(record) => record,
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let Ok(evidence) = Evidence::new(record, [ours, theirs]) else {
        return Ok(false);
    };
    let (bytes, now) = (evidence.to_bytes(), step.now);
    step.tx.add_evidence(&room.uri, now, &bytes)?;
    Ok(true)
}
