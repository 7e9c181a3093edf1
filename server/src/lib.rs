//! What is remembered and allowed: Grove's server.
//!
//! The walls inside: `http` translates (the only room that knows actix), services such as
//! `accounts` and `rooms` decide what may happen, `db` remembers (the only room that knows SQL),
//! `delivery` tells who must hear. Each knows the next, none the one before it. What is
//! cryptographically true is proven by `grove-mls`.

mod accounts;
pub mod admin;
mod app;
mod ask;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
mod delivery;
mod devices;
mod dir_lock;
mod disk;
mod doctor;
mod http;
mod invites;
mod key_packages;
mod links;
mod listeners;
mod live;
mod rate_limits;
mod recoveries;
mod retention;
mod rng;
mod rooms;
mod server;
mod server_key;
mod sessions;
mod tasks;
mod telemetry;

pub use self::listeners::{InheritError, Listeners};
pub use self::server::{Running, Server, StartError};
