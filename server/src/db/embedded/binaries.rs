//! Where PostgreSQL is installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use super::EmbeddedError;

/// The oldest major version groved runs on.
const OLDEST: u32 = 15;

/// A directory with the programs of one PostgreSQL version.
#[derive(Debug)]
pub(super) struct Binaries {
    directory: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// The newest PostgreSQL installed, or the one of version `wanted` if a cluster exists already.
    /// With `explicit` only that directory counts.
    pub(super) fn find(
        explicit: Option<&Path>,
        wanted: Option<u32>,
    ) -> Result<Self, EmbeddedError> {
        let directories = match explicit {
            Some(directory) => vec![directory.to_owned()],
            None => on_path().chain(distributions()).collect(),
        };
        let found: Vec<Self> = directories.into_iter().filter_map(Self::at).collect();
        if found.is_empty() {
            return Err(EmbeddedError::BinariesMissing);
        }
        match wanted {
            Some(cluster) => found
                .into_iter()
                .find(|binaries| binaries.major == cluster)
                .ok_or(EmbeddedError::WrongVersion { cluster }),
            None => found
                .into_iter()
                .filter(|binaries| binaries.major >= OLDEST)
                .max_by_key(|binaries| binaries.major)
                .ok_or(EmbeddedError::BinariesMissing),
        }
    }

    /// The path of one program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: PathBuf) -> Option<Self> {
        if !directory.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(directory.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { directory, major })
    }
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

/// Debian and its kin: /usr/lib/postgresql/15/bin; Red Hat and its kin: /usr/pgsql-15/bin.
fn distributions() -> impl Iterator<Item = PathBuf> {
    let versions = |parent: &str| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let debian = versions("/usr/lib/postgresql");
    let red_hat = versions("/usr").into_iter().filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("pgsql-"))
    });
    debian
        .into_iter()
        .chain(red_hat)
        .map(|version| version.join("bin"))
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15; `17beta1` is 17.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(major("postgres"), None);
        assert_eq!(major(""), None);
    }
}
