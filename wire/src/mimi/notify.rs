//! `notify`: what the hub sends to the providers of a room (section 5.5 of the draft).
//!
//! A room's log consists of exactly these bytes: one `FanoutMessage` per entry.
//!
//! The surprise: the draft selects what follows the message on its wire format, and names content
//! types. Read as: content type for public and private messages, wire format for a Welcome. There
//! is no protocol byte.

use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize};

use super::franking::Frank;
use super::update::{MoreProposals, RatchetTreeOption};
use crate::codec::{self, DecodeError, EncodeError, append_opaque, size_by_counting};
use crate::mls::{ContentType, MlsMessage, Outside};

/// One accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanoutMessage {
    /// When the hub accepted it. Unit: milliseconds since 1970.
    pub timestamp: u64,
    /// The message.
    pub message: MlsMessage,
    /// What its kind brings along.
    pub tail: FanoutTail,
}

/// What stands behind the message, by its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FanoutTail {
    /// Behind an application message.
    Application {
        /// The hub's frank, in rooms that frank.
        frank: Option<Frank>,
    },
    /// Behind a commit.
    Commit {
        /// The hub's own proposals, made again for the new epoch.
        external_proposals: Vec<MlsMessage>,
    },
    /// Behind a proposal.
    Proposal {
        /// Those that were handed in together with it.
        more_proposals: Vec<MlsMessage>,
    },
    /// Behind a Welcome.
    Welcome {
        /// The tree, or where it comes from.
        ratchet_tree: RatchetTreeOption,
    },
}

impl FanoutMessage {
    /// Decodes a body of one or more messages back to back.
    ///
    /// # Errors
    /// What [`DecodeError`] lists.
    pub fn decode_all(bytes: &[u8]) -> Result<Vec<Self>, DecodeError> {
        codec::decode_all(bytes)
    }

    /// Encodes an application message in one allocation: the hub's hot path.
    pub fn write_application(
        timestamp: u64,
        message: &MlsMessage,
        frank: Option<&Frank>,
    ) -> Vec<u8> {
        let message = message.as_bytes();
        let frank_bytes = frank.map_or(0, |frank| {
            32 + 2 + 4 + frank.franking_integrity_signature.len()
        });
        let mut out = Vec::with_capacity(8 + message.len() + 1 + frank_bytes);
        out.extend_from_slice(&timestamp.to_be_bytes());
        out.extend_from_slice(message);
        out.push(u8::from(frank.is_some()));
        if let Some(frank) = frank {
            out.extend_from_slice(&frank.server_frank);
            out.extend_from_slice(&frank.franking_signature_ciphersuite.to_be_bytes());
            append_opaque(&mut out, &frank.franking_integrity_signature);
        }
        out
    }
}

size_by_counting!(FanoutMessage);

impl Serialize for FanoutMessage {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let matches = matches!(
            (&self.tail, kind(&self.message)),
            (FanoutTail::Application { .. }, Some(Kind::Application))
                | (FanoutTail::Commit { .. }, Some(Kind::Commit))
                | (FanoutTail::Proposal { .. }, Some(Kind::Proposal))
                | (FanoutTail::Welcome { .. }, Some(Kind::Welcome))
        );
        if !matches {
            return Err(
                EncodeError::Malformed("the message is not of the tail's kind".to_owned()).into(),
            );
        }
        let head = self.timestamp.tls_serialize(writer)? + self.message.tls_serialize(writer)?;
        let tail = match &self.tail {
            FanoutTail::Application { frank } => frank.tls_serialize(writer)?,
            FanoutTail::Commit {
                external_proposals: proposals,
            }
            | FanoutTail::Proposal {
                more_proposals: proposals,
            } => MoreProposals::tls_serialize(proposals, writer)?,
            FanoutTail::Welcome { ratchet_tree } => ratchet_tree.tls_serialize(writer)?,
        };
        Ok(head + tail)
    }
}

impl Deserialize for FanoutMessage {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        let timestamp = u64::tls_deserialize(reader)?;
        let message = MlsMessage::tls_deserialize(reader)?;
        let tail = match kind(&message) {
            Some(Kind::Application) => FanoutTail::Application {
                frank: Option::tls_deserialize(reader)?,
            },
            Some(Kind::Commit) => FanoutTail::Commit {
                external_proposals: MoreProposals::tls_deserialize(reader)?,
            },
            Some(Kind::Proposal) => FanoutTail::Proposal {
                more_proposals: MoreProposals::tls_deserialize(reader)?,
            },
            Some(Kind::Welcome) => FanoutTail::Welcome {
                ratchet_tree: RatchetTreeOption::tls_deserialize(reader)?,
            },
            None => {
                return Err(
                    DecodeError::malformed("a message of a kind that is never fanned out").into(),
                );
            }
        };
        Ok(Self {
            timestamp,
            message,
            tail,
        })
    }
}

/// The kinds of message that are fanned out.
enum Kind {
    Application,
    Commit,
    Proposal,
    Welcome,
}

fn kind(message: &MlsMessage) -> Option<Kind> {
    match message.outside() {
        Outside::Private(framing) | Outside::Public(framing) => Some(match framing.content_type {
            ContentType::Application => Kind::Application,
            ContentType::Commit => Kind::Commit,
            ContentType::Proposal => Kind::Proposal,
        }),
        Outside::Welcome => Some(Kind::Welcome),
        Outside::GroupInfo | Outside::KeyPackage => None,
    }
}
