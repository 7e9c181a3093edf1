//! Handing handshakes to the hub: the bytes are in the outbox before they leave, and stay there
//! until the hub's verdict is known.
//!
//! The surprise: nothing is merged here. An own commit is merged when it is read in the log, like
//! everybody's; a verdict only says whether to wait for it or to start over.

use grove_mls::identity::SignedReceipt;
use grove_wire::mimi::update::UpdateRoomResponse;
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;

use crate::call::{self, Answer, CallError, Refusal};
use crate::client::Client;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified};
use crate::receive::{CatchUpError, chain, is_leaving};
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, Outgoing, OutgoingKind, Room, RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// A handshake could not be brought to an end.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The log could not be read up to the change.
    #[error("the room's log could not be read up to the change")]
    CatchUp(#[source] Box<CatchUpError>),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// This client lost the room's state and has to come back into it first.
    #[error(
        "this device cannot follow the room at the moment and is coming back into it; try again"
    )]
    Lost,
    /// The hub says to have accepted a change, and something else stands in the log. The change
    /// waits.
    #[error(
        "the server says to have accepted a change of the room that does not stand in its log; the \
         change is not made, and waits"
    )]
    NotInLog,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hub does not sign for a change that it says to have accepted. The change waits.
    #[error(
        "the server does not sign for a change of the room that it says to have accepted; the \
         change may not be made, and waits"
    )]
    Unsigned,
}

impl Classified for HandshakeError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::CatchUp(error) => error.class(),
            Self::Group(error) => error.class(),
            Self::Lost => Class::Unavailable,
            Self::NotInLog | Self::Unsigned => Class::Identity,
            Self::Store(error) => error.class(),
        }
    }
}

impl From<CatchUpError> for HandshakeError {
    fn from(error: CatchUpError) -> Self {
        Self::CatchUp(Box::new(error))
    }
}

/// What the hub says to have accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// Its place in the log.
    pub(crate) seq: u64,
    /// The hub's signed receipt, if it gives any.
    pub(crate) receipt: Option<SignedReceipt>,
}

impl Accepted {
    /// Reads the headers of a verdict.
    pub(crate) fn read(answer: &Answer) -> Result<Self, CallError> {
        let seq = answer
            .header("MIMI-Seq")
            .and_then(|value| value.parse().ok())
            .filter(|seq| *seq < BEYOND)
            .ok_or_else(|| call::incompatible("the answer has no MIMI-Seq"))?;
        let receipt = answer
            .header("Grove-Receipt")
            .and_then(grove_wire::api::Base64Url::decode)
            .and_then(|bytes| SignedReceipt::decode(bytes.as_bytes()).ok());
        Ok(Self { seq, receipt })
    }
}

/// The hub's verdict on a handshake.
pub(crate) enum Verdict {
    /// The hub has signed that it stands in the log. Whether it does is seen there.
    Accepted(Accepted),
    /// Another commit came first, or it stands in the log already.
    TooLate,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Hands an entry of the outbox to the hub. It stays in the outbox, unless it is refused; what
    /// comes too late is judged by [`Client::is_in_log`].
    pub(crate) async fn submit_handshake(
        &mut self,
        outgoing: &Outgoing,
    ) -> Result<Verdict, HandshakeError> {
        let path = format!("/v1/update/{}", outgoing.room.path_segment());
        let body = Body::Octets(outgoing.bytes.clone().unwrap_or_default());
        let answered = self.ask(Method::Post, &path, body).await;
        match answered.and_then(|answer| read_verdict(&answer)) {
            Ok(Verdict::Accepted(accepted)) => {
                if !self.transaction(|step| is_signed(step, outgoing, &accepted))? {
                    return Err(HandshakeError::Unsigned);
                }
                Ok(Verdict::Accepted(accepted))
            }
            Ok(Verdict::TooLate) => Ok(Verdict::TooLate),
            Err(error) if error.problem() == Some(ProblemType::WrongEpoch) => Ok(Verdict::TooLate),
            Err(error) => {
                if error.verdict().is_some() {
                    self.transaction(|step| take_back(step, outgoing))?;
                }
                Err(error.into())
            }
        }
    }

    /// What the hub calls too late may stand in the log: it was accepted, and the answer lost.
    /// Reads the log, and if it does not stand there takes it out of the outbox.
    pub(crate) async fn is_in_log(&mut self, outgoing: &Outgoing) -> Result<bool, HandshakeError> {
        self.catch_up(&outgoing.room).await?;
        self.transaction(|step| {
            let stands = stands_in_log(step, outgoing)?;
            if !stands {
                take_back(step, outgoing)?;
            }
            Ok(stands)
        })
    }

    /// Brings to an end what an earlier run, or a lost answer, left in the outbox of a room.
    pub(crate) async fn resume_handshakes(&mut self, room: &RoomUri) -> Result<(), HandshakeError> {
        let waiting = self.transaction(|step| step.tx.list_outgoing(room))?;
        for outgoing in waiting {
            match outgoing.kind {
                OutgoingKind::Application { .. } => {}
                OutgoingKind::Commit => self.resume_commit(&outgoing).await?,
                OutgoingKind::Creation => self.submit_creation(&outgoing).await?,
                OutgoingKind::ExternalCommit => self.resume_join(&outgoing).await?,
                OutgoingKind::Leaving => self.resume_leaving(&outgoing).await?,
            }
        }
        Ok(())
    }

