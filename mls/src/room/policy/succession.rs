//! One key per user, and how it is replaced: what a leaf with another key must show, and what an
//! older one may do still.
//!
//! Must not know what a succession is made of; it is verified when its leaf arrives.
//!
//! The surprise: what a new leaf must show is measured by the tree before the commit, whatever the
//! commit removes. A key that was succeeded can therefore not be rotated by whoever stole it, nor
//! come back by taking the others away.

use std::collections::BTreeSet;

use grove_wire::mimi::room::component;

use super::case::{Arrived, Case, Occupant};
use crate::room::{PolicyViolation, Proposer, Role, RoomState};

impl Case<'_> {
    /// Whether another leaf of the same user shows that this one's key was succeeded.
    pub(super) fn is_superseded(&self, occupant: &Occupant) -> bool {
        let current = self.current.get(&occupant.user);
        current.is_some_and(|current| *current != occupant.claim.uik)
    }

    /// A superseded member brings its own leaf up to date, and takes up what waits because it must.
    /// Nothing else.
    pub(super) fn check_superseded_committer(
        &self,
        after: &RoomState,
        gone: &BTreeSet<u32>,
        arrived: &Arrived,
    ) -> Result<(), PolicyViolation> {
        let Some(leaf) = self.actor.leaf else {
            return Ok(());
        };
        let before = self.occupant(leaf)?;
        if !self.is_superseded(before) {
            return Ok(());
        }
        let renewed = arrived
            .updated
            .as_ref()
            .is_some_and(|updated| updated.claim.uik != before.claim.uik);
        let removes = &self.commit.removes;
        let takes_up_only = self.commit.adds.is_empty()
            && removes
                .iter()
                .all(|one| one.proposer != Proposer::Committer)
            && self.changes_list_only()
            && self.strikes_only(after, gone);
        if renewed && takes_up_only {
            Ok(())
        } else {
            Err(PolicyViolation::Superseded)
        }
    }

    fn changes_list_only(&self) -> bool {
        let is_list = |id| id == component::PARTICIPANT_LIST;
        self.commit.components.iter().all(|one| is_list(one.id))
    }

    /// Whether the list changes only by users whose last clients go.
    fn strikes_only(&self, after: &RoomState, gone: &BTreeSet<u32>) -> bool {
        let going: BTreeSet<_> = gone
            .iter()
            .filter_map(|leaf| self.tree.get(leaf))
            .map(|occupant| &occupant.user)
            .collect();
        let changes = self.committed.participants.changes_to(&after.participants);
        changes
            .iter()
            .all(|change| change.to == Role::None.index() && going.contains(&change.user))
    }

    /// A new leaf has the key that was current before, or shows that its key succeeded that one.
    /// Only if another user takes away all that stood may a user begin anew.
    pub(super) fn check_arrivals(
        &self,
        gone: &BTreeSet<u32>,
        arrived: &Arrived,
    ) -> Result<(), PolicyViolation> {
        for added in &arrived.added {
            let anew = added.user != self.actor.user && self.all_gone(added, gone);
            if !anew {
                self.check_arrival(added)?;
            }
        }
        let mut own = arrived.updated.iter().chain(&self.actor.joining);
        own.try_for_each(|leaf| self.check_arrival(leaf))
    }

    fn all_gone(&self, added: &Occupant, gone: &BTreeSet<u32>) -> bool {
        let mut before = self.tree.iter().filter(|(_, one)| one.user == added.user);
        before.all(|(leaf, _)| gone.contains(leaf))
    }

    fn check_arrival(&self, arriving: &Occupant) -> Result<(), PolicyViolation> {
        let Some(current) = self.current.get(&arriving.user) else {
            return Ok(());
        };
        if arriving.claim.uik == *current || arriving.claim.succeeded.contains(current) {
            Ok(())
        } else {
            Err(PolicyViolation::SuccessionMissing(arriving.user.clone()))
        }
    }
}
