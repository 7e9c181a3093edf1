//! MLS state that lies open, in memory.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use grove_mls::storage::{MemberStorage, Records};

/// MLS records in memory.
#[derive(Clone, Default)]
pub struct Map(RefCell<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Records for Map {
    type Error = Infallible;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.borrow().get(key).cloned())
    }
}

impl Map {
    /// Writes what changed.
    pub fn write(&self, storage: &MemberStorage<'_, Self>) {
        for (key, value) in storage.take_changes() {
            match value {
                Some(value) => self.0.borrow_mut().insert(key, value),
                None => self.0.borrow_mut().remove(&key),
            };
        }
    }
}
