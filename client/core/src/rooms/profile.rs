//! Whose word counts for a room's name and topic.
//!
//! Knows roles, leaves and the creation record; must not know how a profile travels, nor which of
//! two is the newer.
//!
//! The surprise: whoever brings a profile needs no right, for the author has signed it. What counts
//! is that the author has the right when it is heard: a newcomer can see no more, and all others
//! are to see the same. So the word of somebody who has left, or has the right no more, has to be
//! given again by somebody who has it; but for the name that the room was made with, of which the
//! creation record proves who gave it.

use std::collections::BTreeSet;

use grove_mls::identity::SignedRoomProfile;
use grove_mls::member::Group;
use grove_mls::room::validation::ValidLeaf;
use grove_wire::mimi::room::capability;
use grove_wire::uri::{RoomUri, UserUri};

use crate::step::{GroupError, Step};
use crate::trust;

/// Why a profile counts.
pub(crate) enum Author {
    /// The room was made with it.
    Maker,
    /// A member has signed it who may name the room.
    Member(Box<ValidLeaf>),
}

/// Why a profile counts in the room as it is now; none if it does not.
pub(crate) fn author(
    step: &mut Step<'_>,
    room: &RoomUri,
    profile: &SignedRoomProfile,
) -> Result<Option<Author>, GroupError> {
    let said = profile.profile();
    if said.room != *room {
        return Ok(None);
    }
    step.group(room, |group, _, _| {
        if may_name(group, &said.author.user()) {
            let leaf = trust::members_of(group)?
                .into_iter()
                .find(|leaf| leaf.client == said.author)
                .filter(|leaf| profile.verify(&leaf.key).is_ok());
            if let Some(leaf) = leaf {
                return Ok(Some(Author::Member(Box::new(leaf))));
            }
        }
        Ok(is_makers(group, profile).then_some(Author::Maker))
    })
}

/// Whether a user's role may name the room. A profile says the name and the topic under one
/// signature, so both rights are needed (draft-ietf-mimi-room-policy-03, capabilities registry).
pub(crate) fn may_name(group: &Group, user: &UserUri) -> bool {
    let state = group.state();
    may(group, state.participants.role_of(user))
}

/// All users whose role may name the room.
pub(crate) fn who_may_name(group: &Group) -> BTreeSet<UserUri> {
    let participants = group.state().participants.iter();
    participants
        .filter(|one| may(group, one.role))
        .map(|one| one.user.clone())
        .collect()
}

fn may(group: &Group, role: u32) -> bool {
    [
        capability::CAN_CHANGE_ROOM_NAME,
        capability::CAN_CHANGE_ROOM_DESCRIPTION,
    ]
    .into_iter()
    .all(|right| group.state().roles.may(role, right))
}

/// Whether the maker's device signed it as the first one, at the time that the record names.
fn is_makers(group: &Group, profile: &SignedRoomProfile) -> bool {
    let (said, record) = (profile.profile(), group.record().record());
    said.version == 1
        && said.time == record.time
        && said.author.user() == record.creator
        && profile.verify(&record.device_key).is_ok()
}
