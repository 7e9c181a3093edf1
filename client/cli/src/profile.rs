//! Profiles: one account on one server, with its own database, key and settings.
//!
//! Must not know the network or what is in the database. A profile exists once its settings file
//! does; whether its registration was finished only the database knows.

mod directories;
mod key;
mod settings;

pub(crate) use directories::Directories;
pub(crate) use key::create_private;
pub(crate) use settings::{Settings, Unlock};

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, io};

use zeroize::Zeroizing;

use crate::bounded;
use crate::endpoint::ServerUrl;
use crate::failure::is_full;

/// The mode bits of group and others.
const OPEN_TO_OTHERS: u32 = 0o077;
const MAX_NAME_BYTES: usize = 128;
const MAX_ROOTS_BYTES: usize = 1024 * 1024;

/// The name of a profile: a file name of letters, digits and `@ . _ + -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProfileName(String);

impl ProfileName {
    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_NAME_BYTES && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "a profile name starts with a letter or digit and goes on with letters, digits \
                 and @ . _ + -, at most 128 in all",
            )
        }
    }
}

/// One profile on disk.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// Its name.
    pub(crate) name: ProfileName,
    /// Its settings.
    pub(crate) settings: Settings,
    directory: PathBuf,
}

impl Profile {
    /// The profile of this name, or the only one there is.
    ///
    /// # Errors
    /// [`ProfileError::None`], [`ProfileError::Several`], [`ProfileError::Unknown`] and what
    /// [`Settings::read`] reports.
    pub(crate) fn choose(
        directories: &Directories,
        wanted: Option<&ProfileName>,
    ) -> Result<Self, ProfileError> {
        let known = list(directories)?;
        let name = match (wanted, known.as_slice()) {
            (Some(wanted), known) if known.contains(wanted) => wanted.clone(),
            (Some(wanted), _) => {
                return Err(ProfileError::Unknown {
                    name: wanted.clone(),
                    known: join(&known),
                });
            }
            (None, [only]) => only.clone(),
            (None, []) => return Err(ProfileError::None),
            (None, _) => return Err(ProfileError::Several(join(&known))),
        };
        let settings = Settings::read(&directories.settings_of(&name))?;
        let profile = Self {
            directory: directories.data_of(&name),
            name,
            settings,
        };
        profile.check_directory()?;
        Ok(profile)
    }

    /// Makes the profile, or takes up again one whose registration was cut short, with the
    /// settings it has.
    ///
    /// # Errors
    /// [`ProfileError::Taken`] when the name belongs to another user's profile;
    /// [`ProfileError::Io`].
    pub(crate) fn create(
        directories: &Directories,
        name: ProfileName,
        settings: &Settings,
    ) -> Result<Self, ProfileError> {
        let path = directories.settings_of(&name);
        let directory = directories.data_of(&name);
        // Also where only the settings are left: a removal that was cut short took the folder
        // first.
        make_private_directory(&directory)?;
        if !path.exists() {
            make_private_directory(directories.config())?;
            settings.write(&path)?;
        }
        let existing = Settings::read(&path)?;
        if existing.user != settings.user {
            return Err(ProfileError::Taken {
                name,
                user: existing.user.address(),
            });
        }
        let profile = Self {
            name,
            settings: existing,
            directory,
        };
        profile.check_directory()?;
        Ok(profile)
    }

