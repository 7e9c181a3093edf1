//! Joining by oneself: a participant's device asks the hub for the room's state and commits its own
//! leaf in. Nobody needs to be awake.
//!
//! The surprise: the group exists before the hub has accepted it. If another commit is faster the
//! group is thrown away and made anew from the newer state.

use grove_mls::member::external::{self, ExternalError};
use grove_mls::room::PolicyViolation;
use grove_mls::suite::Suite;
use grove_wire::api::rooms::EpochTree;
use grove_wire::codec;
use grove_wire::mimi::group_info::GroupInfoRatchetTreeTbe;
use grove_wire::mimi::update::{HandshakeBundle, RatchetTreeOption, UpdateRequest};
use grove_wire::mls::{MlsMessage, RatchetTree};
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;

use super::handshake::{Accepted, HandshakeError, Verdict, take_back};
use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::event::Event;
use crate::failure::{Class, Classified};
use crate::receive::chain;
use crate::receive::loss::{self, Signer};
use crate::step::{GroupError, Step};
use crate::store::{LostCause, Outgoing, OutgoingKind, Room, RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};
use crate::{account_room, call, notes, tally, trust};

/// The external commit is made anew at most so often.
const ATTEMPTS: u32 = 30;

/// A room could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// This client is in the room already.
    #[error("you are in this room already")]
    Already,
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Others were faster again and again.
    #[error("the room changes too fast; try again")]
    Contended,
    /// The commit does not fit into a request.
    #[error("the commit does not fit into a request")]
    Encode(#[from] codec::EncodeError),
    /// The room's MLS state failed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The hub was asked and failed, or refused.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The room names another key for its hub than this account's server has.
    #[error("the room's hub has another key than this server")]
    HubKey,
    /// The room's state is not acceptable, or the commit cannot be made.
    #[error("the room cannot be joined")]
    Make(#[source] ExternalError),
    /// No cipher suite is left in the account.
    #[error("this account knows no cipher suite")]
    NoSuite,
    /// The user is on the room's list, but has no device in the room that would show who they are:
    /// a first device is added by somebody who is in.
    #[error("you have no device in this room yet; ask somebody in it to invite you again")]
    NotAdded,
    /// There is no such room, or the user is not on its list.
    #[error("there is no such room, or you are not on its list")]
    NotListed,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for JoinError {
    fn class(&self) -> Class {
        match self {
            Self::Already => Class::Unknown,
            Self::Call(error) => error.class(),
            Self::Contended => Class::Contended,
            Self::Encode(_) => Class::Failure,
            Self::Group(error) => error.class(),
            Self::Handshake(error) => error.class(),
            Self::HubKey => Class::Identity,
            Self::Make(_) | Self::NoSuite | Self::NotAdded | Self::NotListed => Class::Refused,
            Self::Store(_) => Class::Store,
        }
    }
}

/// What came of an external commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// This client is in.
    Made,
    /// Another commit came first.
    TooLate,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Joins a room in which another device of the user stands, or stood when this one lost its
    /// state, or that is open to everybody: without an invitation to this device.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(&mut self, room: &RoomUri) -> Result<(), JoinError> {
        self.resume_handshakes(room).await?;
        for attempt in 0..ATTEMPTS {
            if self
                .transaction(|step| step.tx.find_room(room))?
                .is_some_and(|room| room.state == RoomState::Joined)
            {
                return if attempt == 0 {
                    Err(JoinError::Already)
                } else {
                    Ok(())
                };
            }
            let answer = self.fetch_group_info(room).await?;
            match self.enter(room, &answer).await? {
                Entry::Made => return Ok(()),
                Entry::TooLate => self.pause(attempt).await,
            }
        }
        Err(JoinError::Contended)
    }

    /// Commits this client's leaf into the room as the hub has shown it.
    pub(crate) async fn enter(
        &mut self,
        room: &RoomUri,
        answer: &GroupInfoRatchetTreeTbe,
    ) -> Result<Entry, JoinError> {
        let tree = self.tree_of(room, answer).await?;
        let outgoing = self.transaction(|step| prepare(step, room, answer, &tree))?;
        match self.submit_handshake(&outgoing).await? {
            Verdict::Accepted(accepted) => {
                self.transaction(|step| joined(step, &outgoing, &accepted))?;
                Ok(Entry::Made)
            }
            Verdict::TooLate => {
                // If it does stand there, the next one takes the place of its leaf.
                self.transaction(|step| take_back(step, &outgoing))?;
                Ok(Entry::TooLate)
            }
        }
    }

    /// Hands in again what an earlier run left.
    pub(crate) async fn resume_join(&mut self, outgoing: &Outgoing) -> Result<(), HandshakeError> {
        match self.submit_handshake(outgoing).await? {
            Verdict::Accepted(accepted) => {
                Ok(self.transaction(|step| joined(step, outgoing, &accepted))?)
            }
            Verdict::TooLate => Ok(self.transaction(|step| take_back(step, outgoing))?),
        }
    }

    /// The room as the hub shows it to a participant.
    pub(crate) async fn fetch_group_info(
        &mut self,
        room: &RoomUri,
    ) -> Result<GroupInfoRatchetTreeTbe, JoinError> {
        let suites = self.transaction(|step| step.account())?.suites;
        let suite = suites
            .into_iter()
            .find_map(Suite::from_code)
            .ok_or(JoinError::NoSuite)?;
        let (request, secret) =
            external::request_group_info(&self.identity.device, suite).map_err(JoinError::Make)?;
        let path = format!("/v1/groupInfo/{}", room.path_segment());
        let response = match self
            .ask(Method::Post, &path, Body::Octets(codec::encode(&request)?))
            .await
        {
            Ok(response) => response,
            Err(error) if error.problem() == Some(ProblemType::NotFound) => {
                return Err(JoinError::NotListed);
            }
            Err(error) => return Err(error.into()),
        };
        let response = response.decode()?;
        let ours = room.hub() == self.identity.client.provider();
        let hub = ours.then_some(&self.identity.server_key);
        external::open_group_info(&secret, &response, room, hub).map_err(JoinError::Make)
    }

    async fn tree_of(
        &mut self,
        room: &RoomUri,
        answer: &GroupInfoRatchetTreeTbe,
    ) -> Result<RatchetTree, JoinError> {
        match &answer.ratchet_tree {
            RatchetTreeOption::Full(tree) => Ok(tree.clone()),
            RatchetTreeOption::DistributionService => {
                let tree = self.fetch_tree(room, answer.group_info.epoch()).await?;
                Ok(tree.ratchet_tree)
            }
            RatchetTreeOption::HttpsUri(_) | RatchetTreeOption::OutOfBand => {
                Err(call::incompatible("the room's tree is kept elsewhere").into())
            }
        }
    }

    /// The room's tree in an epoch, from the hub. Whether it is the right one is checked by whoever
    /// uses it, against the signed GroupContext.
    pub(crate) async fn fetch_tree(
        &mut self,
        room: &RoomUri,
        epoch: u64,
    ) -> Result<EpochTree, CallError> {
        let path = format!("/v1/rooms/{}/tree/{epoch}", room.path_segment());
        let response = self.ask(Method::Get, &path, Body::None).await?;
        response.decode()
    }
}

