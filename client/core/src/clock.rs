//! This device's clock beside the server's: a clock that is far off is named, and nothing that
//! cannot be taken back is decided by it alone.
//!
//! The server's word on the time is believed as little as its other words: it makes nothing
//! readable or unreadable.

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::step::Step;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

/// A clock that is off by less is right enough: 10 minutes, in milliseconds.
const RIGHT_ENOUGH_MS: u64 = 10 * 60 * 1000;

/// What is made by a clock that is ahead by so much has not begun for the server, in milliseconds:
/// somewhat less than [`BACKDATED`](grove_mls::key_package::BACKDATED), for the time until it is
/// there.
const TOO_FAR_MS: u64 = 23 * 60 * 60 * 1000;

/// Where it stands how far off the clock was found to be.
const FOUND: &[u8] = b"grove/clock";

/// This device's clock is not the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockOff {
    /// Whether it is ahead of the server's; otherwise it is behind.
    pub ahead: bool,
    /// By how much, in milliseconds.
    pub by_ms: u64,
}

impl ClockOff {
    /// Compares the two times, in milliseconds since 1970.
    pub(crate) fn between(here: u64, server: u64) -> Option<Self> {
        let by_ms = here.abs_diff(server);
        (by_ms > RIGHT_ENOUGH_MS).then_some(Self {
            ahead: here > server,
            by_ms,
        })
    }

    /// Whether the server may refuse for it what this device makes.
    pub(crate) fn is_too_far(self) -> bool {
        self.by_ms >= TOO_FAR_MS
    }

    /// Whether a person who knows of the one need not be told of the other.
    fn is_like(self, other: Self) -> bool {
        self.ahead == other.ahead && self.by_ms.abs_diff(other.by_ms) <= RIGHT_ENOUGH_MS
    }
}

impl std::fmt::Display for ClockOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = self.by_ms / 60_000;
        let (number, unit) = match minutes {
            0..120 => (minutes, "minutes"),
            120..2880 => (minutes / 60, "hours"),
            _ => (minutes / 1440, "days"),
        };
        let side = if self.ahead { "ahead of" } else { "behind" };
        write!(f, "about {number} {unit} {side} the server's")
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The server has said its time. Whoever has not been told that the clock is off is told.
    pub(crate) fn hear_time(&mut self, server: u64) -> Result<Option<ClockOff>, StoreError> {
        if server == 0 {
            // It does not say.
            self.memory.clock_ahead_ms = Some(0);
            return Ok(None);
        }
        let found = ClockOff::between(self.environment.now(), server);
        let ahead = found.filter(|off| off.ahead);
        self.memory.clock_ahead_ms = Some(ahead.map_or(0, |off| off.by_ms));
        self.transaction(|step| {
            let known = find(step)?;
            let is_news = match (known, found) {
                (Some(known), Some(found)) => !known.is_like(found),
                (None, None) => return Ok(()),
                (None, Some(_)) => true,
                (Some(_), None) => false,
            };
            if let Some(found) = found.filter(|_| is_news) {
                step.tell(Event::Warning {
                    room: None,
                    kind: WarningKind::Clock,
                    text: format!("this device's clock is {found}: set it, or have it set"),
                })?;
            }
            if is_news || found.is_none() {
                put(step, found)?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The time by which something may be given up for its age: not later than the server's, which
    /// was asked in this run. None if it was not.
    pub(crate) fn agreed_now(&self) -> Option<u64> {
        let ahead_ms = self.memory.clock_ahead_ms?;
        Some(self.environment.now().saturating_sub(ahead_ms))
    }
}

/// How far off the clock was found to be when the server last said its time.
pub(crate) fn find(step: &Step<'_>) -> Result<Option<ClockOff>, StoreError> {
    let found = step.tx.find_record(FOUND)?;
    let read = |bytes: Vec<u8>| serde_json::from_slice(&bytes);
    found
        .map(read)
        .transpose()
        .map_err(|error| StoreError::Damaged(error.to_string()))
}

fn put(step: &mut Step<'_>, found: Option<ClockOff>) -> Result<(), StoreError> {
    let bytes = found
        .map(|found| serde_json::to_vec(&found))
        .transpose()
        .map_err(|error| StoreError::Damaged(error.to_string()))?;
    step.tx.put_record(FOUND, bytes.as_deref())
}
