//! `[retention]`: how long the server keeps what passed through it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::limits::duration;

/// `[retention]`, checked. Only time in which the server ran and the clock was not set counts, see
/// `crate::retention`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionConfig {
    /// Messages are kept at least so long, also when every device has them. At most
    /// [`Self::messages_max`].
    pub messages_min: Duration,
    /// Messages are kept at most so long, also when a device has not fetched them. At most
    /// [`Self::handshakes`].
    pub messages_max: Duration,
    /// Handshakes and Welcomes nobody fetched are kept so long, and as long as the server needs
    /// them.
    pub handshakes: Duration,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRetention {
    messages_min: String,
    messages_max: String,
    handshakes: String,
}

impl Default for RawRetention {
    fn default() -> Self {
        Self {
            messages_min: "7 days".to_owned(),
            messages_max: "30 days".to_owned(),
            handshakes: "90 days".to_owned(),
        }
    }
}

impl RawRetention {
    pub(super) fn validate(&self) -> Result<RetentionConfig, ConfigError> {
        let handshakes = duration("retention.handshakes", &self.handshakes)?;
        let messages_max = duration("retention.messages_max", &self.messages_max)?;
        let messages_min = duration("retention.messages_min", &self.messages_min)?;
        if messages_max > handshakes {
            return Err(ConfigError::value(
                "retention.messages_max",
                "must not be longer than retention.handshakes",
            ));
        }
        if messages_min > messages_max {
            return Err(ConfigError::value(
                "retention.messages_min",
                "must not be longer than retention.messages_max",
            ));
        }
        Ok(RetentionConfig {
            messages_min,
            messages_max,
            handshakes,
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn raw(min: &str, max: &str, handshakes: &str) -> RawRetention {
        RawRetention {
            messages_min: min.to_owned(),
            messages_max: max.to_owned(),
            handshakes: handshakes.to_owned(),
        }
    }

    #[test]
    fn each_is_kept_no_longer_than_the_next() {
        let days = |days: u64| Duration::from_hours(days * 24);
        let usual = RawRetention::default().validate().unwrap();
        let RetentionConfig {
            messages_min,
            messages_max,
            handshakes,
        } = usual;
        assert_eq!(
            [messages_min, messages_max, handshakes],
            [days(7), days(30), days(90)]
        );
        assert!(raw("30 days", "30 days", "30 days").validate().is_ok());
        let refused = |raw: RawRetention| raw.validate().unwrap_err().to_string();
        assert!(refused(raw("31 days", "30 days", "90 days")).contains("retention.messages_min"));
        assert!(refused(raw("7 days", "91 days", "90 days")).contains("retention.messages_max"));
        assert!(refused(raw("0 s", "30 days", "90 days")).contains("retention.messages_min"));
        assert!(refused(raw("7 days", "30 days", "soon")).contains("retention.handshakes"));
    }
}
