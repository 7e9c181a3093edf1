//! What is remembered of people: set at the first sight of them, moved by what follows, and never
//! by anything else.
//!
//! Must not ask anybody: what the network says is handed in.
//!
//! The surprise: an identity that does not follow is kept beside the pin, as the rival. So it is
//! told once, and a person can be shown its digits and choose it.

use grove_mls::identity::{Identity as UserIdentity, Pin as ListPin, SignedDeviceList};
use grove_mls::room::validation::ValidLeaf;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};

use super::{TrustError, members_of, read_identity, read_list};
use crate::devices;
use crate::event::{Event, WarningKind};
use crate::step::{GroupError, Step};
use crate::store::{Pin, StoreError};

/// Takes in a leaf of a room, which is valid by itself.
pub(crate) fn see(step: &mut Step<'_>, room: &RoomUri, leaf: &ValidLeaf) -> Result<(), StoreError> {
    let pin = match known(step, &leaf.user)? {
        Some(pin) => pin,
        None => first_sight(step, &leaf.user, &leaf.identity, None),
    };
    let pinned = read_identity(&pin.identity)?;
    if pinned.follows(&leaf.identity) {
        if step.tx.find_pin(&leaf.user)?.is_none() && leaf.user != step.identity.user {
            let disputed = is_not_the_maker(step, room, leaf)?;
            step.tx.put_pin(&Pin { disputed, ..pin })?;
            if disputed {
                warn(step, &leaf.user, Some(room))?;
            }
        }
        return Ok(());
    }
    if leaf.identity.follows(&pinned) {
        // The own user's newest list will say the same, and brings the key.
        return if leaf.user == step.identity.user {
            Ok(())
        } else {
            renew(step, pin, &leaf.identity)
        };
    }
    meet_rival(step, pin, &leaf.identity, Some(room))
}

/// Whether somebody stands in a room whose creation record names them as its maker, under another
/// identity. That tells also those who never met them.
fn is_not_the_maker(
    step: &mut Step<'_>,
    room: &RoomUri,
    leaf: &ValidLeaf,
) -> Result<bool, StoreError> {
    let is_another = step.group(room, |group, _, _| {
        let record = group.record().record();
        Ok(record.creator == leaf.user && record.root != *leaf.identity.root())
    });
    match is_another {
        Ok(is_another) => Ok(is_another),
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => Ok(false),
        Err(GroupError::Store(error)) => Err(error),
    }
}

/// Takes in the whole tree of a room, which this client has come into.
pub(crate) fn see_all(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let members = step.group(room, |group, _, _| members_of(group))?;
    for leaf in members {
        see(step, room, &leaf)?;
    }
    Ok(())
}

/// Takes in a device list that somebody's home server has given.
pub(super) fn learn(
    step: &mut Step<'_>,
    user: &UserUri,
    list: &SignedDeviceList,
) -> Result<Result<(), TrustError>, StoreError> {
    let shown = &list.list().identity;
    let Some(pin) = step.tx.find_pin(user)? else {
        step.memory.trusted.clear();
        let pin = first_sight(step, user, shown, Some(list));
        step.tx.put_pin(&pin)?;
        return Ok(Ok(()));
    };
    let pinned = read_identity(&pin.identity)?;
    if !shown.follows(&pinned) {
        if pinned.follows(shown) {
            // An old one: it says nothing of what was seen since.
            return Ok(Ok(()));
        }
        meet_rival(step, pin, shown, None)?;
        return Ok(Err(TrustError::Changed(user.clone())));
    }
    if let Some(before) = &pin.device_list {
        let before = read_list(before)?;
        if before.hash() == list.hash() {
            return Ok(Ok(()));
        }
        if !continues(list, &before) {
            warn(step, user, None)?;
            return Ok(Err(TrustError::Changed(user.clone())));
        }
    }
    step.memory.trusted.clear();
    let pin = Pin {
        device_list: Some(list.as_bytes().to_vec()),
        ..pin
    };
    if shown.is_same(&pinned) {
        step.tx.put_pin(&pin)?;
    } else {
        renew(step, pin, shown)?;
    }
    Ok(Ok(()))
}

/// Takes in as whom another device of the own user knows somebody. Keys that follow each other are
/// one person's, and what was compared on one device was compared. If they do not, neither is
/// believed until a person has compared the digits here: the device that tells it may be a stolen
/// one, and this one may have met an impostor first.
pub(crate) fn hear(
    step: &mut Step<'_>,
    sender: &ClientUri,
    user: &UserUri,
    told: &UserIdentity,
    verified: bool,
) -> Result<(), StoreError> {
    let verified_by = verified.then(|| sender.clone());
    if *user == step.identity.user || told.verify(user).is_err() {
        return Ok(());
    }
    step.memory.trusted.clear();
    let Some(pin) = step.tx.find_pin(user)? else {
        let pin = Pin {
            verified,
            verified_by,
            ..first_sight(step, user, told, None)
        };
        return step.tx.put_pin(&pin);
    };
    let pinned = read_identity(&pin.identity)?;
    let is_later = told.follows(&pinned);
    if !is_later && !pinned.follows(told) {
        return dispute(step, pin, told);
    }
    let pin = if verified && !pin.verified && !pin.disputed {
        Pin {
            verified,
            verified_by,
            ..pin
        }
    } else {
        pin
    };
    if is_later && !told.is_same(&pinned) {
        renew(step, pin, told)
    } else {
        step.tx.put_pin(&pin)
    }
}

