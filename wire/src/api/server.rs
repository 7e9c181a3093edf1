//! What a server tells of itself to anybody.

use serde::{Deserialize, Serialize};

use super::Base64Url;
use crate::uri::Provider;

/// A server's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerInfo {
    /// The domain it serves.
    pub domain: Provider,
    /// Name and version.
    pub software: String,
    /// Who may register.
    pub registration: Registration,
    /// The Ed25519 key of its receipts, which is also the external sender of its rooms.
    pub server_key: Base64Url,
    /// Suites its rooms may have, best first.
    pub cipher_suites: Vec<u16>,
    /// The largest application message it takes. Unit: bytes.
    pub max_message_bytes: u64,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Nobody.
    Closed,
    /// Holders of an invite.
    Invite,
    /// Anybody.
    Open,
}
