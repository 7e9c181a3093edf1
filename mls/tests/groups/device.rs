//! One person's device: its keys, its records, and its view of the room.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use grove_mls::franking;
use grove_mls::identity::{
    DeviceCredential, DeviceKey, Identity, PublicKey, RecoveryKey, UserIdentityKey,
};
use grove_mls::key_package::{self, KEY_PACKAGE_LIFETIME, LastResort, ValidKeyPackage};
use grove_mls::member::{DeviceIdentity, Group};
use grove_mls::storage::{MemberStorage, Records};
use grove_wire::mls::MlsMessage;
use grove_wire::uri::{ClientUri, RoomUri, UserUri};

/// Records in memory.
#[derive(Default)]
pub(crate) struct Map(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Records for Map {
    type Error = Infallible;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.borrow().get(key).cloned())
    }
}

impl Map {
    pub(crate) fn write(&self, storage: &MemberStorage<'_, Self>) {
        for (key, value) in storage.take_changes() {
            match value {
                Some(value) => self.0.borrow_mut().insert(key, value),
                None => self.0.borrow_mut().remove(&key),
            };
        }
    }

    pub(crate) fn keys(&self) -> Vec<Vec<u8>> {
        self.0.borrow().keys().cloned().collect()
    }
}

/// Who a user is, with all that signs for them.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) user: UserUri,
    pub(crate) recovery: RecoveryKey,
    pub(crate) identity: Identity,
    pub(crate) uik: UserIdentityKey,
}

impl Keys {
    pub(crate) fn of(name: &str) -> Self {
        let mut seed = [0xEE; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        Self::begin(name, seed)
    }

    /// Somebody who says to be this user, and has not their recovery key.
    pub(crate) fn made_up(name: &str) -> Self {
        Self::begin(name, [0x5A; 32])
    }

    fn begin(name: &str, seed: [u8; 32]) -> Self {
        let (user, recovery) = (user(name), RecoveryKey::from_seed(seed));
        let (identity, uik) = Identity::begin(&recovery, &user);
        Self {
            user,
            recovery,
            identity,
            uik,
        }
    }

    pub(crate) fn renewed(self, times: u8) -> Self {
        (0..times).fold(self, |keys, _| {
            let renewed = keys.identity.renew(&keys.recovery, &keys.user);
            let (identity, uik) = renewed.unwrap();
            Self {
                identity,
                uik,
                ..keys
            }
        })
    }

    /// With the next recovery key.
    pub(crate) fn replaced(self) -> Self {
        let next = RecoveryKey::from_seed([0x4B; 32]);
        let replaced = self
            .identity
            .replace_recovery(&self.recovery, &next, &self.user);
        let (identity, uik) = replaced.unwrap();
        Self {
            recovery: next,
            identity,
            uik,
            ..self
        }
    }

    pub(crate) fn issue(&self, client: &ClientUri, key: &PublicKey) -> DeviceCredential {
        DeviceCredential::issue(&self.uik, &self.identity, client, key, 1, u64::MAX / 2)
    }
}

pub(crate) struct Device {
    pub(crate) identity: DeviceIdentity,
    pub(crate) records: Map,
    pub(crate) group: Option<Group>,
    /// How many entries of the log it has read.
    pub(crate) position: usize,
}

impl Device {
    pub(crate) fn new(keys: &Keys, number: u8) -> Self {
        let user = &keys.user;
        let mut id = [number; 16];
        id[0] = user.localpart().bytes().fold(0, u8::wrapping_add);
        let mut seed = [number; 32];
        seed[..user.localpart().len()].copy_from_slice(user.localpart().as_bytes());
        let client = ClientUri::new(user, id);
        let key = DeviceKey::from_seed(seed);
        let credential = keys.issue(&client, &key.public());
        Self {
            identity: DeviceIdentity {
                client,
                key,
                credential,
            },
            records: Map::default(),
            group: None,
            position: 0,
        }
    }

    /// Takes up another identity.
    pub(crate) fn take_up(&mut self, keys: &Keys) {
        let (client, key) = (&self.identity.client, self.identity.key.public());
        self.identity.credential = keys.issue(client, &key);
    }

    pub(crate) fn user(&self) -> UserUri {
        self.identity.client.user()
    }

    /// Acts on the group and writes what changed, unless it failed.
    pub(crate) fn act<T, E>(
        &mut self,
        act: impl FnOnce(&mut Group, &MemberStorage<'_, Map>, &DeviceIdentity) -> Result<T, E>,
    ) -> Result<T, E> {
        let storage = MemberStorage::new(&self.records);
        let done = act(
            self.group.as_mut().expect("in the room"),
            &storage,
            &self.identity,
        );
        if done.is_ok() {
            self.records.write(&storage);
        }
        done
    }

    /// Forgets what is in memory, as a restart does.
    pub(crate) fn restart(&mut self, room: &RoomUri) {
        let storage = MemberStorage::new(&self.records);
        self.group = Group::load(&storage, room).unwrap();
    }

    pub(crate) fn key_package(&mut self, last_resort: LastResort) -> ValidKeyPackage {
        let storage = MemberStorage::new(&self.records);
        let made =
            key_package::make(&storage, &self.identity, crate::world::SUITE, last_resort).unwrap();
        self.records.write(&storage);
        let valid = key_package::validate(made.message.as_bytes(), now_ms(made.not_after)).unwrap();
        assert_eq!(valid.reference, made.reference);
        valid
    }

    pub(crate) fn is_in(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_active)
    }

    pub(crate) fn say(&mut self, text: &str) -> Result<MlsMessage, grove_mls::member::SealError> {
        let tag = franking::franking_tag(&[7; 16], text.as_bytes());
        self.act(|group, storage, device| group.seal(storage, device, text.as_bytes(), tag))
    }
}

/// When a KeyPackage was made, in milliseconds: tests ask no clock.
pub(crate) fn now_ms(not_after: u64) -> u64 {
    (not_after - KEY_PACKAGE_LIFETIME.as_secs()) * 1000
}

pub(crate) fn user(name: &str) -> UserUri {
    UserUri::parse(&format!("{name}@a.example")).unwrap()
}

pub(crate) fn device(name: &str, number: u8) -> Device {
    Device::new(&Keys::of(name), number)
}
