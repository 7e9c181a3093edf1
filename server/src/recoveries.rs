//! Recoveries: a user comes back with the recovery key alone, without a device and without a
//! session.
//!
//! Two steps: the key asks for the newest device list, then a list of the next identity, which it
//! has certified, takes the newest one's place. What the new list revokes is over, as with any
//! other. The server adds no power of its own: whoever lost the words and all devices has lost the
//! account.

use grove_mls::identity::{RecoveryProof, SignedDeviceList};
use grove_wire::api::recoveries::{RecoveryLookup, RecoveryRequest};

use crate::app::App;
use crate::devices::{self, ReplaceListError};
use crate::{db, sessions};

/// Why nothing was shown. What the asker learns is the same for all that is not a fault of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("the challenge is not ours, has expired or was answered before")]
    NonceInvalid,
    #[error("no such user, or not signed by the recovery key")]
    NotProven,
}

/// The newest device list of a user, for the holder of its recovery key.
#[tracing::instrument(name = "recoveries.look_up", skip_all)]
pub(crate) async fn look_up(app: &App, request: &RecoveryLookup) -> Result<Vec<u8>, LookupError> {
    let challenge = sessions::Answered::read(app, &request.nonce, request.expires_at)
        .ok_or(LookupError::NonceInvalid)?;
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let user = &request.user;
    if user.provider() != app.domain {
        return Err(LookupError::NotProven);
    }
    let account = tx.find_account(user.localpart()).await?;
    if account.is_none_or(|account| account.disabled_at.is_some()) {
        return Err(LookupError::NotProven);
    }
    let newest = tx
        .find_device_list(user.localpart())
        .await?
        .ok_or(LookupError::NotProven)?;
    tx.commit().await?;
    let list =
        SignedDeviceList::decode(&newest).map_err(|_invalid| db::Error::corrupt("device list"))?;
    let proof = RecoveryProof {
        domain: app.domain.clone(),
        user: user.clone(),
        nonce: challenge.nonce,
        expires_at: request.expires_at,
    };
    proof
        .verify(list.list().identity.recovery(), request.signature.as_ref())
        .map_err(|_bad| LookupError::NotProven)?;
    if !challenge.redeem(app) {
        return Err(LookupError::NonceInvalid);
    }
    Ok(newest)
}

/// Why a recovery was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoverError {
    #[error("the account is disabled")]
    Disabled,
    #[error("the list is not of an identity behind the present one")]
    NotRecovery,
    #[error(transparent)]
    Replace(#[from] ReplaceListError),
    #[error("there is no such list to continue")]
    UserUnknown,
}

impl From<db::Error> for RecoverError {
    fn from(error: db::Error) -> Self {
        Self::Replace(error.into())
    }
}

/// Puts the next device list in the place of the newest, on the word of the recovery key. The
/// newest again is accepted and changes nothing.
#[tracing::instrument(name = "recoveries.recover", skip_all)]
pub(crate) async fn recover(app: &App, request: &RecoveryRequest) -> Result<(), RecoverError> {
    let next =
        SignedDeviceList::decode(request.device_list.as_bytes()).map_err(ReplaceListError::from)?;
    if next.list().user != request.user {
        return Err(ReplaceListError::OtherUser.into());
    }
    if next.list().identity.is_first() {
        return Err(RecoverError::NotRecovery);
    }
    if request.user.provider() != app.domain {
        return Err(RecoverError::UserUnknown);
    }
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let account = tx.find_account(request.user.localpart()).await?;
    let account = account.ok_or(RecoverError::UserUnknown)?;
    let newest = devices::lock_newest(&tx, account.user_id, &request.user).await?;
    if newest == next {
        return Ok(());
    }
    let (ours, theirs) = (&newest.list().identity, &next.list().identity);
    if theirs.is_same(ours) || ours.follows(theirs) {
        return Err(RecoverError::NotRecovery);
    }
    // That the account is disabled learns only who has its key.
    next.follows(&newest).map_err(ReplaceListError::from)?;
    if account.disabled_at.is_some() {
        return Err(RecoverError::Disabled);
    }
    Ok(devices::follow(app, tx, account.user_id, &newest, &next).await?)
}
