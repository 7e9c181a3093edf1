//! What can be wrong with a configuration, said so that it can be put right.

use std::{fmt, io, path::PathBuf};

/// Why the configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value has the wrong type or form.
    #[error("{place}: {key}: {reason}")]
    Invalid {
        /// Where it was set.
        place: String,
        /// The key, with its section.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read as TOML.
    #[error("{}: {reason}", file.display())]
    NotToml {
        /// The file.
        file: PathBuf,
        /// What and where.
        reason: String,
    },
    /// A key that must be set is not.
    #[error("{key} is not set: {hint}")]
    Missing {
        /// The key, with its section.
        key: &'static str,
        /// How to set it.
        hint: &'static str,
    },
    /// `--set` without `key=value`.
    #[error("--set {0}: expected section.key=value")]
    MalformedSet(String),
    /// A key that does not exist.
    #[error("{place}: unknown key {key}{}", Nearest(.nearest.as_deref()))]
    UnknownKey {
        /// Where it was set.
        place: String,
        /// The key, with its section.
        key: String,
        /// The known key most like it, if one is like it.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    #[error("{} could not be read", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The effective values could not be written.
    #[error("the effective configuration could not be written: {0}")]
    Unwritable(String),
}

impl ConfigError {
    /// A value that is well-formed but makes no sense.
    pub(super) fn value(key: &str, reason: impl fmt::Display) -> Self {
        Self::Invalid {
            place: "configuration".to_owned(),
            key: key.to_owned(),
            reason: reason.to_string(),
        }
    }
}

struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
    }
}
