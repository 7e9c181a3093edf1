//! Joining rooms to which this client was welcomed, or in which it stands without knowing of them.
//!
//! The tree is fetched from the hub and has to fit the GroupContext in the Welcome; the log is read
//! from the Welcome's commit on.

use grove_mls::member::join::{self, JoinError};
use grove_mls::suite::MlsError;
use grove_wire::api::rooms::EpochTree;
use grove_wire::mls::Welcome;
use grove_wire::uri::RoomUri;

use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::receive::CatchUpError;
use crate::receive::loss::{self, Signer};
use crate::step::{GroupError, Step};
use crate::store::{Lost, LostCause, Room, RoomState, Stop, Store, StoreError, WaitingWelcome};
use crate::transport::Transport;
use crate::{notes, tally, trust};

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Joins what waits. A Welcome that leads nowhere is dropped with a warning.
    pub(crate) async fn join_welcomes(&mut self) -> Result<(), CallError> {
        for waiting in self.transaction(|step| step.tx.list_welcomes())? {
            match self.fetch_tree(&waiting.room, waiting.epoch).await {
                Ok(tree) => self.transaction(|step| take(step, &waiting, &tree))?,
                Err(error) if error.verdict().is_some() => {
                    self.transaction(|step| drop_welcome(step, &waiting, &error.to_string()))?;
                }
                Err(error) => self.pass_over(Err(error), Some(&waiting.room)).await?,
            }
        }
        Ok(())
    }

    /// Comes into rooms that this device stands in without knowing of them: a newer copy of this
    /// database, that was lost, has taken the Welcome.
    pub(super) async fn enter_unknown_rooms(&mut self) -> Result<(), CatchUpError> {
        if self.transaction(unknown_rooms)?.is_empty() {
            return Ok(());
        }
        // The Welcome may have come after the log.
        self.look_for_welcome().await?;
        self.transaction(|step| {
            for room in unknown_rooms(step)? {
                let room = notes::new_room(step, &room, RoomState::Joined)?;
                never_in(step, room, 0)?;
            }
            Ok(())
        })
    }
}

/// The rooms whose log has come that are not known still, but for those that a Welcome leads into
/// which waits, or one that led nowhere.
fn unknown_rooms(step: &mut Step<'_>) -> Result<Vec<RoomUri>, StoreError> {
    let mut rooms = Vec::new();
    let waiting = step.tx.list_welcomes()?;
    for room in &step.memory.unknown {
        let is_welcome = waiting.iter().any(|welcome| welcome.room == *room)
            || step.memory.uninviting.contains(room);
        if step.tx.find_room(room)?.is_none() && !is_welcome {
            rooms.push(room.clone());
        }
    }
    step.memory.unknown = rooms.iter().cloned().collect();
    Ok(rooms)
}

fn take(
    step: &mut Step<'_>,
    waiting: &WaitingWelcome,
    announced: &EpochTree,
) -> Result<(), StoreError> {
    let Ok(welcome) = Welcome::from_bytes(waiting.welcome.clone()) else {
        return drop_welcome(step, waiting, "it is malformed");
    };
    let known = step.tx.find_room(&waiting.room)?;
    // What is refused leaves no trace: a group that stayed would be in the way of the next Welcome.
    let joined = step.records(|storage, identity| {
        let tree = &announced.ratchet_tree;
        let group = join::join(storage, &identity.device, &welcome, tree, &waiting.room)?;
        if !group.is_confirmed_by(&announced.confirmation_tag)? {
            return Err(Refused::Elsewhere);
        }
        if waiting.room.hub() == identity.client.provider()
            && *group.server_key() != identity.server_key
        {
            return Err(Refused::HubKey);
        }
        if known
            .as_ref()
            .is_some_and(|room| has_seen(room, group.epoch()))
        {
            return Err(Refused::Past);
        }
        let leaves = trust::members_of(&group)?;
        Ok((group, leaves))
    });
    let (group, leaves) = match joined {
        Ok(joined) => joined,
        Err(Refused::Store(error)) => return Err(error),
        Err(Refused::Welcome(JoinError::AlreadyMember)) => {
            return step.tx.remove_welcome(waiting.inbox_id);
        }
        // It is on its way back by itself, and has seen more of the room than this.
        Err(Refused::Past) if known.is_some_and(|room| room.lost.is_some()) => {
            return step.tx.remove_welcome(waiting.inbox_id);
        }
        Err(Refused::Elsewhere) => {
            tracing::warn!(room = %waiting.room, "a Welcome leads where nobody else is");
            return come_in_alone(step, waiting);
        }
        // Its KeyPackage is gone: nothing was proven against the room.
        Err(Refused::Welcome(JoinError::Mls(_))) => return come_in_alone(step, waiting),
        Err(refused) => return drop_welcome(step, waiting, &refused.to_string()),
    };
    let epoch = group.epoch();
    step.keep_group(&waiting.room, group);
    let mut room = match known {
        Some(known) => known,
        None => notes::new_room(step, &waiting.room, RoomState::Joined)?,
    };
    let was_lost = room.lost.is_some();
    if was_lost {
        loss::end(step, &mut room, Signer::Stays)?;
    }
    room.state = RoomState::Joined;
    room.epoch = epoch;
    room.seq = waiting.seq;
    room.head = None;
    room.receipt = None;
    if room.stop == Some(Stop::Withheld) {
        // What was kept back lies before the entry from which on this client reads again.
        room.stop = None;
    }
    room.leaf_since = step.now;
    room.keys_in_doubt = false;
    room.unreadable = 0;
    room.removals_since = None;
    step.tx.put_room(&room)?;
    tally::forget(step, &waiting.room)?;
    for leaf in &leaves {
        trust::see(step, &waiting.room, leaf)?;
    }
    step.tx.remove_welcome(waiting.inbox_id)?;
    step.memory.behind.insert(waiting.room.clone());
    step.memory.key_packages_counted = None;
    if was_lost {
        return Ok(());
    }
    step.tell(Event::RoomJoined { room: room.uri })
}

