//! `[limits]`: how much of everything. Limits that are part of the protocol are not here but in
//! `grove_wire::limits`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ByteSize, ConfigError};

/// `[limits]`, checked.
#[derive(Clone, Debug)]
pub struct LimitsConfig {
    /// A device that was not seen for so long should be retired by another.
    pub device_idle: Duration,
    /// Free space on the disk of the private database below which nothing more is written.
    pub free_space_reserve: ByteSize,
    /// A device with fewer KeyPackages than this is told to upload more.
    pub key_package_low: u32,
    /// KeyPackages kept per device and cipher suite.
    pub key_package_pool: u32,
    /// How long a session lasts.
    pub session_lifetime: Duration,
    /// How long a shutdown waits for requests under way.
    pub shutdown_grace: Duration,
    /// Memory for the groups of rooms that are in use.
    pub group_cache: ByteSize,
    /// Memory for the newest entries of rooms that are in use.
    pub log_cache: ByteSize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    device_idle: String,
    free_space_reserve: String,
    group_cache: String,
    key_package_low: u32,
    key_package_pool: u32,
    log_cache: String,
    session_lifetime: String,
    shutdown_grace: String,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self {
            device_idle: "180 days".to_owned(),
            free_space_reserve: "512 MiB".to_owned(),
            group_cache: "256 MiB".to_owned(),
            key_package_low: 10,
            key_package_pool: 200,
            log_cache: "64 MiB".to_owned(),
            session_lifetime: "30 days".to_owned(),
            shutdown_grace: "10 s".to_owned(),
        }
    }
}

impl RawLimits {
    pub(super) fn validate(&self) -> Result<LimitsConfig, ConfigError> {
        if !(1..=10_000).contains(&self.key_package_pool) {
            return Err(ConfigError::value(
                "limits.key_package_pool",
                "must be between 1 and 10000",
            ));
        }
        Ok(LimitsConfig {
            device_idle: duration("limits.device_idle", &self.device_idle)?,
            free_space_reserve: size("limits.free_space_reserve", &self.free_space_reserve)?,
            key_package_low: self.key_package_low,
            key_package_pool: self.key_package_pool,
            session_lifetime: duration("limits.session_lifetime", &self.session_lifetime)?,
            shutdown_grace: duration("limits.shutdown_grace", &self.shutdown_grace)?,
            group_cache: size("limits.group_cache", &self.group_cache)?,
            log_cache: size("limits.log_cache", &self.log_cache)?,
        })
    }
}

fn size(key: &str, text: &str) -> Result<ByteSize, ConfigError> {
    text.parse().map_err(|error| ConfigError::value(key, error))
}

pub(super) fn duration(key: &str, text: &str) -> Result<Duration, ConfigError> {
    let duration = humantime::parse_duration(text)
        .map_err(|error| ConfigError::value(key, format_args!("{text:?}: {error}")))?;
    if duration.is_zero() {
        return Err(ConfigError::value(key, "must be longer than nothing"));
    }
    Ok(duration)
}
