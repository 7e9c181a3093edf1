//! Reading a room's history, as far as this profile has it.

use grove_wire::uri::RoomUri;

use crate::client::Client;
use crate::environment::Environment;
use crate::message::Message;
use crate::store::{Listing, Store, StoreError};
use crate::transport::Transport;

/// Which part of a history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// At most so many messages, the newest ones.
    pub limit: usize,
    /// Only messages before this one, by its number.
    pub before: Option<u64>,
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The newest messages of a room, oldest first; what was not accepted yet comes last.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn history(&mut self, room: &RoomUri, query: Query) -> Result<Vec<Message>, StoreError> {
        let listing = Listing {
            limit: query.limit,
            before: query.before,
        };
        let messages = self.transaction(|step| step.tx.list_messages(room, listing))?;
        Ok(messages.into_iter().filter_map(Message::shown).collect())
    }
}
