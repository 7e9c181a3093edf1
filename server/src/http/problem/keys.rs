//! Problems of KeyPackages.

use grove_wire::limits::MAX_KEY_PACKAGE_BYTES;
use grove_wire::problem::ProblemType;

use super::Problem;
use crate::key_packages::{ClaimError, UploadError};

impl From<UploadError> for Problem {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Database(error) => error.into(),
            UploadError::Invalid { .. } | UploadError::Misplaced { .. } => {
                Self::new(ProblemType::KeyPackageInvalid).detail(error)
            }
            UploadError::ListChanged | UploadError::PoolFull { .. } => {
                Self::new(ProblemType::Conflict).detail(error)
            }
            UploadError::NotListed => Self::new(ProblemType::Unauthenticated),
            UploadError::TooLarge { .. } => Self::new(ProblemType::TooLarge)
                .limit(MAX_KEY_PACKAGE_BYTES)
                .detail(error),
            UploadError::TooMany => Self::new(ProblemType::TooLarge).detail(error),
            UploadError::WorkLost(error) => error.into(),
        }
    }
}

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Database(error) => error.into(),
            ClaimError::NotYours | ClaimError::SignatureInvalid => {
                Self::new(ProblemType::NotAllowed).detail(error)
            }
        }
    }
}
