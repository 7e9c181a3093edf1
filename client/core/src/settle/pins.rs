//! Asking for the device lists of people met in rooms: whether their home server says the same as
//! the room.

use std::collections::BTreeSet;

use grove_wire::uri::UserUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::step::GroupError;
use crate::store::{RoomState, Store};
use crate::transport::Transport;
use crate::trust::{self, LearnError};

/// At most so many in one go; the others come next time.
const AT_ONCE: usize = 20;
/// Somebody whose list was not given is asked for again after this time, in milliseconds.
const AGAIN_MS: u64 = 60 * 60 * 1000;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Asks for the device lists of members of whose identity there is none.
    pub(super) async fn pin_newcomers(&mut self) -> Result<(), SettleError> {
        let now = self.environment.now();
        for user in self.newcomers(now)? {
            self.memory.asked.insert(user.clone(), now);
            match self.learn_device_list(&user).await {
                Err(LearnError::Call(error)) => {
                    self.pass_over(Err(SettleError::from(error)), None).await?;
                }
                Ok(()) | Err(LearnError::Refused(_) | LearnError::Unknown) => {}
                Err(LearnError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn newcomers(&mut self, now: u64) -> Result<Vec<UserUri>, GroupError> {
        self.transaction(|step| {
            let mut users = BTreeSet::new();
            for room in step.tx.list_rooms()? {
                if room.state != RoomState::Joined
                    || room.lost.is_some()
                    || step.memory.pinned.get(&room.uri) == Some(&room.epoch)
                {
                    continue;
                }
                let members = step.group(&room.uri, |group, _, _| trust::members_of(group))?;
                let mut strangers = 0_usize;
                for user in members
                    .into_iter()
                    .map(|member| member.user)
                    .collect::<BTreeSet<_>>()
                {
                    let pin = step.tx.find_pin(&user)?;
                    if user == step.identity.user || !trust::lacks_list(pin.as_ref())? {
                        continue;
                    }
                    strangers += 1;
                    if step
                        .memory
                        .asked
                        .get(&user)
                        .is_none_or(|asked| now >= asked.saturating_add(AGAIN_MS))
                    {
                        users.insert(user);
                    }
                }
                if strangers == 0 {
                    step.memory.pinned.insert(room.uri, room.epoch);
                }
            }
            Ok(users.into_iter().take(AT_ONCE).collect())
        })
    }
}
