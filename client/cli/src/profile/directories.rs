//! Where the files of `grove` live: the XDG base directories.
//!
//! Knows names of folders, not what is in them. A relative `XDG_*` path is ignored, as the XDG
//! Base Directory Specification demands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{ProfileError, ProfileName};

/// The two folders of `grove`: data (database, key) and configuration (settings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directories {
    data: PathBuf,
    config: PathBuf,
}

impl Directories {
    /// From the environment of this process.
    pub(crate) fn from_environment() -> Result<Self, ProfileError> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// From any environment.
    pub(crate) fn from_lookup(
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ProfileError> {
        let absolute = |name: &str| {
            lookup(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = |name: &str, below_home: &str| {
            absolute(name)
                .or_else(|| Some(absolute("HOME")?.join(below_home)))
                .map(|path| path.join("grove"))
                .ok_or(ProfileError::NoHome)
        };
        Ok(Self {
            data: base("XDG_DATA_HOME", ".local/share")?,
            config: base("XDG_CONFIG_HOME", ".config")?,
        })
    }

    /// The folder of a profile's database and key.
    pub(crate) fn data_of(&self, name: &ProfileName) -> PathBuf {
        self.data.join(name.as_str())
    }

    /// The settings file of a profile.
    pub(crate) fn settings_of(&self, name: &ProfileName) -> PathBuf {
        self.config.join(format!("{name}.toml"))
    }

    /// The folder that holds all settings files.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::{Directories, ProfileError, ProfileName};

    fn directories(pairs: &[(&str, &str)]) -> Result<Directories, ProfileError> {
        Directories::from_lookup(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
    }

    fn alice() -> ProfileName {
        "alice@a.example".parse().unwrap()
    }

    #[test]
    fn xdg_variables_come_first() {
        let found = directories(&[
            ("HOME", "/home/alice"),
            ("XDG_DATA_HOME", "/data"),
            ("XDG_CONFIG_HOME", "/config"),
        ])
        .unwrap();
        assert_eq!(
            found.data_of(&alice()),
            Path::new("/data/grove/alice@a.example")
        );
        assert_eq!(
            found.settings_of(&alice()),
            Path::new("/config/grove/alice@a.example.toml")
        );
    }

    #[test]
    fn home_is_the_default_and_relative_paths_are_ignored() {
        let found =
            directories(&[("HOME", "/home/alice"), ("XDG_DATA_HOME", "relative/data")]).unwrap();
        assert_eq!(
            found.data_of(&alice()),
            Path::new("/home/alice/.local/share/grove/alice@a.example")
        );
        assert_eq!(found.config(), Path::new("/home/alice/.config/grove"));
    }

    #[test]
    fn no_home_is_an_error() {
        assert!(matches!(directories(&[]), Err(ProfileError::NoHome)));
    }
}
