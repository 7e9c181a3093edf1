//! Problems of links and recoveries.

use std::time::Duration;

use grove_wire::limits::MAX_LINK_BYTES;
use grove_wire::problem::ProblemType;

use super::Problem;
use crate::links::{LinkError, OpenLinkError};
use crate::recoveries::{LookupError, RecoverError};

/// After how long another link may be had, when there are too many.
const RETRY_AFTER: Duration = Duration::from_mins(1);

impl From<OpenLinkError> for Problem {
    fn from(error: OpenLinkError) -> Self {
        match error {
            OpenLinkError::Database(error) => error.into(),
            OpenLinkError::Full => Self::new(ProblemType::RateLimited)
                .retry_after(RETRY_AFTER)
                .detail(error),
            OpenLinkError::Random(error) => error.into(),
        }
    }
}

impl From<LinkError> for Problem {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Database(error) => error.into(),
            LinkError::NotFound => Self::new(ProblemType::NotFound),
            LinkError::OtherPhase(_) => Self::new(ProblemType::Conflict).detail(error),
            LinkError::TooLarge => Self::new(ProblemType::TooLarge).limit(MAX_LINK_BYTES),
        }
    }
}

/// Who has not got the key does not learn whether there is such a user; a stale challenge is worth
/// another try.
impl From<LookupError> for Problem {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Database(error) => error.into(),
            LookupError::NonceInvalid => Self::new(ProblemType::Unauthenticated).detail(error),
            LookupError::NotProven => Self::new(ProblemType::Unauthenticated)
                .detail("the recovery key did not prove itself"),
        }
    }
}

impl From<RecoverError> for Problem {
    fn from(error: RecoverError) -> Self {
        match error {
            RecoverError::Replace(error) => error.into(),
            RecoverError::Disabled => Self::new(ProblemType::NotAllowed).detail(error),
            RecoverError::NotRecovery | RecoverError::UserUnknown => {
                Self::new(ProblemType::IdentityInvalid).detail(error)
            }
        }
    }
}
