//! Problems of rooms.

use std::time::Duration;

use grove_wire::codec::DecodeError;
use grove_wire::limits::MAX_MESSAGE_BYTES;
use grove_wire::problem::ProblemType;

use super::Problem;
use crate::devices::NewLeafError;
use crate::rooms::{
    AppendError, CreateError, GroupError, GroupInfoError, KeyMaterialError, StandingError,
    SubmitError, TreeError, UpdateError,
};

/// After how long a message that met a failing database may be handed in again.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl Problem {
    /// A binary body that cannot be read: for a room, that is something else than MLS.
    pub(crate) fn undecodable(kind: ProblemType, error: &DecodeError) -> Self {
        match error {
            DecodeError::TooLong { limit, .. } => Self::new(ProblemType::TooLarge).limit(*limit),
            DecodeError::Malformed(_)
            | DecodeError::NotMinimal
            | DecodeError::Trailing(_)
            | DecodeError::Truncated
            | DecodeError::Unknown { .. } => Self::new(kind).detail(error),
        }
    }
}

impl From<StandingError> for Problem {
    fn from(error: StandingError) -> Self {
        match error {
            StandingError::Database(error) => error.into(),
            StandingError::NotFound => Self::new(ProblemType::NotFound),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::EpochTooOld { current } => {
                Self::new(ProblemType::WrongEpoch).current_epoch(current)
            }
            AppendError::NotAllowed => Self::new(ProblemType::NotAllowed).detail(error),
            AppendError::NotFound => Self::new(ProblemType::NotFound),
            AppendError::NoSpace => Self::new(ProblemType::NoSpace).retry_after(RETRY_AFTER),
            AppendError::Unavailable => {
                Self::new(ProblemType::Unavailable).retry_after(RETRY_AFTER)
            }
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Append(error) => error.into(),
            SubmitError::Database(error) => error.into(),
            SubmitError::AuthenticatedData(_)
            | SubmitError::NotApplication
            | SubmitError::OtherGroup => Self::new(ProblemType::NotMls).detail(error),
            SubmitError::OtherSender => Self::new(ProblemType::NotAllowed).detail(error),
            SubmitError::TooLarge => Self::new(ProblemType::TooLarge).limit(MAX_MESSAGE_BYTES),
        }
    }
}

impl From<UpdateError> for Problem {
    fn from(error: UpdateError) -> Self {
        match error {
            UpdateError::Group(error) => error.into(),
            UpdateError::KeyPackageUnclaimed(ref client) => {
                let client = client.clone();
                Self::new(ProblemType::LeafOutdated)
                    .detail(error)
                    .client(client)
            }
            UpdateError::NewLeaf(error) => error.into(),
            UpdateError::Refused(_) => Self::new(ProblemType::CommitRefused).detail(error),
            UpdateError::Leaving => Self::new(ProblemType::NotAllowed).detail(error),
            UpdateError::Standing(error) => error.into(),
            UpdateError::Stopping => Self::new(ProblemType::Unavailable).retry_after(RETRY_AFTER),
            UpdateError::WrongEpoch { current } => {
                Self::new(ProblemType::WrongEpoch).current_epoch(current)
            }
        }
    }
}

impl From<NewLeafError> for Problem {
    fn from(error: NewLeafError) -> Self {
        let outdated = Self::new(ProblemType::LeafOutdated).detail(&error);
        match error {
            NewLeafError::Database(error) => error.into(),
            NewLeafError::IdentityOutdated(client)
            | NewLeafError::Revoked(client)
            | NewLeafError::Unlisted(client) => outdated.client(client),
        }
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Database(error) => error.into(),
            CreateError::Exists => Self::new(ProblemType::Conflict).detail(error),
            CreateError::Lost(error) => error.into(),
            CreateError::NewLeaf(error) => error.into(),
            CreateError::Refused(refusal) => Self::new(ProblemType::CommitRefused).detail(refusal),
        }
    }
}

impl From<GroupError> for Problem {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Database(error) => error.into(),
            GroupError::Lost(error) => error.into(),
            GroupError::Gone
            | GroupError::Missing
            | GroupError::Replay(_)
            | GroupError::Snapshot(_) => Self::internal(error),
        }
    }
}

impl From<TreeError> for Problem {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Encode(error) => Self::internal(error),
            TreeError::Group(error) => error.into(),
            TreeError::Lost(error) => error.into(),
            TreeError::Standing(error) => error.into(),
            TreeError::TooLarge(error) => Self::internal(error),
        }
    }
}

impl From<GroupInfoError> for Problem {
    fn from(error: GroupInfoError) -> Self {
        match error {
            GroupInfoError::Group(error) => error.into(),
            GroupInfoError::Lost(error) => error.into(),
            GroupInfoError::Revoked => Self::new(ProblemType::NotFound),
            GroupInfoError::Sealing(error) => Self::new(ProblemType::NotAllowed).detail(error),
            GroupInfoError::Standing(error) => error.into(),
        }
    }
}

impl From<KeyMaterialError> for Problem {
    fn from(error: KeyMaterialError) -> Self {
        match error {
            KeyMaterialError::Claim(error) => error.into(),
            KeyMaterialError::OtherTarget => Self::new(ProblemType::Malformed).detail(error),
            KeyMaterialError::Standing(error) => error.into(),
        }
    }
}
