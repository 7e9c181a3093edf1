//! The command's side of the socket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::socket::SocketPath;
use super::{Reply, Request};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// A reply is at most this long: a list of a thousand rooms takes less than one.
const MAX_REPLY_BYTES: u64 = 16 << 20;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing listens there.
    #[error("no groved is running on {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket failed.
    #[error("the admin socket failed")]
    Io(#[from] io::Error),
    /// The other side is no groved of this version.
    #[error("the answer cannot be read")]
    Malformed(#[from] serde_json::Error),
}

/// Asks the groved that runs on `data_dir`. Blocks.
///
/// # Errors
/// See [`CallError`].
pub fn call(data_dir: &Path, request: &Request) -> Result<Reply, CallError> {
    let mut stream = connect(data_dir)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(MAX_REPLY_BYTES)).read_line(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}

fn connect(data_dir: &Path) -> Result<UnixStream, CallError> {
    let absent = |error: &io::Error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        )
    };
    SocketPath::of(data_dir)
        .and_then(|socket| UnixStream::connect(socket.path()))
        .map_err(|error| {
            if absent(&error) {
                CallError::NotRunning(data_dir.to_owned())
            } else {
                CallError::Io(error)
            }
        })
}
