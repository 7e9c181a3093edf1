//! Where the socket is, and a way to reach it however long the data directory's name is.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

const NAME: &str = "admin.sock";
/// Bytes a Unix socket's path may have on every system we know.
const MAX_PATH: usize = 103;

/// A path by which the socket can be bound or connected to, as long as this value lives.
pub(super) struct SocketPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl SocketPath {
    /// The socket of a data directory. A path that is too long for the operating system goes
    /// through the open directory instead (`/proc/self/fd`, Linux).
    pub(super) fn of(data_dir: &Path) -> io::Result<Self> {
        let plain = data_dir.join(NAME);
        if plain.as_os_str().len() <= MAX_PATH {
            return Ok(Self {
                path: plain,
                _directory: None,
            });
        }
        let directory = File::open(data_dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
        Ok(Self {
            path,
            _directory: Some(directory),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
