//! Problems of accounts, devices and sessions.

use grove_wire::problem::ProblemType;

use super::Problem;
use crate::accounts::RegisterError;
use crate::devices::ReplaceListError;
use crate::sessions::OpenError;

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let kind = match error {
            RegisterError::Database(error) => return error.into(),
            RegisterError::Closed
            | RegisterError::InviteMissing
            | RegisterError::InviteRefused
            | RegisterError::OtherDomain => ProblemType::RegistrationRefused,
            RegisterError::DeviceTaken | RegisterError::NameTaken => ProblemType::Conflict,
            RegisterError::FirstList | RegisterError::List(_) | RegisterError::ListExpired => {
                ProblemType::IdentityInvalid
            }
        };
        Self::new(kind).detail(error)
    }
}

impl From<ReplaceListError> for Problem {
    fn from(error: ReplaceListError) -> Self {
        let kind = match error {
            ReplaceListError::Database(error) => return error.into(),
            ReplaceListError::DeviceTaken => ProblemType::Conflict,
            ReplaceListError::List(_) | ReplaceListError::ListExpired => {
                ProblemType::IdentityInvalid
            }
            ReplaceListError::OtherUser => ProblemType::NotAllowed,
        };
        Self::new(kind).detail(error)
    }
}

/// Who has not got the key learns only that it did not work, but a stale challenge is worth another
/// try.
impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::ClientUnknown | OpenError::SignatureInvalid => {
                Self::new(ProblemType::Unauthenticated).detail("the device did not prove itself")
            }
            OpenError::Database(error) => error.into(),
            OpenError::NonceInvalid => Self::new(ProblemType::Unauthenticated).detail(error),
            OpenError::Random(error) => error.into(),
        }
    }
}
