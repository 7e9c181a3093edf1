//! `update`: handing a commit or proposals to the hub (section 5.3 of the draft;
//! draft-ietf-mls-ratchet-tree-options-00).
//!
//! The surprise: what a [`HandshakeBundle`] holds behind its first message is decided by that
//! message's content type; there is no tag.

use std::io::{Read, Write};

use tls_codec::{Deserialize, Serialize, TlsDeserialize, TlsSerialize, TlsSize};

use crate::codec::{Bounded, DecodeError, EncodeError, Opaque, Text, size_by_counting};
use crate::limits::{
    MAX_EXTENSIONS_BYTES, MAX_MORE_PROPOSALS, MAX_MORE_PROPOSALS_BYTES, MAX_REFERENCE_BYTES,
    MAX_REFERENCES_BYTES, MAX_SIGNATURE_BYTES, MAX_TEXT_BYTES, MAX_URI_BYTES,
};
use crate::mls::{ContentType, Extension, GroupInfo, MlsMessage, RatchetTree, Welcome};

/// The body of `update`. No protocol byte stands in front.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct UpdateRequest {
    /// The handshake.
    pub bundle: HandshakeBundle,
}

/// A handshake with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandshakeBundle {
    /// A commit.
    Commit {
        /// The commit.
        commit: MlsMessage,
        /// For the clients it adds; without a ratchet tree.
        welcome: Option<Welcome>,
        /// The group after the commit; without a ratchet tree.
        group_info: GroupInfoOption,
        /// The tree after the commit, or where it comes from.
        ratchet_tree: RatchetTreeOption,
    },
    /// One or more proposals of one sender.
    Proposal {
        /// The first.
        proposal: MlsMessage,
        /// The others, at most [`MAX_MORE_PROPOSALS`].
        more_proposals: Vec<MlsMessage>,
    },
}

/// How the new `GroupInfo` is given.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum GroupInfoOption {
    /// Whole.
    #[tls_codec(discriminant = 1)]
    Full(GroupInfo),
    /// Only what the hub cannot compute.
    #[tls_codec(discriminant = 2)]
    Partial(PartialGroupInfo),
}

/// What the hub cannot compute of a `GroupInfo`.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
pub struct PartialGroupInfo {
    /// Whether a `ratchet_tree` extension was there before and is there now.
    pub ratchet_tree_presence: RatchetTreePresence,
    /// Extensions of the `GroupInfo`, without `ratchet_tree`.
    #[tls_codec(with = "Bounded::<MAX_EXTENSIONS_BYTES>")]
    pub group_info_extensions: Vec<Extension>,
    /// The committer's signature over the whole `GroupInfo`.
    pub signature: Opaque<MAX_SIGNATURE_BYTES>,
}

/// Whether a `GroupInfo` carries its tree, in the draft's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum RatchetTreePresence {
    /// It never did.
    NoRatchetTree = 0,
    /// It did and does.
    Present = 1,
    /// It did.
    Removed = 2,
    /// It does now.
    Added = 3,
}

/// How the ratchet tree is given.
#[derive(Debug, Clone, PartialEq, Eq, TlsSerialize, TlsDeserialize, TlsSize)]
#[repr(u8)]
pub enum RatchetTreeOption {
    /// Whole.
    #[tls_codec(discriminant = 1)]
    Full(RatchetTree),
    /// At a URL.
    #[tls_codec(discriminant = 2)]
    HttpsUri(Opaque<MAX_URI_BYTES>),
    /// By other means.
    #[tls_codec(discriminant = 3)]
    OutOfBand,
    /// The hub derives it from the handshakes.
    #[tls_codec(discriminant = 4)]
    DistributionService,
}

/// The hub's answer. The draft's `errorDescription` is kept where it says something; with the other
/// codes it is empty on the way out and dropped on the way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateRoomResponse {
    /// Accepted.
    Success {
        /// When. Unit: milliseconds since 1970.
        accepted_timestamp: u64,
    },
    /// Made in another epoch than the room is in.
    WrongEpoch {
        /// The room's epoch.
        current_epoch: u64,
    },
    /// Against the room's policy.
    NotAllowed {
        /// For people; at most [`MAX_TEXT_BYTES`].
        description: String,
    },
    /// A commit refers to proposals that do not hold.
    InvalidProposal {
        /// For people; at most [`MAX_TEXT_BYTES`].
        description: String,
        /// References to them.
        proposals: Vec<Opaque<MAX_REFERENCE_BYTES>>,
    },
}

impl HandshakeBundle {
    /// The commit, or the first proposal.
    pub fn first(&self) -> &MlsMessage {
        match self {
            Self::Commit { commit, .. } => commit,
            Self::Proposal { proposal, .. } => proposal,
        }
    }
}

size_by_counting!(HandshakeBundle, UpdateRoomResponse);

