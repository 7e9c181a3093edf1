//! Who and what is meant: providers, users, clients and rooms as MIMI URIs, parsed once and trusted
//! afterwards.
//!
//! Nothing here resolves or contacts anything: a URI's authority is a domain name, never a host.
//!
//! The surprise: there are two strictnesses. [`UserUri::parse`] and its siblings take what people
//! and configuration write (upper case, U-labels, a dot behind the domain) and make it canonical;
//! the TLS decoders refuse whatever is not canonical already, so that equal URIs have equal bytes
//! wherever bytes are signed or hashed. `Display` is the whole URI; `Debug` is short and names no
//! person, since it ends up in logs.
//!
//! Source: draft-ietf-mimi-protocol, section 4; the forms of client and room are Grove's.

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};

use crate::limits::MAX_URI_BYTES;

mod domain;
mod glue;
mod path;

use glue::uri;
pub use path::{RoomSegment, UserSegment};

const SCHEME: &str = "mimi://";

/// Why a text is not a URI of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// Not 16 bytes of unpadded base32.
    #[error("the device part is not 26 characters of base32")]
    Device,
    /// Not a domain name: empty, an IP address, with a port, or no valid IDNA.
    #[error("not a domain name")]
    Domain,
    /// Not of the form `[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?` without `..`.
    #[error("not a user name: letters, digits and . _ - within, at most 64")]
    Localpart,
    /// Another spelling than the one that a path has.
    #[error("not in its canonical form")]
    NotCanonical,
    /// Not 32 bytes of unpadded base32.
    #[error("the room part is not 52 characters of base32")]
    Room,
    /// Not `mimi://`.
    #[error("a MIMI URI starts with mimi://")]
    Scheme,
    /// Another kind of URI, or parts missing.
    #[error("not a URI of this kind")]
    Shape,
    /// Longer than [`MAX_URI_BYTES`].
    #[error("longer than {MAX_URI_BYTES} bytes")]
    TooLong,
}

uri! {
    /// A provider: `mimi://a.example`.
    Provider
}
uri! {
    /// A user: `mimi://a.example/u/alice`.
    UserUri
}
uri! {
    /// A client, which is one device of a user: `mimi://a.example/d/alice/<26 base32 characters>`.
    ClientUri
}
uri! {
    /// A room: `mimi://a.example/r/<52 base32 characters>`. Its MLS group id is those 32 raw bytes.
    RoomUri
}
uri! {
    /// Any MIMI URI, as foreign providers may form it: only the scheme and the domain are checked.
    IdentifierUri
}

impl Provider {
    /// Parses `mimi://a.example` or `a.example`. No port, no IP address; a single label such as
    /// `localhost` is allowed.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Shape`], [`UriError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let authority = match split_scheme(text) {
            Ok(rest) => rest,
            Err(UriError::Scheme) => text,
            Err(other) => return Err(other),
        };
        if authority.contains('/') {
            return Err(UriError::Shape);
        }
        Ok(Self(format!("{SCHEME}{}", domain::canonical(authority)?)))
    }

    /// The domain name: lower case, A-labels, no dot at the end.
    pub fn domain(&self) -> &str {
        segment(&self.0, 0)
    }
}

impl UserUri {
    /// Parses `mimi://a.example/u/alice` or the typed address `alice@a.example`.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Localpart`], [`UriError::Scheme`], [`UriError::Shape`],
    /// [`UriError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        if text.contains('@') {
            return Self::parse_address(text);
        }
        let (provider, [localpart]) = split(text, "u")?;
        Self::new(&provider, localpart)
    }

    /// Parses a typed address, `alice@a.example`.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Localpart`], [`UriError::Shape`], [`UriError::TooLong`].
    pub fn parse_address(address: &str) -> Result<Self, UriError> {
        if address.len() > MAX_URI_BYTES {
            return Err(UriError::TooLong);
        }
        let (localpart, authority) = address.split_once('@').ok_or(UriError::Shape)?;
        if authority.contains('/') {
            return Err(UriError::Domain);
        }
        Self::new(&Provider::parse(authority)?, localpart)
    }

    /// The user of that name at a provider. Upper case becomes lower case.
    ///
    /// # Errors
    /// [`UriError::Localpart`].
    pub fn new(provider: &Provider, localpart: &str) -> Result<Self, UriError> {
        let localpart = localpart.to_ascii_lowercase();
        if !is_localpart(&localpart) {
            return Err(UriError::Localpart);
        }
        Ok(Self(format!("{provider}/u/{localpart}")))
    }

    /// The user's provider.
    pub fn provider(&self) -> Provider {
        provider_of(&self.0)
    }

    /// The name within the provider.
    pub fn localpart(&self) -> &str {
        segment(&self.0, 2)
    }

    /// As people write it: `alice@a.example`.
    pub fn address(&self) -> String {
        format!("{}@{}", self.localpart(), segment(&self.0, 0))
    }
}

impl ClientUri {
    /// Parses `mimi://a.example/d/alice/<26 base32 characters>`.
    ///
    /// # Errors
    /// [`UriError::Device`], [`UriError::Domain`], [`UriError::Localpart`], [`UriError::Scheme`],
    /// [`UriError::Shape`], [`UriError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let (provider, [localpart, device]) = split(text, "d")?;
        let user = UserUri::new(&provider, localpart)?;
        Ok(Self::new(&user, base32(device).ok_or(UriError::Device)?))
    }

    /// The client of a user with these 16 random bytes.
    pub fn new(user: &UserUri, device: [u8; 16]) -> Self {
        Self(format!(
            "{}/d/{}/{}",
            user.provider(),
            user.localpart(),
            write_base32(&device)
        ))
    }

    /// The user whose device it is.
    pub fn user(&self) -> UserUri {
        UserUri(format!("{}/u/{}", self.provider(), segment(&self.0, 2)))
    }

    /// The user's provider.
    pub fn provider(&self) -> Provider {
        provider_of(&self.0)
    }

    /// The 26 characters that name the device.
    pub fn device(&self) -> &str {
        segment(&self.0, 3)
    }
}

