//! Coming back with nothing but the recovery words: no session, no device.

use serde::{Deserialize, Serialize};

use super::Base64Url;
use crate::uri::UserUri;

/// Asks for the newest device list of a user, by the recovery key. An unknown user and a wrong
/// signature get the same 401.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryLookup {
    /// Whose.
    pub user: UserUri,
    /// The nonce of a [`Challenge`](super::sessions::Challenge).
    pub nonce: Base64Url,
    /// The challenge's end, in milliseconds since 1970.
    pub expires_at: u64,
    /// By the recovery key over `grove_mls::identity::RecoveryProof`.
    pub signature: Base64Url,
}

/// Puts the next device list in place of the newest, on the word of the recovery key alone: the
/// list must be of the next identity, which the recovery key has certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RecoveryRequest {
    /// Whose.
    pub user: UserUri,
    /// The signed device list.
    pub device_list: Base64Url,
}
