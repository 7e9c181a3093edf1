//! What went wrong, as the person in front of the terminal needs it: what happened, what to do,
//! and the exit code.
//!
//! Every error of a command ends here; [`crate::commands::failures`] turns the engine's errors
//! into this. Messages are one line, without secrets.

use std::fmt;

use crate::exit::Exit;

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

    /// The same with a way out for when the server does not answer.
    pub(crate) fn advise_if_unreachable(self, advice: &str) -> Self {
        if self.exit == Exit::Unreachable {
            self.advise(advice)
        } else {
            self
        }
    }

    /// A failure whose message carries the whole chain of causes.
    pub(crate) fn caused(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self::new(exit, chain(error))
    }
}

/// `error: its cause: the cause's cause`, without repeating a cause already spelled out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Failure, chain};
    use crate::exit::Exit;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the key")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_names_each_cause_once() {
        let error = Outer(io::Error::other("disk on fire"));
        assert_eq!(chain(&error), "cannot read the key: disk on fire");
        let failure = Failure::caused(Exit::Storage, &error).advise("put it out");
        assert_eq!(failure.exit, Exit::Storage);
        assert_eq!(failure.advice.as_deref(), Some("put it out"));
    }
}