    /// Changes where the server answers.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub(crate) fn move_server(
        &mut self,
        directories: &Directories,
        server: ServerUrl,
    ) -> Result<(), ProfileError> {
        if self.settings.server == server {
            return Ok(());
        }
        self.settings.server = server;
        self.settings.write(&directories.settings_of(&self.name))
    }

    /// The settings of the profile of this name, if there is one.
    ///
    /// # Errors
    /// What [`Settings::read`] reports.
    pub(crate) fn find_settings(
        directories: &Directories,
        name: &ProfileName,
    ) -> Result<Option<Settings>, ProfileError> {
        let path = directories.settings_of(name);
        if path.exists() {
            Settings::read(&path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Removes the profile with everything in it.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub(crate) fn discard(self, directories: &Directories) -> Result<(), ProfileError> {
        let settings = directories.settings_of(&self.name);
        fs::remove_dir_all(&self.directory)
            .map_err(|error| ProfileError::io("remove", &self.directory, error))?;
        fs::remove_file(&settings).map_err(|error| ProfileError::io("remove", &settings, error))
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.join("grove.db")
    }

    /// The key from the key file, made first if there is neither key nor database.
    ///
    /// # Errors
    /// What is wrong with the key file.
    pub(crate) fn key(&self) -> Result<Zeroizing<[u8; key::KEY_BYTES]>, ProfileError> {
        let path = self.directory.join("key");
        // A new key for an old database would only hide that the right one is lost.
        if fs::metadata(self.database()).is_ok_and(|found| found.len() > 0) {
            key::read(&path)
        } else {
            key::read_or_create(&path)
        }
    }

    /// The extra trusted roots of this profile in PEM, if there are any.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub(crate) fn roots(&self) -> Result<Option<Vec<u8>>, ProfileError> {
        let path = self.roots_path();
        if path.exists() {
            read_roots(&path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Stores the extra trusted roots of this profile, in PEM.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub(crate) fn store_roots(&self, pem: &[u8]) -> Result<(), ProfileError> {
        let path = self.roots_path();
        fs::write(&path, pem).map_err(|error| ProfileError::io("write", &path, error))
    }

    fn roots_path(&self) -> PathBuf {
        self.directory.join("roots.pem")
    }

    fn check_directory(&self) -> Result<(), ProfileError> {
        let metadata = fs::metadata(&self.directory)
            .map_err(|error| ProfileError::io("read", &self.directory, error))?;
        if metadata.mode() & OPEN_TO_OTHERS == 0 {
            Ok(())
        } else {
            Err(ProfileError::DirectoryPermissions {
                path: self.directory.clone(),
                mode: metadata.mode() & 0o777,
            })
        }
    }
}

/// Every profile there is, by name.
///
/// # Errors
/// [`ProfileError::Io`].
pub(crate) fn list(directories: &Directories) -> Result<Vec<ProfileName>, ProfileError> {
    let folder = directories.config();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ProfileError::io("read", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| ProfileError::io("read", folder, error))?;
        let file_name = entry.file_name();
        let name = file_name
            .to_str()
            .and_then(|name| name.strip_suffix(".toml"));
        names.extend(name.and_then(|name| name.parse::<ProfileName>().ok()));
    }
    names.sort();
    Ok(names)
}

/// Reads a PEM file of trusted roots, at most 1 MiB.
///
/// # Errors
/// [`ProfileError::Io`].
pub(crate) fn read_roots(path: &Path) -> Result<Vec<u8>, ProfileError> {
    let pem = fs::File::open(path)
        .and_then(|file| bounded::read(file, MAX_ROOTS_BYTES))
        .map_err(|error| ProfileError::io("read", path, error))?;
    Ok(pem.to_vec())
}

fn make_private_directory(path: &Path) -> Result<(), ProfileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| ProfileError::io("create", path, error))
}

fn join(names: &[ProfileName]) -> String {
    names
        .iter()
        .map(ProfileName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What can be wrong with a profile on disk.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// Group or others may look into the profile's folder.
    #[error("the folder {path} is open to others (mode {mode:o})", path = path.display())]
    DirectoryPermissions {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is no room on the disk for a file.
    #[error("the disk is full: cannot {action} {path}", path = path.display())]
    Full {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The key file does not hold a key.
    #[error("{path} does not hold a key of 64 hexadecimal digits", path = .0.display())]
    KeyMalformed(PathBuf),
    /// The key file is gone.
    #[error("the key file {path} is missing", path = .0.display())]
    KeyMissing(PathBuf),
    /// The key file belongs to another user of this machine.
    #[error("the key file {path} belongs to another user of this machine", path = .0.display())]
    KeyOwner(PathBuf),
    /// Group or others may read the key.
    #[error("the key file {path} is open to others (mode {mode:o})", path = path.display())]
    KeyPermissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Neither `XDG_DATA_HOME` nor `HOME` says where files go.
    #[error("neither HOME nor XDG_DATA_HOME and XDG_CONFIG_HOME are set to absolute paths")]
    NoHome,
    /// There is no profile at all.
    #[error("nobody is registered here yet")]
    None,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random(#[source] getrandom::Error),
    /// The settings file is not what it should be.
    #[error("the settings in {path} are not valid: {problem}", path = path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// There are several profiles and none was named.
    #[error("there are several profiles: {0}")]
    Several(String),
    /// The name is used by another user's profile.
    #[error("the profile {name} belongs to {user}")]
    Taken {
        /// The name.
        name: ProfileName,
        /// Whose it is.
        user: String,
    },
    /// There is no profile of this name.
    #[error("there is no profile {name}")]
    Unknown {
        /// The name.
        name: ProfileName,
        /// Those that exist.
        known: String,
    },
}

impl ProfileError {
    /// A failed file operation.
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        let path = path.to_owned();
        if is_full(&error) {
            return Self::Full { action, path };
        }
        Self::Io {
            action,
            path,
            error,
        }
    }
}

#[cfg(test)]
mod tests;
