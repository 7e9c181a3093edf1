//! What can be wrong with a configuration, said so that it can be put right.

use std::path::PathBuf;
use std::{fmt, io};

use super::Source;

/// Everything found wrong with a configuration, at least one thing.
#[derive(Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

/// One thing that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value has the wrong type or form, or makes no sense.
    #[error("{}{key}: {reason}", Place(.place.as_ref()))]
    Invalid {
        /// Where it was set, if that is known.
        place: Option<Source>,
        /// The key, with its section.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read as TOML.
    #[error("{place}: {reason}")]
    NotToml {
        /// Where.
        place: Source,
        /// What.
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
    #[error("{}unknown key {key}{}", Place(.place.as_ref()), Nearest(.nearest.as_deref()))]
    UnknownKey {
        /// Where it was set, if it was.
        place: Option<Source>,
        /// The key, with its section.
        key: String,
        /// The known key most like it, if one is like it.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    #[error("{} could not be read: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ConfigError {
    /// A value that is well-formed but makes no sense.
    pub(super) fn value(key: &str, reason: impl fmt::Display) -> Self {
        Self::Invalid {
            place: None,
            key: key.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// The key it is about, with its section; `None` if it is about something else.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            Self::Invalid { key, .. } | Self::UnknownKey { key, .. } => Some(key),
            Self::Missing { key, .. } => Some(key),
            Self::NotToml { .. } | Self::MalformedSet(_) | Self::Unreadable { .. } => None,
        }
    }

    /// Says where the value was set.
    #[must_use]
    pub(super) fn at(mut self, source: Option<&Source>) -> Self {
        if let Self::Invalid { place, .. } = &mut self {
            *place = source.cloned();
        }
        self
    }
}

impl ConfigErrors {
    /// Nothing is returned for an empty list, which is no error.
    pub(super) fn of(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Each of them, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// All of them on one line.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

struct Place<'a>(Option<&'a Source>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, "{place}: "))
    }
}

struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .map_or(Ok(()), |nearest| write!(f, "; did you mean {nearest}?"))
    }
}