impl Serialize for HandshakeBundle {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        match self {
            Self::Commit {
                commit,
                welcome,
                group_info,
                ratchet_tree,
            } => {
                expect_content(commit, ContentType::Commit)?;
                Ok(commit.tls_serialize(writer)?
                    + welcome.tls_serialize(writer)?
                    + group_info.tls_serialize(writer)?
                    + ratchet_tree.tls_serialize(writer)?)
            }
            Self::Proposal {
                proposal,
                more_proposals,
            } => {
                expect_content(proposal, ContentType::Proposal)?;
                Ok(proposal.tls_serialize(writer)?
                    + MoreProposals::tls_serialize(more_proposals, writer)?)
            }
        }
    }
}

impl Deserialize for HandshakeBundle {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        let first = MlsMessage::tls_deserialize(reader)?;
        match first.framing().map(|framing| framing.content_type) {
            Some(ContentType::Commit) => Ok(Self::Commit {
                commit: first,
                welcome: Option::tls_deserialize(reader)?,
                group_info: GroupInfoOption::tls_deserialize(reader)?,
                ratchet_tree: RatchetTreeOption::tls_deserialize(reader)?,
            }),
            Some(ContentType::Proposal) => Ok(Self::Proposal {
                proposal: first,
                more_proposals: MoreProposals::tls_deserialize(reader)?,
            }),
            Some(ContentType::Application) | None => {
                Err(DecodeError::malformed("a handshake begins with a commit or a proposal").into())
            }
        }
    }
}

fn expect_content(message: &MlsMessage, expected: ContentType) -> Result<(), EncodeError> {
    match message.framing() {
        Some(framing) if framing.content_type == expected => Ok(()),
        _ => Err(EncodeError::Malformed(
            "the message is not of the bundle's kind".to_owned(),
        )),
    }
}

/// The codec of `MLSMessage moreProposals<V>`: unprefixed messages in a vector, all of them
/// proposals.
pub(super) struct MoreProposals;

impl MoreProposals {
    pub(super) fn tls_serialize<W: Write>(
        proposals: &[MlsMessage],
        writer: &mut W,
    ) -> Result<usize, tls_codec::Error> {
        if proposals.len() > MAX_MORE_PROPOSALS {
            return Err(EncodeError::Malformed(format!(
                "more than {MAX_MORE_PROPOSALS} proposals"
            ))
            .into());
        }
        Bounded::<MAX_MORE_PROPOSALS_BYTES>::tls_serialize(proposals, writer)
    }

    pub(super) fn tls_deserialize<R: Read>(
        reader: &mut R,
    ) -> Result<Vec<MlsMessage>, tls_codec::Error> {
        let proposals: Vec<MlsMessage> =
            Bounded::<MAX_MORE_PROPOSALS_BYTES>::tls_deserialize(reader)?;
        if proposals.len() > MAX_MORE_PROPOSALS {
            return Err(DecodeError::Malformed(format!(
                "more than {MAX_MORE_PROPOSALS} proposals"
            ))
            .into());
        }
        let is_proposal = |message: &MlsMessage| {
            message
                .framing()
                .is_some_and(|framing| framing.content_type == ContentType::Proposal)
        };
        if !proposals.iter().all(is_proposal) {
            return Err(DecodeError::malformed("something else stands among the proposals").into());
        }
        Ok(proposals)
    }
}

impl Serialize for UpdateRoomResponse {
    fn tls_serialize<W: Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let (code, description): (u8, &str) = match self {
            Self::Success { .. } => (0, ""),
            Self::WrongEpoch { .. } => (1, ""),
            Self::NotAllowed { description } => (2, description),
            Self::InvalidProposal { description, .. } => (3, description),
        };
        let head = code.tls_serialize(writer)?
            + Text::<MAX_TEXT_BYTES>::tls_serialize(description, writer)?;
        let tail = match self {
            Self::Success { accepted_timestamp } => accepted_timestamp.tls_serialize(writer)?,
            Self::WrongEpoch { current_epoch } => current_epoch.tls_serialize(writer)?,
            Self::NotAllowed { .. } => 0,
            Self::InvalidProposal { proposals, .. } => {
                Bounded::<MAX_REFERENCES_BYTES>::tls_serialize(proposals, writer)?
            }
        };
        Ok(head + tail)
    }
}

impl Deserialize for UpdateRoomResponse {
    fn tls_deserialize<R: Read>(reader: &mut R) -> Result<Self, tls_codec::Error> {
        let code = u8::tls_deserialize(reader)?;
        let description = Text::<MAX_TEXT_BYTES>::tls_deserialize(reader)?;
        Ok(match code {
            0 => Self::Success {
                accepted_timestamp: u64::tls_deserialize(reader)?,
            },
            1 => Self::WrongEpoch {
                current_epoch: u64::tls_deserialize(reader)?,
            },
            2 => Self::NotAllowed { description },
            3 => Self::InvalidProposal {
                description,
                proposals: Bounded::<MAX_REFERENCES_BYTES>::tls_deserialize(reader)?,
            },
            other => return Err(DecodeError::unknown("update response code", other).into()),
        })
    }
}
