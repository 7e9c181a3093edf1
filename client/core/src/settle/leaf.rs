//! Renewing this client's leaf in each room, long before it expires: fresh keys heal after a theft,
//! and an expired leaf may be removed by anybody. And whenever the keys at hand may be in other
//! hands.

use grove_mls::leaf::LEAF_LIFETIME;
use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::rooms::CommitError;
use crate::step::GroupError;
use crate::store::{RoomState, Store, StoreError};
use crate::transport::Transport;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Renews the leaf when half its lifetime is over, or when a clock that was far ahead has put
    /// that off.
    pub(super) async fn renew_leaf(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let now = self.environment.now();
        let half = u64::try_from(LEAF_LIFETIME.as_millis() / 2).unwrap_or(u64::MAX);
        let due = self.transaction(|step| {
            let known = step.tx.find_room(room)?;
            let is_old = known.is_some_and(|room| {
                room.state == RoomState::Joined && now.abs_diff(room.leaf_since) >= half
            });
            Ok::<_, GroupError>(
                is_old
                    && !step.group(room, |group, _, _| Ok::<_, GroupError>(group.is_leaving()))?,
            )
        })?;
        if !due {
            return Ok(());
        }
        self.take_new_keys(room).await?;
        self.transaction(|step| {
            let Some(mut room) = step.tx.find_room(room)? else {
                return Ok(());
            };
            room.leaf_since = now;
            step.tx.put_room(&room)
        })
        .map_err(|error: StoreError| error.into())
    }

    /// A commit with a path: nobody who has this client's keys of before has those that follow.
    pub(crate) async fn take_new_keys(&mut self, room: &RoomUri) -> Result<(), CommitError> {
        self.commit(room, |group, storage, identity| {
            group.self_update(storage, &identity.device).map(Some)
        })
        .await
    }
}