    async fn resume_commit(&mut self, outgoing: &Outgoing) -> Result<(), HandshakeError> {
        match self.submit_handshake(outgoing).await {
            Ok(Verdict::Accepted(accepted)) => self.find_in_log(outgoing, accepted.seq).await,
            Ok(Verdict::TooLate) => {
                if self.is_in_log(outgoing).await? {
                    return Ok(());
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

    /// Tells that a change begun earlier did not come about.
    pub(crate) fn lost(&mut self, outgoing: &Outgoing, reason: &str) -> Result<(), HandshakeError> {
        self.transaction(|step| {
            step.tell(Event::Warning {
                room: Some(outgoing.room.clone()),
                kind: WarningKind::ChangeLost,
                text: format!("a change of the room was not accepted: {reason}"),
            })
        })?;
        Ok(())
    }

    /// Reads the log until an own handshake that was accepted was read in it.
    pub(crate) async fn find_in_log(
        &mut self,
        outgoing: &Outgoing,
        seq: u64,
    ) -> Result<(), HandshakeError> {
        self.read_up_to(&outgoing.room, seq).await?;
        // Reading it takes it out of the outbox.
        match self.transaction(|step| step.tx.find_outgoing(outgoing.number))? {
            Some(_) => Err(HandshakeError::NotInLog),
            None => Ok(()),
        }
    }

    /// Reads the log until an entry that is known to be in it was read.
    pub(super) async fn read_up_to(
        &mut self,
        room: &RoomUri,
        seq: u64,
    ) -> Result<(), HandshakeError> {
        for _ in 0..8 {
            self.catch_up(room).await?;
            let read = self.transaction(|step| step.tx.find_room(room))?;
            if read.is_none_or(|room| room.seq >= seq) {
                return Ok(());
            }
        }
        Err(call::incompatible("an accepted entry is not in the log").into())
    }
}

/// Whether the hub has signed that a handshake stands in the log, as a home server must.
fn is_signed(
    step: &mut Step<'_>,
    outgoing: &Outgoing,
    accepted: &Accepted,
) -> Result<bool, GroupError> {
    let Some(mut room) = step.tx.find_room(&outgoing.room)? else {
        return Ok(true);
    };
    let receipt = accepted.receipt.as_ref().map(SignedReceipt::as_bytes);
    if room.state == RoomState::Joining {
        return chain::is_signed_by_hub(step, &room, accepted.seq, receipt);
    }
    let is_news = step.tx.find_outgoing(outgoing.number)?.is_some();
    let is_signed = chain::accept(step, &mut room, accepted.seq, receipt, is_news)?;
    step.tx.put_room(&room)?;
    Ok(is_signed)
}

/// Whether an entry of the outbox was read in the log.
fn stands_in_log(step: &Step<'_>, outgoing: &Outgoing) -> Result<bool, StoreError> {
    let known = step.tx.find_room(&outgoing.room)?;
    let is_in = |room: &Room| room.state == RoomState::Joined && room.lost.is_none();
    match (outgoing.kind, &known) {
        // Reading it takes it out of the outbox.
        (OutgoingKind::Commit, Some(room)) if is_in(room) => {
            Ok(step.tx.find_outgoing(outgoing.number)?.is_none())
        }
        (OutgoingKind::Leaving, Some(room)) => {
            Ok(room.state != RoomState::Joined || is_leaving(step, room)?)
        }
        _ => Ok(false),
    }
}

fn read_verdict(answer: &Answer) -> Result<Verdict, CallError> {
    match answer.decode()? {
        UpdateRoomResponse::Success { .. } => Ok(Verdict::Accepted(Accepted::read(answer)?)),
        UpdateRoomResponse::WrongEpoch { .. } => Ok(Verdict::TooLate),
        UpdateRoomResponse::NotAllowed { description }
        | UpdateRoomResponse::InvalidProposal { description, .. } => {
            let refusal = Refusal::new(ProblemType::CommitRefused, description);
            Err(CallError::Refused(refusal))
        }
    }
}

/// Takes a handshake that will never be accepted out of the outbox, and the group's pending commit
/// with it. Another process may have done so already.
pub(super) fn take_back(step: &mut Step<'_>, outgoing: &Outgoing) -> Result<(), GroupError> {
    if step.tx.find_outgoing(outgoing.number)?.is_none() {
        return Ok(());
    }
    step.tx.remove_outgoing(outgoing.number)?;
    match outgoing.kind {
        OutgoingKind::Commit => discard(step, &outgoing.room),
        OutgoingKind::ExternalCommit | OutgoingKind::Creation => {
            step.forget_group(&outgoing.room)?;
            if let Some(mut room) = step.tx.find_room(&outgoing.room)? {
                // Whoever is on the way back into a room tries again.
                room.state = match room.lost {
                    Some(_) => RoomState::Joined,
                    None => RoomState::Left,
                };
                step.tx.put_room(&room)?;
            }
            Ok(())
        }
        OutgoingKind::Application { .. } | OutgoingKind::Leaving => Ok(()),
    }
}

fn discard(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let discarded = step.group(room, |group, storage, _| {
        group
            .discard_pending(storage)
            .map_err(|error| GroupError::Unusable(Box::new(error)))
    });
    match discarded {
        // With the keys the commit is gone as well.
        Err(GroupError::NotAMember | GroupError::Unusable(_)) => Ok(()),
        other => other,
    }
}
