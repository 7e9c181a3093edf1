//! `identifierQuery`: the answer to a search for a user (section 5.8 of the draft).

use tls_codec::{TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{Bounded, Opaque, Text};
use crate::limits::{MAX_COMPONENT_BYTES, MAX_TEXT_BYTES};
use crate::uri::IdentifierUri;

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct IdentifierResponse {
    /// The verdict.
    pub response_code: IdentifierQueryCode,
    /// Users found.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub uri: Vec<IdentifierUri>,
    /// Their profiles, where asked for.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub found_profiles: Vec<UserProfile>,
    /// Application data.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub id_response_extensions: Vec<ComponentData>,
}

/// The verdict of a search, in the draft's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum IdentifierQueryCode {
    /// Found.
    Success = 0,
    /// Nobody.
    NotFound = 1,
    /// More than one, and none is told.
    Ambiguous = 2,
    /// Not answered for this provider.
    Forbidden = 3,
    /// This kind of search is not offered.
    UnsupportedField = 4,
}

/// What a provider tells of a user.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct UserProfile {
    /// The user.
    pub stable_uri: IdentifierUri,
    /// Fields of the profile.
    #[tls_codec(with = "Bounded::<MAX_COMPONENT_BYTES>")]
    pub fields: Vec<ProfileField>,
}

/// One field of a profile.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ProfileField {
    /// Where the field's name comes from.
    pub field_source: FieldSource,
    /// Its name.
    #[tls_codec(with = "Text::<MAX_TEXT_BYTES>")]
    pub field_name: String,
    /// Its value.
    pub field_value: Opaque<MAX_TEXT_BYTES>,
}

/// A vocabulary of profile fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum FieldSource {
    /// Claims of `OpenID` Connect.
    OidcStdClaim = 7,
    /// Properties of vCard.
    VcardField = 8,
}

/// One entry of an `AppDataDictionary` (draft-ietf-mls-extensions-10, section 4.6).
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct ComponentData {
    /// Which component.
    pub component_id: u16,
    /// Its data.
    pub data: Opaque<MAX_COMPONENT_BYTES>,
}
