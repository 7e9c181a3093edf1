//! The client: a store, a way to the server, and what of it is kept in memory between steps.
//!
//! All changes go through [`Client::transaction`], which gives each step the open transaction and
//! the groups. Nothing here awaits.
//!
//! The surprise: groups in memory are a cache of the store. They are dropped when another process
//! wrote, and whenever a step fails, since then the memory is ahead of the store.

use std::collections::{BTreeMap, BTreeSet};

use grove_mls::identity::{
    DeviceCredential, DeviceKey, PublicKey, RecoveryKey, SignedDeviceList, UserIdentityKey,
};
use grove_mls::member::{DeviceIdentity, Group};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::event::{self, Numbered};
use crate::failure::{Class, Classified};
use crate::notes;
use crate::session::no_account;
use crate::settle::{Pace, RoomsDueMemory, Turn};
use crate::step::Step;
use crate::store::{Account, AccountState, Store, StoreError};
use crate::transport::Transport;
use crate::trouble::Trouble;

/// A registered client: one device of one user.
pub struct Client<S, T, E> {
    pub(crate) store: S,
    pub(crate) transport: T,
    pub(crate) environment: E,
    pub(crate) identity: Identity,
    groups: Groups,
    pub(crate) memory: Memory,
}

impl<S, T, E> std::fmt::Debug for Client<S, T, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("client", &self.identity.client)
            .finish_non_exhaustive()
    }
}

/// The keys of this device, read from the account once.
pub(crate) struct Identity {
    pub(crate) user: UserUri,
    pub(crate) client: ClientUri,
    pub(crate) device: DeviceIdentity,
    pub(crate) uik: UserIdentityKey,
    pub(crate) server_key: PublicKey,
}

impl Identity {
    pub(crate) fn of(account: &Account) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::Damaged(what.to_owned());
        let credential = DeviceCredential::decode(&account.credential)
            .map_err(|_malformed| damaged("the device credential is malformed"))?;
        let server_key = PublicKey::try_from(account.server_key.as_slice())
            .map_err(|_length| damaged("the server's key is malformed"))?;
        Ok(Self {
            user: account.user.clone(),
            client: account.client.clone(),
            device: DeviceIdentity {
                client: account.client.clone(),
                key: DeviceKey::from_seed(*account.device.bytes()),
                credential,
            },
            uik: UserIdentityKey::from_seed(*account.uik.bytes()),
            server_key,
        })
    }
}

impl Identity {
    /// Whether this device can sign lists and credentials of that list's identity.
    pub(crate) fn has_key_of(&self, list: &SignedDeviceList) -> bool {
        self.uik.public() == *list.list().identity.uik()
    }
}

/// What is only remembered while the process runs; losing it costs a question to the server.
#[derive(Default)]
pub(crate) struct Memory {
    /// Rooms whose log must be fetched: what was pushed left a gap.
    pub(crate) behind: BTreeSet<RoomUri>,
    /// Rooms whose log was read to its end.
    pub(crate) read: BTreeSet<RoomUri>,
    /// Rooms whose log came without this client knowing of them.
    pub(crate) unknown: BTreeSet<RoomUri>,
    /// Rooms with a Welcome that led nowhere.
    pub(crate) uninviting: BTreeSet<RoomUri>,
    /// When this client commits the pending removals of a room.
    pub(crate) removals_due: BTreeMap<RoomUri, u64>,
    /// The epoch in which the members of a room were last found trustworthy.
    pub(crate) trusted: BTreeMap<RoomUri, u64>,
    /// The epoch in which every member of a room was found to be pinned.
    pub(crate) pinned: BTreeMap<RoomUri, u64>,
    /// Rooms whose MLS state was found to be there.
    pub(crate) held: BTreeSet<RoomUri>,
    /// When this client goes back into rooms it lost.
    pub(crate) healing: BTreeMap<RoomUri, Pace>,
    /// When this client passes a room's profile on to those who came in by themselves.
    pub(crate) profiles_due: BTreeMap<RoomUri, Turn>,
    /// The epoch, list and key by which this user's leaves in a room were last found to be right.
    pub(crate) tended: BTreeMap<RoomUri, (u64, u64, PublicKey)>,
    /// When that is tried again in rooms where it failed.
    pub(crate) tend_again: BTreeMap<RoomUri, u64>,
    /// Rooms for which the user's other devices were looked for, and when.
    pub(crate) siblings_asked: BTreeMap<RoomUri, u64>,
    /// What is to be told to the user's other devices.
    pub(crate) notes_due: notes::Due,
    /// The user's rooms that this device is still to join.
    pub(crate) rooms_due: RoomsDueMemory,
    /// The account's keys or credential changed in the open transaction.
    pub(crate) identity_changed: bool,
    /// The server knows this device no more.
    pub(crate) revoked: bool,
    /// The epoch in which it was told of a room that keys were used twice.
    pub(crate) repeated: BTreeMap<RoomUri, u64>,
    /// The epochs in which a message was told that was written in another state of its room.
    pub(crate) elsewhere: BTreeMap<RoomUri, u64>,
    /// Rooms whose hub was asked for the other half of a proof.
    pub(crate) asked_for_proof: BTreeSet<RoomUri>,
    /// Rooms whose hub was asked for entries that are overdue, and when.
    pub(crate) asked_for_tail: BTreeMap<RoomUri, u64>,
    /// Users whose device list was asked for, and when.
    pub(crate) asked: BTreeMap<UserUri, u64>,
    /// When the server was last asked how many KeyPackages are left.
    pub(crate) key_packages_counted: Option<u64>,
    /// How far this device's clock is ahead of the server's, in milliseconds, once it was asked.
    pub(crate) clock_ahead_ms: Option<u64>,
    /// What could not be done and was not told yet.
    pub(crate) troubles: Vec<Trouble>,
    /// What happened and was not handed out yet.
    pub(crate) heard: Vec<Numbered>,
}

