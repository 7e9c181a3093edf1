//! A commit with what must be known of the room to judge it.
//!
//! Reads leaves and finds the actor; must not judge what the commit does.
//!
//! The surprise: leaves that stand in the tree are read but not verified again. They were when they
//! came in, and a room of a thousand would pay for a thousand signatures per commit.

use std::collections::BTreeMap;

use grove_wire::mimi::room::capability as can;
use grove_wire::uri::{ClientUri, UserUri};

use crate::identity::PublicKey;
use crate::room::claim::{Claim, current};
use crate::room::validation::{IdentityViolation, claimed, objective};
use crate::room::{CommitFacts, Committer, LeafFacts, PolicyViolation, Role, RoomState};

/// A client in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Occupant {
    pub(super) client: ClientUri,
    pub(super) user: UserUri,
    pub(super) key: PublicKey,
    pub(super) claim: Claim,
}

/// A commit with what must be known of the room to judge it.
pub(super) struct Case<'a> {
    pub(super) committed: &'a RoomState,
    pub(super) commit: &'a CommitFacts,
    pub(super) tree: BTreeMap<u32, Occupant>,
    pub(super) roles: BTreeMap<&'a UserUri, u32>,
    /// The user identity key that speaks for each user who has leaves, before the commit.
    pub(super) current: BTreeMap<UserUri, PublicKey>,
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
            current: current_keys(&tree),
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
            claim: Claim::of(&claimed),
            user: claimed.client.user(),
            client: claimed.client,
            key: claimed.key,
        })
    }
}

fn current_keys(tree: &BTreeMap<u32, Occupant>) -> BTreeMap<UserUri, PublicKey> {
    let mut claims: BTreeMap<&UserUri, Vec<&Claim>> = BTreeMap::new();
    for occupant in tree.values() {
        claims
            .entry(&occupant.user)
            .or_default()
            .push(&occupant.claim);
    }
    claims
        .into_iter()
        .filter_map(|(user, claims)| Some((user.clone(), current(claims)?)))
        .collect()
}
