//! Coming back into rooms that cannot be followed any more: by an external commit, told in one
//! line.
//!
//! After a commit that nobody can merge everybody comes back, and every return moves the epoch: the
//! members take turns by their leaves, and the first one whose role allows it removes the device
//! that signed the commit.
//!
//! The surprise: nothing here needs to be finished. What a crash leaves is either in the outbox
//! (the external commit) or in `Room::lost`, and the next call goes on from there.

mod pace;
mod rejoin;

pub(crate) use pace::Pace;
pub use rejoin::RejoinError;

use grove_mls::member::{CommitError as Unmade, Received};
use grove_wire::mimi::group_info::GroupInfoRatchetTreeTbe;
use grove_wire::uri::{ClientUri, RoomUri};

use super::SettleError;
use crate::client::Client;
use crate::environment::{Environment, jitter};
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified};
use crate::outbox;
use crate::receive::loss::{self, Signer};
use crate::rooms::{Entry, JoinError};
use crate::step::{GroupError, Step};
use crate::store::{BEYOND, LostCause, Room, RoomState, Store, StoreError};
use crate::transport::Transport;

/// So many external commits are tried before others get more time.
const ATTEMPTS: u32 = 5;

/// Whether a room can be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Lost,
}

/// How far this client has come.
enum Stage {
    /// The room is not lost, or not ours any more.
    Over(Standing),
    /// It reads again; this device broke the room and is to go first.
    Broken(ClientUri),
    /// It reads; whether a commit was missed is to be seen.
    Reading,
    /// It has to join anew.
    Out,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Notices that a room's MLS state is gone or unusable; looks once in each run.
    pub(super) fn miss_state(&mut self, room: &RoomUri) -> Result<(), GroupError> {
        if self.memory.held.contains(room) {
            return Ok(());
        }
        self.transaction(|step| {
            let known = step.tx.find_room(room)?;
            let Some(mut room) = known.filter(|room| room.state == RoomState::Joined) else {
                return Ok(());
            };
            if room.lost.is_none() && step.epoch_of(&room.uri)?.is_none() {
                let (read, now) = (room.seq, step.now);
                loss::lose(step, &mut room, LostCause::State, read, now)?;
                step.tx.put_room(&room)?;
            }
            step.memory.held.insert(room.uri);
            Ok(())
        })
    }

    /// Comes back into the room if it is lost and this client's turn has come.
    pub(super) async fn heal(&mut self, room: &RoomUri) -> Result<Standing, SettleError> {
        if let Stage::Over(standing) = self.transaction(|step| stage(step, room))? {
            return Ok(standing);
        }
        let spread = jitter(&self.environment, pace::SPREAD);
        if !self.transaction(|step| pace::is_due(step, room, spread))? {
            return Ok(Standing::Lost);
        }
        match self.come_back(room).await {
            Err(error) => {
                self.pass_over(Err(error), Some(room)).await?;
                let now = self.environment.now();
                self.memory.put_off(room, now, spread);
                Ok(Standing::Lost)
            }
            back => back,
        }
    }

    async fn come_back(&mut self, room: &RoomUri) -> Result<Standing, SettleError> {
        for attempt in 0..ATTEMPTS {
            match self.transaction(|step| stage(step, room))? {
                Stage::Over(standing) => return Ok(standing),
                Stage::Broken(signer) => {
                    self.clear_away(room, signer).await?;
                    continue;
                }
                Stage::Out | Stage::Reading => {}
            }
            let answer = match self.fetch_group_info(room).await {
                Err(JoinError::NotListed) => {
                    self.transaction(|step| not_listed(step, room))?;
                    return Ok(Standing::Lost);
                }
                answered => answered?,
            };
            // Only now, so that what could not be read is all counted: any commit that is not read
            // here makes ours too late.
            self.catch_up(room).await?;
            let entry = match self.transaction(|step| compare(step, room, &answer))? {
                Stage::Out => self.enter(room, &answer).await?,
                Stage::Reading => Entry::TooLate,
                Stage::Over(_) | Stage::Broken(_) => continue,
            };
            if entry == Entry::TooLate {
                self.pause(attempt).await;
            }
        }
        match self.transaction(|step| stage(step, room))? {
            Stage::Over(standing) => Ok(standing),
            _ => Err(JoinError::Contended.into()),
        }
    }

