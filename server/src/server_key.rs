//! The server's Ed25519 key: it signs receipts and is the external sender of every room.
//!
//! It lies in the database, beside what it signs, and is made at the first start on an empty one: a
//! restored dump in a fresh data directory is the same server. Data directories of older versions
//! hold it in `server.key`; it is taken into the database at the first start, and the file is not
//! needed from then on. A file that holds another key than the database's means that data directory
//! and database do not belong together, and the server refuses to start.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use grove_mls::identity::ServerKey;
use grove_wire::uri::Provider;
use tracing::info;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::db::{self, Db};
use crate::rng::{RandomError, Rng};

/// Why the server does not know who it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerKeyError {
    #[error("the database failed")]
    Database(#[from] db::Error),
    #[error("{} could not be used", file.display())]
    Io {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the database belongs to a server whose key is in no database yet: put it back as {}", .0.display())]
    Missing(PathBuf),
    #[error("{} is not a server key", .0.display())]
    NotAKey(PathBuf),
    #[error("{} can be read by others: chmod 600 it", .0.display())]
    Open(PathBuf),
    #[error("the database belongs to the domain {found}, not to {configured}")]
    OtherDomain { found: String, configured: String },
    #[error("the database belongs to a server with another key than {}: restore the one or move the other away", .0.display())]
    OtherKey(PathBuf),
    #[error("no randomness")]
    Random(#[from] RandomError),
}

/// Finds the key in the database, takes it there from an older data directory, or makes it, and
/// checks that the database is this server's.
pub(crate) async fn settle(
    data_dir: &Path,
    domain: &Provider,
    db: &Db,
    rng: Rng,
    now: Timestamp,
) -> Result<ServerKey, ServerKeyError> {
    let file = data_dir.join("server.key");
    let from_file = read(&file)?;
    let candidate = match &from_file {
        Some(key) => key.clone(),
        None => ServerKey::from_seed(*Zeroizing::new(rng.bytes()?)),
    };
    let mut connection = db.connect().await?;
    let tx = connection.begin().await?;
    let found = tx
        .settle_server_identity(
            domain.domain(),
            candidate.public().as_bytes(),
            candidate.seed(),
            now,
        )
        .await?;
    if found.domain != domain.domain() {
        return Err(ServerKeyError::OtherDomain {
            found: found.domain,
            configured: domain.domain().to_owned(),
        });
    }
    let is_the_servers = |key: &ServerKey| found.server_key == key.public().as_bytes();
    if from_file.as_ref().is_some_and(|key| !is_the_servers(key)) {
        return Err(ServerKeyError::OtherKey(file));
    }
    let key = match (&found.server_seed, from_file) {
        (Some(seed), _) => {
            let seed = seed
                .as_slice()
                .try_into()
                .map_err(|_length| db::Error::corrupt("server key"))?;
            ServerKey::from_seed(seed)
        }
        (None, Some(key)) => {
            tx.add_server_seed(key.seed()).await?;
            info!(
                "the server's key was taken into the database; the file server.key is not needed any more"
            );
            key
        }
        (None, None) => return Err(ServerKeyError::Missing(file)),
    };
    if !is_the_servers(&key) {
        return Err(db::Error::corrupt("server key").into());
    }
    tx.commit().await?;
    Ok(key)
}

/// The key in the file of an older data directory.
fn read(file: &Path) -> Result<Option<ServerKey>, ServerKeyError> {
    let failed = |source| ServerKeyError::Io {
        file: file.to_owned(),
        source,
    };
    let seed = match fs::read(file) {
        Ok(seed) => Zeroizing::new(seed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = fs::metadata(file).map_err(failed)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(ServerKeyError::Open(file.to_owned()));
    }
    let seed = seed
        .as_slice()
        .try_into()
        .map_err(|_length| ServerKeyError::NotAKey(file.to_owned()))?;
    Ok(Some(ServerKey::from_seed(seed)))
}