/// The groups in memory and the store's generation they belong to.
#[derive(Default)]
pub(crate) struct Groups {
    generation: u64,
    pub(crate) live: BTreeMap<RoomUri, Group>,
}

/// There is no client here yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody registered with this database.
    #[error("nobody is registered here")]
    NotRegistered,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A registration was begun and not finished; registering again goes on with it.
    #[error("the account of {0} is not finished here")]
    Unfinished(UserUri),
}

impl Classified for OpenError {
    fn class(&self) -> Class {
        match self {
            Self::NotRegistered | Self::Unfinished(_) => Class::NotRegistered,
            Self::Store(_) => Class::Store,
        }
    }
}

/// The recovery key as 24 words, to be written down. Wiped when dropped.
#[derive(Clone)]
pub struct RecoveryWords(Zeroizing<String>);

impl RecoveryWords {
    pub(crate) fn of(seed: &[u8; 32]) -> Self {
        Self(RecoveryKey::from_seed(*seed).words())
    }

    /// The words, with single spaces between them.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryWords")
    }
}

impl Memory {
    /// Another group is in the place of a room's: what was found of its members is worth nothing,
    /// though it may be in the same epoch.
    pub(crate) fn forget_verdicts(&mut self, room: &RoomUri) {
        self.trusted.remove(room);
        self.tended.remove(room);
        self.pinned.remove(room);
    }
}

impl<S: Store, T: Transport, E: Environment> Client<S, T, E> {
    /// Opens the client registered in `store`. Asks nobody.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(mut store: S, transport: T, environment: E) -> Result<Self, OpenError> {
        let account = store
            .transaction(|tx| tx.find_account())?
            .ok_or(OpenError::NotRegistered)?;
        if account.state == AccountState::Registering {
            return Err(OpenError::Unfinished(account.user));
        }
        Ok(Self::with(
            store,
            transport,
            environment,
            Identity::of(&account)?,
        ))
    }

    pub(crate) fn with(store: S, transport: T, environment: E, identity: Identity) -> Self {
        Self {
            store,
            transport,
            environment,
            identity,
            groups: Groups::default(),
            memory: Memory::default(),
        }
    }

    /// Forgets the recovery key, once its words were written down.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn recovery_words_kept(&mut self) -> Result<(), StoreError> {
        self.transaction(|step| {
            let mut account = step.account()?;
            account.recovery = None;
            step.tx.put_account(&account)
        })
    }

    /// A number that changes when another process wrote to the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn generation(&self) -> Result<u64, StoreError> {
        self.store.generation()
    }

    /// Events behind a line of the journal, whichever process caused them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn events_after(&mut self, number: u64, limit: usize) -> Result<Vec<Numbered>, StoreError> {
        self.transaction(|step| {
            let mut events = Vec::new();
            for (number, line) in step.tx.list_journal(number, limit)? {
                events.extend(event::read_line(step.tx, number, &line)?);
            }
            Ok(events)
        })
    }

    /// The newest line of the journal that was shown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn listened(&mut self) -> Result<u64, StoreError> {
        Ok(self.transaction(|step| step.account())?.listened)
    }

    /// Remembers the newest line of the journal that was shown, and forgets those before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn mark_listened(&mut self, number: u64) -> Result<(), StoreError> {
        self.transaction(|step| {
            let mut account = step.account()?;
            if number <= account.listened {
                return Ok(());
            }
            account.listened = number;
            step.tx.remove_journal(number)?;
            step.tx.put_account(&account)
        })
    }

    /// Runs one step in one transaction of the store: all of it happens or nothing.
    pub(crate) fn transaction<R, X: From<StoreError>>(
        &mut self,
        run: impl FnOnce(&mut Step<'_>) -> Result<R, X>,
    ) -> Result<R, X> {
        let Self {
            store,
            environment,
            identity,
            groups,
            memory,
            ..
        } = self;
        let now = environment.now();
        let mut events = Vec::new();
        let mut renewed = false;
        let result = store.transaction(|tx| {
            let generation = tx.generation()?;
            if generation != groups.generation {
                groups.live.clear();
                memory.trusted.clear();
                groups.generation = generation;
                *identity = Identity::of(&tx.find_account()?.ok_or_else(no_account)?)?;
            }
            let random = |bytes: &mut [u8]| environment.random(bytes);
            let result = run(&mut Step {
                tx,
                groups,
                identity,
                now,
                random: &random,
                events: &mut events,
                memory,
            })?;
            if std::mem::take(&mut memory.identity_changed) {
                renewed = true;
                *identity = Identity::of(&tx.find_account()?.ok_or_else(no_account)?)?;
            }
            Ok(result)
        });
        match result {
            Ok(value) => {
                self.memory.heard.append(&mut events);
                Ok(value)
            }
            Err(error) => {
                self.groups.live.clear();
                self.memory.trusted.clear();
                if renewed {
                    // What is stored has not changed: take it from there.
                    self.groups.generation = u64::MAX;
                }
                Err(error)
            }
        }
    }

    /// What happened since this was last asked.
    pub(crate) fn take_heard(&mut self) -> Vec<Numbered> {
        std::mem::take(&mut self.memory.heard)
    }
}
