//! From a request to its reply.

use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use tracing::error;

use super::{MAX_LISTED, Reply, Request, invites, people, rooms, statistics};
use crate::app::App;
use crate::clock::Timestamp;
use crate::db::{self, Connection, Tx};

/// What one statement of the operator's may take.
const STATEMENT_MS: u32 = 10_000;

/// Why a request has another reply than what it asked for.
pub(super) enum Unfulfilled {
    Database(db::Error),
    Refused(String),
}

impl From<db::Error> for Unfulfilled {
    fn from(error: db::Error) -> Self {
        Self::Database(error)
    }
}

impl Unfulfilled {
    pub(super) fn refused(reason: impl std::fmt::Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

/// Does what was asked. `started` is when the server came up.
pub(super) async fn run(app: &App, started: Timestamp, request: Request) -> Reply {
    match dispatch(app, started, request).await {
        Ok(reply) => reply,
        Err(Unfulfilled::Database(error)) => {
            error!(%error, "an admin command failed");
            Reply::Failed {
                reason: "the server failed; its log says why".to_owned(),
            }
        }
        Err(Unfulfilled::Refused(reason)) => Reply::Refused { reason },
    }
}

async fn dispatch(app: &App, started: Timestamp, request: Request) -> Result<Reply, Unfulfilled> {
    match request {
        Request::DevicesList { user } => people::list_devices(app, &find(app, &user)?).await,
        Request::InvitesCreate { uses, expires_in_s } => {
            invites::create(app, uses, expires_in_s).await
        }
        Request::InvitesList { before, limit } => invites::list(app, before, limit).await,
        Request::InvitesRevoke { invite } => invites::revoke(app, invite).await,
        Request::RoomsList { after, limit } if after.is_empty() => {
            rooms::list(app, &after, limit).await
        }
        Request::RoomsList { after, limit } => {
            rooms::list(app, find_room(app, &after)?.as_str(), limit).await
        }
        Request::RoomsShow { room } => rooms::show(app, &find_room(app, &room)?).await,
        Request::SessionsEnd { user, client } => {
            let (user, client) = find_device(app, user.as_deref(), client.as_deref())?;
            people::end_sessions(app, &user, client.as_ref()).await
        }
        Request::SessionsList { user } => people::list_sessions(app, &find(app, &user)?).await,
        Request::Statistics {} => statistics::show(app, started).await,
        Request::UsersDisable { user } => people::disable(app, &find(app, &user)?).await,
        Request::UsersEnable { user } => people::enable(app, &find(app, &user)?).await,
        Request::UsersList { after, limit } => people::list(app, &after, limit).await,
        Request::UsersShow { user } => people::show(app, &find(app, &user)?).await,
    }
}

/// A transaction whose statements end in time.
pub(super) async fn begin(connection: &mut Connection) -> Result<Tx<'_>, db::Error> {
    let tx = connection.begin().await?;
    tx.limit_statement_time(STATEMENT_MS).await?;
    Ok(tx)
}

/// How many a list shows that was asked for `limit`.
pub(super) fn listed(limit: u32) -> u32 {
    limit.clamp(1, MAX_LISTED)
}

pub(super) fn done_if(found: bool, otherwise: &str) -> Result<Reply, Unfulfilled> {
    if found {
        Ok(Reply::Done {})
    } else {
        Err(Unfulfilled::refused(otherwise))
    }
}

/// A user by address, URI or local part.
fn find(app: &App, text: &str) -> Result<UserUri, Unfulfilled> {
    let parsed = UserUri::parse(text).or_else(|_no_address| UserUri::new(&app.domain, text));
    let user = parsed.map_err(Unfulfilled::refused)?;
    if user.provider() != app.domain {
        return Err(Unfulfilled::refused(
            "users of this server have addresses of its domain",
        ));
    }
    Ok(user)
}

/// A user, and perhaps one of its devices: by URI, or by the last part of it.
fn find_device(
    app: &App,
    user: Option<&str>,
    client: Option<&str>,
) -> Result<(UserUri, Option<ClientUri>), Unfulfilled> {
    let whole = client.and_then(|client| ClientUri::parse(client).ok());
    let user = match (user, &whole) {
        (Some(user), _) => find(app, user)?,
        (None, Some(client)) => find(app, client.user().as_str())?,
        (None, None) => return Err(Unfulfilled::refused("name a user, or a device by its URI")),
    };
    let client = match (client, whole) {
        (None, _) => None,
        (Some(_), Some(whole)) if whole.user() == user => Some(whole),
        (Some(_), Some(_)) => return Err(Unfulfilled::refused("the device is another user's")),
        (Some(part), None) => {
            let whole = format!("{}/d/{}/{part}", app.domain, user.localpart());
            Some(ClientUri::parse(&whole).map_err(Unfulfilled::refused)?)
        }
    };
    Ok((user, client))
}

/// A room by URI, or by the part of it behind `/r/`.
fn find_room(app: &App, text: &str) -> Result<RoomUri, Unfulfilled> {
    RoomUri::parse(text)
        .or_else(|_no_uri| RoomUri::parse(&format!("{}/r/{text}", app.domain)))
        .map_err(Unfulfilled::refused)
}
