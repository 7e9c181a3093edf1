//! The house as a test sees it: a world with one server and its people, who speak in whole
//! sentences.
//!
//! `let world = World::new().await; let mut alice = world.user("alice").await; alice.say(&room,
//! "hi").await;` Every test has a PostgreSQL database, a server and client databases of its own;
//! nothing is shared and nothing is left behind. Nothing here sleeps: what takes time is waited
//! for, up to [`PATIENCE`], and the clock is moved by hand.
//!
//! The surprise: a [`Hand`] is a device without manners. It holds MLS state itself and sends what
//! it is told, so that tests can do what no honest client does.

pub mod api;
pub mod audit;
pub mod cutter;
pub mod devices;
pub mod entries;
pub mod hand;
pub mod intruder;
pub mod linking;
pub mod loopback;
pub mod machine_clock;
pub mod passing;
pub mod plain_mls;
pub mod postgres;
pub mod program;
pub mod records;
pub mod server;
pub mod site;
pub mod socket;
mod stock;
pub mod terminal;
pub mod user;
pub mod wait;
pub mod world;

pub use api::{Answer, Api};
pub use hand::Hand;
pub use linking::NewDevice;
pub use machine_clock::MachineClock;
pub use passing::settle;
pub use terminal::Terminal;
pub use user::User;
pub use wait::{PATIENCE, eventually};
pub use world::{Setup, World};
