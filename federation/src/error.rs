//! Errors that carry blame, so that the caller knows whether to retry, to tell the operator, or to
//! tell the user.

use std::time::Duration;

use grove_wire::uri::Provider;

/// Why a request to another provider did not end in success.
///
/// The variants stand in the order of what the caller does: give up and tell the operator (the
/// first two), give the verdict to whoever asked, or try again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer broke the protocol: its answer can never become right by asking again.
    #[error("{peer} misbehaved: {what}")]
    Misbehaved {
        /// The provider that answered.
        peer: Provider,
        /// What it did, for the operator.
        what: String,
    },
    /// The peer follows the protocol, but shares no version or feature with us.
    #[error("{peer} is incompatible: {what}")]
    Incompatible {
        /// The provider that answered.
        peer: Provider,
        /// What is missing, for the operator.
        what: String,
    },
    /// The peer understood and said no: a verdict, not a failure.
    #[error("{peer} refused with status {status}")]
    Refused {
        /// The provider that answered.
        peer: Provider,
        /// Its HTTP status.
        status: u16,
    },
    /// No usable answer: the network, the peer's machine, or its request for patience.
    #[error("{peer} cannot be reached")]
    Unreachable {
        /// The provider that did not answer.
        peer: Provider,
        /// The `Retry-After` it sent, if it sent one.
        retry_after: Option<Duration>,
    },
}

impl Error {
    /// Whether the same request may succeed later without anyone changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unreachable_is_worth_a_retry() {
        let peer = || Provider::parse("b.example").unwrap_or_else(|_| std::process::abort());
        let what = || "sent JSON".to_owned();
        assert!(
            Error::Unreachable {
                peer: peer(),
                retry_after: None
            }
            .is_passing()
        );
        assert!(
            !Error::Refused {
                peer: peer(),
                status: 403
            }
            .is_passing()
        );
        assert!(
            !Error::Misbehaved {
                peer: peer(),
                what: what()
            }
            .is_passing()
        );
        assert!(
            !Error::Incompatible {
                peer: peer(),
                what: what()
            }
            .is_passing()
        );
    }
}