fn prepare(
    step: &mut Step<'_>,
    room: &RoomUri,
    answer: &GroupInfoRatchetTreeTbe,
    tree: &RatchetTree,
) -> Result<Outgoing, JoinError> {
    let now = step.now;
    let mut known = match step.tx.find_room(room)? {
        Some(known) => known,
        // A newer copy of this database, that was lost, may have counted there from 1.
        None => Room {
            counter: now.max(1),
            ..notes::new_room(step, room, RoomState::Joining)?
        },
    };
    if matches!(known.state, RoomState::Left | RoomState::Removed) {
        known.lost = None;
    }
    if step.epoch_of(room)?.is_none() {
        // What cannot be read is not compared with what the hub offers either.
        step.forget_group(room)?;
    }
    let seen = newest_seen(step, &known)?;
    let pending: Vec<MlsMessage> = answer
        .pending_proposals
        .iter()
        .map(|pending| pending.proposal.clone())
        .collect();
    let (group, bundle) = step.records(|storage, identity| {
        external::external_commit(
            storage,
            &identity.device,
            &answer.group_info,
            tree,
            &pending,
            room,
            Some(seen),
        )
        .map_err(|refused| match refused {
            ExternalError::Policy(PolicyViolation::EntersByAdd(_)) => JoinError::NotAdded,
            refused => JoinError::Make(refused),
        })
    })?;
    if room.hub() == step.identity.client.provider()
        && *group.server_key() != step.identity.server_key
    {
        return Err(JoinError::HubKey);
    }
    let epoch = group.epoch();
    step.keep_group(room, group);
    tally::forget(step, room)?;
    known.state = RoomState::Joining;
    known.leaf_since = now;
    known.keys_in_doubt = false;
    step.tx.put_room(&known)?;
    add_outgoing(step, room, epoch, bundle)
}

