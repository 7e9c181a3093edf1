//! Hub and members in one process: whatever one side makes, the other accepts; whatever should be
//! refused, both refuse.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod bent;
mod creation;
mod device;
mod external;
mod forged;
mod forms;
mod grease;
mod key_packages;
mod model;
mod pending;
mod plain;
mod races;
mod refused;
mod removal;
mod rotation;
mod snapshots;
mod talk;
mod walker;
mod world;
