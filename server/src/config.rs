//! Configuration: defaults, then the file, then `GROVE_*` of the environment, then `--set`.
//!
//! One file per section. Each section has a raw form, as written (every key optional, durations and
//! sizes as text), and a runtime form that `validate` makes of it, so that nothing downstream
//! checks again. A key nobody knows is refused and the nearest known one named: a mistyped limit
//! must not silently be the default.
//!
//! `grove.toml` is documented in `deploy/grove.example.toml`, which is also where the program takes
//! its explanations from; tests keep it complete and true.

mod change;
mod check;
mod database;
mod dump;
mod error;
mod explain;
mod http;
mod keys;
mod limits;
mod load;
mod rate_limits;
mod retention;
mod server;
mod source;
mod telemetry;
mod units;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::change::Change;
use self::check::Check;
pub use self::database::{DatabaseConfig, DatabaseSource};
pub use self::dump::Effective;
pub use self::error::{ConfigError, ConfigErrors};
pub use self::explain::{Applies, Description, EXAMPLE, describe, descriptions};
pub use self::http::{HttpConfig, OpsConfig, Transport};
pub use self::limits::LimitsConfig;
pub use self::load::LoadOptions;
use self::load::Setting;
pub use self::rate_limits::{InvalidRate, Rate, RateLimitsConfig};
pub use self::retention::RetentionConfig;
pub use self::server::{Registration, ServerConfig};
pub use self::source::Source;
pub use self::telemetry::{LogFormat, TelemetryConfig};
pub use self::units::{ByteSize, InvalidByteSize};

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
    /// How much one asker may ask for.
    pub rate_limits: RateLimitsConfig,
    /// How long what passed through is kept.
    pub retention: RetentionConfig,
    /// What is logged.
    pub telemetry: TelemetryConfig,
    /// What was set, by whole key.
    settings: BTreeMap<String, Setting>,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it; see [`ConfigError`]. Each names the place and the key.
    pub fn load(options: LoadOptions) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let settings = load::read(options, &mut errors);
        Self::of(settings, errors)
    }

    /// The known key most like `key`, if one is like it.
    pub fn nearest_key(key: &str) -> Option<String> {
        keys::nearest(key)
    }

    /// The default of a key; `None` if it has none, or does not exist.
    pub fn default_of(key: &str) -> Option<toml::Value> {
        keys::defaults().remove(key).flatten()
    }

    /// The environment variable that sets a key.
    pub fn variable_of(key: &str) -> String {
        keys::variable_name(key)
    }

    fn of(
        settings: BTreeMap<String, Setting>,
        errors: Vec<ConfigError>,
    ) -> Result<Self, ConfigErrors> {
        let mut check = Check::begin(&settings, errors);
        let server = check.section("server", server::RawServer::validate);
        let http = check.section("http", http::RawHttp::validate);
        let ops = check.section("ops", http::RawOps::validate);
        let database = check.section("database", database::RawDatabase::validate);
        let limits = check.section("limits", limits::RawLimits::validate);
        let rate_limits = check.section("rate_limits", rate_limits::RawRateLimits::validate);
        let retention = check.section("retention", retention::RawRetention::validate);
        let telemetry = check.section("telemetry", telemetry::RawTelemetry::validate);
        if let Some(errors) = ConfigErrors::of(check.errors) {
            return Err(errors);
        }
        let whole = || {
            Some(Self {
                server: server?,
                http: http?,
                ops: ops?,
                database: database?,
                limits: limits?,
                rate_limits: rate_limits?,
                retention: retention?,
                telemetry: telemetry?,
                settings,
            })
        };
        // A section that is missing has said why.
        whole().ok_or_else(|| ConfigError::value("configuration", "a section is not whole").into())
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
    rate_limits: rate_limits::RawRateLimits,
    retention: retention::RawRetention,
    telemetry: telemetry::RawTelemetry,
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]
mod tests;
