//! Doing over the network what was found to be to do: welcomes to join, gaps to fill, removals to
//! commit, profiles to pass on, KeyPackages, device lists and leaves to renew, messages to send.
//!
//! It may be called at any time and does what is due; what cannot be done now is done by a later
//! call. One room's trouble does not stop the others; an unreachable server stops it all.

mod device_list;
mod leaf;
mod pins;
mod profile;
mod removals;
mod welcome;

use std::time::Duration;

use grove_wire::uri::RoomUri;

use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::key_packages::RefillError;
use crate::outbox::FlushError;
use crate::receive::CatchUpError;
use crate::rooms::{CommitError, HandshakeError};
use crate::step::GroupError;
use crate::store::{Store, StoreError};
use crate::transport::Transport;

pub use device_list::RenewError;

/// What settling came to.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// What happened, in order.
    pub events: Vec<Numbered>,
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
    /// KeyPackages could not be made or uploaded.
    #[error("the stock of KeyPackages could not be filled")]
    KeyPackages(#[from] RefillError),
    /// The device list could not be renewed.
    #[error("the device list could not be renewed")]
    Renew(#[from] RenewError),
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
        self.join_welcomes().await?;
        for room in self.transaction(|step| step.tx.list_rooms())? {
            let settled = self.settle_room(&room.uri).await;
            pass_over(settled, Some(&room.uri))?;
        }
        let kept = self
            .look_after_key_packages()
            .await
            .map_err(SettleError::from);
        pass_over(kept, None)?;
        let renewed = self.renew_device_list().await.map_err(SettleError::from);
        pass_over(renewed, None)?;
        let pinned = self.pin_newcomers().await;
        pass_over(pinned, None)?;
        Ok(Settled {
            events: self.take_heard(),
            again_in: self.next_removal(),
        })
    }

    async fn settle_room(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        self.resume_handshakes(room).await?;
        if self.memory.behind.contains(room) {
            self.catch_up(room).await?;
        }
        self.commit_due_removals(room).await?;
        self.pass_profile_on(room).await?;
        self.renew_leaf(room).await?;
        self.flush_room(room).await?;
        Ok(())
    }
}

/// Trouble that concerns only one thing is logged and passed over.
fn pass_over(result: Result<(), SettleError>, room: Option<&RoomUri>) -> Result<(), SettleError> {
    match result {
        Err(error) if matches!(error.class(), Class::Unreachable | Class::Store) => Err(error),
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(room = room.map(RoomUri::as_str), error, "not settled");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
