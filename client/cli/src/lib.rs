//! What stands in front of a person at a terminal: commands, profiles, output, and the ways to the
//! server that the engine asks for.
//!
//! Must not know what is in a message, a frame or a key: the engine does. The surprise: there is no
//! background process. Every command opens the database, catches up, does its work and ends, and
//! several may do so at once.

mod answers;
mod args;
mod backoff;
mod bounded;
mod clock;
mod commands;
mod endpoint;
pub mod events;
mod exit;
mod failure;
mod invite;
mod output;
mod profile;
mod qr;
mod run;
mod secrets;
mod session;
mod tls;
pub mod transport;

pub use backoff::Backoff;
pub use endpoint::{ServerUrl, ServerUrlError};
pub use run::run;
pub use tls::TlsError;
