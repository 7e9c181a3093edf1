//! Opening a session: the device signs the server's challenge.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Base64Url;
use crate::uri::ClientUri;

/// What a device must sign, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Challenge {
    /// 32 random bytes.
    pub nonce: Base64Url,
    /// Until when it can be used. Unit: milliseconds since 1970.
    pub expires_at: u64,
}

/// The challenge, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The client.
    pub client: ClientUri,
    /// As in the challenge.
    pub nonce: Base64Url,
    /// As in the challenge.
    pub expires_at: u64,
    /// Signature of the device's key over the session proof.
    pub signature: Base64Url,
}

/// A session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionResponse {
    /// The bearer token.
    pub token: String,
    /// Until when it can be used. Unit: milliseconds since 1970.
    pub expires_at: u64,
}

impl fmt::Debug for SessionResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionResponse")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
