//! How servers talk: who is to blame when a peer's answer is not the one hoped for, and when to try
//! again.
//!
//! Knows peers as domains; must not know rooms, SQL or the HTTP server. What stands here is what a
//! single server already relies on being decided once: the blame an error carries and the retry
//! schedule. Neither reads a clock nor draws randomness: both are passed in.

mod error;
mod schedule;

pub use error::Error;
pub use schedule::{FIRST_DELAY, LONGEST_DELAY, next_delay};
