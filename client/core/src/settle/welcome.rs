//! Joining rooms to which this client was welcomed.
//!
//! The tree is fetched from the hub and has to fit the GroupContext in the Welcome; the log is read
//! from the Welcome's commit on.

use grove_mls::member::join::{self, JoinError};
use grove_wire::mls::{RatchetTree, Welcome};

use crate::call::CallError;
use crate::client::Client;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::step::Step;
use crate::store::{Room, RoomState, Store, StoreError, WaitingWelcome};
use crate::transport::Transport;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Joins what waits. A Welcome that leads nowhere is dropped with a warning.
    pub(crate) async fn join_welcomes(&mut self) -> Result<(), CallError> {
        for waiting in self.transaction(|step| step.tx.list_welcomes())? {
            match self.fetch_tree(&waiting.room, waiting.epoch).await {
                Ok(tree) => self.transaction(|step| take(step, &waiting, &tree))?,
                Err(error) if error.is_temporary() => return Err(error),
                Err(error) => {
                    self.transaction(|step| drop_welcome(step, &waiting, &error.to_string()))?;
                }
            }
        }
        Ok(())
    }
}

fn take(
    step: &mut Step<'_>,
    waiting: &WaitingWelcome,
    tree: &RatchetTree,
) -> Result<(), StoreError> {
    let Ok(welcome) = Welcome::from_bytes(waiting.welcome.clone()) else {
        return drop_welcome(step, waiting, "it is malformed");
    };
    let joined = step.records(|storage, identity| {
        join::join(storage, &identity.device, &welcome, tree, &waiting.room)
            .map_err(Refused::Welcome)
    });
    let group = match joined {
        Ok(group) => group,
        Err(Refused::Store(error)) => return Err(error),
        Err(Refused::Welcome(JoinError::AlreadyMember)) => {
            return step.tx.remove_welcome(waiting.inbox_id);
        }
        Err(Refused::Welcome(error)) => return drop_welcome(step, waiting, &error.to_string()),
    };
    let epoch = group.epoch();
    step.keep_group(&waiting.room, group);
    let mut room = match step.tx.find_room(&waiting.room)? {
        Some(known) => known,
        None => Room::new(waiting.room.clone(), RoomState::Joined, step.now),
    };
    room.state = RoomState::Joined;
    room.epoch = epoch;
    room.seq = waiting.seq;
    room.head = None;
    room.receipt = None;
    room.leaf_since = step.now;
    room.unreadable = 0;
    room.removals_since = None;
    step.tx.put_room(&room)?;
    step.tx.remove_welcome(waiting.inbox_id)?;
    step.memory.behind.insert(waiting.room.clone());
    step.memory.key_packages_counted = None;
    step.tell(Event::RoomJoined { room: room.uri })
}

/// Why a Welcome was not joined.
enum Refused {
    Store(StoreError),
    Welcome(JoinError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn drop_welcome(
    step: &mut Step<'_>,
    waiting: &WaitingWelcome,
    reason: &str,
) -> Result<(), StoreError> {
    step.tx.remove_welcome(waiting.inbox_id)?;
    step.tell(Event::Warning {
        room: Some(waiting.room.clone()),
        kind: WarningKind::Join,
        text: format!("an invitation could not be followed: {reason}"),
    })
}
