//! The outbox: messages wait here, in order, until the hub has accepted them.
//!
//! A message is sealed and its bytes stored in one step, before anything is sent; the same bytes go
//! out on every attempt, and the hub answers a repeat with the same place in the log. Only when the
//! room has moved to another epoch without them are they sealed anew.
//!
//! The surprise: that the epoch has moved is enough to know that the old bytes were never accepted.
//! The log is one order; had they been, this client would have read them before the commit.

mod said;
mod verdicts;

pub(crate) use said::{Said, find_said, forget_said};
pub(crate) use verdicts::{abandon, accepted_by_log, give_up, taken_after_all};

use grove_mls::franking;
use grove_mls::member::SealError;
use grove_wire::codec::{self, EncodeError};
use grove_wire::mimi::Protocol;
use grove_wire::mimi::submit_message::{SubmitMessageRequest, SubmitMessageResponse};
use grove_wire::mls::MlsMessage;
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::message::MessageStatus;
use crate::receive::{CatchUpError, loss};
use crate::rooms::{Accepted, CommitError, STUCK};
use crate::step::{GroupError, Step};
use crate::store::{
    BEYOND, ContentKind, Outgoing, OutgoingKind, Room, RoomState, Store, StoreError, StoredMessage,
};
use crate::transport::{Body, Method, Transport};
use crate::trust::{self, CheckError, TrustError};
use crate::{call, draft, notes, tally};
use verdicts::{accepted_by_hub, refuse_next, refused_by_hub};

/// A message is sealed anew at most so often in a row.
const ATTEMPTS: u32 = 30;

/// The outbox of a room could not be emptied.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The hub was asked and failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The room's log could not be read.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
    /// Pending removals could not be committed, or new keys not taken, which comes first.
    #[error("the room could not be changed before sending, which comes first")]
    Commit(#[from] CommitError),
    /// The room changed again and again.
    #[error("the room changes too fast; what waits is sent later")]
    Contended,
    /// The request does not fit its bounds.
    #[error("the message does not fit into a request")]
    Encode(#[from] EncodeError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A message could not be sealed.
    #[error("the message cannot be sealed")]
    Seal(#[source] SealError),
    /// The hub was caught showing different logs, or does not give what it has signed for.
    #[error("sending to this room has stopped because of its server; the list of rooms says why")]
    Stopped,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody's identity changed.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Classified for FlushError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::CatchUp(error) => error.class(),
            Self::Commit(error) => error.class(),
            Self::Contended => Class::Contended,
            Self::Encode(_) | Self::Seal(_) => Class::Failure,
            Self::Group(error) => error.class(),
            Self::Stopped | Self::Trust(_) => Class::Identity,
            Self::Store(_) => Class::Store,
        }
    }
}

impl From<CheckError> for FlushError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Call(error) => Self::Call(error),
            CheckError::Group(error) => Self::Group(error),
            CheckError::Store(error) => Self::Store(error),
            CheckError::Trust(error) => Self::Trust(error),
        }
    }
}

/// What became of the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FlushReport {
    /// Messages the hub accepted.
    pub sent: u64,
    /// Messages it refused for good, in this and earlier runs.
    pub failed: u64,
    /// Messages that still wait.
    pub queued: u64,
    /// The server could not be reached.
    pub unreachable: bool,
    /// Rooms to which nothing is sent until a person decides.
    pub stopped: Vec<RoomUri>,
}

/// The hub's verdict on a message.
enum Verdict {
    Accepted { accepted: Accepted, time: u64 },
    Refused(String),
    TooOld,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Sends what waits, in all rooms. What cannot be sent goes on waiting.
    ///
    /// # Errors
    /// [`FlushError`] if the store failed.
    pub async fn flush(&mut self) -> Result<FlushReport, FlushError> {
        let mut report = FlushReport::default();
        let before = self.transaction(|step| step.tx.count_messages(MessageStatus::Sent))?;
        for room in self.transaction(|step| step.tx.list_rooms())? {
            match self.flush_room(&room.uri).await {
                Ok(()) => {}
                Err(FlushError::Store(error)) => return Err(error.into()),
                Err(error) if error.class() == Class::Identity => report.stopped.push(room.uri),
                Err(error) => {
                    if self.pass_over(Err(error), Some(&room.uri)).await.is_err() {
                        report.unreachable = true;
                        break;
                    }
                }
            }
        }
        self.transaction(|step| {
            report.sent = step
                .tx
                .count_messages(MessageStatus::Sent)?
                .saturating_sub(before);
            report.failed = step.tx.count_messages(MessageStatus::Failed)?;
            report.queued = step.tx.count_messages(MessageStatus::Queued)?;
            Ok::<_, StoreError>(())
        })?;
        Ok(report)
    }

