//! Joining by a Welcome: what is believed of it, and what is checked.
//!
//! Whoever makes a Welcome makes the whole room in it. Nothing is believed but signatures: the
//! creation record must hash to the room's id, and every leaf must be a device its user signed and
//! a participant.
//!
//! The surprise: OpenMLS uses the KeyPackage up when it opens the Welcome, even if the room is then
//! refused (a last-resort one stays). Whether to write that change is the caller's choice; after a
//! refusal it should, or the Welcome comes again.

use grove_wire::mls::{RatchetTree, Welcome};
use grove_wire::uri::{ClientUri, RoomUri};
use openmls::group::{MlsGroup, StagedWelcome};

use super::{DeviceIdentity, Group, join_config};
use crate::public::context::{self, ContextError};
use crate::public::{facts, tree};
use crate::room::PolicyViolation;
use crate::storage::{MemberStorage, Records, group_id};
use crate::suite::{MlsError, convert};

/// Why a Welcome is refused.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// This client is a member already, in the same epoch or a later one.
    #[error("this client is in the room already")]
    AlreadyMember,
    /// The group is not a room.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// MLS refuses the Welcome, its KeyPackage is gone, or the storage failed.
    #[error("the Welcome cannot be opened: {0}")]
    Mls(#[from] MlsError),
    /// The leaf in the tree is not this device's.
    #[error("the Welcome is for another device")]
    NotThisDevice,
    /// A leaf is not a device its user signed, or belongs to no participant.
    #[error(transparent)]
    Policy(#[from] PolicyViolation),
    /// Another room than the one that was announced.
    #[error("the Welcome is for another room")]
    WrongRoom,
}

/// Joins `room` by a Welcome and the ratchet tree of its epoch. Lifetimes are not judged: an
/// expired leaf is stale and removable, never a reason not to join.
///
/// # Errors
/// [`JoinError`].
pub fn join<R: Records>(
    storage: &MemberStorage<'_, R>,
    device: &DeviceIdentity,
    welcome: &Welcome,
    ratchet_tree: &RatchetTree,
    room: &RoomUri,
) -> Result<Group, JoinError> {
    let older = MlsGroup::load(storage, &group_id(room)).map_err(MlsError::of)?;
    let staged =
        StagedWelcome::build_from_welcome(storage, &join_config(), convert::welcome(welcome)?)
            .map_err(MlsError::of)?
            .with_ratchet_tree(convert::ratchet_tree(ratchet_tree)?)
            .skip_lifetime_validation()
            .replace_old_group()
            .build()
            .map_err(MlsError::of)?;
    let staged_context = staged.group_context();
    if older
        .as_ref()
        .is_some_and(|older| older.is_active() && older.epoch() >= staged_context.epoch())
    {
        return Err(JoinError::AlreadyMember);
    }
    let read = context::read(staged_context)?;
    if read.state.room_uri != *room {
        return Err(JoinError::WrongRoom);
    }
    if let Some(mut older) = older {
        // What it had pending must not be found again beside the new state.
        older.delete(storage).map_err(MlsError::of)?;
    }
    let mls = staged.into_group(storage).map_err(MlsError::of)?;
    let group = Group {
        mls,
        state: read.state,
        server_key: read.server_key,
    };
    let leaves = tree::check(&group.state, &facts::leaves(group.mls.public_group()))?;
    let own = leaves.iter().find(|(leaf, _)| *leaf == group.own_leaf());
    let is_own = |client: &ClientUri| *client == device.client;
    if !own.is_some_and(|(_, leaf)| is_own(&leaf.client) && leaf.key == device.key.public()) {
        return Err(JoinError::NotThisDevice);
    }
    Ok(group)
}
