//! A look at a private PostgreSQL that changes nothing: not even directories are made.

use std::path::{Path, PathBuf};
use std::{fs, io};

use tokio_postgres::Config;

use super::binaries::Binaries;
use super::{EmbeddedError, connection, layout};

/// What is there of a private PostgreSQL.
#[derive(Debug)]
pub(crate) struct Look {
    /// Major version of the programs that would run it.
    pub(crate) installed: u32,
    /// Major version that made the cluster; `None` before the first start.
    pub(crate) cluster: Option<u32>,
    /// How to connect to it, if it runs.
    pub(crate) connection: Config,
}

/// Looks at the private PostgreSQL of a data directory.
///
/// # Errors
/// [`EmbeddedError::BinariesMissing`] and [`EmbeddedError::WrongVersion`], as a start would meet
/// them; [`EmbeddedError::Io`] when the cluster may not be looked at.
pub(crate) fn look(data_dir: &Path, binaries: Option<&Path>) -> Result<Look, EmbeddedError> {
    let data_dir: PathBuf = data_dir
        .canonicalize()
        .unwrap_or_else(|_absent| data_dir.to_owned());
    let path = data_dir.join("postgres/PG_VERSION");
    let cluster = match fs::read_to_string(&path) {
        Ok(version) => version.trim().parse().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(EmbeddedError::Io { path, source }),
    };
    Ok(Look {
        installed: Binaries::find(binaries, cluster)?.major,
        cluster,
        connection: connection(&layout::socket_directory(&data_dir)),
    })
}
