//! A commit as policy sees it: who commits, what it does to the tree and to the components.
//!
//! Whoever opens MLS messages fills these in, from public bytes only; they must not carry a
//! judgement.
//!
//! The surprise: facts are taken from the commit as it stands, by value and by reference alike. Who
//! proposed a removal counts, not who commits it.

/// What a leaf says about itself. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafFacts {
    /// The identity of its basic credential: the client's URI.
    pub identity: Vec<u8>,
    /// Its signature key.
    pub signature_key: Vec<u8>,
    /// The content of the extension `device_credential`, if it has one.
    pub device_credential: Option<Vec<u8>>,
    /// The end of its `KeyPackage`'s lifetime in seconds since 1970; only leaves from `KeyPackage`s
    /// have one.
    pub not_after_lifetime: Option<u64>,
}

/// A leaf that stands in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its index.
    pub index: u32,
    /// What it says.
    pub facts: LeafFacts,
}

/// Who commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committer {
    /// The member at this leaf.
    Member(u32),
    /// Somebody who joins by this external commit, with this leaf.
    Joiner(LeafFacts),
}

/// Who proposed a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposer {
    /// The committer, by value.
    Committer,
    /// The member at this leaf, by reference.
    Member(u32),
    /// The external sender with this index: 0 is the hub.
    External(u32),
}

/// A Remove proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removal {
    /// The leaf to remove.
    pub leaf: u32,
    /// Who wants it.
    pub proposer: Proposer,
}

/// An `AppDataUpdate` proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentChange {
    /// The component.
    pub id: u16,
    /// The update's payload; none removes the component.
    pub update: Option<Vec<u8>>,
}

/// A commit, and the tree it applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// Who commits.
    pub committer: Committer,
    /// All leaves of the tree before the commit.
    pub leaves: Vec<Leaf>,
    /// Leaves of Add proposals.
    pub adds: Vec<LeafFacts>,
    /// Remove proposals.
    pub removes: Vec<Removal>,
    /// Leaves with a `SelfRemove` proposal.
    pub self_removes: Vec<u32>,
    /// The new leaf in the update path of a committer that is a member.
    pub updated_leaf: Option<LeafFacts>,
    /// `AppDataUpdate` proposals in the order of the commit.
    pub components: Vec<ComponentChange>,
    /// Whether it has a `GroupContextExtensions` proposal.
    pub context_extensions: bool,
    /// Types of all proposals that have no place above; `ExternalInit` of a joiner is not among
    /// them.
    pub other_proposals: Vec<u16>,
    /// References of the proposals included by reference.
    pub included_refs: Vec<Vec<u8>>,
}

impl CommitFacts {
    /// All leaves that the commit brings: added, joining, and the committer's own in its path.
    pub(crate) fn new_leaves(&self) -> impl Iterator<Item = &LeafFacts> {
        let joining = match &self.committer {
            Committer::Joiner(leaf) => Some(leaf),
            Committer::Member(_) => None,
        };
        self.adds.iter().chain(&self.updated_leaf).chain(joining)
    }
}

/// What a proposal that awaits a commit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingKind {
    /// A Remove of this leaf.
    Remove(u32),
    /// A `SelfRemove` of this leaf.
    SelfRemove(u32),
}

/// A proposal that awaits a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingProposal {
    /// Its `ProposalRef`.
    pub reference: Vec<u8>,
    /// What it is about.
    pub kind: PendingKind,
}

/// All proposals of the epoch that await a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pending {
    /// In the order of the room's log.
    pub refs: Vec<PendingProposal>,
}
