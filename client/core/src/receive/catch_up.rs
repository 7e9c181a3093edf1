//! Reading a room's log from the cursor on, by asking for it.

use grove_wire::api::events::ServerFrame;
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;

use super::{ReceiveError, Taken, chain, loss};
use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::rooms::HandshakeError;
use crate::step::{GroupError, Step};
use crate::store::{LostCause, RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// Entries asked for at once.
const BATCH: usize = 256;

/// A room's log could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The server was asked and failed, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What it answered could not be taken.
    #[error(transparent)]
    Receive(#[from] ReceiveError),
}

impl Classified for CatchUpError {
    fn class(&self) -> Class {
        match self {
            Self::Call(error) => error.class(),
            Self::Receive(error) => error.class(),
        }
    }
}

impl From<GroupError> for CatchUpError {
    fn from(error: GroupError) -> Self {
        Self::Receive(error.into())
    }
}

impl From<StoreError> for CatchUpError {
    fn from(error: StoreError) -> Self {
        Self::Receive(error.into())
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Reads a room's log to its end. A room that is not ours any more has no end to read to.
    pub(crate) async fn catch_up(&mut self, room: &RoomUri) -> Result<(), CatchUpError> {
        let mut asked_for_welcome = false;
        let mut signed;
        loop {
            signed = self.transaction(|step| chain::signed_seq(step, room))?;
            let Some(taken) = self.read_on(room).await? else {
                return Ok(());
            };
            if taken.new_entries > 0 {
                continue;
            }
            // What was signed for may lie before the entry from which on this client reads again.
            let is_short = self.transaction(|step| is_short(step, room, signed))?;
            if !taken.gap && !is_short {
                break;
            }
            if asked_for_welcome {
                if taken.gap {
                    self.transaction(|step| begins_later(step, room))?;
                }
                break;
            }
            asked_for_welcome = true;
            self.look_for_welcome().await?;
        }
        self.memory.behind.remove(room);
        self.memory.read.insert(room.clone());
        self.transaction(|step| match step.tx.find_room(room)? {
            Some(mut room) => chain::check_end(step, &mut room, signed),
            None => Ok(()),
        })?;
        Ok(())
    }

    /// [`Client::catch_up`], unless that was done in this run. It comes before the first message is
    /// sealed: a database that is an older copy of itself would use keys that were used, and nobody
    /// would read what the hub accepts.
    pub(crate) async fn catch_up_once(&mut self, room: &RoomUri) -> Result<(), CatchUpError> {
        if self.memory.read.contains(room) {
            return Ok(());
        }
        self.catch_up(room).await
    }

    /// Asks for what follows the cursor and takes it; none if nothing is to be read.
    async fn read_on(&mut self, room: &RoomUri) -> Result<Option<Taken>, CatchUpError> {
        let known = self.transaction(|step| step.tx.find_room(room))?;
        let under_way = |state| matches!(state, RoomState::Creating | RoomState::Joining);
        let Some(known) = known.filter(|room| !under_way(room.state)) else {
            return Ok(None);
        };
        let room = room.path_segment();
        let path = format!("/v1/rooms/{room}/log?after={}&limit={BATCH}", known.seq);
        let response = match self.ask(Method::Get, &path, Body::None).await {
            Err(error) if error.problem() == Some(ProblemType::NotFound) => {
                return Ok(Some(Taken::default()));
            }
            answered => answered?,
        };
        let mut all = Taken::default();
        for frame in &super::decode(response.octets()?).map_err(ReceiveError::from)? {
            let taken = self.take_frame(frame)?;
            all.new_entries += taken.new_entries;
            all.gap |= taken.gap;
        }
        Ok(Some(all))
    }

    /// The log goes on later than where this client stands: it was removed and let in again, and
    /// the Welcome is in its inbox.
    pub(crate) async fn look_for_welcome(&mut self) -> Result<(), CatchUpError> {
        let response = self
            .ask(Method::Get, "/v1/poll?wait_s=0", Body::None)
            .await?;
        for frame in &super::decode(response.octets()?).map_err(ReceiveError::from)? {
            if matches!(frame, ServerFrame::Inbox { .. }) {
                self.take_frame(frame)?;
            }
        }
        Ok(self.join_welcomes().await?)
    }

    /// [`Client::catch_up`], if this client is a member of the room, which it must then be able to
    /// follow.
    pub(crate) async fn catch_up_if_member(
        &mut self,
        room: &RoomUri,
    ) -> Result<(), HandshakeError> {
        let known = self.transaction(|step| step.tx.find_room(room))?;
        if known.is_some_and(|room| room.state == RoomState::Joined) {
            self.catch_up(room).await?;
        }
        let out = self.transaction(|step| match step.tx.find_room(room)? {
            Some(room) => loss::is_out(step, &room),
            None => Ok::<_, StoreError>(false),
        })?;
        if out {
            return Err(HandshakeError::Lost);
        }
        Ok(())
    }
}

/// Whether the hub has signed for more than what was read.
fn is_short(step: &Step<'_>, room: &RoomUri, signed: u64) -> Result<bool, StoreError> {
    let known = step.tx.find_room(room)?;
    Ok(known.is_some_and(|room| room.state == RoomState::Joined && room.seq < signed))
}

/// The log begins later than where this client stands, and no Welcome explains it: this device went
/// on without this database, which is an older copy.
fn begins_later(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    let known = step.tx.find_room(room)?;
    let Some(mut room) = known.filter(|room| room.state == RoomState::Joined) else {
        return Ok(());
    };
    let (read, now) = (room.seq, step.now);
    loss::lose(step, &mut room, LostCause::State, read, now)?;
    Ok(step.tx.put_room(&room)?)
}
