//! The encrypted database as a store. One binary, so that SQLCipher is linked once.
#![expect(clippy::unwrap_used, reason = "tests")]

mod devices;
mod promises;
