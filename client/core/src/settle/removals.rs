//! Committing the removals that others proposed: leavers cannot do it themselves.
//!
//! Anybody may. So that not everybody does at once, each waits a random while first; whoever wants
//! to send does not wait.

use std::time::Duration;

use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::{Environment, jitter};
use crate::step::GroupError;
use crate::store::{RoomState, Store};
use crate::transport::Transport;

/// The longest wait before this client commits removals of others.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// Removals that have waited for so long were forgotten by everybody else, in milliseconds.
const OVERDUE_MS: u64 = 30_000;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Commits a room's pending removals if this client's turn has come.
    pub(super) async fn commit_due_removals(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let now = self.environment.now();
        let wait =
            u64::try_from(jitter(&self.environment, LONGEST_WAIT).as_millis()).unwrap_or_default();
        let due = self.transaction(|step| {
            let known = step
                .tx
                .find_room(room)?
                .filter(|room| room.state == RoomState::Joined);
            let Some(since) = known.and_then(|room| room.removals_since) else {
                return Ok(false);
            };
            if step.group(room, |group, _, _| Ok::<_, GroupError>(group.is_leaving()))? {
                return Ok(false);
            }
            if now >= since.saturating_add(OVERDUE_MS) {
                return Ok(true);
            }
            let due = *step
                .memory
                .removals_due
                .entry(room.clone())
                .or_insert(now.saturating_add(wait));
            Ok::<_, GroupError>(now >= due)
        })?;
        if due {
            self.commit_pending(room).await?;
            self.memory.removals_due.remove(room);
        }
        Ok(())
    }

    /// When the next removal is due here, in milliseconds.
    pub(super) fn next_removal(&self) -> Option<u64> {
        self.memory.removals_due.values().min().copied()
    }
}
