//! Configuration: defaults, then the file, then `GROVE_*` of the environment, then `--set`.
//!
//! One file per section. Each section has a raw form, as written (every key optional, durations and sizes as text),
//! and a runtime form that `validate` makes of it, so that nothing downstream checks again. A key nobody knows is
//! refused and the nearest known one named: a mistyped limit must not silently be the default.
//!
//! `grove.toml` is documented in `deploy/grove.example.toml`, which a test keeps complete.

mod database;
mod error;
mod http;
mod limits;
mod load;
mod server;
mod telemetry;
mod units;

use serde::{Deserialize, Serialize};

pub use self::{
    database::{DatabaseConfig, DatabaseSource},
    error::ConfigError,
    http::{HttpConfig, OpsConfig, Transport},
    limits::LimitsConfig,
    load::LoadOptions,
    server::{Registration, ServerConfig},
    telemetry::{LogFormat, TelemetryConfig},
    units::{ByteSize, InvalidByteSize},
};

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose server this is and where it keeps its files.
    pub server: ServerConfig,
    /// The door for clients.
    pub http: HttpConfig,
    /// The door for operators.
    pub ops: OpsConfig,
    /// Where PostgreSQL is.
    pub database: DatabaseConfig,
    /// How much of everything.
    pub limits: LimitsConfig,
    /// What is logged.
    pub telemetry: TelemetryConfig,
    raw: Raw,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// See [`ConfigError`]; each names the place and the key.
    pub fn load(options: LoadOptions) -> Result<Self, ConfigError> {
        Self::validate(load::read(options)?)
    }

    fn validate(raw: Raw) -> Result<Self, ConfigError> {
        Ok(Self {
            server: raw.server.validate()?,
            http: raw.http.validate()?,
            ops: raw.ops.validate()?,
            database: raw.database.validate()?,
            limits: raw.limits.validate()?,
            telemetry: raw.telemetry.validate()?,
            raw,
        })
    }

    /// The effective values as TOML. A password inside `database.url` is left out.
    ///
    /// # Errors
    /// When a value cannot be written as TOML, which no value read from one can cause.
    pub fn effective(&self) -> Result<String, ConfigError> {
        let mut raw = self.raw.clone();
        raw.database.hide_secrets();
        toml::to_string(&raw).map_err(|error| ConfigError::Unwritable(error.to_string()))
    }
}

/// The configuration as written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    server: server::RawServer,
    http: http::RawHttp,
    ops: http::RawOps,
    database: database::RawDatabase,
    limits: limits::RawLimits,
    telemetry: telemetry::RawTelemetry,
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
