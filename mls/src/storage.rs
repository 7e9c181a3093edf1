//! Where OpenMLS keeps its state: a member's in the caller's records, a hub's nowhere but in
//! memory.
//!
//! Knows keys and bytes; must not know SQL or files. A member's changes are collected and handed
//! out by [`MemberStorage::take_changes`], so that the caller writes them in the one transaction
//! that also holds the decrypted plaintext and the cursor: a ratchet is used up when a message is
//! opened, and a crash between the two would lose it.
//!
//! The surprise: a value starts with a byte that names its codec, because one type of OpenMLS (the
//! join configuration) can only be read back from a self-describing format and the others cost five
//! times as much in one.
//!
//! Keys: `room/` ‖ length ‖ group id ‖ `/` ‖ label for everything of one room (see
//! [`room_prefix`]), `key_package/` ‖ `KeyPackageRef`, `hpke/` ‖ public key for the few key pairs
//! that are not part of either.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use grove_wire::uri::RoomUri;
use openmls::group::GroupId;
use openmls_traits::OpenMlsProvider;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::suite::Crypto;

mod hub;
mod member;

pub(crate) use hub::HubStorage;

/// What the caller stored earlier: a map from keys to bytes.
pub trait Records {
    /// Why reading failed.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The bytes last written under that key.
    ///
    /// # Errors
    /// When the place they are kept in cannot be read.
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// Why stored MLS state could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The bytes are not what was stored, or the state has no stored form.
    #[error("stored MLS state cannot be read or written as bytes")]
    Codec(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A codec of another version of this program.
    #[error("stored MLS state has the unknown format {0}")]
    Format(u8),
    /// The records could not be read.
    #[error("the records of MLS state could not be read")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A member's state: reads through to the records, keeps what changes.
pub struct MemberStorage<'a, R: Records> {
    records: &'a R,
    crypto: Crypto,
    /// Also answers reads: what was changed here is newer than the records.
    changes: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'a, R: Records> MemberStorage<'a, R> {
    /// Nothing changed yet.
    pub fn new(records: &'a R) -> Self {
        Self {
            records,
            crypto: Crypto::default(),
            changes: RefCell::default(),
        }
    }

    /// Hands out what changed since the last call, in the order of the keys: write each `Some`,
    /// delete each `None`. From then on the records are asked for these keys, so write them before
    /// the next call to this crate, or start over with [`MemberStorage::new`] to drop them.
    pub fn take_changes(&self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.changes.take().into_iter().collect()
    }

    fn put<T: Serialize>(&self, key: Vec<u8>, value: &T) -> Result<(), StorageError> {
        let bytes = encode(value)?;
        self.changes.borrow_mut().insert(key, Some(bytes));
        Ok(())
    }

    fn put_encoded(&self, key: Vec<u8>, bytes: Vec<u8>) {
        self.changes.borrow_mut().insert(key, Some(bytes));
    }

    fn find<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StorageError> {
        self.bytes(key)?.map(|bytes| decode(&bytes)).transpose()
    }

    fn remove(&self, key: Vec<u8>) {
        self.changes.borrow_mut().insert(key, None);
    }

    fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        if let Some(changed) = self.changes.borrow().get(key) {
            return Ok(changed.clone());
        }
        self.records
            .read(key)
            .map_err(|error| StorageError::Read(Box::new(error)))
    }
}

impl<R: Records> fmt::Debug for MemberStorage<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberStorage({} changes)", self.changes.borrow().len())
    }
}

impl<R: Records> OpenMlsProvider for MemberStorage<'_, R> {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = Self;

    fn storage(&self) -> &Self {
        self
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &Crypto {
        &self.crypto
    }
}

/// What the keys of a room's records start with, so that all of them can be listed or deleted at
/// once.
///
/// # Errors
/// [`StorageError::Codec`] never happens for a well-formed room; it is there because keys are made
/// by a serialiser.
pub fn room_prefix(room: &RoomUri) -> Result<Vec<u8>, StorageError> {
    scoped("room", &group_id(room))
}

