//! Coming back into a room at once, because a person wants it.
//!
//! The surprise: it is done also where this device believes to follow. Whether it does is seen by
//! those who cannot read it as well, and a new leaf costs one commit.

use grove_wire::uri::RoomUri;

use super::{SettleError, Standing};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Numbered;
use crate::failure::{Class, Classified};
use crate::receive::{CatchUpError, loss};
use crate::rooms::HandshakeError;
use crate::step::{GroupError, Step};
use crate::store::{LostCause, RoomState, Store, StoreError};
use crate::transport::Transport;

/// A room could not be come back into.
#[derive(Debug, thiserror::Error)]
pub enum RejoinError {
    /// The room's log could not be read before.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// What an earlier run left could not be brought to an end.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// This device is in no such room: it left, or was removed.
    #[error("this device is not in this room any more; who is on its list can join it")]
    NotAMember,
    /// The user was taken off the room's list.
    #[error("you are not on the list of this room any more")]
    NotListed,
    /// It could not be done.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// Nothing is sent to a hub that was caught, not even this.
    #[error("sending to this room has stopped because of its server; the list of rooms says why")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for RejoinError {
    fn class(&self) -> Class {
        match self {
            Self::CatchUp(error) => error.class(),
            Self::Group(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::NotAMember | Self::NotListed => Class::Refused,
            Self::Settle(error) => error.class(),
            Self::Stopped => Class::Identity,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Comes back into a room as a new leaf, now. What can still be read of it is read first; the
    /// events say in one line what cannot.
    ///
    /// # Errors
    /// [`RejoinError`]. A room that could not be come back into yet is lost, and tried again by
    /// [`Client::settle`].
    pub async fn rejoin(&mut self, room: &RoomUri) -> Result<Vec<Numbered>, RejoinError> {
        self.resume_handshakes(room).await?;
        self.transaction(|step| check(step, room))?;
        self.catch_up(room).await?;
        self.transaction(|step| give_up_state(step, room))?;
        match self.come_back(room).await? {
            Standing::Good => Ok(self.take_heard()),
            Standing::Lost => Err(self.transaction(|step| why_not(step, room))?),
        }
    }
}

fn check(step: &mut Step<'_>, room: &RoomUri) -> Result<(), RejoinError> {
    let known = step.tx.find_room(room)?;
    let known = known.filter(|room| room.state == RoomState::Joined);
    let known = known.ok_or(RejoinError::NotAMember)?;
    match known.stop {
        Some(_) => Err(RejoinError::Stopped),
        None => Ok(()),
    }
}

fn why_not(step: &mut Step<'_>, room: &RoomUri) -> Result<RejoinError, StoreError> {
    let known = step.tx.find_room(room)?;
    if known.is_some_and(|room| room.stop.is_some()) {
        return Ok(RejoinError::Stopped);
    }
    Ok(RejoinError::NotListed)
}

/// What this device has of the room is given up, unless it is on its way back already.
fn give_up_state(step: &mut Step<'_>, room: &RoomUri) -> Result<(), RejoinError> {
    check(step, room)?;
    let Some(mut known) = step.tx.find_room(room)? else {
        return Err(RejoinError::NotAMember);
    };
    if known.lost.is_none() {
        let (read, now) = (known.seq, step.now);
        step.forget_group(room)?;
        loss::lose(step, &mut known, LostCause::State, read, now)?;
        step.tx.put_room(&known)?;
    }
    Ok(())
}
