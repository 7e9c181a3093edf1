//! Files and directories of the private PostgreSQL, and who owns them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::EmbeddedError;
use crate::dir_lock::DirLock;

/// Bytes a Unix socket's path may have (`sun_path` less its terminating zero) on every system we
/// know.
const MAX_SOCKET_PATH: usize = 103;
/// The socket's file name inside its directory; PostgreSQL builds it from the port.
const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// Mode bits of everybody but the owner.
const OTHERS: u32 = 0o077;
/// A log larger than this is begun anew at the next start.
const MAX_LOG_BYTES: u64 = 8 * 1024 * 1024;

/// The user PostgreSQL runs as when groved is root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Where everything is.
#[derive(Debug)]
pub(super) struct Layout {
    data_dir: PathBuf,
    /// PostgreSQL's own data directory.
    pub(super) cluster: PathBuf,
    /// Where the socket is; nobody else may enter it.
    pub(super) socket_directory: PathBuf,
    /// Whom PostgreSQL runs as, if not as us.
    pub(super) account: Option<Account>,
}

impl Layout {
    /// Makes the directories that must exist and checks that PostgreSQL can reach them.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let account = unprivileged()?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data_dir)
            .map_err(at(data_dir))?;
        let data_dir = data_dir.canonicalize().map_err(at(data_dir))?;
        if let Some(account) = &account {
            open_the_way(&data_dir, account)?;
        }
        let socket_directory = socket_directory(&data_dir);
        let layout = Self {
            cluster: data_dir.join("postgres"),
            data_dir,
            socket_directory,
            account,
        };
        layout.private_directory(&layout.socket_directory)?;
        Ok(layout)
    }

    /// Keeps other groveds out of this data directory until it is dropped, by a kill as well.
    pub(super) async fn lock(&self) -> Result<DirLock, EmbeddedError> {
        let path = self.data_dir.join("postgres.lock");
        let taken = DirLock::take(&path).await.map_err(at(&path))?;
        taken.ok_or_else(|| EmbeddedError::Locked(self.data_dir.clone()))
    }

    /// Removes a socket that a crash left behind; to be called when no PostgreSQL runs here.
    pub(super) fn clear_socket(&self) -> Result<(), EmbeddedError> {
        for name in [SOCKET_NAME.to_owned(), format!("{SOCKET_NAME}.lock")] {
            let path = self.socket_directory.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The major version that made the cluster; `None` if there is no cluster yet.
    pub(super) fn cluster_version(&self) -> Result<Option<u32>, EmbeddedError> {
        let path = self.cluster.join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(version) => Ok(version.trim().parse().ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EmbeddedError::Io { path, source }),
        }
    }

    /// An empty directory in which a cluster can be made.
    pub(super) fn fresh_unfinished_cluster(&self) -> Result<PathBuf, EmbeddedError> {
        let path = self.data_dir.join("postgres.unfinished");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&path)(error)),
            _ => {}
        }
        self.private_directory(&path)?;
        Ok(path)
    }

    /// Moves a finished cluster to its place.
    pub(super) fn finish_cluster(&self, unfinished: &Path) -> Result<(), EmbeddedError> {
        fs::rename(unfinished, &self.cluster).map_err(at(&self.cluster))
    }

    /// The file PostgreSQL's complaints go to.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        let path = self.log();
        let long = fs::metadata(&path).is_ok_and(|log| log.len() > MAX_LOG_BYTES);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(at(&path))?;
        if long {
            file.set_len(0).map_err(at(&path))?;
        }
        Ok(file)
    }

    /// The last lines of the log, for an error message.
    pub(super) fn end_of_log(&self) -> String {
        let tail = || -> io::Result<String> {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(2048)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        tail().unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// Makes a directory that only PostgreSQL's user (and root) may enter, or checks that it is
    /// one.
    fn private_directory(&self, path: &Path) -> Result<(), EmbeddedError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => {
                if let Some(account) = &self.account {
                    chown(path, Some(account.uid), Some(account.gid)).map_err(at(path))?;
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let owner = self
                    .account
                    .as_ref()
                    .map_or_else(own_uid, |account| account.uid);
                let found = fs::symlink_metadata(path).map_err(at(path))?;
                let ours = found.is_dir() && found.uid() == owner && found.mode() & OTHERS == 0;
                if ours {
                    Ok(())
                } else {
                    Err(EmbeddedError::SocketDirectory(path.to_owned()))
                }
            }
            Err(source) => Err(EmbeddedError::Io {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

/// Inside the data directory, unless that makes the socket's path too long for the operating
/// system.
pub(super) fn socket_directory(data_dir: &Path) -> PathBuf {
    let near = data_dir.join("run");
    if near.as_os_str().len() + 1 + SOCKET_NAME.len() <= MAX_SOCKET_PATH {
        return near;
    }
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    let name = data_encoding::HEXLOWER.encode(digest.get(..8).unwrap_or_default());
    PathBuf::from("/tmp").join(format!("grove-{name}"))
}

/// Whom to run PostgreSQL as: nobody else unless we are root.
fn unprivileged() -> Result<Option<Account>, EmbeddedError> {
    if own_uid() != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd").map_err(at(Path::new("/etc/passwd")))?;
    account(&passwd, "postgres")
        .or_else(|| account(&passwd, "nobody"))
        .map(Some)
        .ok_or(EmbeddedError::NoUnprivilegedUser)
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then(|| Account {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

/// Lets PostgreSQL's user pass through the data directory (not list it), and checks that it can get
/// there.
fn open_the_way(data_dir: &Path, account: &Account) -> Result<(), EmbeddedError> {
    let found = fs::metadata(data_dir).map_err(at(data_dir))?;
    if !may_enter(&found, account) {
        let mode = found.mode() & 0o7777 | 0o011;
        fs::set_permissions(data_dir, Permissions::from_mode(mode)).map_err(at(data_dir))?;
    }
    for directory in data_dir.ancestors().skip(1) {
        let found = fs::metadata(directory).map_err(at(directory))?;
        if !may_enter(&found, account) {
            let directory = directory.to_owned();
            return Err(EmbeddedError::NotTraversable {
                directory,
                user: account.name.clone(),
            });
        }
    }
    Ok(())
}

fn may_enter(directory: &fs::Metadata, account: &Account) -> bool {
    let bit = if directory.uid() == account.uid {
        0o100
    } else if directory.gid() == account.gid {
        0o010
    } else {
        0o001
    };
    directory.mode() & bit != 0
}

fn at(path: &Path) -> impl Fn(io::Error) -> EmbeddedError + use<> {
    let path = path.to_owned();
    move |source| EmbeddedError::Io {
        path: path.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name_and_is_never_root() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresx:x:7:7::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        let postgres = Account {
            name: "postgres".to_owned(),
            uid: 101,
            gid: 104,
        };
        assert_eq!(account(passwd, "postgres"), Some(postgres));
        assert_eq!(account(passwd, "root"), None);
        assert_eq!(account(passwd, "nobody"), None);
    }

    #[test]
    fn the_socket_moves_out_of_a_data_directory_with_a_long_name() {
        let short = Path::new("/var/lib/grove");
        assert_eq!(socket_directory(short), short.join("run"));
        let long = PathBuf::from(format!("/var/{}", "x".repeat(90)));
        let far = socket_directory(&long);
        assert!(far.starts_with("/tmp"));
        assert!(far.join(SOCKET_NAME).as_os_str().len() <= MAX_SOCKET_PATH);
        let other = PathBuf::from(format!("/var/{}", "y".repeat(90)));
        assert_ne!(far, socket_directory(&other));
    }
}
