//! The tests that need the whole house: real PostgreSQL, real HTTP, real encrypted clients, and for some the real
//! programs. One binary, so that all of them share one PostgreSQL.

mod accounts;
mod bad_input;
mod command_line;
mod costs;
mod delivery;
mod doors;
mod foreign_rooms;
mod forged;
mod handshakes;
mod layers;
mod privacy;
mod races;
mod removal;
mod restart;
mod sql;
mod talk;
