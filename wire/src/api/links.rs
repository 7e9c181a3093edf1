//! Linking: a place on the server where a new device and an old one of the same user meet.
//!
//! The server passes three byte strings between two parties and understands none of them. What they
//! mean is said by `grove_mls::linking`; the one that holds secrets is sealed to a key the server
//! cannot change unseen.
//!
//! The newcomer has no session: it is known by the token it got when it opened the link.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Base64Url;

/// What tokens of links begin with, so that they are told from tokens of sessions.
pub const LINK_TOKEN_PREFIX: &str = "link-";

/// A link was opened.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkOpened {
    /// Its id, of [`MAX_LINK_ID_BYTES`](crate::limits::MAX_LINK_ID_BYTES) bytes; not a secret.
    pub link: Base64Url,
    /// By which the newcomer is known on this link only; a bearer token.
    pub token: String,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: u64,
}

impl fmt::Debug for LinkOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkOpened")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// How far a link has come. Each phase is entered once and never left backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LinkPhase {
    /// The newcomer waits.
    Open,
    /// An old device has answered; no other may any more.
    Answered,
    /// The newcomer has revealed what it had committed to.
    Revealed,
    /// The old device has left the sealed package.
    Sealed,
    /// Either side has cancelled. For ever.
    Cancelled,
}

impl LinkPhase {
    /// As it is written in JSON and in queries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Revealed => "revealed",
            Self::Sealed => "sealed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A link, as both sides see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkState {
    /// How far it has come.
    pub phase: LinkPhase,
    /// The old device's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Base64Url>,
    /// What the newcomer revealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<Base64Url>,
    /// The sealed package; shown to the newcomer only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Base64Url>,
    /// When it ends, in milliseconds since 1970.
    pub expires_at: u64,
}

/// What is left on a link: an answer, a reveal or a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkBytes {
    /// At most [`MAX_LINK_BYTES`](crate::limits::MAX_LINK_BYTES).
    pub bytes: Base64Url,
}
