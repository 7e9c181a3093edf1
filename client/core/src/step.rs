//! One step: an open transaction of the store, with the groups and keys it works on.
//!
//! Everything that changes state gets a [`Step`]; it cannot be held across an await, so that no
//! transaction is ever open while the network is waited for.

use grove_mls::member::Group;
use grove_mls::storage::{MemberStorage, Records};
use grove_wire::uri::RoomUri;

use crate::client::{Groups, Identity, Memory};
use crate::event::{self, Event, Numbered};
use crate::failure::{Class, Classified};
use crate::session::no_account;
use crate::store::{Account, StoreError, Tx};

/// One step: an open transaction and all it needs.
pub(crate) struct Step<'a> {
    pub(crate) tx: &'a mut dyn Tx,
    pub(crate) groups: &'a mut Groups,
    pub(crate) identity: &'a Identity,
    pub(crate) now: u64,
    pub(crate) random: &'a dyn Fn(&mut [u8]),
    pub(crate) events: &'a mut Vec<Numbered>,
    pub(crate) memory: &'a mut Memory,
}

/// A room's MLS state was wanted.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// This client is not a member of the room.
    #[error("this device is not a member of the room")]
    NotAMember,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored state is unusable.
    #[error("the room's keys cannot be read")]
    Unusable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Classified for GroupError {
    fn class(&self) -> Class {
        match self {
            Self::NotAMember => Class::Refused,
            Self::Store(_) => Class::Store,
            Self::Unusable(_) => Class::Failure,
        }
    }
}

/// MLS records as the transaction sees them.
pub(crate) struct TxRecords<'a>(pub(crate) &'a dyn Tx);

impl Records for TxRecords<'_> {
    type Error = StoreError;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.find_record(key)
    }
}

impl Step<'_> {
    pub(crate) fn account(&self) -> Result<Account, StoreError> {
        self.tx.find_account()?.ok_or_else(no_account)
    }

    pub(crate) fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.random)(&mut bytes);
        bytes
    }

    /// Writes an event into the journal and remembers it for whoever called.
    pub(crate) fn tell(&mut self, event: Event) -> Result<(), StoreError> {
        let numbered = event::journal(self.tx, event)?;
        self.events.push(numbered);
        Ok(())
    }

    /// Runs `act` on MLS state outside any group: KeyPackages, new groups. What it changed is
    /// written if it succeeds.
    pub(crate) fn records<R, X: From<StoreError>>(
        &mut self,
        act: impl FnOnce(&MemberStorage<'_, TxRecords<'_>>, &Identity) -> Result<R, X>,
    ) -> Result<R, X> {
        let records = TxRecords(&*self.tx);
        let storage = MemberStorage::new(&records);
        let result = act(&storage, self.identity)?;
        let changes = storage.take_changes();
        for (key, value) in changes {
            self.tx.put_record(&key, value.as_deref())?;
        }
        Ok(result)
    }

    /// Runs `act` on the room's group. If it fails, what it changed is dropped, in memory too.
    pub(crate) fn group<R, X: From<GroupError>>(
        &mut self,
        room: &RoomUri,
        act: impl FnOnce(&mut Group, &MemberStorage<'_, TxRecords<'_>>, &Identity) -> Result<R, X>,
    ) -> Result<R, X> {
        let cached = self.groups.live.remove(room);
        let records = TxRecords(&*self.tx);
        let storage = MemberStorage::new(&records);
        let mut group = match cached {
            Some(group) => group,
            None => Group::load(&storage, room)
                .map_err(|error| GroupError::Unusable(Box::new(error)))?
                .ok_or(GroupError::NotAMember)?,
        };
        let result = act(&mut group, &storage, self.identity)?;
        let changes = storage.take_changes();
        for (key, value) in changes {
            self.tx
                .put_record(&key, value.as_deref())
                .map_err(GroupError::Store)?;
        }
        self.groups.live.insert(room.clone(), group);
        Ok(result)
    }

    /// Runs `act` on a copy of the room's group; whatever it changes is dropped.
    pub(crate) fn copy_of_group<R, X: From<GroupError>>(
        &self,
        room: &RoomUri,
        act: impl FnOnce(&mut Group, &MemberStorage<'_, TxRecords<'_>>, &Identity) -> Result<R, X>,
    ) -> Result<R, X> {
        let records = TxRecords(&*self.tx);
        let storage = MemberStorage::new(&records);
        let mut group = Group::load(&storage, room)
            .map_err(|error| GroupError::Unusable(Box::new(error)))?
            .ok_or(GroupError::NotAMember)?;
        act(&mut group, &storage, self.identity)
    }

    /// Puts a new group in the place of whatever was there.
    pub(crate) fn keep_group(&mut self, room: &RoomUri, group: Group) {
        self.groups.live.insert(room.clone(), group);
    }

    /// Whether there is MLS state for the room.
    pub(crate) fn has_group(&mut self, room: &RoomUri) -> Result<bool, GroupError> {
        match self.group(room, |_, _, _| Ok(())) {
            Ok(()) => Ok(true),
            Err(GroupError::NotAMember) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Deletes the room's MLS state, if there is any.
    pub(crate) fn forget_group(&mut self, room: &RoomUri) -> Result<(), GroupError> {
        let cached = self.groups.live.remove(room);
        let records = TxRecords(&*self.tx);
        let storage = MemberStorage::new(&records);
        let group = match cached {
            Some(group) => Some(group),
            None => Group::load(&storage, room)
                .map_err(|error| GroupError::Unusable(Box::new(error)))?,
        };
        let Some(group) = group else { return Ok(()) };
        group
            .forget(&storage)
            .map_err(|error| GroupError::Unusable(Box::new(error)))?;
        let changes = storage.take_changes();
        for (key, value) in changes {
            self.tx.put_record(&key, value.as_deref())?;
        }
        Ok(())
    }
}
