//! The server's side of the socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

use super::Reply;
use super::run::run;
use super::socket::SocketPath;
use crate::app::App;
use crate::clock::Timestamp;

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

/// Opens the socket and serves it until the server stops. The caller holds the data directory's
/// lock, so a socket that is there is left over.
pub(crate) fn serve(app: &Arc<App>) -> Result<(), ServeError> {
    let data_dir = app.config.server.data_dir.clone();
    let (listener, socket) = listen(&data_dir).map_err(|source| ServeError { data_dir, source })?;
    let (serving, stopping) = (Arc::clone(app), app.tasks.stopping().clone());
    let started = app.clock.steady();
    app.tasks.spawn("admin", async move {
        while let Some(accepted) = stopping.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _address)) => {
                    let answering =
                        tokio::time::timeout(PATIENCE, answer(&serving, started, stream));
                    match stopping.run_until_cancelled(answering).await {
                        None => break,
                        Some(Ok(Ok(()))) => {}
                        Some(Ok(Err(error))) => warn!(%error, "an admin connection failed"),
                        Some(Err(_elapsed)) => {
                            warn!("an admin command took too long and was given up");
                        }
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

async fn answer(app: &App, started: Timestamp, stream: UnixStream) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reading.take(MAX_LINE_BYTES))
        .read_line(&mut line)
        .await?;
    let reply = match serde_json::from_str(&line) {
        Ok(request) => run(app, started, request).await,
        Err(error) => Reply::Refused {
            reason: format!("the request cannot be read: {error}"),
        },
    };
    let mut line = serde_json::to_vec(&reply)?;
    line.push(b'\n');
    writing.write_all(&line).await?;
    writing.shutdown().await
}
