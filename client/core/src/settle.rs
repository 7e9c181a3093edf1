//! Doing over the network what was found to be to do: welcomes to join, gaps to fill, lost rooms to
//! come back into, removals to commit, profiles to pass on, KeyPackages, device lists and leaves to
//! renew, messages to send.
//!
//! It may be called at any time and does what is due; what cannot be done now is done by a later
//! call. One room's trouble does not stop the others; a server that does not answer stops it all.

mod device_list;
mod heal;
mod leaf;
mod pins;
mod profile;
mod proof;
mod recredential;
mod removals;
mod rooms_due;
mod welcome;

use std::time::Duration;

use grove_wire::uri::RoomUri;

use crate::call::CallError;
use crate::client::Client;
use crate::devices::PublishError;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::key_packages::RefillError;
use crate::outbox::FlushError;
use crate::receive::CatchUpError;
use crate::rooms::{CommitError, HandshakeError, InviteError, JoinError};
use crate::step::GroupError;
use crate::store::{Store, StoreError};
use crate::transport::Transport;
use crate::trouble::Trouble;

pub use heal::RejoinError;
pub use rooms_due::RoomsDue;

pub(crate) use heal::Pace;
pub(crate) use profile::{Turn, expect_profile};
pub(crate) use rooms_due::Due as RoomsDueMemory;

use heal::Standing;

/// What settling came to.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// What happened, in order.
    pub events: Vec<Numbered>,
    /// What could not be done now.
    pub troubles: Vec<Trouble>,
    /// Something will be due then: call [`Client::settle`] again.
    pub again_in: Option<Duration>,
}

/// Something could not be settled and stopped the rest.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A room's log could not be read.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// A commit failed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// Messages could not be sent.
    #[error(transparent)]
    Flush(#[from] FlushError),
    /// A room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A handshake could not be brought to an end.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// A room could not be joined anew.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The user's other devices could not be added to a room.
    #[error("your other devices could not be added")]
    Invite(#[from] InviteError),
    /// KeyPackages could not be made or uploaded.
    #[error("the stock of KeyPackages could not be filled")]
    KeyPackages(#[from] RefillError),
    /// The device list could not be renewed.
    #[error("the device list could not be renewed")]
    Renew(#[from] PublishError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for SettleError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::CatchUp(error) => error.class(),
            Self::Commit(error) => error.class(),
            Self::Flush(error) => error.class(),
            Self::Group(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::Join(error) => error.class(),
            Self::Invite(error) => error.class(),
            Self::KeyPackages(error) => error.class(),
            Self::Renew(error) => error.class(),
            Self::Store(error) => error.class(),
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Does what is due and needs the server.
    ///
    /// # Errors
    /// [`SettleError`] if the server cannot be reached or the store failed; what happened before
    /// that stands in the journal.
    pub async fn settle(&mut self) -> Result<Settled, SettleError> {
        self.settle_all().await?;
        Ok(Settled {
            events: self.take_heard(),
            troubles: self.take_troubles(),
            again_in: self.next_duty(),
        })
    }

    /// [`Client::settle`], whose events are handed out with those of the next call.
    pub(crate) async fn settle_all(&mut self) -> Result<(), SettleError> {
        let finished = self.finish_device_list().await;
        self.pass_over(finished, None).await?;
        self.join_welcomes().await?;
        let entered = self.enter_unknown_rooms().await;
        self.pass_over(entered, None).await?;
        let joined = self.join_due_rooms().await;
        self.pass_over(joined, None).await?;
        let tended = self.tend_due_rooms().await;
        self.pass_over(tended, None).await?;
        self.tell_siblings()?;
        for room in self.transaction(|step| step.tx.list_rooms())? {
            let settled = self.settle_room(&room.uri).await;
            if settled.is_err() {
                // Perhaps its MLS state failed: look again.
                self.memory.held.remove(&room.uri);
            }
            self.pass_over(settled, Some(&room.uri)).await?;
        }
        let kept = self.look_after_key_packages().await;
        self.pass_over(kept, None).await?;
        let renewed = self.renew_device_list().await;
        self.pass_over(renewed, None).await?;
        let pinned = self.pin_newcomers().await;
        self.pass_over(pinned, None).await?;
        let looked = self.look_at_devices().await;
        self.pass_over(looked, None).await
    }

    /// Whether what this trouble was about is not tried again before some time has passed.
    pub(crate) fn is_put_off(&self, trouble: &Trouble) -> bool {
        let now = self.environment.now();
        trouble.room.as_ref().is_some_and(|room| {
            self.memory.is_healing_put_off(room, now) || self.memory.rooms_due.is_put_off(room)
        })
    }

    /// How long until something is due that no frame announces.
    fn next_duty(&self) -> Option<Duration> {
        let duties = [
            self.next_removal(),
            self.memory.next_healing(),
            self.next_profile(),
            self.next_note(),
            self.memory.rooms_due.next(),
        ];
        let now = self.environment.now();
        let next = duties.into_iter().flatten().min();
        next.map(|due| Duration::from_millis(due.saturating_sub(now)))
    }

    async fn settle_room(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        self.miss_state(room)?;
        self.resume_handshakes(room).await?;
        if self.memory.behind.contains(room) || self.is_overdue(room)? {
            self.catch_up(room).await?;
        }
        self.ask_for_proof(room).await?;
        if self.heal(room).await? == Standing::Lost {
            return Ok(());
        }
        self.commit_due_removals(room).await?;
        self.add_siblings(room).await?;
        self.pass_profile_on(room).await?;
        self.renew_leaf(room).await?;
        self.flush_room(room).await?;
        Ok(())
    }
}
