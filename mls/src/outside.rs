//! The outside of a message: what hub and members alike refuse before anybody opens it.
//!
//! Knows the authenticated data; must not know keys, nor who asks. One rule for both: what the hub
//! takes and members drop would be lost without a word, what members would read and the hub refuses
//! could never be said.
//!
//! The surprise: OpenMLS takes a Safe AAD with something behind it. Nobody would have judged that.
//!
//! Sources: draft-ietf-mls-extensions-10, section 4.9; draft-ietf-mimi-protocol-06, section 5.4.

use grove_wire::mls::ContentType;

use crate::franking;

/// The authenticated data of every handshake: a Safe AAD without components.
pub(crate) const EMPTY_SAFE_AAD: &[u8] = &[0];

/// Authenticated data that rooms do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the authenticated data is not what rooms have")]
pub struct AuthenticatedDataError;

/// Judges the authenticated data of a message.
///
/// Handshakes carry an empty Safe AAD. An application message carries a Safe AAD, in order and with
/// nothing behind it; a franking tag in it has its 32 bytes. The tag is the sender's choice, and
/// components that are not known here are between those who know them.
///
/// # Errors
/// [`AuthenticatedDataError`].
pub fn check_authenticated_data(
    content: ContentType,
    data: &[u8],
) -> Result<(), AuthenticatedDataError> {
    let is_fine = match content {
        ContentType::Application => franking::find_tag(data).is_ok(),
        ContentType::Proposal | ContentType::Commit => data == EMPTY_SAFE_AAD,
    };
    is_fine.then_some(()).ok_or(AuthenticatedDataError)
}

#[cfg(test)]
mod tests;
