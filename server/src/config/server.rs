//! `[server]`: whose server this is and where it keeps its files.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::{env, fs};

use grove_wire::uri::Provider;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Where a system service keeps its files.
const SYSTEM_DATA_DIR: &str = "/var/lib/grove";

/// `[server]`, checked.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The domain of every user and room here.
    pub domain: Provider,
    /// Server key, admin socket and, unless configured otherwise, the database.
    pub data_dir: PathBuf,
    /// Who may register.
    pub registration: Registration,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Nobody, not even with an invite.
    Closed,
    /// Whoever has an invite token. Closed in effect, until the operator makes one.
    #[default]
    Invite,
    /// Everybody.
    Open,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawServer {
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_dir: Option<PathBuf>,
    registration: Registration,
}

impl RawServer {
    pub(super) fn validate(&self) -> Result<ServerConfig, ConfigError> {
        let domain = self.domain.as_deref().ok_or(ConfigError::Missing {
            key: "server.domain",
            hint: "it is the part after the @ in your users' addresses, and cannot be changed later",
        })?;
        let domain =
            Provider::parse(domain).map_err(|error| ConfigError::value("server.domain", error))?;
        let data_dir = self.data_dir.clone().unwrap_or_else(default_data_dir);
        Ok(ServerConfig {
            domain,
            data_dir,
            registration: self.registration,
        })
    }
}

fn default_data_dir() -> PathBuf {
    let me = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(SYSTEM_DATA_DIR).map(|found| found.uid());
    data_dir_of(me, owner.ok(), env::var_os)
}

/// Root, and whoever owns [`SYSTEM_DATA_DIR`] as the service does, use that; anybody else has a
/// place of their own.
fn data_dir_of(
    me: u32,
    owner: Option<u32>,
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> PathBuf {
    if me == 0 || owner == Some(me) {
        return PathBuf::from(SYSTEM_DATA_DIR);
    }
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| Some(absolute("HOME")?.join(".local/share")))
        .map_or_else(
            || PathBuf::from(SYSTEM_DATA_DIR),
            |share| share.join("groved"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_uses_the_systems_place_and_anybody_else_their_own() {
        let (root, grove, alice) = (0, 990, 1000);
        let at_home = |name| (name == "HOME").then(|| OsString::from("/home/alice"));
        let of = |me, owner| data_dir_of(me, owner, at_home);
        for owner in [None, Some(grove)] {
            assert_eq!(of(root, owner), PathBuf::from(SYSTEM_DATA_DIR));
            let own = PathBuf::from("/home/alice/.local/share/groved");
            assert_eq!(of(alice, owner), own);
        }
        assert_eq!(of(grove, Some(grove)), PathBuf::from(SYSTEM_DATA_DIR));
        let chosen = |name| (name == "XDG_DATA_HOME").then(|| OsString::from("/data"));
        assert_eq!(
            data_dir_of(alice, None, chosen),
            PathBuf::from("/data/groved")
        );
        let nowhere = |_name| Some(OsString::from("relative"));
        assert_eq!(
            data_dir_of(alice, None, nowhere),
            PathBuf::from(SYSTEM_DATA_DIR)
        );
    }
}
