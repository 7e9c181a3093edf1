//! `[rate_limits]`: how much one asker may ask for.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// The largest number in a rate: beyond it there might as well be no limit.
const MOST: u32 = 100_000;

/// So many in so long, more than that at once now and then: «50/s burst 200».
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many in [`Self::per`].
    pub count: NonZeroU32,
    /// Second, minute, hour or day.
    pub per: Duration,
    /// How many at once by somebody who has not asked for long.
    pub burst: NonZeroU32,
}

/// `[rate_limits]`, checked. None: no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitsConfig {
    /// What new devices at one address ask of their links.
    pub address_links: Option<Rate>,
    /// Accounts registered and recovered from one address.
    pub address_registrations: Option<Rate>,
    /// Challenges, sessions, links to a new device, and tokens that are none, from one address.
    pub address_sign_in: Option<Rate>,
    /// Other people's KeyPackages, and the GroupInfo of rooms, asked for by one device.
    pub device_claims: Option<Rate>,
    /// Handshakes, new rooms and all else a device changes, messages excepted.
    pub device_changes: Option<Rate>,
    /// Messages of one device.
    pub device_messages: Option<Rate>,
    /// Whatever one device asks for and changes nothing.
    pub device_reads: Option<Rate>,
    /// As [`Self::device_claims`], of all devices of one user.
    pub user_claims: Option<Rate>,
    /// As [`Self::device_changes`], of all devices of one user.
    pub user_changes: Option<Rate>,
    /// As [`Self::device_messages`], of all devices of one user.
    pub user_messages: Option<Rate>,
    /// As [`Self::device_reads`], of all devices of one user.
    pub user_reads: Option<Rate>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRateLimits {
    address_links: String,
    address_registrations: String,
    address_sign_in: String,
    device_claims: String,
    device_changes: String,
    device_messages: String,
    device_reads: String,
    user_claims: String,
    user_changes: String,
    user_messages: String,
    user_reads: String,
}

impl Default for RawRateLimits {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            address_links: text("120/min burst 120"),
            address_registrations: text("30/hour burst 30"),
            address_sign_in: text("60/min burst 60"),
            device_claims: text("20/s burst 500"),
            device_changes: text("50/s burst 500"),
            device_messages: text("50/s burst 200"),
            device_reads: text("100/s burst 1000"),
            user_claims: text("40/s burst 1000"),
            user_changes: text("100/s burst 1000"),
            user_messages: text("100/s burst 400"),
            user_reads: text("200/s burst 2000"),
        }
    }
}

impl RawRateLimits {
    pub(super) fn validate(&self) -> Result<RateLimitsConfig, ConfigError> {
        Ok(RateLimitsConfig {
            address_links: always("address_links", &self.address_links)?,
            address_registrations: always("address_registrations", &self.address_registrations)?,
            address_sign_in: always("address_sign_in", &self.address_sign_in)?,
            device_claims: always("device_claims", &self.device_claims)?,
            device_changes: rate("device_changes", &self.device_changes)?,
            device_messages: rate("device_messages", &self.device_messages)?,
            device_reads: rate("device_reads", &self.device_reads)?,
            user_claims: always("user_claims", &self.user_claims)?,
            user_changes: rate("user_changes", &self.user_changes)?,
            user_messages: rate("user_messages", &self.user_messages)?,
            user_reads: rate("user_reads", &self.user_reads)?,
        })
    }
}

/// A limit that protects more than the machine: guessing is made slow by it, or KeyPackages are
/// kept from running out.
fn always(name: &str, text: &str) -> Result<Option<Rate>, ConfigError> {
    match rate(name, text)? {
        None => Err(invalid(name, "it cannot be off; choose a high rate")),
        limited => Ok(limited),
    }
}

fn rate(name: &str, text: &str) -> Result<Option<Rate>, ConfigError> {
    if text.trim() == "off" {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error: InvalidRate| invalid(name, error))
}

fn invalid(name: &str, reason: impl fmt::Display) -> ConfigError {
    ConfigError::value(&format!("rate_limits.{name}"), reason)
}

/// Not a rate.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is not a rate such as \"50/s burst 200\" (per s, min, hour or day; numbers up to {MOST})"
)]
pub struct InvalidRate(String);

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let invalid = || InvalidRate(text.to_owned());
        let mut words = text.split_whitespace();
        let (count, per) = words
            .next()
            .and_then(|rate| rate.split_once('/'))
            .ok_or_else(invalid)?;
        let number = |text: &str| {
            let number: Option<NonZeroU32> = text.parse().ok();
            number
                .filter(|number| number.get() <= MOST)
                .ok_or_else(invalid)
        };
        let count = number(count)?;
        let per = match per {
            "s" => Duration::from_secs(1),
            "min" => Duration::from_mins(1),
            "hour" => Duration::from_hours(1),
            "day" => Duration::from_hours(24),
            _ => return Err(invalid()),
        };
        let burst = match (words.next(), words.next(), words.next()) {
            (None, None, None) => count,
            (Some("burst"), Some(burst), None) => number(burst)?,
            _ => return Err(invalid()),
        };
        Ok(Self { count, per, burst })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_written_and_nothing_else_is() {
        let read = |text: &str| {
            text.parse::<Rate>()
                .map(|rate| (rate.count.get(), rate.per.as_secs(), rate.burst.get()))
        };
        assert_eq!(read("50/s burst 200").unwrap(), (50, 1, 200));
        assert_eq!(read(" 60/min  burst 30 ").unwrap(), (60, 60, 30));
        assert_eq!(read("5/hour").unwrap(), (5, 3600, 5));
        assert_eq!(read("1/day").unwrap(), (1, 86_400, 1));
        for text in [
            "",
            "50",
            "50/",
            "/s",
            "0/s",
            "50/s burst",
            "50/s burst 0",
            "50/s 200",
            "50/week",
            "-1/s",
            "50/s burst 1 2",
            "1.5/s",
            "50/s burst 100001",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_protects_more_than_the_machine_cannot_be_off() {
        let raw = RawRateLimits {
            device_messages: "off".to_owned(),
            ..RawRateLimits::default()
        };
        assert_eq!(raw.validate().unwrap().device_messages, None);
        let raw = RawRateLimits {
            device_claims: "off".to_owned(),
            ..RawRateLimits::default()
        };
        let refused = raw.validate().unwrap_err().to_string();
        assert!(refused.contains("rate_limits.device_claims"), "{refused}");
    }
}