    /// Sends what waits in one room, in order, until nothing waits.
    pub(crate) async fn flush_room(&mut self, room: &RoomUri) -> Result<(), FlushError> {
        let (mut attempt, mut stuck) = (0, 0);
        if self.has_waiting(room)? {
            self.catch_up_once(room).await?;
        }
        while self.has_waiting(room)? {
            self.prepare_to_send(room).await?;
            let outgoing = match self.transaction(|step| seal_next(step, room)) {
                Ok(Next::Sealed(outgoing)) => outgoing,
                Ok(Next::Nothing) => return Ok(()),
                Ok(Next::KeysInDoubt) => {
                    self.take_new_keys(room).await?;
                    attempt = self.another(attempt).await?;
                    continue;
                }
                Err(FlushError::Seal(SealError::PendingProposals)) => {
                    self.commit_pending(room).await?;
                    attempt = self.another(attempt).await?;
                    continue;
                }
                Err(FlushError::Seal(error)) => {
                    self.transaction(|step| refuse_next(step, room, &error.to_string()))?;
                    continue;
                }
                Err(other) => return Err(other),
            };
            match self.submit(&outgoing).await? {
                Verdict::Accepted { accepted, time } => {
                    self.transaction(|step| accepted_by_hub(step, &outgoing, &accepted, time))?;
                    attempt = 0;
                }
                Verdict::Refused(reason) => {
                    self.transaction(|step| refused_by_hub(step, &outgoing, &reason))?;
                }
                Verdict::TooOld => {
                    attempt = self.another(attempt).await?;
                    self.catch_up(room).await?;
                    stuck += u32::from(self.is_still_in(room, outgoing.epoch)?);
                    if stuck >= STUCK {
                        self.transaction(|step| loss::astray(step, room))?;
                        return Err(FlushError::Contended);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether messages may be sent to a room: its leaves of our own devices are made right first,
    /// so that nothing is sealed for one that was taken off; then all its members are looked at.
    pub(crate) async fn prepare_to_send(&mut self, room: &RoomUri) -> Result<(), FlushError> {
        match self.tend_own_leaves(room).await {
            Ok(()) => {}
            // Whether that is a reason not to send is seen by looking at who is there.
            Err(error) if matches!(error.class(), Class::Refused | Class::Failure) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(%room, error, "own leaves are not up to date");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(self.check_members(room).await?)
    }

    async fn another(&self, attempt: u32) -> Result<u32, FlushError> {
        if attempt >= ATTEMPTS {
            return Err(FlushError::Contended);
        }
        self.pause(attempt).await;
        Ok(attempt.saturating_add(1))
    }

    fn has_waiting(&mut self, room: &RoomUri) -> Result<bool, FlushError> {
        self.transaction(|step| {
            let Some(known) = step.tx.find_room(room)? else {
                return Ok(false);
            };
            let waiting = next(step, room)?.is_some();
            match known.state {
                RoomState::Creating | RoomState::Joining => Ok(false),
                RoomState::Left | RoomState::Removed => {
                    abandon(step, room, "you are not in the room any more")?;
                    Ok(false)
                }
                // It waits until this client is back in.
                RoomState::Joined if known.lost.is_some() => Ok(false),
                RoomState::Joined if waiting && known.stop.is_some() => Err(FlushError::Stopped),
                RoomState::Joined => Ok(waiting),
            }
        })
    }

    /// Commits the removals that wait in a room, if any still do.
    pub(crate) async fn commit_pending(&mut self, room: &RoomUri) -> Result<(), CommitError> {
        self.commit(room, |group, storage, identity| {
            if group.pending().refs.is_empty() {
                return Ok(None);
            }
            group.commit_pending(storage, &identity.device).map(Some)
        })
        .await
    }

    async fn submit(&mut self, outgoing: &Outgoing) -> Result<Verdict, FlushError> {
        let sealed = outgoing.bytes.clone().unwrap_or_default();
        let request = SubmitMessageRequest {
            protocol: Protocol::Mls10,
            app_message: MlsMessage::from_bytes(sealed)
                .map_err(|error| StoreError::Damaged(error.to_string()))?,
            sending_uri: self.identity.user.clone(),
        };
        let path = format!("/v1/submitMessage/{}", outgoing.room.path_segment());
        let response = match self
            .ask(Method::Post, &path, Body::Octets(codec::encode(&request)?))
            .await
        {
            Ok(response) => response,
            Err(error) if error.problem() == Some(ProblemType::WrongEpoch) => {
                return Ok(Verdict::TooOld);
            }
            Err(error) => {
                return match error.verdict() {
                    Some(refusal) => Ok(Verdict::Refused(refusal.text.clone())),
                    None => Err(error.into()),
                };
            }
        };
        match response.decode() {
            Ok(SubmitMessageResponse::Accepted {
                accepted_timestamp, ..
            }) if accepted_timestamp < BEYOND => Ok(Verdict::Accepted {
                accepted: Accepted::read(&response)?,
                time: accepted_timestamp,
            }),
            Ok(SubmitMessageResponse::Accepted { .. }) => {
                Err(call::incompatible("an answer with no time").into())
            }
            Ok(SubmitMessageResponse::EpochTooOld { .. }) => Ok(Verdict::TooOld),
            Ok(SubmitMessageResponse::NotAllowed) => {
                Ok(Verdict::Refused("it is not allowed".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What is to be sent next.
enum Next {
    Nothing,
    Sealed(Outgoing),
    /// The keys at hand may have been used by a copy of this device.
    KeysInDoubt,
}

/// The first message that waits in a room.
fn next(step: &Step<'_>, room: &RoomUri) -> Result<Option<(Outgoing, u64)>, StoreError> {
    Ok(step
        .tx
        .list_outgoing(room)?
        .into_iter()
        .find_map(|outgoing| match outgoing.kind {
            OutgoingKind::Application { message } => Some((outgoing, message)),
            _ => None,
        }))
}

/// Seals the first message that waits, unless its bytes are good already.
fn seal_next(step: &mut Step<'_>, room: &RoomUri) -> Result<Next, FlushError> {
    let Some((mut outgoing, number)) = next(step, room)? else {
        return Ok(Next::Nothing);
    };
    let (Some(message), Some(room)) = (step.tx.find_message(number)?, step.tx.find_room(room)?)
    else {
        step.tx.remove_outgoing(outgoing.number)?;
        return Ok(Next::Nothing);
    };
    // Since it was last asked the log was read, or another process has read it.
    if room.stop.is_some() {
        return Err(FlushError::Stopped);
    }
    if room.state != RoomState::Joined || room.lost.is_some() {
        return Ok(Next::Nothing);
    }
    if room.keys_in_doubt {
        return Ok(Next::KeysInDoubt);
    }
    if message.kind == ContentKind::AccountNote {
        notes::check_recipients(step, &room.uri)?;
    }
    trust::check(step, &room.uri)?;
    let sent = tally::own(step, &room.uri)?;
    let sealed = step.group(&room.uri, |group, storage, identity| {
        let epoch = group.epoch();
        if outgoing.bytes.is_some() && outgoing.epoch == epoch {
            return Ok::<_, FlushError>(None);
        }
        let authenticator = Sha256::digest(group.epoch_authenticator()).into();
        let content = draft::content(&room, &message, authenticator, sent)?;
        let bytes = content.encode();
        let tag = franking::franking_tag(&message.salt, &bytes);
        let sealed = group
            .seal(storage, &identity.device, &bytes, tag)
            .map_err(FlushError::Seal)?;
        Ok(Some((
            epoch,
            sealed,
            content.message_id(&identity.user, &room.uri),
        )))
    })?;
    if let Some((epoch, sealed, id)) = sealed {
        outgoing.epoch = epoch;
        outgoing.bytes = Some(sealed.into_bytes());
        outgoing.message_id = Some(*id.as_bytes());
        step.tx.put_outgoing(&outgoing)?;
    }
    Ok(Next::Sealed(outgoing))
}

/// Puts a message into history and outbox. Counter and salt are fixed from here on.
pub(crate) fn enqueue(
    step: &mut Step<'_>,
    room: &mut Room,
    mut message: StoredMessage,
) -> Result<u64, StoreError> {
    message.counter = room.counter;
    room.counter = room.counter.saturating_add(1);
    step.tx.put_room(room)?;
    let number = step.tx.add_message(&message)?;
    step.tx.add_outgoing(&Outgoing {
        number: 0,
        room: room.uri.clone(),
        kind: OutgoingKind::Application { message: number },
        epoch: 0,
        bytes: None,
        message_id: None,
    })?;
    Ok(number)
}
