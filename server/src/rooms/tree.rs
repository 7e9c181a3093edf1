//! Ratchet trees by epoch, with the confirmation tags of their commits: what somebody who was added
//! needs beside the Welcome.
//!
//! The tree of the current epoch is read from the live group; an earlier one is rebuilt from the
//! newest snapshot before it. Those who were added by one commit ask for the same tree at the same
//! time: the first builds it.

use bytes::Bytes;
use grove_mls::public::HubGroup;
use grove_mls::suite::MlsError;
use grove_wire::api::rooms::EpochTree;
use grove_wire::codec::{self, EncodeError};
use grove_wire::uri::RoomUri;

use super::{GroupError, Room, StandingError, groups, standing};
use crate::app::App;
use crate::db::{self, RoomId};
use crate::sessions::ClientAuth;
use crate::tasks::WorkLost;

/// Why there is no tree.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TreeError {
    #[error("the tree cannot be written")]
    Encode(#[from] MlsError),
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Lost(#[from] WorkLost),
    #[error(transparent)]
    Standing(#[from] StandingError),
    #[error("the tree is too large")]
    TooLarge(#[from] EncodeError),
}

impl From<db::Error> for TreeError {
    fn from(error: db::Error) -> Self {
        Self::Standing(error.into())
    }
}

/// The tree of an epoch in which the device is, or was, in the group.
#[tracing::instrument(name = "rooms.tree", skip_all)]
pub(crate) async fn tree(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
    epoch: u64,
) -> Result<Bytes, TreeError> {
    let standing::Standing { room, row } = standing::member(app, who, uri).await?;
    let from_epoch = row.cursor.map_or(u64::MAX, |cursor| cursor.from_epoch);
    if !(from_epoch..=row.epoch).contains(&epoch) {
        return Err(StandingError::NotFound.into());
    }
    if let Some(tree) = app.rooms.trees.get(&(room.id, epoch)) {
        return Ok(tree);
    }
    build(app, &room, epoch).await
}

async fn build(app: &App, room: &Room, epoch: u64) -> Result<Bytes, TreeError> {
    let mut seat = app.rooms.groups.enter(room.id).await;
    if let Some(tree) = app.rooms.trees.get(&(room.id, epoch)) {
        return Ok(tree);
    }
    seat.follow(&app.db, &app.tasks).await?;
    let tree = if seat.group().is_some_and(|group| group.epoch() == epoch) {
        app.tasks
            .blocking(move || seat.group().map(HubGroup::epoch_tree))
            .await?
    } else {
        let group = match groups::at_epoch(&app.db, &app.tasks, room.id, epoch).await {
            // Nobody can join there any more: the Welcome went before the handshakes did.
            Err(GroupError::Gone) => return Err(StandingError::NotFound.into()),
            found => found?,
        };
        app.tasks.blocking(move || Some(group.epoch_tree())).await?
    };
    Ok(keep(
        app,
        room.id,
        epoch,
        &tree.ok_or(GroupError::Missing)??,
    )?)
}

/// Keeps a tree for those who will ask for it in a moment.
///
/// # Errors
/// [`EncodeError`] if it is larger than a body may be.
pub(super) fn keep(
    app: &App,
    room: RoomId,
    epoch: u64,
    tree: &EpochTree,
) -> Result<Bytes, EncodeError> {
    let tree = Bytes::from(codec::encode(tree)?);
    app.rooms.trees.insert((room, epoch), tree.clone());
    Ok(tree)
}
