//! The command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;

/// Messages of one measurement: about two gigabytes.
const MAX_MESSAGES: u64 = 2_000_000;

/// Puts a server under the load of rooms that talk, and says what came of it.
///
/// Messages per second accepted and delivered, latencies, CPU and memory of groved and its
/// PostgreSQL. Everything stays on loopback.
#[derive(Debug, Parser)]
#[command(name = "grove-load", version)]
pub(crate) struct Args {
    /// What to measure: ROOMSxMEMBERS, such as 100x10 for a hundred rooms of ten people each; idle
    /// for the time to readiness and the memory of a server that does nothing; connected for the
    /// memory of a thousand devices that are on-line and say nothing; recovery for the time from
    /// kill -9 to the next acknowledgement; linking for a new device of somebody in fifty rooms
    #[arg(
        default_values = ["1x10", "1x100", "100x10", "idle", "connected", "recovery", "linking"],
        value_name = "SUBJECT"
    )]
    pub(crate) subjects: Vec<Subject>,
    /// Messages per second offered, or max for the highest rate at which nothing piles up; several
    /// are measured in turn
    #[arg(long, value_delimiter = ',', default_values = ["200", "max"], value_name = "RATE")]
    pub(crate) rates: Vec<Rate>,
    /// Length of each measurement
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Length of each step of the search for max
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60), value_name = "SECONDS")]
    pub(crate) step: u64,
    /// p99 of delivery, in milliseconds, above which the search says that messages pile up
    #[arg(long, default_value_t = 250, value_name = "MS")]
    pub(crate) bound_ms: u32,
    /// Highest rate the search tries
    #[arg(long, default_value_t = 20_000, value_name = "RATE")]
    pub(crate) ceiling: u32,
    /// HTTP connections, each with at most one message under way
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) connections: u16,
    /// Length of each text
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    pub(crate) text_bytes: u16,
    /// Threads of this program
    #[arg(long, default_value_t = 2)]
    pub(crate) threads: usize,
    /// A server that runs already, on loopback, where anybody may register; its processes are not
    /// measured
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The operators' door of that server, for statements per message
    #[arg(long, value_name = "URL", requires = "server")]
    pub(crate) ops: Option<String>,
    /// The groved to start [default: beside this program]
    #[arg(long, value_name = "PROGRAM", conflicts_with = "server")]
    pub(crate) groved: Option<PathBuf>,
    /// Where the data directory of a started groved is made, and removed again: its disk is what is
    /// measured
    #[arg(long, default_value = "/var/tmp", value_name = "DIRECTORY")]
    pub(crate) data_in: PathBuf,
    /// Sets one key of a started groved's configuration, which is otherwise the default
    #[arg(long, value_name = "SECTION.KEY=VALUE", conflicts_with = "server")]
    pub(crate) set: Vec<String>,
    /// One JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Refuses what would not fit into memory: messages are sealed before they are sent.
    pub(crate) fn check(&self) -> Result<(), String> {
        let rates = self.rates.iter().map(|rate| match rate {
            Rate::Max => self.ceiling,
            Rate::PerSecond(rate) => *rate,
        });
        let most = rates
            .map(|rate| u64::from(rate) * self.seconds.max(self.step))
            .max()
            .unwrap_or_default();
        if most > MAX_MESSAGES {
            return Err(format!(
                "{most} messages in one measurement are more than {MAX_MESSAGES}: lower --rates, --ceiling or --seconds"
            ));
        }
        Ok(())
    }

    /// Length of each measurement.
    pub(crate) const fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Connected,
    Idle,
    Linking,
    Recovery,
    Rooms(Shape),
}

/// How many rooms, of how many people each. Everybody is in one room, has one device and is
/// on-line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rooms: usize,
    pub(crate) members: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rooms, self.members)
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "connected" => return Ok(Self::Connected),
            "idle" => return Ok(Self::Idle),
            "linking" => return Ok(Self::Linking),
            "recovery" => return Ok(Self::Recovery),
            _ => {}
        }
        let shape = text.split_once('x').and_then(|(rooms, members)| {
            Some(Shape {
                rooms: rooms.parse().ok()?,
                members: members.parse().ok()?,
            })
        });
        match shape {
            Some(shape)
                if (1..=10_000).contains(&shape.rooms) && (2..=1000).contains(&shape.members) =>
            {
                Ok(Self::Rooms(shape))
            }
            _ => Err(
                "none of connected, idle, linking, recovery and ROOMSxMEMBERS (1 to 10000 rooms, 2 to 1000 members)"
                    .to_owned(),
            ),
        }
    }
}

/// How many messages are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    /// As many as can be sustained.
    Max,
    PerSecond(u32),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "max" => Ok(Self::Max),
            Ok(rate @ 1..=100_000) => Ok(Self::PerSecond(rate)),
            _ => Err("neither max nor a number from 1 to 100000".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_rates_are_read_and_nothing_else_is() {
        let shape = Shape {
            rooms: 100,
            members: 10,
        };
        assert_eq!("100x10".parse(), Ok(Subject::Rooms(shape)));
        assert_eq!("idle".parse(), Ok(Subject::Idle));
        assert_eq!("recovery".parse(), Ok(Subject::Recovery));
        for text in ["", "x", "10", "1x1", "0x10", "1x", "1x2x3", "-1x5"] {
            assert!(text.parse::<Subject>().is_err(), "{text}");
        }
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("7".parse(), Ok(Rate::PerSecond(7)));
        for text in ["", "0", "many", "1.5", "100001"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
