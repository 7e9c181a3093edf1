//! Naming a room: by its URI, by the beginning of its id, or by its name.

use grove_wire::uri::RoomUri;

use crate::client::Client;
use crate::environment::Environment;
use crate::failure::{Class, Classified};
use crate::notes;
use crate::store::{Room, RoomState, Store, StoreError};
use crate::transport::Transport;

/// What was typed names no room, or several.
#[derive(Debug, thiserror::Error)]
pub enum FindRoomError {
    /// Several rooms are meant.
    #[error("several rooms are called that; use the beginning of the id")]
    Ambiguous {
        /// Those rooms.
        candidates: Vec<RoomUri>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No room is meant.
    #[error("no room is called that")]
    Unknown,
}

impl Classified for FindRoomError {
    fn class(&self) -> Class {
        match self {
            Self::Ambiguous { .. } | Self::Unknown => Class::Unknown,
            Self::Store(_) => Class::Store,
        }
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// The room that is meant: a URI is taken as it is, known or not; else rooms this client is in
    /// are searched by name, then by the beginning of their ids; rooms left come last.
    ///
    /// # Errors
    /// [`FindRoomError`].
    pub fn find_room(&mut self, named: &str) -> Result<RoomUri, FindRoomError> {
        if let Ok(room) = RoomUri::parse(named) {
            let hidden = self.transaction(|step| notes::is_account_room(step, &room))?;
            return if hidden {
                Err(FindRoomError::Unknown)
            } else {
                Ok(room)
            };
        }
        let mut rooms = self.transaction(|step| step.tx.list_rooms())?;
        let hidden = self.transaction(|step| step.account())?.account_room;
        rooms.retain(|room| hidden.as_ref() != Some(&room.uri));
        let (inside, outside): (Vec<_>, Vec<_>) = rooms
            .into_iter()
            .partition(|room| !matches!(room.state, RoomState::Left | RoomState::Removed));
        match choose(&inside, named) {
            Err(FindRoomError::Unknown) => choose(&outside, named),
            found => found,
        }
    }
}

fn choose(rooms: &[Room], named: &str) -> Result<RoomUri, FindRoomError> {
    let wanted = named.to_lowercase();
    let by_name: Vec<_> = rooms
        .iter()
        .filter(|room| room.name.to_lowercase() == wanted)
        .collect();
    let by_id: Vec<_> = rooms
        .iter()
        .filter(|room| !wanted.is_empty() && id(&room.uri).starts_with(&wanted))
        .collect();
    match only(&by_name) {
        Err(FindRoomError::Unknown) => only(&by_id),
        found => found,
    }
}

fn only(found: &[&Room]) -> Result<RoomUri, FindRoomError> {
    match found {
        [] => Err(FindRoomError::Unknown),
        [room] => Ok(room.uri.clone()),
        several => Err(FindRoomError::Ambiguous {
            candidates: several.iter().map(|room| room.uri.clone()).collect(),
        }),
    }
}

fn id(room: &RoomUri) -> &str {
    room.as_str().rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::Provider;

    use super::*;

    fn room(first: u8, name: &str) -> Room {
        let mut hash = [0; 32];
        hash[0] = first;
        let uri = RoomUri::new(&Provider::parse("a.example").unwrap(), &hash);
        let mut room = Room::new(uri, RoomState::Joined, 0);
        name.clone_into(&mut room.name);
        room
    }

    #[test]
    fn a_name_or_the_beginning_of_an_id_names_a_room() {
        let rooms = [room(0, "Garden"), room(0xff, "kitchen")];
        assert_eq!(choose(&rooms, "garden").unwrap(), rooms[0].uri);
        assert_eq!(choose(&rooms, "aaa").unwrap(), rooms[0].uri);
        assert_eq!(choose(&rooms, "7").unwrap(), rooms[1].uri);
        assert!(matches!(
            choose(&rooms, "attic"),
            Err(FindRoomError::Unknown)
        ));
        assert!(matches!(choose(&rooms, ""), Err(FindRoomError::Unknown)));
    }

    #[test]
    fn two_rooms_of_one_name_are_ambiguous() {
        let rooms = [room(0, "garden"), room(1, "garden")];
        let found = choose(&rooms, "garden").unwrap_err();
        assert!(matches!(found, FindRoomError::Ambiguous { candidates } if candidates.len() == 2));
    }
}
