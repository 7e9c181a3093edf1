//! One step: an open transaction of the store, with the groups and keys it works on.
//!
//! Everything that changes state gets a [`Step`]; it cannot be held across an await, so that no
//! transaction is ever open while the network is waited for.

use std::cell::RefCell;

use grove_mls::member::Group;
use grove_mls::storage::{self, MemberStorage, Records};
use grove_wire::uri::RoomUri;

use crate::client::{Groups, Identity, Memory};
use crate::event::{self, Event, Numbered};
use crate::failure::{Class, Classified};
use crate::notes;
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
pub(crate) struct TxRecords<'a> {
    tx: &'a dyn Tx,
    /// What the store failed with: MLS would tell it as damage, for which a room is joined anew.
    failure: RefCell<Option<StoreError>>,
}

impl<'a> TxRecords<'a> {
    fn new(tx: &'a dyn Tx) -> Self {
        Self {
            tx,
            failure: RefCell::default(),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        self.failure.take().map_or(Ok(()), Err)
    }
}

impl Records for TxRecords<'_> {
    type Error = StoreError;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.tx.find_record(key);
        if let Err(error) = &found {
            self.failure.replace(Some(error.clone()));
        }
        found
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
    /// Nobody hears of the room that the user's own devices share, but for warnings.
    pub(crate) fn tell(&mut self, event: Event) -> Result<(), StoreError> {
        if let Some(room) = event.changed_room()
            && notes::is_account_room(self, room)?
        {
            return Ok(());
        }
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
        let records = TxRecords::new(&*self.tx);
        let storage = MemberStorage::new(&records);
        let result = act(&storage, self.identity);
        records.check()?;
        let result = result?;
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
        let records = TxRecords::new(&*self.tx);
        let storage = MemberStorage::new(&records);
        let acted = match cached {
            Some(group) => Ok(group),
            None => load(&storage, room).map_err(X::from),
        }
        .and_then(|mut group| {
            let result = act(&mut group, &storage, self.identity)?;
            Ok((group, result))
        });
        records.check().map_err(GroupError::Store)?;
        let (group, result) = acted?;
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
        let records = TxRecords::new(&*self.tx);
        let storage = MemberStorage::new(&records);
        let loaded = load(&storage, room);
        records.check().map_err(GroupError::Store)?;
        let mut group = loaded?;
        act(&mut group, &storage, self.identity)
    }

    /// Puts a new group in the place of whatever was there.
    pub(crate) fn keep_group(&mut self, room: &RoomUri, group: Group) {
        self.memory.forget_verdicts(room);
        self.groups.live.insert(room.clone(), group);
    }

    /// The epoch of the room's group; none if there is no MLS state, or none that can be used.
    pub(crate) fn epoch_of(&mut self, room: &RoomUri) -> Result<Option<u64>, StoreError> {
        match self.group(room, |group, _, _| Ok::<_, GroupError>(group.epoch())) {
            Ok(epoch) => Ok(Some(epoch)),
            Err(GroupError::NotAMember | GroupError::Unusable(_)) => Ok(None),
            Err(GroupError::Store(error)) => Err(error),
        }
    }

    /// Deletes the room's MLS state, whatever state it is in.
    pub(crate) fn forget_group(&mut self, room: &RoomUri) -> Result<(), GroupError> {
        self.groups.live.remove(room);
        self.memory.forget_verdicts(room);
        let prefix =
            storage::room_prefix(room).map_err(|error| GroupError::Unusable(Box::new(error)))?;
        Ok(self.tx.remove_records(&prefix)?)
    }
}

fn load(storage: &MemberStorage<'_, TxRecords<'_>>, room: &RoomUri) -> Result<Group, GroupError> {
    Group::load(storage, room)
        .map_err(|error| GroupError::Unusable(Box::new(error)))?
        .ok_or(GroupError::NotAMember)
}
