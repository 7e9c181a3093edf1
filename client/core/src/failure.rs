//! What kind of failure an error is, for those who only need to know what to do about it.
//!
//! Every operation has its own error enum; a front end that maps them to exit codes or icons asks
//! for the [`Class`] instead of matching them all.

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// None of the others: report it.
    Failure,
    /// Somebody's identity, or the room's log, is not what it was: a person must decide.
    Identity,
    /// There is no account here: register first.
    NotRegistered,
    /// The server, or the room's policy, does not allow it.
    Refused,
    /// This device was taken off its user's account: nothing is left but reading what it has.
    Revoked,
    /// The database cannot be used.
    Store,
    /// What was named does not exist or is not unique: name something else.
    Unknown,
    /// The server cannot be reached now: try again later.
    Unreachable,
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
            Self::Incompatible(_) => Class::Failure,
            Self::Refused(refusal) if refusal.is_temporary() => Class::Unreachable,
            Self::Refused(_) => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::Transport(_) => Class::Unreachable,
        }
    }
}
