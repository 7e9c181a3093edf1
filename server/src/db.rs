//! What is remembered: the only room that knows SQL.
//!
//! One file per noun; each function in it is a method of `Tx`, runs one statement and returns plain
//! values or an opaque [`Error`]. It must not know HTTP, services, or what MLS bytes mean. The text
//! of a statement is a literal whose first line is `-- name_of_the_function`: that name shows up in
//! `pg_stat_activity`, in the metrics and in the test that prepares every statement.
//!
//! Isolation is READ COMMITTED, so order comes from row locks, taken in one order everywhere:
//!
//! 1. rooms, ascending by `room_id`;
//! 2. cursors, ascending by `(room_id, device_id)`;
//! 3. users, then devices, then everything that belongs to a device;
//! 4. invites;
//! 5. links.
//!
//! Times are `bigint` milliseconds since the Unix epoch.

mod accounts;
mod admin;
mod cursors;
mod devices;
pub mod embedded;
mod error;
mod handshakes;
mod inbox;
mod inspection;
mod invites;
mod key_packages;
mod links;
mod log;
pub mod migrate;
mod pool;
mod retention;
mod rooms;
mod sessions;
mod snapshots;
mod statistics;
mod tx;

pub(crate) use self::accounts::{AccountRow, NewAccount};
pub(crate) use self::admin::{
    DeviceOverview, ReaderOverview, RoomBounds, RoomOverview, SessionOverview,
};
pub(crate) use self::cursors::{CursorChange, CursorRow};
pub(crate) use self::devices::{ActivityRow, NewDevice};
pub use self::error::Error;
pub(crate) use self::error::{from_bigint, to_bigint};
pub(crate) use self::handshakes::{EntryKind, HandshakeRow, HeadRow, NewHandshake};
pub(crate) use self::inbox::{InboxRow, NewWelcome};
pub(crate) use self::inspection::Inspection;
pub(crate) use self::invites::{InviteRow, NewInvite};
pub(crate) use self::key_packages::{ClaimedRow, CountRow, NewKeyPackage};
pub(crate) use self::links::{LinkRow, LinkStep, NewLink};
pub(crate) use self::log::{Asking, EntryRow, FoundRow, NewEntry, ReaderState};
pub(crate) use self::pool::Db;
pub(crate) use self::retention::{RetentionClock, TimeRow};
pub(crate) use self::rooms::{
    Mark, NewRoom, ParticipantRow, RoomId, StandingRow, SummaryRow, UserRoomRow,
};
pub(crate) use self::sessions::{NewSession, SessionRow};
pub(crate) use self::snapshots::NewSnapshot;
pub(crate) use self::statistics::TableRow;
pub(crate) use self::tx::{Connection, Tx};
