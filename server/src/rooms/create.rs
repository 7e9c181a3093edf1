//! Making a room: the hub takes a group of one, made by its creator.

use std::sync::Arc;

use grove_mls::identity::{Head, ServerKey};
use grove_mls::public::{CreateRefusal, HubGroup};
use grove_mls::room::Role;
use grove_wire::api::rooms::{CreateRoomRequest, RoomCreated};

use crate::app::App;
use crate::db::{self, NewRoom};
use crate::devices::{NewLeafError, check_new_leaves};
use crate::sessions::ClientAuth;
use crate::tasks::WorkLost;

/// Why a room was not made. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    /// A room of this name exists, and it is another one.
    #[error("a room with this creation record exists")]
    Exists,
    #[error(transparent)]
    Lost(#[from] WorkLost),
    #[error("{0}")]
    NewLeaf(NewLeafError),
    #[error(transparent)]
    Refused(#[from] CreateRefusal),
}

impl From<NewLeafError> for CreateError {
    fn from(error: NewLeafError) -> Self {
        match error {
            NewLeafError::Database(error) => error.into(),
            other => Self::NewLeaf(other),
        }
    }
}

/// Makes a room. Doing it again with the same request is answered as the first time.
#[tracing::instrument(name = "rooms.create", skip_all)]
pub(crate) async fn create(
    app: &App,
    who: &ClientAuth,
    request: CreateRoomRequest,
) -> Result<RoomCreated, CreateError> {
    let (hub, server_key, creator) = (
        app.domain.clone(),
        Arc::clone(&app.server_key),
        who.client.clone(),
    );
    let check = move || {
        let public = ServerKey::public(&server_key);
        let made = HubGroup::create_capturing(&request, &hub, &public, &creator);
        made.map(|(group, snapshot)| (request, group, snapshot))
    };
    let (request, group, snapshot) = app.tasks.blocking(check).await??;
    let state = group.state();
    let uri = &state.room_uri;
    let new = NewRoom {
        uri,
        record: state.record.as_bytes(),
        suite: state.record.record().cipher_suite,
        created_at: app.clock.now(),
        head: *Head::start(uri).as_bytes(),
        group_info: request.group_info.as_bytes(),
        creator: &who.user,
        creator_role: Role::Owner.index(),
        creator_device: who.device_id,
        snapshot: &snapshot,
    };
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let added = tx.add_room(&new).await?;
    if added.is_none() && !tx.is_creator(uri, new.record, who.device_id).await? {
        return Err(CreateError::Exists);
    }
    if added.is_some() {
        let leaves = group.leaves().map_err(CreateRefusal::from)?;
        check_new_leaves(app, &tx, &leaves).await?;
    }
    tx.commit().await?;
    app.delivery.ring_devices(&[who.device_id]);
    Ok(RoomCreated {
        room: uri.clone(),
        epoch: group.epoch(),
    })
}
