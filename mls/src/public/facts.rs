//! What policy must know of a commit, taken from OpenMLS' types. The same for a hub and for a
//! member, which holds a `PublicGroup` inside.
//!
//! Reports; must not judge.

use std::collections::BTreeSet;

use openmls::group::{PublicGroup, QueuedProposal, StagedCommit};
use openmls::messages::proposals::AppDataUpdateOperation;
use openmls::prelude::{LeafNodeIndex, Proposal, ProposalOrRefType, Sender};

use crate::leaf;
use crate::room::{
    CommitFacts, Committer, ComponentChange, Leaf, PendingKind, PendingProposal, Proposer, Removal,
};
use crate::suite::{MlsError, convert};

/// All leaves of the tree, by index.
pub(crate) fn leaves(group: &PublicGroup) -> Vec<Leaf> {
    let leaf = |(index, node): (LeafNodeIndex, _)| Leaf {
        index: index.u32(),
        facts: leaf::facts(node),
    };
    group.treesync().full_leaves().map(leaf).collect()
}

/// A staged commit as policy sees it. `group` is the group before the commit.
pub(crate) fn of_commit(
    group: &PublicGroup,
    sender: &Sender,
    staged: &StagedCommit,
) -> Result<CommitFacts, MlsError> {
    let path_leaf = staged.update_path_leaf_node().map(leaf::facts);
    let (committer, updated_leaf) = match sender {
        Sender::Member(index) => (Committer::Member(index.u32()), path_leaf),
        Sender::NewMemberCommit => {
            let leaf =
                path_leaf.ok_or_else(|| MlsError::text("an external commit without a leaf"))?;
            (Committer::Joiner(leaf), None)
        }
        Sender::External(_) | Sender::NewMemberProposal => {
            return Err(MlsError::text("only members and joiners commit"));
        }
    };
    let mut facts = CommitFacts {
        committer,
        leaves: leaves(group),
        adds: Vec::new(),
        removes: Vec::new(),
        self_removes: Vec::new(),
        updated_leaf,
        components: Vec::new(),
        context_extensions: false,
        other_proposals: Vec::new(),
        included_refs: Vec::new(),
    };
    for queued in staged.queued_proposals() {
        enter(&mut facts, queued)?;
    }
    check_removed_once(&facts)?;
    Ok(facts)
}

/// RFC 9420, section 12.2: one leaf, one removal. OpenMLS lets a Remove and a `SelfRemove` of the
/// same leaf pass.
fn check_removed_once(facts: &CommitFacts) -> Result<(), MlsError> {
    let mut seen = BTreeSet::new();
    let mut removed = facts
        .removes
        .iter()
        .map(|one| one.leaf)
        .chain(facts.self_removes.iter().copied());
    if removed.all(|leaf| seen.insert(leaf)) {
        Ok(())
    } else {
        Err(MlsError::text("a leaf is removed twice"))
    }
}

fn enter(facts: &mut CommitFacts, queued: &QueuedProposal) -> Result<(), MlsError> {
    let by_reference = queued.proposal_or_ref_type() == ProposalOrRefType::Reference;
    if by_reference {
        facts
            .included_refs
            .push(queued.proposal_reference_ref().as_slice().to_vec());
    }
    match queued.proposal() {
        Proposal::Add(add) => facts.adds.push(leaf::facts(add.key_package().leaf_node())),
        Proposal::Remove(remove) => facts.removes.push(Removal {
            leaf: remove.removed().u32(),
            proposer: if by_reference {
                proposer(queued.sender())?
            } else {
                Proposer::Committer
            },
        }),
        Proposal::SelfRemove => match queued.sender() {
            Sender::Member(index) => facts.self_removes.push(index.u32()),
            _ => return Err(MlsError::text("SelfRemove of somebody who is not a member")),
        },
        Proposal::AppDataUpdate(update) => facts.components.push(ComponentChange {
            id: update.component_id(),
            update: match update.operation() {
                AppDataUpdateOperation::Update(bytes) => Some(bytes.as_slice().to_vec()),
                AppDataUpdateOperation::Remove => None,
            },
        }),
        Proposal::GroupContextExtensions(_) => facts.context_extensions = true,
        Proposal::ExternalInit(_) if matches!(facts.committer, Committer::Joiner(_)) => {}
        other => facts.other_proposals.push(other.proposal_type().into()),
    }
    Ok(())
}

fn proposer(sender: &Sender) -> Result<Proposer, MlsError> {
    match sender {
        Sender::Member(index) => Ok(Proposer::Member(index.u32())),
        Sender::External(index) => {
            // The index has no accessor; on the wire it is a u32.
            let bytes = convert::encode(index)?;
            Ok(Proposer::External(convert::decode(&bytes)?))
        }
        Sender::NewMemberCommit | Sender::NewMemberProposal => {
            Err(MlsError::text("only members and the hub propose removals"))
        }
    }
}

/// What a proposal that awaits a commit is about; none for a proposal that may not stand by itself.
pub(crate) fn waiting(queued: &QueuedProposal) -> Option<PendingProposal> {
    let kind = match (queued.proposal(), queued.sender()) {
        (Proposal::Remove(remove), _) => PendingKind::Remove(remove.removed().u32()),
        (Proposal::SelfRemove, Sender::Member(index)) => PendingKind::SelfRemove(index.u32()),
        _ => return None,
    };
    Some(PendingProposal {
        reference: queued.proposal_reference_ref().as_slice().to_vec(),
        kind,
    })
}
