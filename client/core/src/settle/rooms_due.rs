//! Joining the rooms of the user that this device is not in: all of them after it was linked or
//! recovered, later those that came while it was not looking.
//!
//! The hub's list of them is believed for what it is, a hint: every room is judged when it is
//! joined. The room of the user's devices comes first.
//!
//! The surprise: a few rooms at a time. Between them messages are read and sent, so that the device
//! can be used while hundreds of rooms are still to come.

use std::collections::VecDeque;

use grove_wire::api::rooms::{UserRoom, UserRooms};
use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::devices;
use crate::environment::Environment;
use crate::event::{Event, WarningKind};
use crate::failure::{Class, Classified as _};
use crate::rooms::JoinError;
use crate::step::Step;
use crate::store::{RoomState, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// So many rooms are joined in one go.
const AT_ONCE: usize = 8;
/// How old the comparison with the server's list may become, in milliseconds.
const CHECK_EVERY_MS: u64 = 24 * 60 * 60 * 1000;
/// When rooms that could not be joined are tried again in the same run, in milliseconds.
const AGAIN_MS: u64 = 60 * 1000;
/// Pages of a list that has no end.
const MAX_PAGES: usize = 100;

/// How far the joining of the user's rooms has come, in this run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomsDue {
    /// Rooms that were joined.
    pub joined: usize,
    /// Rooms that could not be joined. They are tried again with the next comparison.
    pub failed: usize,
    /// Rooms that are still to be joined.
    pub waiting: usize,
}

/// What is remembered of it.
#[derive(Default)]
pub(crate) struct Due {
    /// The list is to be compared, however fresh the last comparison is.
    wanted: bool,
    /// Rooms still to be joined, while a comparison is under way.
    waiting: Option<VecDeque<RoomUri>>,
    joined: usize,
    failed: usize,
    /// Those that could not be joined for a reason that passes.
    put_off: Vec<RoomUri>,
    /// Before this time, in milliseconds, the list is not compared again in this run.
    not_before: u64,
}

impl Due {
    fn begin(&mut self, rooms: VecDeque<RoomUri>) {
        *self = Self {
            waiting: Some(rooms),
            ..Self::default()
        };
    }

    /// When rooms are still to be joined, which is at once, in milliseconds.
    pub(super) fn next(&self) -> Option<u64> {
        self.is_under_way().then_some(0)
    }

    /// Whether joining this room is tried again later only.
    pub(super) fn is_put_off(&self, room: &RoomUri) -> bool {
        self.put_off.contains(room)
    }

