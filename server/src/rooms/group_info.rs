//! Handing out what a participant's device needs to join by itself: GroupInfo, tree and pending
//! proposals, sealed.

use std::sync::Arc;

use grove_mls::identity::PublicKey;
use grove_mls::public::group_info::{self as sealing, encrypt_group_info};
use grove_mls::suite::MlsError;
use grove_wire::mimi::group_info::{GroupInfoRequest, GroupInfoResponse, PendingProposal};
use grove_wire::mimi::notify::{FanoutMessage, FanoutTail};
use grove_wire::mimi::update::RatchetTreeOption;
use grove_wire::mls::GroupInfo;
use grove_wire::uri::RoomUri;

use super::groups::Seat;
use super::{GroupError, Room, StandingError, standing};
use crate::app::App;
use crate::db::{self, HandshakeRow};
use crate::sessions::ClientAuth;
use crate::tasks::WorkLost;

/// Why nothing was handed out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupInfoError {
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error(transparent)]
    Lost(#[from] WorkLost),
    /// The device was revoked meanwhile.
    #[error("the device is revoked")]
    Revoked,
    #[error(transparent)]
    Sealing(#[from] sealing::GroupInfoError),
    #[error(transparent)]
    Standing(#[from] StandingError),
}

impl From<db::Error> for GroupInfoError {
    fn from(error: db::Error) -> Self {
        Self::Standing(error.into())
    }
}

/// Seals the room as it is now to the key in the request.
#[tracing::instrument(name = "rooms.group_info", skip_all)]
pub(crate) async fn group_info(
    app: &App,
    who: &ClientAuth,
    uri: &RoomUri,
    request: GroupInfoRequest,
) -> Result<GroupInfoResponse, GroupInfoError> {
    let standing::Standing { room, .. } = standing::participant(app, who, uri).await?;
    let key = device_key(app, who).await?;
    sealing::verify_request(&request, &who.client, &key)?;
    let mut seat = app.rooms.groups.enter(room.id).await;
    seat.follow(&app.db, &app.tasks).await?;
    let (group_info, pending) = current(app, &room).await?;
    let (server_key, uri) = (Arc::clone(&app.server_key), room.uri.clone());
    let seal = move || {
        let tree = whole_tree(&seat)?;
        Ok(encrypt_group_info(
            &server_key,
            &request,
            &uri,
            group_info,
            tree,
            pending,
        )?)
    };
    app.tasks.blocking(seal).await?
}

async fn device_key(app: &App, who: &ClientAuth) -> Result<PublicKey, GroupInfoError> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let device = tx.find_device(who.client.as_str()).await?;
    tx.commit().await?;
    Ok(PublicKey::from_bytes(
        device.ok_or(GroupInfoError::Revoked)?.signature_key,
    ))
}

/// The GroupInfo of the current epoch, and the proposals that wait in it. The room's seat is taken,
/// so that no handshake comes in between.
async fn current(
    app: &App,
    room: &Room,
) -> Result<(GroupInfo, Vec<PendingProposal>), GroupInfoError> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let row = tx.find_group_info(room.id).await?;
    let pending = tx.list_pending_proposals(room.id).await?;
    tx.commit().await?;
    let group_info =
        GroupInfo::from_bytes(row).map_err(|_malformed| db::Error::corrupt("GroupInfo"))?;
    let pending = pending
        .iter()
        .map(proposals)
        .collect::<Result<Vec<_>, db::Error>>()?;
    Ok((group_info, pending.into_iter().flatten().collect()))
}

fn proposals(row: &HandshakeRow) -> Result<Vec<PendingProposal>, db::Error> {
    let entries = FanoutMessage::decode_all(&row.entry)
        .map_err(|_malformed| db::Error::corrupt("log entry"))?;
    let mut proposals = Vec::new();
    for FanoutMessage {
        timestamp,
        message,
        tail,
    } in entries
    {
        let FanoutTail::Proposal { more_proposals } = tail else {
            continue;
        };
        proposals.push(PendingProposal {
            proposal: message,
            hub_accepted_time: timestamp,
        });
        let more = more_proposals.into_iter();
        proposals.extend(more.map(|proposal| PendingProposal {
            proposal,
            hub_accepted_time: timestamp,
        }));
    }
    Ok(proposals)
}

fn whole_tree(seat: &Seat) -> Result<RatchetTreeOption, GroupInfoError> {
    let group = seat.group().ok_or(GroupError::Missing)?;
    let tree = group
        .tree()
        .map_err(|error: MlsError| sealing::GroupInfoError::Mls(error))?;
    Ok(RatchetTreeOption::Full(tree))
}
