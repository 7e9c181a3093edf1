//! `[server]`: whose server this is and where it keeps its files.

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

/// Root, and whoever owns [`SYSTEM_DATA_DIR`] as the service does, use that; anybody else has a
/// place of their own.
fn default_data_dir() -> PathBuf {
    let me = rustix::process::geteuid();
    let owner = fs::metadata(SYSTEM_DATA_DIR).map(|found| found.uid());
    if me.is_root() || owner.is_ok_and(|owner| owner == me.as_raw()) {
        return PathBuf::from(SYSTEM_DATA_DIR);
    }
    let absolute = |name| {
        env::var_os(name)
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
