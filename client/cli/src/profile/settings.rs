//! The settings file of a profile: which user, which server, how the database is unlocked.
//!
//! Holds no secret. People may edit it; an unknown key is refused with its place.

use std::fs;
use std::path::Path;

use grove_wire::uri::UserUri;
use serde::{Deserialize, Serialize};

use super::ProfileError;
use crate::endpoint::ServerUrl;

/// How the local database is unlocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unlock {
    /// By the key file beside it.
    File,
    /// By a passphrase.
    Passphrase,
}

/// What stands in `$XDG_CONFIG_HOME/grove/<profile>.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whose profile this is.
    pub(crate) user: UserUri,
    /// Where the user's server answers.
    pub(crate) server: ServerUrl,
    /// How the database is unlocked.
    pub(crate) unlock: Unlock,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    user: String,
    server: String,
    unlock: Unlock,
}

impl Settings {
    /// Reads a settings file.
    ///
    /// # Errors
    /// [`ProfileError::Io`] or [`ProfileError::Settings`].
    pub(crate) fn read(path: &Path) -> Result<Self, ProfileError> {
        let text =
            fs::read_to_string(path).map_err(|error| ProfileError::io("read", path, error))?;
        Self::parse(&text).map_err(|problem| ProfileError::Settings {
            path: path.to_owned(),
            problem,
        })
    }

    /// Writes the settings file anew, whole or not at all.
    ///
    /// # Errors
    /// [`ProfileError::Io`].
    pub(crate) fn write(&self, path: &Path) -> Result<(), ProfileError> {
        let beside = path.with_extension("toml.new");
        fs::write(&beside, self.to_text())
            .and_then(|()| fs::rename(&beside, path))
            .map_err(|error| ProfileError::io("write", path, error))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self {
            user: UserUri::parse_address(&written.user)
                .map_err(|error| format!("user: {error}"))?,
            server: written
                .server
                .parse()
                .map_err(|error| format!("server: {error}"))?,
            unlock: written.unlock,
        })
    }

    fn to_text(&self) -> String {
        let unlock = match self.unlock {
            Unlock::File => "file",
            Unlock::Passphrase => "passphrase",
        };
        // Addresses and URLs hold neither quotes nor backslashes.
        format!(
            "# Whose profile this is, where the server answers, and what unlocks the database\n\
             # (file: the key beside it; passphrase).\n\
             user = \"{}\"\nserver = \"{}\"\nunlock = \"{unlock}\"\n",
            self.user.address(),
            self.server,
        )
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::UserUri;

    use super::{Settings, Unlock};

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alice.toml");
        for unlock in [Unlock::File, Unlock::Passphrase] {
            let settings = Settings {
                user: UserUri::parse_address("alice@a.example").unwrap(),
                server: "http://127.0.0.1:8448".parse().unwrap(),
                unlock,
            };
            settings.write(&path).unwrap();
            assert_eq!(Settings::read(&path).unwrap(), settings);
        }
        assert_eq!(
            folder.path().read_dir().unwrap().count(),
            1,
            "nothing is left beside it"
        );
    }

    #[test]
    fn mistakes_are_named() {
        let good = "user = \"alice@a.example\"\nserver = \"https://a.example\"\nunlock = \"file\"";
        assert!(Settings::parse(good).is_ok());
        for (from, to, named) in [
            ("unlock", "unlcok", "unlcok"),
            ("alice@a.example", "alice", "user"),
            ("https://", "http://", "server"),
            ("file", "none", "none"),
        ] {
            let problem = Settings::parse(&good.replacen(from, to, 1)).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
    }
}
