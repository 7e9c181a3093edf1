//! What is remembered: the only room that knows SQL.
//!
//! One file per noun; each function in it is a method of `Tx`, runs one statement and returns plain values or an
//! opaque [`Error`]. It must not know HTTP, services, or what MLS bytes mean. The text of a statement is a literal
//! whose first line is `-- name_of_the_function`: that name shows up in `pg_stat_activity`, in the metrics and in
//! the test that prepares every statement.
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

pub use self::error::Error;
pub(crate) use self::{
    accounts::{AccountRow, NewAccount},
    admin::{DeviceOverview, ReaderOverview, RoomBounds, RoomOverview, SessionOverview},
    cursors::{CursorChange, CursorRow},
    devices::{ActivityRow, NewDevice},
    error::{from_bigint, to_bigint},
    handshakes::{EntryKind, HandshakeRow, HeadRow, NewHandshake},
    inbox::{InboxRow, NewWelcome},
    inspection::Inspection,
    invites::{InviteRow, NewInvite},
    key_packages::{ClaimedRow, CountRow, NewKeyPackage},
    links::{LinkRow, LinkStep, NewLink},
    log::{Asking, EntryRow, FoundRow, NewEntry, ReaderState},
    pool::Db,
    retention::{RetentionClock, TimeRow},
    rooms::{Mark, NewRoom, ParticipantRow, RoomId, StandingRow, SummaryRow, UserRoomRow},
    sessions::{NewSession, SessionRow},
    snapshots::NewSnapshot,
    statistics::TableRow,
    tx::{Connection, Tx},
};
