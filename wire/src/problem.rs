//! Problem documents (RFC 9457): the vocabulary in which requests are refused.
//!
//! Only words stand here. Which error becomes which problem is decided at the server's door.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::uri::ClientUri;

/// The media type of a problem document.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

macro_rules! problems {
    ($($(#[doc = $doc:literal])+ $name:ident = $kebab:literal, $status:literal, $title:literal;)+) => {
        /// What was refused, and why in general. The URN is `urn:grove:problem:<name>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ProblemType {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ProblemType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its URN.
            pub fn urn(self) -> &'static str {
                match self { $(Self::$name => concat!("urn:grove:problem:", $kebab),)+ }
            }

            /// Its name: the last part of the URN.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $kebab,)+ }
            }

            /// One line for people, the same for every instance.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// When it is the answer, in a sentence or two.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }
        }
    };
}

problems! {
    /// A commit or proposal that policy, identity or MLS do not allow; the detail says which.
    CommitRefused = "commit-refused", 422, "The commit or proposal is refused";
    /// The name or object exists already.
    Conflict = "conflict", 409, "It exists already";
    /// A credential or device list that proves nothing.
    IdentityInvalid = "identity-invalid", 422, "The credential or device list is refused";
    /// A fault of the server. Says nothing more.
    Internal = "internal", 500, "The server failed";
    /// A `KeyPackage` that could not be used.
    KeyPackageInvalid = "key-package-invalid", 422, "The KeyPackage is refused";
    /// A leaf that a commit brings is not of a device in its user's newest device list, or its
    /// KeyPackage is not claimed for the room any more. `client` names the device.
    LeafOutdated = "leaf-outdated", 422, "A new leaf is out of date";
    /// A body that cannot be decoded.
    Malformed = "malformed", 400, "The request cannot be read";
    /// The path does not know the method.
    MethodNotAllowed = "method-not-allowed", 405, "The method is not allowed here";
    /// Below the server's reserve of free space.
    NoSpace = "no-space", 507, "The server has no space left for writing";
    /// The server has no such path, for whatever object: something on the way has sent the request
    /// to the wrong place, or changed it.
    NoSuchPath = "no-such-path", 404, "The server has no such path";
    /// Known who, and not permitted.
    NotAllowed = "not-allowed", 403, "This is not allowed";
    /// Does not exist, or is not yours: the answer is the same.
    NotFound = "not-found", 404, "There is nothing here";
    /// Something else than an MLS message for a room.
    NotMls = "not-mls", 400, "Rooms take MLS messages only";
    /// Too many requests.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// Registration is closed, or the invite is not good.
    RegistrationRefused = "registration-refused", 403, "Registration is refused";
    /// The request did not arrive whole, or not in time.
    Timeout = "timeout", 408, "The request did not arrive whole";
    /// Larger than the limit named.
    TooLarge = "too-large", 413, "The request is too large";
    /// No session, or one that ended.
    Unauthenticated = "unauthenticated", 401, "A session is needed";
    /// Not now; try again.
    Unavailable = "unavailable", 503, "The server cannot answer now";
    /// The wrong media type.
    UnsupportedMediaType = "unsupported-media-type", 415, "The media type is not supported";
    /// Made in another epoch than the room is in.
    WrongEpoch = "wrong-epoch", 409, "The room is in another epoch";
}

impl ProblemType {
    /// The type with this URN.
    pub fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|problem| problem.urn() == urn)
    }

    /// Whether the server has judged what was asked, so that the same would be refused again. The
    /// others say that it could not judge it: not now, not without a session, or not as it came in.
    pub fn is_verdict(self) -> bool {
        match self {
            Self::CommitRefused
            | Self::Conflict
            | Self::IdentityInvalid
            | Self::KeyPackageInvalid
            | Self::LeafOutdated
            | Self::Malformed
            | Self::NotAllowed
            | Self::NotFound
            | Self::NotMls
            | Self::RegistrationRefused
            | Self::TooLarge
            | Self::WrongEpoch => true,
            Self::Internal
            | Self::MethodNotAllowed
            | Self::NoSpace
            | Self::NoSuchPath
            | Self::RateLimited
            | Self::Timeout
            | Self::Unauthenticated
            | Self::Unavailable
            | Self::UnsupportedMediaType => false,
        }
    }
}

impl Serialize for ProblemType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.urn())
    }
}

impl<'de> Deserialize<'de> for ProblemType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let urn = String::deserialize(deserializer)?;
        Self::from_urn(&urn).ok_or_else(|| de::Error::custom("an unknown problem type"))
    }
}

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemDocument {
    /// Which problem.
    #[serde(rename = "type")]
    pub problem_type: ProblemType,
    /// [`ProblemType::title`].
    pub title: String,
    /// [`ProblemType::status`].
    pub status: u16,
    /// What was wrong this time; never for faults of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The device, with [`ProblemType::LeafOutdated`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientUri>,
    /// The room's epoch, with [`ProblemType::WrongEpoch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_epoch: Option<u64>,
    /// The bound that was exceeded, with [`ProblemType::TooLarge`]. Unit: bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// When to try again, as in the header `Retry-After`. Unit: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// By which the operator finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl ProblemDocument {
    /// A document without particulars.
    pub fn new(problem_type: ProblemType) -> Self {
        Self {
            problem_type,
            title: problem_type.title().to_owned(),
            status: problem_type.status(),
            detail: None,
            client: None,
            current_epoch: None,
            limit: None,
            retry_after_s: None,
            request_id: None,
        }
    }
}

#[cfg(test)]
mod tests;
