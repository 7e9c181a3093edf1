//! `[database]`: where PostgreSQL is.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio_postgres::Config as PostgresConfig;
use tokio_postgres::config::SslMode;

use super::ConfigError;

/// `[database]`, checked.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// Which PostgreSQL.
    pub source: DatabaseSource,
    /// Connections kept at most.
    pub pool_size: usize,
    /// Whether `groved serve` applies migrations that are missing.
    pub migrate_on_start: bool,
}

/// Which PostgreSQL.
#[derive(Clone, Debug)]
pub enum DatabaseSource {
    /// A private one under the data directory.
    Embedded {
        /// Directory with its programs; unset: found.
        binaries: Option<PathBuf>,
    },
    /// One that is run by somebody else. (Its `Debug` form hides the password.)
    External(Box<PostgresConfig>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDatabase {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binaries: Option<PathBuf>,
    pool_size: usize,
    migrate_on_start: bool,
}

impl Default for RawDatabase {
    fn default() -> Self {
        Self {
            url: None,
            password_file: None,
            binaries: None,
            pool_size: 16,
            migrate_on_start: true,
        }
    }
}

impl RawDatabase {
    pub(super) fn validate(&self) -> Result<DatabaseConfig, ConfigError> {
        if !(2..=1000).contains(&self.pool_size) {
            return Err(ConfigError::value(
                "database.pool_size",
                "must be between 2 and 1000",
            ));
        }
        let source = match &self.url {
            Some(url) => DatabaseSource::External(Box::new(self.external(url)?)),
            None if self.password_file.is_some() => {
                return Err(ConfigError::value(
                    "database.password_file",
                    "makes no sense without database.url",
                ));
            }
            None => DatabaseSource::Embedded {
                binaries: self.binaries.clone(),
            },
        };
        let migrate_on_start = self.migrate_on_start;
        Ok(DatabaseConfig {
            source,
            pool_size: self.pool_size,
            migrate_on_start,
        })
    }

    fn external(&self, url: &str) -> Result<PostgresConfig, ConfigError> {
        // The parser's error quotes no part of the text, which may hold a password.
        let mut config: PostgresConfig = url
            .parse()
            .map_err(|error: tokio_postgres::Error| ConfigError::value("database.url", error))?;
        if config.get_ssl_mode() == SslMode::Require {
            return Err(ConfigError::value(
                "database.url",
                "TLS to the database is not supported: use a Unix socket, loopback or a private network",
            ));
        }
        if config.get_application_name().is_none() {
            config.application_name("groved");
        }
        if let Some(file) = &self.password_file {
            let password = fs::read_to_string(file).map_err(|source| ConfigError::Unreadable {
                file: file.clone(),
                source,
            })?;
            config.password(password.trim_end_matches(['\r', '\n']));
        }
        Ok(config)
    }
}

/// Whether a URL must not be shown. What cannot be read is taken for a secret.
pub(super) fn holds_a_password(url: &str) -> bool {
    url.parse::<PostgresConfig>()
        .map_or(true, |config| config.get_password().is_some())
}
