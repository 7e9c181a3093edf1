//! One entry of a room's log: opened, judged and stored.
//!
//! The group decides what it means; here it becomes history, membership and events.

use grove_mls::member::{Merged, Proposed, ReceiveError as Unreadable, Received};
use grove_mls::room::validation::ValidLeaf;
use grove_wire::codec;
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, UserUri};

use super::application::{self, Opened as Message};
use super::{ReceiveError, copy, loss};
use crate::event::{Event, RoomChange, WarningKind};
use crate::outbox::Said;
use crate::rooms::role_name;
use crate::settle::expect_profile;
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, LostCause, OutgoingKind, Room, RoomState, StoreError};
use crate::{notes, outbox, trust};

/// What opening a message gave: its meaning, or why it has none for us.
enum Opened {
    /// Neither this nor any later one can be opened.
    Lost(LostCause),
    Meaning(Received),
    Unreadable(String),
}

/// Why the group gave no meaning: the store, or the message.
enum OpenError {
    Group(GroupError),
    Message(Unreadable),
}

impl From<GroupError> for OpenError {
    fn from(error: GroupError) -> Self {
        Self::Group(error)
    }
}

/// Whether the log can be followed past a message.
#[derive(PartialEq, Eq)]
enum Flow {
    GoesOn,
    Ends,
}

/// Takes the entry that `room` now stands at.
pub(super) fn take(step: &mut Step<'_>, room: &mut Room, entry: &[u8]) -> Result<(), ReceiveError> {
    let Ok(fanout) = codec::decode::<FanoutMessage>(entry) else {
        return Ok(unreadable(step, room, "it is malformed")?);
    };
    if fanout.timestamp >= BEYOND {
        return Ok(unreadable(step, room, "its time is none")?);
    }
    if loss::is_out(step, room)?
        || take_message(step, room, &fanout.message, fanout.timestamp)? == Flow::Ends
    {
        return Ok(loss::skip(step, room, &fanout)?);
    }
    if let FanoutTail::Proposal { more_proposals } = &fanout.tail {
        for proposal in more_proposals {
            if take_message(step, room, proposal, fanout.timestamp)? == Flow::Ends {
                return Ok(loss::skip(step, room, &fanout)?);
            }
        }
    }
    Ok(())
}

fn take_message(
    step: &mut Step<'_>,
    room: &mut Room,
    message: &MlsMessage,
    time: u64,
) -> Result<Flow, ReceiveError> {
    match open(step, room, message, time)? {
        Opened::Lost(cause) => {
            let read = room.seq.saturating_sub(1);
            loss::lose(step, room, cause, read, time)?;
            return Ok(Flow::Ends);
        }
        Opened::Unreadable(reason) => {
            unreadable(step, room, &reason)?;
            return Ok(Flow::GoesOn);
        }
        Opened::Meaning(Received::AlreadySeen) => {}
        Opened::Meaning(Received::Own) => {
            if !outbox::accepted_by_log(step, room, message, time)? {
                let Some(own) = step.tx.find_message_at(&room.uri, room.seq)? else {
                    match outbox::find_said(step, &room.uri, message)? {
                        Some(Said::Accepted) => copy::repeated(step, room)?,
                        Some(Said::Refused(number)) => {
                            outbox::taken_after_all(step, room, number, message, time)?;
                        }
                        None => copy::said_elsewhere(step, room)?,
                    }
                    return Ok(Flow::GoesOn);
                };
                // Carried out when the hub answered, before what stands between: the log's order
                // counts.
                application::amend(step, &own)?;
            }
        }
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
                    sender: *sender,
                    data,
                    authenticated_data,
                    may_send,
                },
                time,
            )?;
        }
        Opened::Meaning(Received::Reused) => copy::repeated(step, room)?,
        Opened::Meaning(Received::Proposal(proposed)) => {
            take_proposal(step, room, &proposed, time)?;
        }
        Opened::Meaning(Received::Commit(merged))
            if merged.committer == step.identity.client && !merged.was_own =>
        {
            loss::outlived(step, room, time)?;
            return Ok(Flow::Ends);
        }
        Opened::Meaning(Received::Commit(merged)) => take_commit(step, room, &merged)?,
    }
    if room.lost.is_none() {
        room.unreadable = 0;
    }
    Ok(Flow::GoesOn)
}

fn open(
    step: &mut Step<'_>,
    room: &Room,
    message: &MlsMessage,
    time: u64,
) -> Result<Opened, GroupError> {
    let opened = step.group(&room.uri, |group, storage, _| {
        group.receive(storage, message).map_err(OpenError::Message)
    });
    Ok(match opened {
        Ok(received) => Opened::Meaning(received),
        Err(OpenError::Message(Unreadable::Unfollowable { committer, reason })) => {
            tracing::warn!(room = %room.uri, reason, "a commit cannot be merged");
            Opened::Lost(loss::poisoned(step, committer, time))
        }
        Err(OpenError::Message(Unreadable::Ahead { .. })) if loss::is_sane(room, message) => {
            Opened::Lost(LostCause::State)
        }
        // What the store itself failed with is not among these.
        Err(
            OpenError::Message(Unreadable::NotAMember | Unreadable::Storage(_))
            | OpenError::Group(GroupError::NotAMember | GroupError::Unusable(_)),
        ) => Opened::Lost(LostCause::State),
        Err(OpenError::Message(other)) => Opened::Unreadable(other.to_string()),
        Err(OpenError::Group(error @ GroupError::Store(_))) => return Err(error),
    })
}

