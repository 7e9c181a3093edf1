//! The other half of a proof: the hub is asked once more for the entry whose receipt a member holds
//! and that does not fit. If it stands by what it told us, it signs it, and that is the proof.
//!
//! It is asked once in each run of the program; a hub that lies need not answer. And asking for
//! what it has signed and does not give.

use grove_mls::identity::SignedReceipt;
use grove_wire::api::events::ServerFrame;
use grove_wire::uri::RoomUri;

use super::SettleError;
use crate::client::Client;
use crate::environment::Environment;
use crate::receive::{ReceiveError, chain};
use crate::store::{Stop, Store, StoreError};
use crate::transport::{Body, Method, Transport};

/// Entries that are overdue are asked for so often, in milliseconds.
const ASK_AGAIN_MS: u64 = 60 * 1000;

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Whether the hub has signed for entries that did not come, and was not asked for them a
    /// moment ago.
    pub(super) fn is_overdue(&mut self, room: &RoomUri) -> Result<bool, StoreError> {
        self.transaction(|step| {
            let now = step.now;
            let known = step.tx.find_room(room)?;
            let asked = step.memory.asked_for_tail.get(room);
            let is_soon = asked.is_some_and(|asked| now < asked.saturating_add(ASK_AGAIN_MS));
            if is_soon || !known.is_some_and(|known| chain::is_overdue(&known, now)) {
                return Ok(false);
            }
            step.memory.asked_for_tail.insert(room.clone(), now);
            Ok(true)
        })
    }

    pub(super) async fn ask_for_proof(&mut self, room: &RoomUri) -> Result<(), SettleError> {
        let known = self.transaction(|step| step.tx.find_room(room))?;
        let theirs = known.and_then(|known| match known.stop {
            Some(Stop::Fork { theirs }) => SignedReceipt::decode(&theirs).ok(),
            _ => None,
        });
        let Some(theirs) = theirs else {
            return Ok(());
        };
        if !self.memory.asked_for_proof.insert(room.clone()) {
            return Ok(());
        }
        let before = theirs.receipt().seq.saturating_sub(1);
        let path = room.path_segment();
        let path = format!("/v1/rooms/{path}/log?after={before}&limit=1");
        let response = self.ask(Method::Get, &path, Body::None).await?;
        let frames = ServerFrame::decode_all(response.octets()?).map_err(ReceiveError::from);
        for frame in frames.map_err(crate::receive::CatchUpError::from)?.known {
            let ServerFrame::Log { receipt, .. } = frame else {
                continue;
            };
            self.transaction(|step| {
                let Some(mut known) = step.tx.find_room(room)? else {
                    return Ok(());
                };
                chain::take_other_half(step, &mut known, receipt.as_bytes())
            })?;
        }
        Ok(())
    }
}