/// The newest epoch in which this client, or another device of the user, saw the room. The hub
/// offers no older one, or it is undoing what happened since.
fn newest_seen(step: &Step<'_>, room: &Room) -> Result<u64, StoreError> {
    let sightings = step.tx.list_sightings(&room.uri)?;
    let newest = sightings.iter().map(|sighting| sighting.epoch).max();
    Ok(room.epoch.max(newest.unwrap_or_default()))
}

fn add_outgoing(
    step: &mut Step<'_>,
    room: &RoomUri,
    epoch: u64,
    bundle: HandshakeBundle,
) -> Result<Outgoing, JoinError> {
    let mut outgoing = Outgoing {
        number: 0,
        room: room.clone(),
        kind: OutgoingKind::ExternalCommit,
        epoch,
        bytes: Some(codec::encode(&UpdateRequest { bundle })?),
        message_id: None,
    };
    outgoing.number = step.tx.add_outgoing(&outgoing)?;
    Ok(outgoing)
}

/// The own commit is the first entry this client need not read. If it was lost it is back, unless
/// the one who broke the room must be removed first: see `settle::heal`.
fn joined(step: &mut Step<'_>, outgoing: &Outgoing, accepted: &Accepted) -> Result<(), GroupError> {
    step.tx.remove_outgoing(outgoing.number)?;
    let Some(mut room) = step.tx.find_room(&outgoing.room)? else {
        return Ok(());
    };
    if room.state != RoomState::Joining {
        return Ok(());
    }
    trust::see_all(step, &room.uri)?;
    if room.lost.is_some() {
        // Between the state the hub has shown and the commit there is no other commit: messages
        // only.
        loss::pass_over(step, &mut room, accepted.seq.saturating_sub(1))?;
    }
    room.state = RoomState::Joined;
    room.epoch = outgoing.epoch;
    if let Some(lost) = &mut room.lost {
        lost.epoch = room.epoch;
    }
    room.seq = accepted.seq;
    room.head = None;
    room.removals_since = None;
    step.memory.behind.insert(room.uri.clone());
    let Some(lost) = &room.lost else {
        room.receipt = None;
        room.unreadable = 0;
        take_receipt(step, &mut room, accepted)?;
        notes::saw_room(step, &mut room)?;
        step.tx.put_room(&room)?;
        account_room::recognise(step, &room.uri)?;
        return Ok(step.tell(Event::RoomJoined { room: room.uri })?);
    };
    let signer_known = matches!(lost.cause, LostCause::Poisoned(Some(_)));
    take_receipt(step, &mut room, accepted)?;
    notes::saw_room(step, &mut room)?;
    if !signer_known {
        loss::end(step, &mut room, Signer::Stays)?;
    }
    step.tx.put_room(&room)?;
    account_room::recognise(step, &room.uri)
}

fn take_receipt(
    step: &mut Step<'_>,
    room: &mut Room,
    accepted: &Accepted,
) -> Result<(), GroupError> {
    match &accepted.receipt {
        Some(receipt) => chain::take_receipt(step, room, receipt.as_bytes()),
        None => Ok(()),
    }
}