/// One warning for any number of entries in a row; none while the room is lost.
fn unreadable(step: &mut Step<'_>, room: &mut Room, reason: &str) -> Result<(), StoreError> {
    room.unreadable = room.unreadable.saturating_add(1);
    if room.unreadable > 1 || room.state != RoomState::Joined || room.lost.is_some() {
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

/// Somebody is to go: a user, once all their leaves are, or one of their devices.
fn take_proposal(
    step: &mut Step<'_>,
    room: &mut Room,
    proposed: &Proposed,
    time: u64,
) -> Result<(), GroupError> {
    room.removals_since.get_or_insert(time);
    let user = proposed.leaving.user();
    if user == step.identity.user {
        let by_user = proposed.proposer.as_ref().map(ClientUri::user) == Some(user);
        if by_user && proposed.leaving == step.identity.client {
            step.tx.put_record(&leaving(room), Some(&[]))?;
        }
        return Ok(());
    }
    let whole = step.group(&room.uri, |group, _, _| {
        Ok::<_, GroupError>(group.are_all_leaving(&proposed.leaving))
    })?;
    let by_server = proposed.proposer.is_none();
    let change = if whole {
        RoomChange::Leaving { user, by_server }
    } else {
        RoomChange::DeviceLeaving {
            client: proposed.leaving.clone(),
            by_server,
        }
    };
    Ok(step.tell(Event::RoomChanged {
        room: room.uri.clone(),
        by: proposed.proposer.as_ref().map(ClientUri::user),
        change,
    })?)
}

fn take_commit(step: &mut Step<'_>, room: &mut Room, merged: &Merged) -> Result<(), ReceiveError> {
    if merged.was_own {
        settle_outbox(step, room)?;
    }
    let by = merged.committer.user();
    room.epoch = merged.epoch;
    step.memory.removals_due.remove(&room.uri);
    room.removals_since = None;
    let leaving = leaving(room);
    let left = step.tx.find_record(&leaving)?.is_some();
    if left {
        step.tx.put_record(&leaving, None)?;
    }
    if merged.removed_self {
        let why = if left {
            Removal::Left
        } else if merged.removed_by_hub.contains(&step.identity.client) {
            Removal::ByServer
        } else {
            Removal::By(by)
        };
        return Ok(removed(step, room, why)?);
    }
    let own = |leaf: &ValidLeaf| leaf.client == step.identity.client;
    room.keys_in_doubt &= !(merged.was_own && merged.new_leaves.iter().any(own));
    outbox::forget_said(step, &room.uri)?;
    if merged.was_own {
        if !merged.added.is_empty() {
            step.memory.profiles_due.remove(&room.uri);
            room.profile_due = true;
        }
    } else if !merged.added.is_empty() {
        expect_profile(step, room, merged)?;
    }
    notes::saw_commit(step, room, merged)?;
    for leaf in &merged.new_leaves {
        trust::see(step, &room.uri, leaf)?;
    }
    tell_changes(step, room, merged, &by)?;
    Ok(())
}

/// The commit that waited stands in the log. One that waits when another has come first is too
/// late, which the hub will say; whoever wanted it is told then.
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

/// Whether this device's wish to leave was read in the log, and not yet carried out.
pub(crate) fn is_leaving(step: &Step<'_>, room: &Room) -> Result<bool, StoreError> {
    Ok(step.tx.find_record(&leaving(room))?.is_some())
}

/// Where it stands that the user leaves the room: another device proposed it for all of them.
fn leaving(room: &Room) -> Vec<u8> {
    format!("grove/leaving/{}", room.uri.as_str()).into_bytes()
}

/// Why this client is out.
enum Removal {
    By(UserUri),
    /// The hub wanted it, and some member had to commit it.
    ByServer,
    /// Another device of the user has left.
    Left,
}

/// This client is out.
fn removed(step: &mut Step<'_>, room: &mut Room, why: Removal) -> Result<(), GroupError> {
    step.forget_group(&room.uri)?;
    outbox::abandon(step, &room.uri, "you are not in the room any more")?;
    room.lost = None;
    if room.state == RoomState::Joined {
        let (state, by, by_server) = match why {
            Removal::By(by) => (RoomState::Removed, Some(by), false),
            Removal::ByServer => (RoomState::Removed, None, true),
            Removal::Left => (RoomState::Left, None, false),
        };
        room.state = state;
        notes::left_room(step, room)?;
        step.tell(Event::RoomLeft {
            room: room.uri.clone(),
            by,
            by_server,
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
    // A device that lost the room and came back by itself is nobody's news.
    let back =
        |client: &ClientUri| merged.added.contains(client) && merged.removed.contains(client);
    let quiet = |client: &&ClientUri| !told(&client.user()) && !back(client);
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
        let by_hub = |client: &ClientUri| match &change {
            RoomChange::Left { user } => client.user() == *user,
            RoomChange::DeviceRemoved { client: gone } => client == gone,
            _ => false,
        };
        let by_hub = merged.removed_by_hub.iter().any(by_hub);
        step.tell(Event::RoomChanged {
            room: room.uri.clone(),
            by: (!by_hub).then(|| by.clone()),
            change,
        })?;
    }
    Ok(())
}
