//! Accounts: registering, asking who one is, and what the operator does about people.
//!
//! An account begins with a device list that proves its keys; the server adds no secret of its own.
//! This module knows nothing of HTTP.

use grove_mls::identity::{ListError, SignedDeviceList};
use grove_wire::api::accounts::{RegisterRequest, RegisterResponse, Whoami};
use grove_wire::uri::UserUri;
use metrics::counter;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::config::Registration;
use crate::db::{self, AccountRow, NewAccount, NewDevice, Tx};
use crate::sessions::{ClientAuth, Ended};

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegisterError {
    #[error("registration is closed")]
    Closed,
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("this device or its key belongs to an account already")]
    DeviceTaken,
    #[error(
        "a user registers with version 1 of a list of their own with exactly one active device"
    )]
    FirstList,
    #[error("an invite is needed")]
    InviteMissing,
    #[error("the invite is unknown, used up, expired or revoked")]
    InviteRefused,
    #[error("{0}")]
    List(#[from] ListError),
    #[error(
        "the device list has expired by this server's clock: a device whose clock is months behind \
         makes such lists, set it and try again"
    )]
    ListExpired,
    #[error("the name is taken")]
    NameTaken,
    #[error("users of this server have addresses of its domain")]
    OtherDomain,
}

/// Registers a user with one device. The same request again has the same answer and uses nothing
/// up, so that a client that lost the answer can ask again.
#[tracing::instrument(name = "accounts.register", skip_all)]
pub(crate) async fn register(
    app: &App,
    request: &RegisterRequest,
) -> Result<RegisterResponse, RegisterError> {
    let now = app.clock.now();
    let signed = first_list(app, request)?;
    let device = signed.active().next().ok_or(RegisterError::FirstList)?;
    let response = RegisterResponse {
        user: request.user.clone(),
        client: device.client.clone(),
    };
    let name = request.user.localpart();

    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    if tx.find_device_list_version(name, 1).await?.as_deref() == Some(signed.as_bytes()) {
        return Ok(response);
    }
    if signed.list().is_stale(now.ms()) {
        return Err(RegisterError::ListExpired);
    }
    admit(app, &tx, request.invite.as_deref()).await?;
    let new = NewAccount {
        name,
        device_list_version: 1,
        now,
    };
    let user_id = tx
        .add_account(&new)
        .await?
        .ok_or(RegisterError::NameTaken)?;
    let new = NewDevice {
        client: device.client.as_str(),
        signature_key: device.signature_key.as_bytes(),
    };
    if tx.add_devices(user_id, &[new], now).await? != 1 {
        return Err(RegisterError::DeviceTaken);
    }
    tx.append_device_list(user_id, 1, signed.as_bytes(), now)
        .await?;
    tx.commit().await?;
    counter!("grove_accounts_registered_total").increment(1);
    Ok(response)
}

/// The signed list of a registration, if it is what one begins with.
fn first_list(app: &App, request: &RegisterRequest) -> Result<SignedDeviceList, RegisterError> {
    if request.user.provider() != app.domain {
        return Err(RegisterError::OtherDomain);
    }
    let signed = SignedDeviceList::decode(request.device_list.as_bytes())?;
    let list = signed.list();
    let one_device = list.devices.len() == 1 && signed.active().count() == 1;
    if list.user != request.user || list.version != 1 || !list.identity.is_first() || !one_device {
        return Err(RegisterError::FirstList);
    }
    Ok(signed)
}

/// Whether somebody may register, using up one use of an invite where one is needed. With `open`
/// registration an invite is not looked at.
async fn admit(app: &App, tx: &Tx<'_>, invite: Option<&str>) -> Result<(), RegisterError> {
    match app.live.now().server.registration {
        Registration::Closed => Err(RegisterError::Closed),
        Registration::Invite => {
            let token = invite.ok_or(RegisterError::InviteMissing)?;
            let hash = Sha256::digest(token.trim().as_bytes()).into();
            if tx.claim_invite(&hash, app.clock.now()).await? {
                Ok(())
            } else {
                Err(RegisterError::InviteRefused)
            }
        }
        Registration::Open => Ok(()),
    }
}

/// Who the session speaks for. `None` if the account has gone since.
pub(crate) async fn whoami(app: &App, auth: &ClientAuth) -> Result<Option<Whoami>, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let account = tx.find_account(auth.user.localpart()).await?;
    Ok(account.map(|account| Whoami {
        user: auth.user.clone(),
        client: auth.client.clone(),
        device_list_version: account.device_list_version,
    }))
}

/// Accounts in the order of their names, after `after`, at most `limit`.
pub(crate) async fn list(app: &App, after: &str, limit: u32) -> Result<Vec<AccountRow>, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    tx.list_accounts(after, i64::from(limit)).await
}

/// One account and the client URIs of all devices it ever had.
pub(crate) async fn show(
    app: &App,
    user: &UserUri,
) -> Result<Option<(AccountRow, Vec<String>)>, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let Some(account) = tx.find_account(user.localpart()).await? else {
        return Ok(None);
    };
    let clients = tx.list_device_clients(account.user_id).await?;
    Ok(Some((account, clients)))
}

/// Ends all sessions of a user and lets none open. False if there is no such user.
pub(crate) async fn disable(app: &App, user: &UserUri) -> Result<bool, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let found = tx
        .set_disabled(user.localpart(), Some(app.clock.now()))
        .await?;
    tx.remove_sessions_of(user.localpart()).await?;
    let committed = tx.commit().await;
    // Also when the outcome is unknown: a session that stands after all is found again at the next
    // request.
    app.sessions.forget(Ended::User(user.clone()));
    committed?;
    Ok(found)
}

/// Lets a disabled user open sessions again. False if there is no such user.
pub(crate) async fn enable(app: &App, user: &UserUri) -> Result<bool, db::Error> {
    let mut connection = app.db.connect().await?;
    let tx = connection.begin().await?;
    let found = tx.set_disabled(user.localpart(), None).await?;
    tx.commit().await?;
    Ok(found)
}
