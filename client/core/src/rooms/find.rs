//! Naming a room: by its address, by its id or the beginning of it, or by its name.
//!
//! The surprise: others choose the names. Somebody may call a room by the beginning of another
//! one's id, to get what was meant for that one. So a name that fits takes nothing from an id that
//! fits: both are candidates, and what fits several is refused. What has the form of a whole id or
//! of an address is never taken for a name.

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
    #[error("several rooms are called that")]
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
    /// The room that is meant. An address, `mimi://a.example/r/<id>` or `<id>@a.example`, is taken
    /// as it is, known or not, and a whole id names a room of that id. Anything else is the name of
    /// a room, whatever its case, or the beginning of an id. Rooms that were left count only if no
    /// other fits.
    ///
    /// # Errors
    /// [`FindRoomError`].
    pub fn find_room(&mut self, named: &str) -> Result<RoomUri, FindRoomError> {
        let meant = Meant::read(named)?;
        if let Meant::Address(room) = meant {
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
        match choose(&inside, &meant) {
            Err(FindRoomError::Unknown) => choose(&outside, &meant),
            found => found,
        }
    }
}

/// What was typed, in lower case.
#[derive(Debug)]
enum Meant {
    /// A whole address.
    Address(RoomUri),
    /// A name, or the beginning of an id.
    Begin(String),
    /// A whole id, of whatever domain.
    Id(String),
}

impl Meant {
    fn read(named: &str) -> Result<Self, FindRoomError> {
        let named = named.trim();
        let address = RoomUri::parse(named).or_else(|_not_a_uri| RoomUri::parse_address(named));
        if let Ok(room) = address {
            return Ok(Self::Address(room));
        }
        let wanted = named.to_lowercase();
        if RoomUri::is_id(&wanted) {
            return Ok(Self::Id(wanted));
        }
        let begins_with_id = wanted
            .split_once('@')
            .is_some_and(|(id, _)| RoomUri::is_id(id));
        // An address with a mistake in it.
        if wanted.is_empty() || begins_with_id || wanted.starts_with("mimi://") {
            return Err(FindRoomError::Unknown);
        }
        Ok(Self::Begin(wanted))
    }

    fn fits(&self, room: &Room) -> bool {
        match self {
            Self::Address(address) => room.uri == *address,
            Self::Begin(wanted) => {
                room.name.trim().to_lowercase() == *wanted || room.uri.id().starts_with(wanted)
            }
            Self::Id(id) => room.uri.id() == id,
        }
    }
}

fn choose(rooms: &[Room], meant: &Meant) -> Result<RoomUri, FindRoomError> {
    let found: Vec<_> = rooms.iter().filter(|room| meant.fits(room)).collect();
    match found.as_slice() {
        [] => Err(FindRoomError::Unknown),
        [room] => Ok(room.uri.clone()),
        several => Err(FindRoomError::Ambiguous {
            candidates: several.iter().map(|room| room.uri.clone()).collect(),
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::Provider;

    use super::{FindRoomError, Meant, Room, RoomState, RoomUri};

    fn room(first: u8, name: &str) -> Room {
        at("a.example", first, name)
    }

    fn at(domain: &str, first: u8, name: &str) -> Room {
        let mut hash = [0; 32];
        hash[0] = first;
        let uri = RoomUri::new(&Provider::parse(domain).unwrap(), &hash);
        let mut room = Room::new(uri, RoomState::Joined, 0);
        name.clone_into(&mut room.name);
        room
    }

    fn choose(rooms: &[Room], named: &str) -> Result<RoomUri, FindRoomError> {
        super::choose(rooms, &Meant::read(named)?)
    }

    fn is_ambiguous(rooms: &[Room], named: &str) -> bool {
        matches!(
            choose(rooms, named),
            Err(FindRoomError::Ambiguous { candidates }) if candidates.len() == rooms.len()
        )
    }

    #[test]
    fn a_name_or_the_beginning_of_an_id_names_a_room() {
        let rooms = [room(0, "Garden "), room(0xff, "kitchen")];
        assert_eq!(choose(&rooms, " garden").unwrap(), rooms[0].uri);
        assert_eq!(choose(&rooms, "aaa").unwrap(), rooms[0].uri);
        assert_eq!(choose(&rooms, "7").unwrap(), rooms[1].uri);
        for named in ["attic", "", " "] {
            let found = choose(&rooms, named);
            assert!(matches!(found, Err(FindRoomError::Unknown)), "{named:?}");
        }
    }

    #[test]
    fn what_fits_several_is_refused() {
        assert!(is_ambiguous(
            &[room(0, "garden"), room(1, "Garden")],
            "garden"
        ));
        // Judy has called hers by the beginning of mine.
        let mine = room(0xff, "garden");
        for digits in [1, 8, 51] {
            let begin = mine.uri.id().get(..digits).unwrap().to_owned();
            let rooms = [mine.clone(), room(0, &begin.to_uppercase())];
            assert!(is_ambiguous(&rooms, &begin), "{begin}");
        }
        // One id on two domains.
        let twins = [room(1, "garden"), at("b.example", 1, "kitchen")];
        for digits in [8, 52] {
            let begin = twins[0].uri.id().get(..digits).unwrap();
            assert!(is_ambiguous(&twins, begin), "{begin}");
        }
    }

    #[test]
    fn whole_ids_and_addresses_are_never_names() {
        let mine = room(0xff, "garden");
        let (id, uri) = (mine.uri.id(), mine.uri.as_str());
        let address = mine.uri.path_segment();
        for whole in [id, uri, &address] {
            let hers = room(0, whole);
            let rooms = [hers.clone(), mine.clone()];
            for typed in [whole.to_owned(), whole.to_uppercase()] {
                assert_eq!(choose(&rooms, &typed).unwrap(), mine.uri, "{typed}");
                let found = choose(std::slice::from_ref(&hers), &typed);
                assert!(matches!(found, Err(FindRoomError::Unknown)), "{typed}");
            }
        }
        for broken in [format!("{id}@a b"), "mimi://a.example/r/x".to_owned()] {
            let found = choose(&[room(0, &broken)], &broken);
            assert!(matches!(found, Err(FindRoomError::Unknown)), "{broken}");
        }
    }
}
