//! Why an entry of the log could not be read, and what it means for the entries behind it.

use grove_wire::uri::ClientUri;
use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::group::{MergeCommitError, ProcessMessageError, ValidationError};

use super::Received;
use crate::public::Refused;
use crate::storage::StorageError;
use crate::suite::MlsError;

/// Why an entry of the log could not be read. The group is as before.
///
/// Two of them concern the whole room, [`Self::NotAMember`] and [`Self::Unfollowable`]; after the
/// others the next entry may be tried.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// Made in an epoch that this client has not reached: a commit is missing.
    #[error("the message is of epoch {found}, this client is in epoch {current}")]
    Ahead {
        /// This client's epoch.
        current: u64,
        /// The message's epoch.
        found: u64,
    },
    /// This client has been removed from the room, or is not a member yet.
    #[error("this client is not in the room any more")]
    NotAMember,
    /// A message or a proposal that everybody refuses, or should.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The storage failed; what was read must be read again.
    #[error("the room's MLS state cannot be stored")]
    Storage(#[source] StorageError),
    /// A commit of this client's own epoch that it cannot merge, whether MLS or policy refuses it.
    /// If others have merged it, this client must join anew.
    #[error("the room cannot be followed past a commit: {reason}")]
    Unfollowable {
        /// Who signed it; none when that could not be verified, so that nobody is blamed on the
        /// hub's word.
        committer: Option<ClientUri>,
        /// Why it is refused.
        reason: String,
    },
    /// Not a message of this room.
    #[error("not a message of this room")]
    WrongRoom,
}

impl From<MlsError> for ReceiveError {
    fn from(error: MlsError) -> Self {
        Self::Refused(error.into())
    }
}

pub(super) fn not_merged(error: MergeCommitError<StorageError>) -> ReceiveError {
    match error {
        MergeCommitError::StorageError(error) => ReceiveError::Storage(error),
        other @ MergeCommitError::LibraryError(_) => MlsError::of(other).into(),
    }
}

/// A commit that was refused, for whatever reason; what the storage failed at can be tried again.
pub(super) fn unfollowable(error: ReceiveError, committer: Option<ClientUri>) -> ReceiveError {
    match error {
        ReceiveError::Refused(refused) => ReceiveError::Unfollowable {
            committer,
            reason: refused.to_string(),
        },
        other => other,
    }
}

/// Tells a message whose keys were used before from one that cannot be opened.
pub(super) fn reused(error: ProcessMessageError<StorageError>) -> Result<Received, ReceiveError> {
    match error {
        ProcessMessageError::StorageError(error) => Err(ReceiveError::Storage(error)),
        ProcessMessageError::ValidationError(ValidationError::UnableToDecrypt(
            // The log is ordered, so a generation left behind is one that was used.
            MessageDecryptionError::SecretTreeError(
                SecretTreeError::SecretReuseError | SecretTreeError::TooDistantInThePast,
            ),
        )) => Ok(Received::Reused),
        other => Err(MlsError::of(other).into()),
    }
}
