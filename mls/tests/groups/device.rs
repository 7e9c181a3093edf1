//! One person's device: its keys, its records, and its view of the room.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

use grove_mls::franking;
use grove_mls::identity::{DeviceCredential, DeviceKey, UserIdentityKey};
use grove_mls::key_package::{self, LastResort, ValidKeyPackage};
use grove_mls::leaf::LEAF_LIFETIME;
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

pub(crate) struct Device {
    pub(crate) identity: DeviceIdentity,
    pub(crate) records: Map,
    pub(crate) group: Option<Group>,
    /// How many entries of the log it has read.
    pub(crate) position: usize,
}

impl Device {
    pub(crate) fn new(user: &UserUri, uik: &UserIdentityKey, number: u8) -> Self {
        let mut id = [number; 16];
        id[0] = user.localpart().bytes().fold(0, u8::wrapping_add);
        let mut seed = [number; 32];
        seed[..user.localpart().len()].copy_from_slice(user.localpart().as_bytes());
        let client = ClientUri::new(user, id);
        let key = DeviceKey::from_seed(seed);
        let credential = DeviceCredential::issue(uik, &client, &key.public(), 1, u64::MAX / 2);
        Self {
            identity: DeviceIdentity {
                client,
                key,
                credential,
                succession: None,
            },
            records: Map::default(),
            group: None,
            position: 0,
        }
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
    (not_after - LEAF_LIFETIME.as_secs()) * 1000
}

pub(crate) fn user(name: &str) -> UserUri {
    UserUri::parse(&format!("{name}@a.example")).unwrap()
}

pub(crate) fn uik(name: &str) -> UserIdentityKey {
    let mut seed = [0xEE; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    UserIdentityKey::from_seed(seed)
}

pub(crate) fn device(name: &str, number: u8) -> Device {
    Device::new(&user(name), &uik(name), number)
}
