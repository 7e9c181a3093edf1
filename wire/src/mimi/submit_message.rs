//! `submitMessage`: handing an application message to the hub (section 5.4 of the draft).
//!
//! The hub cannot read who sent a `PrivateMessage`; the sending user is what the sender's provider
//! vouches for.

use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize, TlsDeserialize, TlsSerialize, TlsSize};

use super::franking::Frank;
use super::{Protocol, expect_mls10};
use crate::codec::{DecodeError, size_by_counting};
use crate::mls::MlsMessage;
use crate::uri::UserUri;

/// The body of `submitMessage`.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct SubmitMessageRequest {
    /// MLS 1.0.
    pub protocol: Protocol,
    /// A `PrivateMessage` with application content.
    pub app_message: MlsMessage,
    /// The sender, as in the participant list.
    pub sending_uri: UserUri,
}

/// The hub's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitMessageResponse {
    /// In the room's log.
    Accepted {
        /// When. Unit: milliseconds since 1970.
        accepted_timestamp: u64,
        /// The hub's frank, in rooms that frank.
        frank: Option<Frank>,
    },
    /// The sender may not.
    NotAllowed,
    /// Sealed in another epoch than the room is in.
    EpochTooOld {
        /// The room's epoch.
        current_epoch: u64,
    },
}

size_by_counting!(SubmitMessageResponse);

impl Serialize for SubmitMessageResponse {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let protocol = Protocol::Mls10.tls_serialize(writer)?;
        let answer = match self {
            Self::Accepted {
                accepted_timestamp,
                frank,
            } => {
                0_u8.tls_serialize(writer)?
                    + accepted_timestamp.tls_serialize(writer)?
                    + frank.tls_serialize(writer)?
            }
            Self::NotAllowed => 1_u8.tls_serialize(writer)?,
            Self::EpochTooOld { current_epoch } => {
                2_u8.tls_serialize(writer)? + current_epoch.tls_serialize(writer)?
            }
        };
        Ok(protocol + answer)
    }
}

impl Deserialize for SubmitMessageResponse {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        expect_mls10(reader)?;
        Ok(match u8::tls_deserialize(reader)? {
            0 => Self::Accepted {
                accepted_timestamp: u64::tls_deserialize(reader)?,
                frank: Option::tls_deserialize(reader)?,
            },
            1 => Self::NotAllowed,
            2 => Self::EpochTooOld {
                current_epoch: u64::tls_deserialize(reader)?,
            },
            other => return Err(DecodeError::unknown("submit response code", other).into()),
        })
    }
}
