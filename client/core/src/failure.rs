//! What kind of failure an error is, for those who only need to know what to do about it.
//!
//! Every operation has its own error enum; a front end that maps them to exit codes or icons asks
//! for the [`Class`] instead of matching them all.

use crate::transport::TransportError;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Others were faster again and again: what was begun waits, or is begun again.
    Contended,
    /// None of the others: report it.
    Failure,
    /// Somebody's identity, or the room's log, is not what it was: a person must decide.
    Identity,
    /// The connection is not safe: see who answers in the server's place.
    Insecure,
    /// There is no account here: register first.
    NotRegistered,
    /// The server, or the room's policy, does not allow it.
    Refused,
    /// This device was taken off its user's account: nothing is left but reading what it has.
    Revoked,
    /// The database cannot be used.
    Store,
    /// The server answers, and it is not possible now: try again later.
    Unavailable,
    /// What was named does not exist or is not unique: name something else.
    Unknown,
    /// The server cannot be reached now: try again later.
    Unreachable,
}

impl Class {
    /// Whether the same may succeed later, without anybody changing what is asked.
    pub fn is_passing(self) -> bool {
        match self {
            Self::Contended | Self::Insecure | Self::Unavailable | Self::Unreachable => true,
            Self::Failure
            | Self::Identity
            | Self::NotRegistered
            | Self::Refused
            | Self::Revoked
            | Self::Store
            | Self::Unknown => false,
        }
    }
}

/// An error that knows its class.
pub trait Classified {
    /// What to do about it.
    fn class(&self) -> Class;
}

impl Classified for crate::store::StoreError {
    fn class(&self) -> Class {
        Class::Store
    }
}

impl Classified for crate::call::CallError {
    fn class(&self) -> Class {
        match self {
            Self::DeviceRevoked => Class::Revoked,
            Self::Incompatible(_) => Class::Unavailable,
            Self::NotGrove(_) => Class::Unreachable,
            Self::Refused(refusal) if refusal.is_temporary() => Class::Unavailable,
            Self::Refused(_) => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::Transport(TransportError::Insecure(_)) => Class::Insecure,
            Self::Transport(TransportError::Timeout | TransportError::Unreachable(_)) => {
                Class::Unreachable
            }
        }
    }
}

/// `error: its cause: the cause's cause`, without repeating a cause already spelled out.
pub fn with_causes(error: &dyn std::error::Error) -> String {
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