impl RoomUri {
    /// Parses `mimi://a.example/r/<52 base32 characters>`.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Room`], [`UriError::Scheme`], [`UriError::Shape`],
    /// [`UriError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let (provider, [hash]) = split(text, "r")?;
        Ok(Self::new(&provider, &base32(hash).ok_or(UriError::Room)?))
    }

    /// The room with this hash of its creation record, at its hub.
    pub fn new(hub: &Provider, hash: &[u8; 32]) -> Self {
        Self(format!("{hub}/r/{}", write_base32(hash)))
    }

    /// The provider that hosts the room.
    pub fn hub(&self) -> Provider {
        provider_of(&self.0)
    }

    /// The room's id: the hash as 52 characters of base32. Rooms of two hubs may have one id, if a
    /// hub wants it so.
    pub fn id(&self) -> &str {
        segment(&self.0, 2)
    }

    /// Whether a text is a whole id, whatever its case.
    pub fn is_id(text: &str) -> bool {
        base32::<32>(text).is_some()
    }

    /// The hash of the creation record, which is the MLS group id.
    pub fn hash(&self) -> [u8; 32] {
        base32(segment(&self.0, 2)).unwrap_or_default()
    }
}

impl IdentifierUri {
    /// Parses any URI of the scheme. Only the domain is made canonical: foreign paths may be
    /// case-sensitive.
    ///
    /// # Errors
    /// [`UriError::Domain`], [`UriError::Scheme`], [`UriError::Shape`] for an empty segment or a
    /// character outside visible ASCII, [`UriError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let rest = split_scheme(text)?;
        let (authority, path) = match rest.split_once('/') {
            Some((authority, path)) => (authority, Some(path)),
            None => (rest, None),
        };
        let domain = domain::canonical(authority)?;
        let Some(path) = path else {
            return Ok(Self(format!("{SCHEME}{domain}")));
        };
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.split('/').any(str::is_empty) {
            return Err(UriError::Shape);
        }
        let canonical = format!("{SCHEME}{domain}/{path}");
        // A-labels may be longer than what was typed.
        if canonical.len() > MAX_URI_BYTES {
            Err(UriError::TooLong)
        } else {
            Ok(Self(canonical))
        }
    }

    /// The provider in its authority.
    pub fn provider(&self) -> Provider {
        provider_of(&self.0)
    }
}

macro_rules! into_identifier {
    ($($kind:ident),+) => { $(
        impl From<&$kind> for IdentifierUri {
            fn from(uri: &$kind) -> Self {
                Self(uri.0.clone())
            }
        }
    )+ };
}
into_identifier!(Provider, UserUri, ClientUri, RoomUri);

macro_rules! short {
    ($($kind:ident($uri:ident) => $text:expr),+ $(,)?) => { $(
        impl $kind {
            /// What `Debug` shows.
            fn short(&self) -> String {
                let $uri = self;
                $text
            }
        }
    )+ };
}
short! {
    Provider(uri) => format!("provider:{}", uri.domain()),
    UserUri(uri) => format!("user:?@{}", segment(&uri.0, 0)),
    ClientUri(uri) => format!("client:{}", first_characters(uri.device())),
    RoomUri(uri) => format!("room:{}", first_characters(segment(&uri.0, 2))),
    IdentifierUri(uri) => format!("uri:?@{}", segment(&uri.0, 0)),
}

/// Enough of an id to tell it from its neighbours in a log.
fn first_characters(id: &str) -> &str {
    id.get(..6).unwrap_or(id)
}

/// The provider and the `N` segments behind `/<kind>/`.
fn split<'a, const N: usize>(
    text: &'a str,
    kind: &str,
) -> Result<(Provider, [&'a str; N]), UriError> {
    let mut parts = split_scheme(text)?.split('/');
    let authority = parts.next().unwrap_or_default();
    if parts
        .next()
        .is_none_or(|found| !found.eq_ignore_ascii_case(kind))
    {
        return Err(UriError::Shape);
    }
    let segments: Vec<&str> = parts.collect();
    let segments = segments
        .try_into()
        .map_err(|_other_count| UriError::Shape)?;
    Ok((
        Provider(format!("{SCHEME}{}", domain::canonical(authority)?)),
        segments,
    ))
}

fn split_scheme(text: &str) -> Result<&str, UriError> {
    if text.len() > MAX_URI_BYTES {
        return Err(UriError::TooLong);
    }
    match text.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => Ok(rest),
        _ => Err(UriError::Scheme),
    }
}

/// A segment of a canonical URI: 0 is the domain, 1 the kind.
fn segment(canonical: &str, index: usize) -> &str {
    canonical
        .strip_prefix(SCHEME)
        .unwrap_or_default()
        .split('/')
        .nth(index)
        .unwrap_or_default()
}

fn provider_of(canonical: &str) -> Provider {
    Provider(format!("{SCHEME}{}", segment(canonical, 0)))
}

fn is_localpart(text: &str) -> bool {
    let letter_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 64
        && bytes.first().is_some_and(letter_or_digit)
        && bytes.last().is_some_and(letter_or_digit)
        && bytes
            .iter()
            .all(|byte| letter_or_digit(byte) || matches!(byte, b'.' | b'_' | b'-'))
        && !text.contains("..")
}

fn base32<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE32_NOPAD_NOCASE
        .decode(text.as_bytes())
        .ok()?
        .try_into()
        .ok()
}

fn write_base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
