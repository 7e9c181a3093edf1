//! A commit with what must be known of the room to judge it.
//!
//! Reads leaves and finds the actor; must not judge what the commit does.
//!
//! The surprise: leaves that stand in the tree are read but not verified again. They were when they
//! came in, and a room of a thousand would pay for a thousand signatures per commit.

use std::collections::BTreeMap;

use grove_wire::mimi::room::capability as can;
use grove_wire::uri::{ClientUri, UserUri};

use crate::identity::{Identity, PublicKey};
use crate::room::validation::{IdentityViolation, claimed, objective};
use crate::room::{CommitFacts, Committer, LeafFacts, PolicyViolation, Role, RoomState};

/// A client in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occupant {
    pub(super) client: ClientUri,
    pub(super) user: UserUri,
    pub(super) key: PublicKey,
    pub(super) identity: Identity,
}

/// A commit with what must be known of the room to judge it.
pub(super) struct Case<'a> {
    pub(super) committed: &'a RoomState,
    pub(super) commit: &'a CommitFacts,
    pub(super) tree: BTreeMap<u32, Occupant>,
    pub(super) roles: BTreeMap<&'a UserUri, u32>,
    /// For each user who has leaves before the commit, one with the highest rank.
    pub(super) tops: BTreeMap<UserUri, u32>,
    pub(super) actor: Actor,
}

/// Who commits.
pub(super) struct Actor {
    pub(super) user: UserUri,
    pub(super) role: u32,
    /// The leaf of a member; a joiner has none yet.
    pub(super) leaf: Option<u32>,
    /// The leaf a joiner brings.
    pub(super) joining: Option<Occupant>,
}

/// What the commit brings into the tree.
pub(super) struct Arrived {
    pub(super) added: Vec<Occupant>,
    /// The committer's leaf in the path, which replaces its old one.
    pub(super) updated: Option<Occupant>,
}

impl Arrived {
    /// All leaves that the commit brings, the joiner's among them.
    pub(super) fn all<'a>(&'a self, actor: &'a Actor) -> impl Iterator<Item = &'a Occupant> {
        self.added.iter().chain(&self.updated).chain(&actor.joining)
    }
}

impl<'a> Case<'a> {
    pub(super) fn read(
        committed: &'a RoomState,
        commit: &'a CommitFacts,
    ) -> Result<Self, PolicyViolation> {
        let mut tree = BTreeMap::new();
        for leaf in &commit.leaves {
            tree.insert(leaf.index, Occupant::standing(&leaf.facts)?);
        }
        let roles: BTreeMap<&UserUri, u32> = committed
            .participants
            .iter()
            .map(|one| (&one.user, one.role))
            .collect();
        let role_of = |user: &UserUri| roles.get(user).copied().unwrap_or(Role::None.index());
        let actor = match &commit.committer {
            Committer::Member(index) => {
                let occupant = tree
                    .get(index)
                    .ok_or(PolicyViolation::UnknownLeaf(*index))?;
                let role = role_of(&occupant.user);
                if role <= Role::Banned.index() {
                    return Err(PolicyViolation::CommitterNotParticipant);
                }
                Actor {
                    user: occupant.user.clone(),
                    role,
                    leaf: Some(*index),
                    joining: None,
                }
            }
            Committer::Joiner(facts) => {
                let occupant = Occupant::arriving(facts)?;
                let role = role_of(&occupant.user);
                let listed = role > Role::Banned.index();
                let open =
                    role == Role::None.index() && committed.roles.may(role, can::CAN_OPEN_JOIN);
                if !listed && !open {
                    return Err(PolicyViolation::JoinNotAllowed);
                }
                Actor {
                    user: occupant.user.clone(),
                    role,
                    leaf: None,
                    joining: Some(occupant),
                }
            }
        };
        Ok(Self {
            committed,
            commit,
            tops: tops(&tree),
            tree,
            roles,
            actor,
        })
    }

    pub(super) fn occupant(&self, leaf: u32) -> Result<&Occupant, PolicyViolation> {
        self.tree
            .get(&leaf)
            .ok_or(PolicyViolation::UnknownLeaf(leaf))
    }

    pub(super) fn role_of(&self, user: &UserUri) -> u32 {
        self.roles.get(user).copied().unwrap_or(Role::None.index())
    }

    pub(super) fn is_joiner(&self) -> bool {
        self.actor.joining.is_some()
    }

    pub(super) fn actor_may(&self, capability: u16) -> bool {
        self.committed.roles.may(self.actor.role, capability)
    }
}

impl Occupant {
    /// A leaf that comes in: verified.
    pub(super) fn arriving(facts: &LeafFacts) -> Result<Self, IdentityViolation> {
        objective(facts)?;
        Self::standing(facts)
    }

    /// A leaf that was judged when it came in: read again, not verified again.
    fn standing(facts: &LeafFacts) -> Result<Self, IdentityViolation> {
        let claimed = claimed(facts)?;
        Ok(Self {
            identity: claimed.credential.identity().clone(),
            user: claimed.client.user(),
            client: claimed.client,
            key: claimed.key,
        })
    }
}

fn tops(tree: &BTreeMap<u32, Occupant>) -> BTreeMap<UserUri, u32> {
    let mut tops: BTreeMap<UserUri, u32> = BTreeMap::new();
    for (leaf, occupant) in tree {
        let rank = |leaf: &u32| tree.get(leaf).map(|one| one.identity.rank());
        match tops.get_mut(&occupant.user) {
            None => {
                tops.insert(occupant.user.clone(), *leaf);
            }
            Some(top) if rank(top) < rank(leaf) => *top = *leaf,
            Some(_) => {}
        }
    }
    tops
}
