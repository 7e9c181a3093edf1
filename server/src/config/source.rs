//! Where a value came from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value came from; lowest layer first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub enum Source {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File {
        /// Its path.
        file: PathBuf,
        /// Line of the key, from 1.
        line: usize,
        /// Column of what is meant, in characters from 1: the value, or the key if that is what is
        /// wrong.
        column: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// `--set` on the command line. The value is left out: it may be a secret.
    Set {
        /// The key it names.
        key: String,
    },
}

/// As an error message begins: `grove.toml:3:9`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line, column } => write!(f, "{}:{line}:{column}", file.display()),
            Self::Environment { name } => write!(f, "environment variable {name}"),
            Self::Set { key } => write!(f, "--set {key}"),
        }
    }
}

/// As a remark behind a value: `grove.toml:3`.
pub(super) struct Remark<'a>(pub(super) &'a Source);

impl fmt::Display for Remark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::File { file, line, .. } => write!(f, "{}:{line}", file.display()),
            other => other.fmt(f),
        }
    }
}
