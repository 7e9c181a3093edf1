//! A commit as it is handed to the hub: `update`'s bundle.
//!
//! The GroupInfo is given in part: the hub follows the handshakes, so it knows all of it but the
//! key for external joins and the signature. With a thousand participants in the GroupContext that
//! saves 40 kB per commit. The tree is left to the hub.

use grove_wire::codec::{self, Opaque};
use grove_wire::mimi::update::{
    GroupInfoOption, HandshakeBundle, PartialGroupInfo, RatchetTreeOption, RatchetTreePresence,
};
use grove_wire::mls as wire;
use openmls::group::CommitMessageBundle;
use openmls::messages::group_info::GroupInfo;
use openmls::prelude::{MlsMessageOut, ProtocolVersion};

use crate::suite::{MlsError, convert};

pub(super) fn to_wire(made: &CommitMessageBundle) -> Result<HandshakeBundle, MlsError> {
    let group_info = made
        .group_info()
        .ok_or_else(|| MlsError::text("a commit without GroupInfo"))?;
    Ok(HandshakeBundle::Commit {
        commit: convert::to_message(made.commit())?,
        welcome: welcome(made)?,
        group_info: GroupInfoOption::Partial(partial(group_info)?),
        ratchet_tree: RatchetTreeOption::DistributionService,
    })
}

fn welcome(made: &CommitMessageBundle) -> Result<Option<wire::Welcome>, MlsError> {
    let Some(welcome) = made.welcome() else {
        return Ok(None);
    };
    let message = MlsMessageOut::from_welcome(welcome.clone(), ProtocolVersion::Mls10);
    Ok(convert::to_message(&message)?.welcome())
}

fn partial(group_info: &GroupInfo) -> Result<PartialGroupInfo, MlsError> {
    let whole = convert::to_group_info(group_info)?;
    let head = whole.head();
    Ok(PartialGroupInfo {
        ratchet_tree_presence: RatchetTreePresence::NoRatchetTree,
        group_info_extensions: codec::decode_all(head.extensions).map_err(MlsError::of)?,
        signature: Opaque::new(head.signature).map_err(MlsError::of)?,
    })
}
