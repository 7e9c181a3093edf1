//! MLS state that lies open, in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;

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
    /// Changes what is stored under a key.
    ///
    /// # Panics
    /// When nothing is.
    pub fn change(&self, key: &[u8], act: impl FnOnce(&mut Vec<u8>)) {
        act(self.0.borrow_mut().get_mut(key).expect("a record"));
    }

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
