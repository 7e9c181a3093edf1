//! One entry of a room's log: opened, judged and stored.
//!
//! The group decides what it means; here it becomes history, membership and events.

use grove_mls::member::{Merged, Proposed, ReceiveError as Unreadable, Received};
use grove_wire::codec;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mls::MlsMessage;
use grove_wire::uri::UserUri;

use super::ReceiveError;
use super::application::{self, Opened as Message};
use crate::event::{Event, RoomChange, WarningKind};
use crate::outbox;
use crate::rooms::role_name;
use crate::step::{GroupError, Step};
use crate::store::{OutgoingKind, Room, RoomState, StoreError};

/// What opening a message gave: its meaning, or why it has none for us.
enum Opened {
    Meaning(Received),
    Unreadable(String),
}

/// Why the group gave no meaning: the store, or the message.
enum OpenError {
    Group(GroupError),
    Unreadable(String),
}

impl From<GroupError> for OpenError {
    fn from(error: GroupError) -> Self {
        Self::Group(error)
    }
}

/// Takes the entry that `room` now stands at.
pub(super) fn take(step: &mut Step<'_>, room: &mut Room, entry: &[u8]) -> Result<(), ReceiveError> {
    let Ok(fanout) = codec::decode::<FanoutMessage>(entry) else {
        return Ok(unreadable(step, room, "it is malformed")?);
    };
    take_message(step, room, &fanout.message, fanout.timestamp)?;
    if let FanoutTail::Proposal { more_proposals } = &fanout.tail {
        for proposal in more_proposals {
            take_message(step, room, proposal, fanout.timestamp)?;
        }
    }
    Ok(())
}

fn take_message(
    step: &mut Step<'_>,
    room: &mut Room,
    message: &MlsMessage,
    time: u64,
) -> Result<(), ReceiveError> {
    match open(step, room, message)? {
        Opened::Unreadable(reason) => return Ok(unreadable(step, room, &reason)?),
        Opened::Meaning(Received::AlreadySeen) => {}
        Opened::Meaning(Received::Own) => outbox::accepted_by_log(step, room, message, time)?,
        Opened::Meaning(Received::Application {
            sender,
            data,
            authenticated_data,
            may_send,
            ..
        }) => {
            application::take(
                step,
                room,
                &Message {
                    sender,
                    data,
                    authenticated_data,
                    may_send,
                },
                time,
            )?;
        }
        Opened::Meaning(Received::Proposal(proposed)) => {
            take_proposal(step, room, &proposed, time)?;
        }
        Opened::Meaning(Received::Commit(merged)) => take_commit(step, room, &merged)?,
    }
    room.unreadable = 0;
    Ok(())
}

fn open(step: &mut Step<'_>, room: &Room, message: &MlsMessage) -> Result<Opened, GroupError> {
    let opened = step.group(&room.uri, |group, storage, _| {
        group
            .receive(storage, message)
            .map_err(|error| match error {
                Unreadable::Storage(error) => {
                    OpenError::Group(GroupError::Unusable(Box::new(error)))
                }
                other => OpenError::Unreadable(other.to_string()),
            })
    });
    match opened {
        Ok(received) => Ok(Opened::Meaning(received)),
        Err(OpenError::Unreadable(reason)) => Ok(Opened::Unreadable(reason)),
        Err(OpenError::Group(GroupError::NotAMember)) => Ok(Opened::Meaning(Received::AlreadySeen)),
        Err(OpenError::Group(error)) => Err(error),
    }
}

/// One warning for any number of entries in a row.
fn unreadable(step: &mut Step<'_>, room: &mut Room, reason: &str) -> Result<(), StoreError> {
    room.unreadable = room.unreadable.saturating_add(1);
    if room.unreadable > 1 || room.state != RoomState::Joined {
        return Ok(());
    }
    step.tell(Event::Warning {
        room: Some(room.uri.clone()),
        kind: WarningKind::Unreadable,
        text: format!(
            "entry {} and perhaps later ones could not be read: {reason}",
            room.seq
        ),
    })
}

fn take_proposal(
    step: &mut Step<'_>,
    room: &mut Room,
    proposed: &Proposed,
    time: u64,
) -> Result<(), StoreError> {
    room.removals_since.get_or_insert(time);
    let user = proposed.leaving.user();
    if user == step.identity.user {
        return Ok(());
    }
    let change = RoomChange::Leaving { user: user.clone() };
    step.tell(Event::RoomChanged {
        room: room.uri.clone(),
        by: Some(user),
        change,
    })
}

fn take_commit(step: &mut Step<'_>, room: &mut Room, merged: &Merged) -> Result<(), ReceiveError> {
    settle_outbox(step, room)?;
    let by = merged.committer.user();
    step.memory.removals_due.remove(&room.uri);
    room.removals_since = None;
    if merged.removed_self {
        return Ok(removed(step, room, by)?);
    }
    room.epoch = merged.epoch;
    if merged.was_own {
        room.profile_due |= !merged.added.is_empty();
    }
    tell_changes(step, room, merged, &by)?;
    Ok(())
}

/// A commit ends every handshake of the epoch before: it was this one, or it is too late.
fn settle_outbox(step: &mut Step<'_>, room: &Room) -> Result<(), StoreError> {
    for outgoing in step.tx.list_outgoing(&room.uri)? {
        match outgoing.kind {
            OutgoingKind::Commit => step.tx.remove_outgoing(outgoing.number)?,
            OutgoingKind::Application { .. }
            | OutgoingKind::Creation
            | OutgoingKind::ExternalCommit
            | OutgoingKind::Leaving => {}
        }
    }
    Ok(())
}

fn removed(step: &mut Step<'_>, room: &mut Room, by: UserUri) -> Result<(), GroupError> {
    step.forget_group(&room.uri)?;
    outbox::abandon(step, &room.uri, "you are not in the room any more")?;
    if room.state == RoomState::Joined {
        room.state = RoomState::Removed;
        step.tell(Event::RoomLeft {
            room: room.uri.clone(),
            by: Some(by),
        })?;
    }
    Ok(())
}

fn tell_changes(
    step: &mut Step<'_>,
    room: &Room,
    merged: &Merged,
    by: &UserUri,
) -> Result<(), StoreError> {
    let mut changes = Vec::new();
    for (user, before, after) in &merged.participants_changed {
        let user = user.clone();
        changes.push(match (before, after) {
            (0 | 1, 2..) => RoomChange::Joined {
                user,
                role: role_name(*after),
            },
            (2.., 0) => RoomChange::Left { user },
            _ => RoomChange::RoleChanged {
                user,
                role: role_name(*after),
            },
        });
    }
    let told = |user: &UserUri| {
        merged
            .participants_changed
            .iter()
            .any(|(changed, _, _)| changed == user)
    };
    let quiet = |client: &&grove_wire::uri::ClientUri| !told(&client.user());
    changes.extend(
        merged
            .added
            .iter()
            .filter(quiet)
            .map(|client| RoomChange::DeviceAdded {
                client: client.clone(),
            }),
    );
    changes.extend(
        merged
            .removed
            .iter()
            .filter(quiet)
            .map(|client| RoomChange::DeviceRemoved {
                client: client.clone(),
            }),
    );
    for change in changes {
        step.tell(Event::RoomChanged {
            room: room.uri.clone(),
            by: Some(by.clone()),
            change,
        })?;
    }
    Ok(())
}
