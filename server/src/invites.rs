//! Invites: tokens by which the operator lets people register.
//!
//! A token is shown once, when it is made; what is kept is its hash.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, InviteRow, NewInvite};
use crate::rng::RandomError;

/// Why no invite was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateInviteError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("no randomness")]
    Random(#[from] RandomError),
    #[error("an invite has between 1 and {} uses", i32::MAX)]
    Uses,
    #[error("an invite is good for at least a second")]
    Validity,
}

/// An invite just made.
pub(crate) struct CreatedInvite {
    pub(crate) invite_id: i64,
    /// The only time it is seen.
    pub(crate) token: String,
    pub(crate) expires_at: Timestamp,
}

/// Makes an invite for `uses` accounts, good for `validity`.
pub(crate) async fn create(
    app: &App,
    uses: u32,
    validity: Duration,
) -> Result<CreatedInvite, CreateInviteError> {
    let uses = i32::try_from(uses)
        .ok()
        .filter(|&uses| uses > 0)
        .ok_or(CreateInviteError::Uses)?;
    if validity < Duration::from_secs(1) {
        return Err(CreateInviteError::Validity);
    }
    let now = app.clock.now();
    // 160 bits, in letters and digits that survive being read aloud.
    let token = BASE32_NOPAD
        .encode(&app.rng.bytes::<20>()?)
        .to_ascii_lowercase();
    let expires_at = now.plus(validity);
    let new = NewInvite {
        token_hash: Sha256::digest(token.as_bytes()).into(),
        uses,
        created_at: now,
        expires_at,
    };
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let invite_id = tx.add_invite(&new).await?;
    tx.commit().await?;
    Ok(CreatedInvite {
        invite_id,
        token,
        expires_at,
    })
}

/// Invites, newest first, at most `limit`: those made before the one of the number `before`, or
/// from the newest on.
pub(crate) async fn list(
    app: &App,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<InviteRow>, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.list_invites(before.unwrap_or(i64::MAX), limit.into())
        .await
}

/// Makes an invite worth nothing. False if there is no such invite.
pub(crate) async fn revoke(app: &App, invite_id: i64) -> Result<bool, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let found = tx.revoke_invite(invite_id, app.clock.now()).await?;
    tx.commit().await?;
    Ok(found)
}