    fn is_under_way(&self) -> bool {
        self.waiting.as_ref().is_some_and(|rooms| !rooms.is_empty())
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// How far the joining of the user's rooms has come, in this run.
    pub fn rooms_due(&self) -> RoomsDue {
        let due = &self.memory.rooms_due;
        RoomsDue {
            joined: due.joined,
            failed: due.failed,
            waiting: due.waiting.as_ref().map_or(0, VecDeque::len),
        }
    }

    /// Joins some of the rooms that are to be joined; compares with the server's list first if that
    /// is due.
    pub(super) async fn join_due_rooms(&mut self) -> Result<(), SettleError> {
        if self.memory.rooms_due.waiting.is_none() {
            if !self.transaction(is_due)? {
                return Ok(());
            }
            let rooms = self.list_missing_rooms().await?;
            self.memory.rooms_due.begin(rooms);
        }
        for _ in 0..AT_ONCE {
            let waiting = self.memory.rooms_due.waiting.as_ref();
            let Some(room) = waiting.and_then(|rooms| rooms.front()).cloned() else {
                break;
            };
            self.join_due_room(&room).await?;
            if let Some(waiting) = &mut self.memory.rooms_due.waiting {
                waiting.pop_front();
            }
        }
        if !self.memory.rooms_due.is_under_way() {
            self.transaction(end)?;
        }
        Ok(())
    }

    /// Compares with the server's list now, and joins all that is missing.
    pub(crate) async fn join_all_rooms(&mut self) -> Result<(), SettleError> {
        self.memory.rooms_due.wanted = true;
        self.memory.rooms_due.waiting = None;
        self.join_due_rooms().await?;
        while self.memory.rooms_due.is_under_way() {
            self.join_due_rooms().await?;
        }
        Ok(())
    }

    async fn join_due_room(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        match self.join(room).await {
            Ok(()) => self.memory.rooms_due.joined += 1,
            // By an invitation, or another process; or the user was taken off its list meanwhile,
            // or was entered without a device, which somebody else has to add.
            Err(JoinError::Already | JoinError::NotAdded | JoinError::NotListed) => {}
            Err(error) if error.class().is_passing() => {
                self.pass_over(Err(error), Some(room)).await?;
                self.memory.rooms_due.failed += 1;
                self.memory.rooms_due.put_off.push(room.clone());
            }
            Err(error) if matches!(error.class(), Class::Store | Class::Revoked) => {
                return Err(error.into());
            }
            Err(error) => {
                self.memory.rooms_due.failed += 1;
                self.transaction(|step| {
                    step.tell(Event::Warning {
                        room: Some(room.clone()),
                        kind: WarningKind::Join,
                        text: format!("this device could not join one of your rooms: {error}"),
                    })
                })?;
                let error: &dyn std::error::Error = &error;
                tracing::warn!(room = room.as_str(), error, "not joined");
            }
        }
        Ok(())
    }

    async fn list_missing_rooms(&mut self) -> Result<VecDeque<RoomUri>, SettleError> {
        let mut rooms = Vec::new();
        let mut path = "/v1/user-rooms".to_owned();
        for _ in 0..MAX_PAGES {
            let response = self.ask(Method::Get, &path, Body::None).await?;
            let page: UserRooms = response.json()?;
            let last = page.rooms.last().map(|room| room.room.clone());
            rooms.extend(page.rooms);
            match last {
                Some(last) if page.more => {
                    path = format!("/v1/user-rooms?after={}", last.path_segment());
                }
                _ => break,
            }
        }
        Ok(self.transaction(|step| wanted(step, rooms))?)
    }
}

/// Whether the list is to be compared. A device without the newest key joins nothing.
fn is_due(step: &mut Step<'_>) -> Result<bool, StoreError> {
    let checked = step.account()?.rooms_checked;
    let old = checked == 0 || step.now >= checked.saturating_add(CHECK_EVERY_MS);
    let memory = &step.memory.rooms_due;
    let due = memory.wanted || old && step.now >= memory.not_before;
    Ok(due && step.identity.has_key_of(&devices::own_list(step)?))
}

/// All were tried. Where one failed for a reason that passes, the list is compared again soon, or
/// by the next process.
fn end(step: &mut Step<'_>) -> Result<(), StoreError> {
    let due = &mut step.memory.rooms_due;
    due.waiting = None;
    if !due.put_off.is_empty() {
        due.not_before = step.now.saturating_add(AGAIN_MS);
        return Ok(());
    }
    let mut account = step.account()?;
    account.rooms_checked = step.now.max(1);
    step.tx.put_account(&account)
}

/// Those that this device is not in, has not left and is not about to read out of: the account room
/// first. What it is in without knowing of it was joined by a newer copy of its database.
fn wanted(step: &mut Step<'_>, listed: Vec<UserRoom>) -> Result<VecDeque<RoomUri>, StoreError> {
    let account_room = step.account()?.account_room;
    let mut rooms = VecDeque::new();
    for UserRoom { room, member, .. } in listed {
        // A room that was never read was not left either: an attempt to join it broke off.
        let stays_out = step
            .tx
            .find_room(&room)?
            .is_some_and(|known| match known.state {
                // Perhaps it was told only that it is out, or missed that it was let in again.
                RoomState::Removed => false,
                _ if member => true,
                RoomState::Left => known.seq > 0,
                RoomState::Creating | RoomState::Joined => true,
                RoomState::Joining => false,
            });
        if stays_out {
            continue;
        }
        if account_room.as_ref() == Some(&room) {
            rooms.push_front(room);
        } else {
            rooms.push_back(room);
        }
    }
    Ok(rooms)
}
