//! What the new device shows: a line of text that fits a QR code.
//!
//! Must not know what follows from it.
//!
//! The surprise: the line holds a secret. It proves to the new device that whoever sealed the
//! package has seen its screen; but nothing else rests on it, so a photograph of the line alone
//! opens nothing.

use data_encoding::BASE32_NOPAD;
use grove_wire::codec::{self, Opaque};
use grove_wire::uri::UserUri;
use sha2::{Digest as _, Sha256};
use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::identity::Label;

/// What the line begins with.
const SCHEME: &str = "grove-link:";
/// The only version of the format: the first byte.
const VERSION: u8 = 1;
/// Bytes of the checksum behind the offer.
const CHECKSUM_BYTES: usize = 4;
/// More than the longest user name needs; what is longer is not looked at.
const MAX_TEXT_BYTES: usize = 4096;
/// A public key of any suite that fits a QR code.
const MAX_KEY_BYTES: usize = 512;

/// Why a text is not an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkTextError {
    /// Characters are missing or wrong.
    #[error("the link is damaged: characters are missing or wrong")]
    Damaged,
    /// It does not begin like a link.
    #[error("not a link: it begins with «{SCHEME}»")]
    NotALink,
    /// Made by a newer program.
    #[error("the link has version {0}, which this program does not know")]
    Version(u8),
}

/// What a new device offers to an old one.
#[derive(Clone, PartialEq, Eq, TlsSize, TlsSerialize, TlsDeserialize)]
pub struct LinkOffer {
    /// Whose device it wants to be.
    pub user: UserUri,
    /// Where the two meet on the user's home server.
    pub link: [u8; 16],
    /// The suite of the key.
    pub suite: u16,
    /// The key to which the package is sealed.
    pub public_key: Opaque<MAX_KEY_BYTES>,
    /// Known to whoever read the offer.
    pub secret: [u8; 16],
    /// SHA-256 over what the new device will reveal.
    pub commitment: [u8; 32],
    /// When the link ends, in milliseconds since 1970.
    pub expires_at: u64,
}

impl LinkOffer {
    /// The offer as one line. All in upper case it is a QR code of the alphanumeric kind, and means
    /// the same.
    pub fn to_text(&self) -> String {
        let mut bytes = self.to_bytes();
        bytes.extend_from_slice(&checksum(&bytes));
        format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes))
    }

    /// Reads the line, in upper or lower case; white space, as it comes from copying, does not
    /// matter.
    ///
    /// # Errors
    /// [`LinkTextError`].
    pub fn parse(text: &str) -> Result<Self, LinkTextError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(LinkTextError::NotALink);
        }
        let text: String = text.split_whitespace().collect();
        let text = text.to_ascii_uppercase();
        let encoded = text
            .strip_prefix(&SCHEME.to_ascii_uppercase())
            .ok_or(LinkTextError::NotALink)?;
        let bytes = BASE32_NOPAD
            .decode(encoded.as_bytes())
            .map_err(|_not_base32| LinkTextError::Damaged)?;
        let (bytes, sum) = bytes
            .split_last_chunk::<CHECKSUM_BYTES>()
            .ok_or(LinkTextError::Damaged)?;
        if checksum(bytes) != *sum {
            return Err(LinkTextError::Damaged);
        }
        match bytes.split_first() {
            Some((&VERSION, fields)) => {
                codec::decode(fields).map_err(|_malformed| LinkTextError::Damaged)
            }
            Some((version, _)) => Err(LinkTextError::Version(*version)),
            None => Err(LinkTextError::Damaged),
        }
    }

    /// The version and the fields: what both sides hash.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        #[expect(clippy::expect_used, reason = "every field is bounded by its type")]
        let fields = codec::encode(self).expect("an offer can be encoded");
        [&[VERSION], fields.as_slice()].concat()
    }
}

// The secret must not get into logs.
impl std::fmt::Debug for LinkOffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkOffer")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Against slips of the hand only; who alters a link on purpose alters this too.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash: [u8; 32] = Sha256::digest(Label::Link.frame(bytes)).into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}
