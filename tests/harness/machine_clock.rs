//! The machine's clock as a real program sees it: moved away by libfaketime, which stands between
//! the program and its C library. How time passes stays as it is.
//!
//! This is the clock that OpenMLS asks, which no hand of a test moves.

use std::fs;
use std::path::PathBuf;

use tokio::process::Command;

use crate::program;

/// How far a program's clock is from what is right; not at all unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineClock {
    seconds: i64,
}

impl MachineClock {
    /// So many hours ahead of what is right, or behind.
    pub const fn hours(hours: i64) -> Self {
        Self {
            seconds: hours * 60 * 60,
        }
    }

    /// So many days ahead of what is right, or behind.
    pub const fn days(days: i64) -> Self {
        Self::hours(days * 24)
    }

    /// Whether clocks can be moved here. Where not a line on standard error says that the test does
    /// not run.
    pub fn can_be_moved() -> bool {
        let is_there = library().is_some();
        if !is_there {
            program::left_out("libfaketime");
        }
        is_there
    }

    /// Puts it before a program that is to be started.
    ///
    /// # Panics
    /// When it is to be moved and cannot be.
    pub(crate) fn before(self, command: &mut Command) {
        if self == Self::default() {
            return;
        }
        let library = library().expect("libfaketime");
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME", format!("{:+}", self.seconds))
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            // Times of files are the machine's.
            .env("NO_FAKE_STAT", "1");
    }
}

/// Debian's place for it, whatever the machine is made of.
fn library() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?;
    let of_place = |place: fs::DirEntry| place.path().join("faketime/libfaketimeMT.so.1");
    places
        .filter_map(Result::ok)
        .map(of_place)
        .find(|library| library.is_file())
}
