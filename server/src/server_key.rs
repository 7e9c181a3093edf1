//! The server's Ed25519 key: it signs receipts and is the external sender of every room.
//!
//! It lies in `<data_dir>/server.key`, 32 bytes, readable by its owner only, and is made at the first start on an empty
//! database. The database remembers the public half: a server that lost its key, or was pointed at another's
//! database, refuses to start instead of becoming somebody else to its rooms.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use grove_mls::identity::ServerKey;
use grove_wire::uri::Provider;
use zeroize::Zeroizing;

use crate::{
    clock::Timestamp,
    db::{self, Db},
    rng::{RandomError, Rng},
};

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
    #[error("{} is not a server key", .0.display())]
    NotAKey(PathBuf),
    #[error("{} can be read by others: chmod 600 it", .0.display())]
    Open(PathBuf),
    #[error("the database belongs to the domain {found}, not to {configured}")]
    OtherDomain { found: String, configured: String },
    #[error("the database belongs to a server with another key than {}: restore that key", .0.display())]
    OtherKey(PathBuf),
    #[error("no randomness")]
    Random(#[from] RandomError),
}

/// Reads the key, or makes it, and checks that the database is this server's.
pub(crate) async fn settle(
    data_dir: &Path,
    domain: &Provider,
    db: &Db,
    rng: Rng,
    now: Timestamp,
) -> Result<ServerKey, ServerKeyError> {
    let file = data_dir.join("server.key");
    let key = match read(&file)? {
        Some(key) => key,
        None => create(&file, rng)?,
    };
    let mut connection = db.connect().await?;
    let tx = connection.begin().await?;
    let public = key.public();
    let (found, key_found) = tx
        .settle_server_identity(domain.domain(), public.as_bytes(), now)
        .await?;
    tx.commit().await?;
    if found != domain.domain() {
        return Err(ServerKeyError::OtherDomain {
            found,
            configured: domain.domain().to_owned(),
        });
    }
    if key_found != public.as_bytes() {
        return Err(ServerKeyError::OtherKey(file));
    }
    Ok(key)
}

fn read(file: &Path) -> Result<Option<ServerKey>, ServerKeyError> {
    let seed = match fs::read(file) {
        Ok(seed) => Zeroizing::new(seed),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ServerKeyError::Io {
                file: file.to_owned(),
                source,
            });
        }
    };
    let metadata = fs::metadata(file).map_err(io_error(file))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(ServerKeyError::Open(file.to_owned()));
    }
    let seed = seed
        .as_slice()
        .try_into()
        .map_err(|_length| ServerKeyError::NotAKey(file.to_owned()))?;
    Ok(Some(ServerKey::from_seed(seed)))
}

/// Written beside its place and moved there, so that a crash leaves no half of a key.
fn create(file: &Path, rng: Rng) -> Result<ServerKey, ServerKeyError> {
    let seed = Zeroizing::new(rng.bytes::<32>()?);
    let unfinished = file.with_extension("key.new");
    let write = || -> io::Result<()> {
        let mut new = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        new.write_all(seed.as_slice())?;
        new.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().map_err(io_error(file))?;
    Ok(ServerKey::from_seed(*seed))
}

fn io_error(file: &Path) -> impl Fn(io::Error) -> ServerKeyError + use<> {
    let file = file.to_owned();
    move |source| ServerKeyError::Io {
        file: file.clone(),
        source,
    }
}
