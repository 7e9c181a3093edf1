//! Asking for the KeyPackages of somebody who is to be added. Who may be added is decided when the
//! commit comes.

use grove_wire::mimi::key_material::{KeyMaterialRequest, KeyMaterialResponse};
use grove_wire::uri::UserUri;

use super::{StandingError, standing};
use crate::app::App;
use crate::key_packages::{self, ClaimError};
use crate::sessions::ClientAuth;

/// Why nothing was handed out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyMaterialError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The path names another user than the body.
    #[error("path and body name two users")]
    OtherTarget,
    #[error(transparent)]
    Standing(#[from] StandingError),
}

/// Claims KeyPackages of `target` for a room the asking device is in.
#[tracing::instrument(name = "rooms.key_material", skip_all)]
pub(crate) async fn key_material(
    app: &App,
    who: &ClientAuth,
    target: &UserUri,
    request: &KeyMaterialRequest,
) -> Result<KeyMaterialResponse, KeyMaterialError> {
    if request.target_user != *target {
        return Err(KeyMaterialError::OtherTarget);
    }
    let _standing = standing::member(app, who, &request.room_id).await?;
    Ok(key_packages::claim(app, who, request).await?)
}
