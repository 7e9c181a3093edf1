//! The extension map of a message: any CBOR value under a number or a name.
//!
//! Knows values and their order on the wire; must not know what a private extension means
//! ([`super::witness`] does).
//!
//! The surprise: keys are ordered by their encoded bytes, so 2 comes before -1, and -1 before any
//! name.

use std::collections::BTreeMap;

/// Extension key of the sender's user URI.
const SENDER_URI: ExtensionKey = ExtensionKey::Number(1);
/// Extension key of the room's URI.
const ROOM_URI: ExtensionKey = ExtensionKey::Number(2);

/// The key of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionKey {
    /// Registered when positive, private when negative; within 2^53 - 1 of zero.
    Number(i64),
    /// 1 to 255 bytes of UTF-8.
    Name(String),
}

impl ExtensionKey {
    /// Orders like the encoded bytes: major type, then length or magnitude, then content.
    fn rank(&self) -> (u8, u64, &str) {
        match self {
            Self::Number(number) if *number >= 0 => (0, number.unsigned_abs(), ""),
            Self::Number(number) => (1, number.unsigned_abs(), ""),
            Self::Name(name) => (3, u64::try_from(name.len()).unwrap_or(u64::MAX), name),
        }
    }
}

impl Ord for ExtensionKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for ExtensionKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A CBOR value. Tags, undefined and other simple values do not occur.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionValue {
    /// A list.
    Array(Vec<ExtensionValue>),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A floating-point number, as the bits of an `f64`; all that are not numbers are one.
    Float(u64),
    /// Within 2^53 - 1 of zero.
    Integer(i64),
    /// A map, in the order of its encoded keys.
    Map(Vec<(ExtensionValue, ExtensionValue)>),
    /// Nothing.
    Null,
    /// UTF-8.
    Text(String),
}

/// A message's extensions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extensions(pub(super) BTreeMap<ExtensionKey, ExtensionValue>);

impl Extensions {
    /// The two that every message of ours has: who sends it, and where. They bind franks and
    /// reports.
    pub(super) fn addressed(sender: &str, room: &str) -> Self {
        let mut extensions = Self::default();
        extensions.insert(SENDER_URI, ExtensionValue::Text(sender.to_owned()));
        extensions.insert(ROOM_URI, ExtensionValue::Text(room.to_owned()));
        extensions
    }

    /// The sender's user URI as the message states it.
    pub fn sender_uri(&self) -> Option<&str> {
        self.find_text(&SENDER_URI)
    }

    /// The room's URI as the message states it.
    pub fn room_uri(&self) -> Option<&str> {
        self.find_text(&ROOM_URI)
    }

    /// Whether a message with them may be one of this user in this room: what it states of either
    /// is so. It need not state them.
    pub fn may_be_of(&self, sender: &str, room: &str) -> bool {
        [(SENDER_URI, sender), (ROOM_URI, room)]
            .iter()
            .all(|(key, fact)| match self.find(key) {
                None => true,
                Some(ExtensionValue::Text(said)) => said == fact,
                Some(_) => false,
            })
    }

    /// An extension's value.
    pub fn find(&self, key: &ExtensionKey) -> Option<&ExtensionValue> {
        self.0.get(key)
    }

    /// Sets an extension; gives the value it had.
    pub fn insert(&mut self, key: ExtensionKey, value: ExtensionValue) -> Option<ExtensionValue> {
        self.0.insert(key, value)
    }

    /// All of them, in the order of the wire.
    pub fn iter(&self) -> impl Iterator<Item = (&ExtensionKey, &ExtensionValue)> {
        self.0.iter()
    }

    fn find_text(&self, key: &ExtensionKey) -> Option<&str> {
        match self.find(key) {
            Some(ExtensionValue::Text(text)) => Some(text),
            _ => None,
        }
    }
}