/// A room's MLS group id: the 32 bytes its URI is made of (RFC 9420 leaves the choice to the
/// creator).
pub(crate) fn group_id(room: &RoomUri) -> GroupId {
    GroupId::from_slice(&room.hash())
}

/// `kind/` and the id as compact bytes.
fn scoped(kind: &str, id: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    let mut key = Vec::with_capacity(kind.len() + 40);
    key.extend_from_slice(kind.as_bytes());
    key.push(b'/');
    key.extend(postcard::to_stdvec(id).map_err(codec)?);
    Ok(key)
}

const POSTCARD: u8 = 1;
const JSON: u8 = 2;

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StorageError> {
    postcard::to_extend(value, vec![POSTCARD]).map_err(codec)
}

/// For the one type whose reader must see field names.
fn encode_self_describing<T: Serialize>(value: &T) -> Result<Vec<u8>, StorageError> {
    let mut bytes = vec![JSON];
    serde_json::to_writer(&mut bytes, value).map_err(codec)?;
    Ok(bytes)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StorageError> {
    match bytes.split_first() {
        Some((&POSTCARD, rest)) => postcard::from_bytes(rest).map_err(codec),
        Some((&JSON, rest)) => serde_json::from_slice(rest).map_err(codec),
        Some((&other, _)) => Err(StorageError::Format(other)),
        None => Err(StorageError::Format(0)),
    }
}

fn codec(error: impl std::error::Error + Send + Sync + 'static) -> StorageError {
    StorageError::Codec(Box::new(error))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use grove_wire::uri::{Provider, RoomUri};

    use super::{
        MemberStorage, Records, StorageError, decode, encode, encode_self_describing, room_prefix,
    };

    struct Map(BTreeMap<Vec<u8>, Vec<u8>>);

    impl Records for Map {
        type Error = Infallible;

        fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
            Ok(self.0.get(key).cloned())
        }
    }

    #[test]
    fn changes_are_read_back_before_the_records_and_handed_out_once() {
        let records = Map(BTreeMap::from([
            (b"a".to_vec(), encode(&1_u8).unwrap()),
            (b"b".to_vec(), encode(&2_u8).unwrap()),
        ]));
        let storage = MemberStorage::new(&records);
        storage.put(b"a".to_vec(), &7_u8).unwrap();
        storage.remove(b"b".to_vec());
        assert_eq!(storage.find::<u8>(b"a").unwrap(), Some(7));
        assert_eq!(storage.find::<u8>(b"b").unwrap(), None);
        assert_eq!(
            storage.take_changes(),
            vec![
                (b"a".to_vec(), Some(encode(&7_u8).unwrap())),
                (b"b".to_vec(), None)
            ]
        );
        assert_eq!(storage.take_changes(), vec![]);
        assert_eq!(
            storage.find::<u8>(b"a").unwrap(),
            Some(1),
            "the records speak again"
        );
    }

    #[test]
    fn values_name_their_codec() {
        assert_eq!(decode::<u32>(&encode(&300_u32).unwrap()).unwrap(), 300);
        assert_eq!(
            decode::<u32>(&encode_self_describing(&300_u32).unwrap()).unwrap(),
            300
        );
        assert!(matches!(
            decode::<u32>(&[9, 1]),
            Err(StorageError::Format(9))
        ));
        assert!(matches!(decode::<u32>(&[]), Err(StorageError::Format(0))));
    }

    #[test]
    fn a_room_has_its_own_prefix() {
        let hub = Provider::parse("a.example").unwrap();
        let prefix = |n| room_prefix(&RoomUri::new(&hub, &[n; 32])).unwrap();
        assert!(prefix(1).starts_with(b"room/"));
        assert_eq!(
            prefix(1).len(),
            prefix(2).len(),
            "so that neither is the start of the other"
        );
        assert_ne!(prefix(1), prefix(2));
    }
}
