//! `[telemetry]`: what is logged, and how.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::ConfigError;

/// `[telemetry]`, checked.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Directives of tracing's filter, known to be well-formed.
    pub log: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// For people.
    #[default]
    Text,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTelemetry {
    format: LogFormat,
    log: String,
}

impl Default for RawTelemetry {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            log: "info".to_owned(),
        }
    }
}

impl RawTelemetry {
    pub(super) fn validate(&self) -> Result<TelemetryConfig, ConfigError> {
        EnvFilter::try_new(&self.log)
            .map_err(|error| ConfigError::value("telemetry.log", error))?;
        Ok(TelemetryConfig {
            log: self.log.clone(),
            format: self.format,
        })
    }
}
