//! Changing a room: make a commit, hand it in, and if another was faster, catch up and make it
//! anew.
//!
//! Whoever wants a change says how to make it, from whatever state the room has by then; `None`
//! means that nothing is left to change.

use std::time::Duration;

use grove_mls::member::{self, Group};
use grove_mls::room::validation::ValidLeaf;
use grove_mls::storage::MemberStorage;
use grove_wire::codec;
use grove_wire::mimi::update::{HandshakeBundle, UpdateRequest};
use grove_wire::uri::RoomUri;

use super::handshake::{HandshakeError, Verdict};
use crate::client::{Client, Identity};
use crate::environment::{Environment, jitter};
use crate::failure::{Class, Classified};
use crate::receive::loss;
use crate::step::{GroupError, Step, TxRecords};
use crate::store::{Outgoing, OutgoingKind, RoomState, Store, StoreError};
use crate::transport::Transport;
use crate::trust::{self, TrustError};

/// A commit is made anew at most so often. Each lost race means that somebody else got through.
const ATTEMPTS: u32 = 30;
/// The hub calls an epoch old, and its log does not lead on: not worth more attempts than these.
pub(crate) const STUCK: u32 = 3;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A change of a room failed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Others were faster again and again.
    #[error("the room changes too fast; try again")]
    Contended,
    /// The commit does not fit into a request.
    #[error("the change is too large for one commit")]
    Encode(#[from] codec::EncodeError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The commit cannot be made.
    #[error("the change cannot be made")]
    Make(#[source] member::CommitError),
    /// This client is not a member of the room.
    #[error("you are not in this room")]
    NotAMember,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody who was to be added is not who they were.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Classified for CommitError {
    fn class(&self) -> Class {
        match self {
            Self::Contended => Class::Contended,
            Self::Encode(_) => Class::Failure,
            Self::Group(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::Make(_) | Self::NotAMember => Class::Refused,
            Self::Store(error) => error.class(),
            Self::Trust(error) => error.class(),
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Makes and remakes a commit until one is in the log and merged, or nothing is left to do.
    pub(crate) async fn commit(
        &mut self,
        room: &RoomUri,
        make: impl FnMut(
            &mut Group,
            &MemberStorage<'_, TxRecords<'_>>,
            &Identity,
        ) -> Result<Option<HandshakeBundle>, member::CommitError>,
    ) -> Result<(), CommitError> {
        self.commit_adding(room, &[], make).await
    }

    /// The same, where the commit adds devices: in the transaction that makes it, they are judged
    /// by what is known then.
    pub(crate) async fn commit_adding(
        &mut self,
        room: &RoomUri,
        added: &[ValidLeaf],
        mut make: impl FnMut(
            &mut Group,
            &MemberStorage<'_, TxRecords<'_>>,
            &Identity,
        ) -> Result<Option<HandshakeBundle>, member::CommitError>,
    ) -> Result<(), CommitError> {
        self.resume_handshakes(room).await?;
        let mut stuck = 0;
        for attempt in 0..ATTEMPTS {
            let prepared = self.transaction(|step| {
                trust::check_leaves::<CommitError>(step, added)?;
                prepare(step, room, &mut make)
            })?;
            let Some(outgoing) = prepared else {
                return Ok(());
            };
            match self.submit_handshake(&outgoing).await? {
                Verdict::Accepted(accepted) => {
                    return Ok(self.find_in_log(&outgoing, accepted.seq).await?);
                }
                Verdict::TooLate => {
                    self.pause(attempt).await;
                    if self.is_in_log(&outgoing).await? {
                        return Ok(());
                    }
                    stuck += u32::from(self.is_still_in(room, outgoing.epoch)?);
                }
            }
            if stuck >= STUCK {
                self.transaction(|step| loss::astray(step, room))?;
                break;
            }
        }
        Err(CommitError::Contended)
    }

    /// Whether the log that was just read has not led out of an epoch the hub calls old.
    pub(crate) fn is_still_in(&mut self, room: &RoomUri, epoch: u64) -> Result<bool, StoreError> {
        let known = self.transaction(|step| step.tx.find_room(room))?;
        Ok(known.is_some_and(|room| room.epoch <= epoch))
    }

    /// Waits before another attempt: not at all at first, then longer each time, never in step
    /// with others.
    pub(crate) async fn pause(&self, attempt: u32) {
        let most = Duration::from_millis(20)
            .saturating_mul(1 << attempt.min(10))
            .min(LONGEST_PAUSE);
        self.environment
            .sleep(jitter(&self.environment, most))
            .await;
    }
}

/// Makes the commit and puts its bytes into the outbox, in one step.
fn prepare(
    step: &mut Step<'_>,
    room: &RoomUri,
    make: impl FnOnce(
        &mut Group,
        &MemberStorage<'_, TxRecords<'_>>,
        &Identity,
    ) -> Result<Option<HandshakeBundle>, member::CommitError>,
) -> Result<Option<Outgoing>, CommitError> {
    let known = step.tx.find_room(room)?;
    let known = known.filter(|room| room.state == RoomState::Joined);
    let known = known.ok_or(CommitError::NotAMember)?;
    if loss::is_out(step, &known)? {
        return Err(HandshakeError::Lost.into());
    }
    let made = step.group(room, |group, storage, identity| {
        let epoch = group.epoch();
        let bundle = make(group, storage, identity).map_err(CommitError::Make)?;
        Ok::<_, CommitError>(bundle.map(|bundle| (epoch, bundle)))
    })?;
    let Some((epoch, bundle)) = made else {
        return Ok(None);
    };
    let mut outgoing = Outgoing {
        number: 0,
        room: room.clone(),
        kind: OutgoingKind::Commit,
        epoch,
        bytes: Some(codec::encode(&UpdateRequest { bundle })?),
        message_id: None,
    };
    outgoing.number = step.tx.add_outgoing(&outgoing)?;
    Ok(Some(outgoing))
}