/// A device was taken off the account: that it called somebody compared counts no more.
pub(crate) fn forget_word_of(step: &mut Step<'_>, device: &ClientUri) -> Result<(), StoreError> {
    for pin in step.tx.list_pins(usize::MAX)? {
        if pin.verified_by.as_ref() == Some(device) {
            step.tx.put_pin(&Pin {
                verified: false,
                verified_by: None,
                ..pin
            })?;
        }
    }
    Ok(())
}

/// Whether a user's home server has given no list of the newest identity seen.
pub(crate) fn lacks_list(pin: Option<&Pin>) -> Result<bool, StoreError> {
    let Some(pin) = pin else {
        return Ok(true);
    };
    let Some(list) = &pin.device_list else {
        return Ok(true);
    };
    let pinned = read_identity(&pin.identity)?;
    Ok(!read_list(list)?.list().identity.is_same(&pinned))
}

/// The next list of an identity is compared device by device; of one further on, and of the next
/// identity, only the keys can be checked.
pub(crate) fn continues(list: &SignedDeviceList, known: &SignedDeviceList) -> bool {
    let is_next = known.list().version.checked_add(1) == Some(list.list().version);
    if is_next && list.list().identity.is_same(&known.list().identity) {
        list.follows(known).is_ok()
    } else {
        ListPin::of(known).advance(list).is_ok()
    }
}

/// What is pinned of a user. Of the own user that is the newest own list.
fn known(step: &Step<'_>, user: &UserUri) -> Result<Option<Pin>, StoreError> {
    let pin = step.tx.find_pin(user)?;
    if *user != step.identity.user {
        return Ok(pin);
    }
    let list = devices::own_list(step)?;
    let own = first_sight(step, user, &list.list().identity, Some(&list));
    Ok(Some(Pin {
        verified: true,
        rival: pin.and_then(|pin| pin.rival),
        ..own
    }))
}

fn first_sight(
    step: &Step<'_>,
    user: &UserUri,
    identity: &UserIdentity,
    list: Option<&SignedDeviceList>,
) -> Pin {
    Pin {
        user: user.clone(),
        identity: identity.to_bytes(),
        device_list: list.map(|list| list.as_bytes().to_vec()),
        rival: None,
        disputed: false,
        verified: false,
        verified_by: None,
        since: step.now,
    }
}

/// The recovery key has spoken: one line, and no alarm.
fn renew(step: &mut Step<'_>, pin: Pin, identity: &UserIdentity) -> Result<(), StoreError> {
    step.memory.trusted.clear();
    // Its list is to be asked for at once.
    step.memory.pinned.clear();
    step.memory.asked.remove(&pin.user);
    let user = pin.user.clone();
    step.tx.put_pin(&Pin {
        identity: identity.to_bytes(),
        ..pin
    })?;
    step.tell(Event::IdentityRenewed { user })
}

/// Somebody else says to be the user. Told once for each such identity.
fn meet_rival(
    step: &mut Step<'_>,
    pin: Pin,
    rival: &UserIdentity,
    room: Option<&RoomUri>,
) -> Result<(), StoreError> {
    step.memory.trusted.clear();
    let known = pin.rival.as_deref().map(read_identity).transpose()?;
    let is_news = known.is_none_or(|known| !known.is_same(rival));
    if !is_news {
        return Ok(());
    }
    let user = pin.user.clone();
    step.tx.put_pin(&Pin {
        rival: Some(rival.to_bytes()),
        ..pin
    })?;
    warn(step, &user, room)
}

/// Another device of the own user knows somebody as somebody else. What a person compared here
/// stands; that yet another device has compared them counts no more than this one's word.
fn dispute(step: &mut Step<'_>, pin: Pin, told: &UserIdentity) -> Result<(), StoreError> {
    if pin.was_compared_here() || pin.disputed {
        return meet_rival(step, pin, told, None);
    }
    let address = pin.user.address();
    step.tx.put_pin(&Pin {
        rival: Some(told.to_bytes()),
        disputed: true,
        verified: false,
        verified_by: None,
        ..pin
    })?;
    step.tell(Event::Warning {
        room: None,
        kind: WarningKind::Identity,
        text: format!(
            "another device of yours knows {address} under another identity; nothing is sent to \
             them until you have compared their safety number by another way than this one"
        ),
    })
}

fn warn(step: &mut Step<'_>, user: &UserUri, room: Option<&RoomUri>) -> Result<(), StoreError> {
    let address = user.address();
    let text = if *user == step.identity.user {
        format!("somebody else is in the room as {address}; whoever may should remove them")
    } else {
        format!(
            "the identity of {address} is not the one you know; compare their safety number by \
             another way than this one"
        )
    };
    step.tell(Event::Warning {
        room: room.cloned(),
        kind: WarningKind::Identity,
        text,
    })
}
