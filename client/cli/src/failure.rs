//! What went wrong, as the person in front of the terminal needs it: what happened, what to do,
//! and the exit code.
//!
//! Every error of a command ends here; [`crate::commands::failures`] turns the engine's errors
//! into this. Messages are one line, without secrets.

use std::{fmt, io};

use grove_core::with_causes;

use crate::exit::Exit;

/// What to do about a disk that is full.
pub(crate) const ROOM_ADVICE: &str = "make room on the disk and try again; nothing was lost";

/// Whether there is no room left to write to: on the disk, or in what this user may have of it.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::FileTooLarge | K::QuotaExceeded | K::StorageFull
    )
}

/// The end of a run that did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What happened.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

impl Failure {
    /// A failure with this code and message.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            advice: None,
        }
    }

    /// The same with a way out.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same with a way out for what may succeed later.
    pub(crate) fn advise_if_passing(self, advice: &str) -> Self {
        if self.exit.is_passing() {
            self.advise(advice)
        } else {
            self
        }
    }

    /// The end of what needed room on a disk that has none.
    pub(crate) fn full(what: &dyn fmt::Display) -> Self {
        Self::new(Exit::Storage, format_args!("the disk is full: {what}")).advise(ROOM_ADVICE)
    }

    /// A failure whose message carries the whole chain of causes.
    pub(crate) fn caused(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self::new(exit, with_causes(error))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use grove_core::with_causes;

    use super::Failure;
    use crate::exit::Exit;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the key")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_names_each_cause_once() {
        let error = Outer(io::Error::other("disk on fire"));
        assert_eq!(with_causes(&error), "cannot read the key: disk on fire");
        let failure = Failure::caused(Exit::Storage, &error).advise("put it out");
        assert_eq!(failure.exit, Exit::Storage);
        assert_eq!(failure.advice.as_deref(), Some("put it out"));
    }
}