    /// Removes the device that broke the room, if it still stands there and our role allows it.
    async fn clear_away(&mut self, room: &RoomUri, signer: ClientUri) -> Result<(), SettleError> {
        let clients = [signer];
        let cleared = self.commit(room, |group, storage, identity| {
            match group.remove_clients(storage, &identity.device, &clients) {
                Err(Unmade::Nothing) => Ok(None),
                made => made.map(Some),
            }
        });
        let signer = match cleared.await {
            Ok(()) => Signer::Gone,
            Err(error) if error.class() == Class::Refused => Signer::Stays,
            Err(error) => return Err(error.into()),
        };
        self.transaction(|step| {
            let Some(mut room) = step.tx.find_room(room)? else {
                return Ok(());
            };
            if room.state == RoomState::Joined && !loss::is_out(step, &room)? {
                loss::end(step, &mut room, signer)?;
                step.tx.put_room(&room)?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}

fn stage(step: &mut Step<'_>, room: &RoomUri) -> Result<Stage, StoreError> {
    match step.tx.find_room(room)? {
        Some(room) => stage_of(step, &room),
        None => Ok(Stage::Over(Standing::Lost)),
    }
}

fn stage_of(step: &mut Step<'_>, room: &Room) -> Result<Stage, StoreError> {
    let Some(lost) = &room.lost else {
        return Ok(Stage::Over(Standing::Good));
    };
    // Nothing is sent to a hub that was caught lying, not even this.
    if room.state != RoomState::Joined || room.stop.is_some() {
        step.memory.give_up(&room.uri);
        return Ok(Stage::Over(Standing::Lost));
    }
    if loss::is_out(step, room)? {
        return Ok(Stage::Out);
    }
    Ok(match &lost.cause {
        LostCause::Poisoned(Some(signer)) => Stage::Broken(signer.clone()),
        _ => Stage::Reading,
    })
}

/// Holds what was read against the room as the hub shows it. Where no commit was missed there is
/// nothing to come back into.
fn compare(
    step: &mut Step<'_>,
    room: &RoomUri,
    answer: &GroupInfoRatchetTreeTbe,
) -> Result<Stage, GroupError> {
    let Some(mut room) = step.tx.find_room(room)? else {
        return Ok(Stage::Over(Standing::Lost));
    };
    let stage = stage_of(step, &room)?;
    let shown = answer.group_info.epoch();
    if !matches!(stage, Stage::Out | Stage::Reading) || shown >= BEYOND {
        return Ok(stage);
    }
    if shown < room.epoch {
        return Ok(stage);
    }
    // If it is that of the group at hand, nothing was missed, whatever the log spoke of.
    if step.epoch_of(&room.uri)? != Some(shown) {
        return Ok(Stage::Out);
    }
    for pending in &answer.pending_proposals {
        let taken = step.group(&room.uri, |group, storage, _| {
            group
                .receive(storage, &pending.proposal)
                .map_err(|error| GroupError::Unusable(Box::new(error)))
        });
        match taken {
            Ok(Received::Proposal(_)) => {
                room.removals_since.get_or_insert(pending.hub_accepted_time);
            }
            Err(GroupError::Store(error)) => return Err(error.into()),
            // Known already, or one that everybody refuses.
            Ok(_) | Err(GroupError::NotAMember | GroupError::Unusable(_)) => {}
        }
    }
    loss::end(step, &mut room, Signer::Stays)?;
    step.tx.put_room(&room)?;
    Ok(Stage::Over(Standing::Good))
}

/// The user was taken off the room's list meanwhile.
fn not_listed(step: &mut Step<'_>, room: &RoomUri) -> Result<(), GroupError> {
    step.forget_group(room)?;
    outbox::abandon(step, room, "you are not in the room any more")?;
    let Some(mut known) = step.tx.find_room(room)? else {
        return Ok(());
    };
    known.state = RoomState::Removed;
    known.lost = None;
    step.memory.give_up(room);
    step.tx.put_room(&known)?;
    Ok(step.tell(Event::Warning {
        room: Some(room.clone()),
        kind: WarningKind::Join,
        text: "this device could not follow the room, and you are not on its list any more"
            .to_owned(),
    })?)
}