/// Whether a Welcome leads back: into an epoch that this client was in, or saw begin. One for a
/// KeyPackage of last resort can be given again and again.
fn has_seen(room: &Room, epoch: u64) -> bool {
    match room.state {
        // What is prepared was not seen.
        RoomState::Creating | RoomState::Joining => false,
        RoomState::Joined | RoomState::Left | RoomState::Removed => epoch <= room.epoch,
    }
}

/// A Welcome that this device has no key for leads into a room all the same: as into one whose keys
/// were lost.
fn come_in_alone(step: &mut Step<'_>, waiting: &WaitingWelcome) -> Result<(), StoreError> {
    step.tx.remove_welcome(waiting.inbox_id)?;
    let known = step.tx.find_room(&waiting.room)?;
    if known
        .as_ref()
        .is_some_and(|room| room.state == RoomState::Joined)
    {
        step.memory.held.remove(&waiting.room);
        return Ok(());
    }
    let room = match known {
        Some(known) => known,
        None => notes::new_room(step, &waiting.room, RoomState::Joined)?,
    };
    never_in(step, room, waiting.seq)
}

/// A room in which this device stands without its keys, and from whose entry `seq` on it may read.
fn never_in(step: &mut Step<'_>, mut room: Room, seq: u64) -> Result<(), StoreError> {
    room.state = RoomState::Joined;
    room.seq = seq;
    room.head = None;
    room.counter = room.counter.max(step.now);
    room.lost = Some(Lost {
        seq: 0,
        epoch: 0,
        time: step.now,
        noticed: step.now,
        cause: LostCause::State,
    });
    step.memory.noticed_loss(&room.uri);
    tally::forget(step, &room.uri)?;
    step.tx.put_room(&room)
}

/// Why a Welcome was not joined.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It leads into another epoch than the commit that was made with it: whoever made it would
    /// choose what this client sees of the room, and read what it says.
    #[error("it leads where nobody else is")]
    Elsewhere,
    #[error(transparent)]
    Group(GroupError),
    #[error("its hub has another key than this server")]
    HubKey,
    #[error("it leads back to before what has happened in the room since")]
    Past,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Welcome(#[from] JoinError),
}

impl From<GroupError> for Refused {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Store(error) => Self::Store(error),
            error @ (GroupError::NotAMember | GroupError::Unusable(_)) => Self::Group(error),
        }
    }
}

impl From<MlsError> for Refused {
    fn from(error: MlsError) -> Self {
        Self::Welcome(error.into())
    }
}

fn drop_welcome(
    step: &mut Step<'_>,
    waiting: &WaitingWelcome,
    reason: &str,
) -> Result<(), StoreError> {
    step.tx.remove_welcome(waiting.inbox_id)?;
    step.memory.uninviting.insert(waiting.room.clone());
    step.tell(Event::Warning {
        room: Some(waiting.room.clone()),
        kind: WarningKind::Join,
        text: format!("an invitation could not be followed: {reason}"),
    })
}
