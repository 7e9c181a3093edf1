//! What a joiner reads off a room before OpenMLS holds it: who is leaving, and which leaves stand
//! where.

use grove_wire::codec;
use grove_wire::mls::{ContentType, MlsMessage, SenderKind, WireFormat};
use openmls::treesync::{Node, RatchetTree as MlsTree};
use tls_codec::Size as _;

use crate::leaf;
use crate::room::Leaf;
use crate::suite::{MlsError, convert};

/// The leaf that leaves by this message; none for any other message.
pub(super) fn self_remover(message: &MlsMessage) -> Option<u32> {
    const SELF_REMOVE: [u8; 2] = [0x00, 0x0A];
    let framing = message.framing()?;
    let Some(SenderKind::Member(leaf)) = framing.sender else {
        return None;
    };
    if framing.wire_format != WireFormat::PublicMessage
        || framing.content_type != ContentType::Proposal
    {
        return None;
    }
    // Version and format, group id, epoch, sender, authenticated data, content type: then the
    // proposal's type.
    let skipped = 4
        + codec::opaque_size(framing.group_id.len())
        + 8
        + 5
        + codec::opaque_size(framing.authenticated_data.len())
        + 1;
    (message.as_bytes().get(skipped..skipped + 2)? == SELF_REMOVE).then_some(leaf)
}

/// The leaves of a tree with their indices. OpenMLS gives the nodes without the blanks between
/// them, which its encoding has.
pub(super) fn leaves(tree: &MlsTree) -> Result<Vec<Leaf>, MlsError> {
    let encoded = convert::encode(tree)?;
    let mut rest = encoded.as_slice();
    codec::read_length(&mut rest).map_err(MlsError::of)?;
    let mut nodes = tree.nodes();
    let mut leaves = Vec::new();
    for place in 0_u32.. {
        match rest.split_first() {
            None => break,
            Some((0, blank)) => rest = blank,
            Some((_, present)) => {
                let node = nodes
                    .next()
                    .ok_or_else(|| MlsError::text("a tree with more nodes than it has"))?;
                rest = present.get(node.tls_serialized_len()..).unwrap_or_default();
                if let Node::LeafNode(node) = node {
                    leaves.push(Leaf {
                        index: place / 2,
                        facts: leaf::facts(node),
                    });
                }
            }
        }
    }
    Ok(leaves)
}
