//! The server's side of the socket.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use grove_wire::uri::UserUri;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
};
use tracing::{error, warn};

use super::{Invite, Reply, Request, User, socket::SocketPath};
use crate::{
    accounts,
    app::App,
    db::{self, AccountRow},
    invites::{self, CreateInviteError},
};

/// A request is at most this long.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the admin socket in {} could not be opened", data_dir.display())]
pub(crate) struct ServeError {
    data_dir: PathBuf,
    source: io::Error,
}

/// Opens the socket and serves it until the server stops. The caller holds the data directory's lock, so a socket that
/// is there is left over.
pub(crate) fn serve(app: &Arc<App>) -> Result<(), ServeError> {
    let data_dir = app.config.server.data_dir.clone();
    let (listener, socket) = listen(&data_dir).map_err(|source| ServeError { data_dir, source })?;
    let (serving, stopping) = (Arc::clone(app), app.tasks.stopping().clone());
    app.tasks.spawn("admin", async move {
        while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _address)) => {
                    let answering = tokio::time::timeout(PATIENCE, answer(&serving, stream));
                    if let Ok(Err(error)) = answering.await {
                        warn!(%error, "an admin connection failed");
                    }
                }
                Err(error) => {
                    warn!(%error, "the admin socket failed");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        if let Err(error) = fs::remove_file(socket.path()) {
            warn!(%error, "the admin socket could not be removed");
        }
    });
    Ok(())
}

fn listen(data_dir: &Path) -> io::Result<(UnixListener, SocketPath)> {
    let socket = SocketPath::of(data_dir)?;
    match fs::remove_file(socket.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket.path())?;
    fs::set_permissions(socket.path(), Permissions::from_mode(0o600))?;
    Ok((listener, socket))
}

async fn answer(app: &App, stream: UnixStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(MAX_LINE_BYTES))
        .read_line(&mut line)
        .await?;
    let reply = match serde_json::from_str(&line) {
        Ok(request) => run(app, request).await,
        Err(error) => refused(format_args!("the request cannot be read: {error}")),
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    writing.write_all(&line).await?;
    writing.shutdown().await
}

async fn run(app: &App, request: Request) -> Reply {
    let result = match request {
        Request::InvitesCreate { uses, expires_in_s } => {
            return create_invite(app, uses, Duration::from_secs(expires_in_s)).await;
        }
        Request::InvitesList {} => list_invites(app).await,
        Request::InvitesRevoke { invite } => invites::revoke(app, invite)
            .await
            .map(|found| done_if(found, "no such invite")),
        Request::UsersDisable { user } => match find(app, &user) {
            Ok(user) => accounts::disable(app, &user)
                .await
                .map(|found| done_if(found, "no such user")),
            Err(reply) => return reply,
        },
        Request::UsersEnable { user } => match find(app, &user) {
            Ok(user) => accounts::enable(app, &user)
                .await
                .map(|found| done_if(found, "no such user")),
            Err(reply) => return reply,
        },
        Request::UsersList { after, limit } => list_users(app, &after, limit).await,
        Request::UsersShow { user } => match find(app, &user) {
            Ok(user) => show_user(app, &user).await,
            Err(reply) => return reply,
        },
    };
    result.unwrap_or_else(|error| failed(&error))
}

async fn create_invite(app: &App, uses: u32, validity: Duration) -> Reply {
    match invites::create(app, uses, validity).await {
        Ok(created) => Reply::InviteCreated {
            invite: created.invite_id,
            token: created.token,
            expires_at: created.expires_at.ms(),
        },
        Err(CreateInviteError::Database(error)) => failed(&error),
        Err(error @ CreateInviteError::Random(_)) => failed(&error),
        Err(error @ CreateInviteError::Uses) => refused(error),
    }
}

async fn list_invites(app: &App) -> Result<Reply, db::Error> {
    let invites = invites::list(app).await?.into_iter().map(|row| Invite {
        invite: row.invite_id,
        uses: row.uses,
        uses_left: row.uses_left,
        created_at: row.created_at.ms(),
        expires_at: row.expires_at.ms(),
        revoked: row.revoked,
    });
    Ok(Reply::Invites {
        invites: invites.collect(),
    })
}

async fn list_users(app: &App, after: &str, limit: u32) -> Result<Reply, db::Error> {
    let rows = accounts::list(app, after, limit).await?;
    Ok(Reply::Users {
        users: rows.iter().map(|row| user(app, row)).collect(),
    })
}

async fn show_user(app: &App, wanted: &UserUri) -> Result<Reply, db::Error> {
    Ok(match accounts::show(app, wanted).await? {
        Some((row, clients)) => Reply::User {
            user: user(app, &row),
            clients,
        },
        None => refused("no such user"),
    })
}

/// A user by address, URI or local part.
fn find(app: &App, text: &str) -> Result<UserUri, Reply> {
    let parsed = UserUri::parse(text).or_else(|_no_address| UserUri::new(&app.domain, text));
    match parsed {
        Ok(user) if user.provider() == app.domain => Ok(user),
        Ok(_) => Err(refused("users of this server have addresses of its domain")),
        Err(error) => Err(refused(error)),
    }
}

fn user(app: &App, row: &AccountRow) -> User {
    User {
        address: format!("{}@{}", row.name, app.domain.domain()),
        created_at: row.created_at.ms(),
        disabled_at: row.disabled_at.map(crate::clock::Timestamp::ms),
        active_devices: row.active_devices,
        device_list_version: row.device_list_version,
    }
}

fn done_if(found: bool, otherwise: &str) -> Reply {
    if found {
        Reply::Done {}
    } else {
        refused(otherwise)
    }
}

fn refused(reason: impl std::fmt::Display) -> Reply {
    Reply::Refused {
        reason: reason.to_string(),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Reply {
    error!(%error, "an admin command failed");
    Reply::Failed {
        reason: "the server failed; its log says why".to_owned(),
    }
}
