//! URIs as they stand in the paths of the client API: `alice@a.example`, `<room>@a.example`.
//!
//! Only unreserved characters (RFC 3986, section 2.3) and `@`, and no dot segment: a reverse proxy
//! that decodes a path, encodes it or makes it canonical leaves such a segment as it is. Of a whole
//! URI it would not, since `%2F` becomes a slash.
//!
//! What is read is the canonical form only, so that one room has one path.

use serde::Deserialize;

use super::{Provider, RoomUri, UriError, UserUri, base32, segment};

impl UserUri {
    /// The user as one segment of a path: the address, `alice@a.example`. At most 318 bytes.
    pub fn path_segment(&self) -> String {
        self.address()
    }

    /// Reads what [`UserUri::path_segment`] gives.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Localpart`], [`UriError::Shape`], [`UriError::TooLong`];
    /// [`UriError::NotCanonical`] for what a person may type and a path may not have.
    pub fn parse_path_segment(text: &str) -> Result<Self, UriError> {
        let user = Self::parse_address(text)?;
        if user.path_segment() == text {
            Ok(user)
        } else {
            Err(UriError::NotCanonical)
        }
    }
}

impl RoomUri {
    /// The room as one segment of a path: `<52 base32 characters>@a.example`, its hub behind the
    /// `@`. At most 306 bytes.
    pub fn path_segment(&self) -> String {
        format!("{}@{}", segment(&self.0, 2), segment(&self.0, 0))
    }

    /// Reads `<id>@<domain>`, whatever its case, as a person may paste it.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Room`] if what stands before the `@` is no whole id,
    /// [`UriError::Shape`] without an `@`, [`UriError::TooLong`].
    pub fn parse_address(text: &str) -> Result<Self, UriError> {
        let (id, hub) = text.split_once('@').ok_or(UriError::Shape)?;
        let hash = base32(id).ok_or(UriError::Room)?;
        if hub.contains('/') {
            return Err(UriError::Domain);
        }
        Ok(Self::new(&Provider::parse(hub)?, &hash))
    }

    /// Reads what [`RoomUri::path_segment`] gives.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Room`], [`UriError::Shape`], [`UriError::TooLong`];
    /// [`UriError::NotCanonical`] for upper case and other spellings of the same room.
    pub fn parse_path_segment(text: &str) -> Result<Self, UriError> {
        let room = Self::parse_address(text)?;
        if room.path_segment() == text {
            Ok(room)
        } else {
            Err(UriError::NotCanonical)
        }
    }
}

macro_rules! path_segment {
    ($(#[$doc:meta])* $name:ident($uri:ident)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(pub $uri);

        impl TryFrom<String> for $name {
            type Error = UriError;

            fn try_from(text: String) -> Result<Self, UriError> {
                $uri::parse_path_segment(&text).map(Self)
            }
        }
    };
}
path_segment! {
    /// A user who stands in a path or a query.
    UserSegment(UserUri)
}
path_segment! {
    /// A room that stands in a path or a query.
    RoomSegment(RoomUri)
}

#[cfg(test)]
mod tests;
