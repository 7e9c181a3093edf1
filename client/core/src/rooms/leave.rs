//! Leaving a room: proposals that anybody else commits.
//!
//! The surprise: MLS lets nobody remove itself by its own commit. So this client has left as soon
//! as the hub took its proposals, and the room's keys go when the commit that carries them out is
//! read.

use grove_mls::member;
use grove_wire::codec;
use grove_wire::mimi::update::UpdateRequest;
use grove_wire::uri::RoomUri;

use super::handshake::{HandshakeError, Verdict};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::{Class, Classified};
use crate::receive::is_leaving;
use crate::step::{GroupError, Step};
use crate::store::{Outgoing, OutgoingKind, RoomState, Store, StoreError};
use crate::transport::Transport;

/// The proposals are made anew at most so often.
const ATTEMPTS: u32 = 30;

/// A room could not be left.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// Others were faster again and again.
    #[error("the room changes too fast; try again")]
    Contended,
    /// The proposals do not fit into a request.
    #[error("the proposals do not fit into a request")]
    Encode(#[from] codec::EncodeError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The proposals cannot be made.
    #[error("the proposals to leave cannot be made")]
    Make(#[source] member::CommitError),
    /// This client is not a member of the room.
    #[error("you are not in this room")]
    NotAMember,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for LeaveError {
    fn class(&self) -> Class {
        match self {
            Self::Contended => Class::Contended,
            Self::Encode(_) => Class::Failure,
            Self::Group(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::Make(_) | Self::NotAMember => Class::Refused,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Leaves a room with all devices of the user.
    ///
    /// # Errors
    /// [`LeaveError`].
    pub async fn leave(&mut self, room: &RoomUri) -> Result<(), LeaveError> {
        self.resume_handshakes(room).await?;
        for attempt in 0..ATTEMPTS {
            self.catch_up_if_member(room).await?;
            let outgoing = self.transaction(|step| prepare(step, room))?;
            match self.submit_handshake(&outgoing).await? {
                Verdict::Accepted(accepted) => {
                    return Ok(self.find_leaving(&outgoing, accepted.seq).await?);
                }
                Verdict::TooLate => {
                    self.pause(attempt).await;
                    if self.is_in_log(&outgoing).await? {
                        return Ok(self.transaction(|step| left(step, &outgoing))?);
                    }
                }
            }
        }
        Err(LeaveError::Contended)
    }

    /// Hands in again what an earlier run left; proposals of an old epoch are made anew.
    pub(crate) async fn resume_leaving(
        &mut self,
        outgoing: &Outgoing,
    ) -> Result<(), HandshakeError> {
        match self.submit_handshake(outgoing).await {
            Ok(Verdict::Accepted(accepted)) => self.find_leaving(outgoing, accepted.seq).await,
            Ok(Verdict::TooLate) => {
                if self.is_in_log(outgoing).await? {
                    return self.transaction(|step| left(step, outgoing));
                }
                self.lost(outgoing, "another change came first")
            }
            Err(HandshakeError::Call(error)) => match error.verdict() {
                Some(refusal) => self.lost(outgoing, &refusal.text),
                None => Err(error.into()),
            },
            Err(other) => Err(other),
        }
    }

    /// Reads the proposals in the log: this client has left then.
    async fn find_leaving(&mut self, outgoing: &Outgoing, seq: u64) -> Result<(), HandshakeError> {
        self.read_up_to(&outgoing.room, seq).await?;
        self.transaction(|step| left(step, outgoing))
    }
}

fn prepare(step: &mut Step<'_>, room: &RoomUri) -> Result<Outgoing, LeaveError> {
    if step
        .tx
        .find_room(room)?
        .is_none_or(|room| room.state != RoomState::Joined)
    {
        return Err(LeaveError::NotAMember);
    }
    // A copy: the proposals bind this client when it reads them in the log, not when it makes them.
    let (epoch, bundle) = step.copy_of_group(room, |group, storage, identity| {
        let epoch = group.epoch();
        let bundle = group
            .leave(storage, &identity.device)
            .map_err(LeaveError::Make)?;
        Ok::<_, LeaveError>((epoch, bundle))
    })?;
    let mut outgoing = Outgoing {
        number: 0,
        room: room.clone(),
        kind: OutgoingKind::Leaving,
        epoch,
        bytes: Some(codec::encode(&UpdateRequest { bundle })?),
        message_id: None,
    };
    outgoing.number = step.tx.add_outgoing(&outgoing)?;
    Ok(outgoing)
}

fn left(step: &mut Step<'_>, outgoing: &Outgoing) -> Result<(), HandshakeError> {
    let Some(mut room) = step.tx.find_room(&outgoing.room)? else {
        return Ok(step.tx.remove_outgoing(outgoing.number)?);
    };
    let is_in = room.state == RoomState::Joined;
    if is_in && room.lost.is_none() && !is_leaving(step, &room)? {
        return Err(HandshakeError::NotInLog);
    }
    step.tx.remove_outgoing(outgoing.number)?;
    if is_in {
        room.state = RoomState::Left;
        step.tx.put_room(&room)?;
        step.tell(Event::RoomLeft {
            by_server: false,
            room: room.uri,
            by: None,
        })?;
    }
    Ok(())
}
