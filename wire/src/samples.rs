//! Well-formed structures for tests: made by hand from the RFC's structs, with any bytes for
//! content.
//!
//! Nothing here is a valid MLS message: signatures and ciphertexts are noise. The shape is right,
//! which is all this crate looks at.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::codec::{Opaque, append_opaque};
use crate::mls::{GroupInfo, KeyPackage, MlsMessage, RatchetTree, Welcome};
use crate::uri::{ClientUri, IdentifierUri, Provider, RoomUri, UserUri};

/// Concatenates parts.
pub(crate) fn cat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// `opaque x<V>`.
pub(crate) fn vector(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_opaque(&mut out, content);
    out
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

pub(crate) fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(any::<u8>(), 0..max)
}

pub(crate) fn opaque<const MAX: usize>() -> impl Strategy<Value = Opaque<MAX>> {
    bytes(200).prop_map(|content| Opaque::new(content).unwrap())
}

fn vectors(count: usize) -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(bytes(80), count).prop_map(|items| items.iter().flat_map(|item| vector(item)).collect())
}

fn fixed(count: usize) -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(any::<u8>(), count)
}

fn list(
    item: impl Strategy<Value = Vec<u8>> + Clone,
    max: usize,
) -> impl Strategy<Value = Vec<u8>> + Clone {
    vec(item, 0..max).prop_map(|items| vector(&items.concat()))
}

fn optional(
    item: impl Strategy<Value = Vec<u8>> + Clone,
) -> impl Strategy<Value = Vec<u8>> + Clone {
    option::of(item).prop_map(|item| match item {
        Some(item) => cat(&[&[1], &item]),
        None => vec![0],
    })
}

macro_rules! sequence {
    ($($part:expr),+ $(,)?) => {{
        let parts: Vec<BoxedStrategy<Vec<u8>>> = vec![$(part($part)),+];
        parts.prop_map(|parts| parts.concat())
    }};
}

fn part(strategy: impl Strategy<Value = Vec<u8>> + Clone + 'static) -> BoxedStrategy<Vec<u8>> {
    strategy.boxed()
}

fn tag(bytes: &'static [u8]) -> BoxedStrategy<Vec<u8>> {
    Just(bytes.to_vec()).boxed()
}

fn extensions() -> BoxedStrategy<Vec<u8>> {
    list(sequence![fixed(2), vectors(1)], 4).boxed()
}

fn leaf_node() -> BoxedStrategy<Vec<u8>> {
    let credential = prop_oneof![
        sequence![tag(&[0, 1]), vectors(1)],
        sequence![tag(&[0, 2]), list(vectors(1), 3)],
    ];
    let source = prop_oneof![
        sequence![tag(&[1]), fixed(16)],
        sequence![tag(&[2])],
        sequence![tag(&[3]), vectors(1)],
    ];
    sequence![
        vectors(2),
        credential,
        list(fixed(2), 4),
        list(fixed(2), 4),
        list(fixed(2), 4),
        list(fixed(2), 4),
        list(fixed(2), 4),
        source,
        extensions(),
        vectors(1),
    ]
    .boxed()
}

fn key_package_bytes() -> BoxedStrategy<Vec<u8>> {
    sequence![
        tag(&[0, 1]),
        fixed(2),
        vectors(1),
        leaf_node(),
        extensions(),
        vectors(1)
    ]
    .boxed()
}

fn proposal_bytes() -> BoxedStrategy<Vec<u8>> {
    let psk = prop_oneof![
        sequence![tag(&[1]), vectors(1)],
        sequence![tag(&[2]), fixed(1), vectors(1), fixed(8)],
        sequence![tag(&[3]), fixed(2), vectors(1)],
    ];
    prop_oneof![
        sequence![tag(&[0, 1]), key_package_bytes()],
        sequence![tag(&[0, 2]), leaf_node()],
        sequence![tag(&[0, 3]), fixed(4)],
        sequence![tag(&[0, 4]), psk, vectors(1)],
        sequence![tag(&[0, 5]), vectors(1), fixed(4), extensions()],
        sequence![tag(&[0, 6]), vectors(1)],
        sequence![tag(&[0, 7]), extensions()],
        sequence![tag(&[0, 8]), fixed(2), tag(&[1]), vectors(1)],
        sequence![tag(&[0, 8]), fixed(2), tag(&[2])],
        sequence![tag(&[0, 9]), fixed(2), vectors(1)],
        sequence![tag(&[0, 10])],
    ]
    .boxed()
}

fn proposal_or_ref() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        sequence![tag(&[1]), proposal_bytes()],
        sequence![tag(&[2]), vectors(1)]
    ]
    .boxed()
}

fn commit_bytes() -> BoxedStrategy<Vec<u8>> {
    let path = sequence![
        leaf_node(),
        list(sequence![vectors(1), list(vectors(2), 3)], 4)
    ];
    sequence![list(proposal_or_ref(), 4), optional(path)].boxed()
}

/// A public message of one content type around these content bytes.
fn public(
    content_type: &'static [u8],
    content: BoxedStrategy<Vec<u8>>,
    tail: usize,
) -> BoxedStrategy<Vec<u8>> {
    let head = sequence![tag(&[0, 1, 0, 1]), vectors(1), fixed(8)].boxed();
    let body = sequence![vectors(1), tag(content_type), content, vectors(tail)].boxed();
    prop_oneof![
        sequence![head.clone(), tag(&[1]), fixed(4), body.clone(), vectors(1)],
        sequence![head.clone(), tag(&[2]), fixed(4), body.clone()],
        sequence![head.clone(), tag(&[3]), body.clone()],
        sequence![head, tag(&[4]), body],
    ]
    .boxed()
}

fn message(bytes: Vec<u8>) -> MlsMessage {
    MlsMessage::from_bytes(bytes).unwrap()
}

pub(crate) fn application() -> impl Strategy<Value = MlsMessage> {
    sequence![
        tag(&[0, 1, 0, 2]),
        vectors(1),
        fixed(8),
        tag(&[1]),
        vectors(3)
    ]
    .prop_map(message)
}

pub(crate) fn proposal() -> impl Strategy<Value = MlsMessage> {
    public(&[2], proposal_bytes(), 1).prop_map(message)
}

pub(crate) fn commit() -> impl Strategy<Value = MlsMessage> {
    public(&[3], commit_bytes(), 2).prop_map(message)
}

/// A commit with an update path, and the keys of the path's nodes.
pub(crate) fn commit_with_path() -> impl Strategy<Value = (MlsMessage, Vec<Vec<u8>>)> {
    let before = sequence![list(proposal_or_ref(), 4), tag(&[1]), leaf_node()];
    let ciphertexts = list(vectors(2), 3);
    let node = (bytes(40), ciphertexts);
    (before, vec(node, 0..4)).prop_flat_map(|(before, nodes)| {
        let bytes: Vec<u8> = nodes
            .iter()
            .flat_map(|(key, ciphertexts)| cat(&[&vector(key), ciphertexts]))
            .collect();
        let keys: Vec<Vec<u8>> = nodes.into_iter().map(|(key, _)| key).collect();
        let content = Just(cat(&[&before, &vector(&bytes)])).boxed();
        (public(&[3], content, 2).prop_map(message), Just(keys))
    })
}

pub(crate) fn key_package() -> impl Strategy<Value = KeyPackage> {
    key_package_bytes().prop_map(|bytes| KeyPackage::from_bytes(bytes).unwrap())
}

pub(crate) fn group_info() -> impl Strategy<Value = GroupInfo> {
    sequence![
        tag(&[0, 1]),
        fixed(2),
        vectors(1),
        fixed(8),
        vectors(2),
        extensions(),
        extensions(),
        vectors(1),
        fixed(4),
        vectors(1),
    ]
    .prop_map(|bytes| GroupInfo::from_bytes(bytes).unwrap())
}

pub(crate) fn welcome() -> impl Strategy<Value = Welcome> {
    sequence![fixed(2), list(vectors(3), 5), vectors(1)]
        .prop_map(|bytes| Welcome::from_bytes(bytes).unwrap())
}

pub(crate) fn ratchet_tree() -> impl Strategy<Value = RatchetTree> {
    let parent = sequence![tag(&[2]), vectors(2), list(fixed(4), 4)];
    let node = prop_oneof![sequence![tag(&[1]), leaf_node()], parent];
    list(optional(node), 6).prop_map(|bytes| RatchetTree::from_bytes(bytes).unwrap())
}

/// A small application message with a known group, epoch and content.
pub(crate) fn plain_application(group: &[u8], epoch: u64, ciphertext: &[u8]) -> MlsMessage {
    message(cat(&[
        &[0, 1, 0, 2],
        &vector(group),
        &epoch.to_be_bytes(),
        &[1],
        &vector(b"aad"),
        &vector(b"sender data"),
        &vector(ciphertext),
    ]))
}

pub(crate) fn provider() -> impl Strategy<Value = Provider> {
    "[a-z0-9]{1,8}(\\.[a-z][a-z0-9]{0,6}){1,3}".prop_map(|text| Provider::parse(&text).unwrap())
}

pub(crate) fn user() -> impl Strategy<Value = UserUri> {
    (provider(), "[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?")
        .prop_map(|(provider, localpart)| UserUri::new(&provider, &localpart).unwrap())
}

pub(crate) fn client() -> impl Strategy<Value = ClientUri> {
    (user(), any::<[u8; 16]>()).prop_map(|(user, device)| ClientUri::new(&user, device))
}

pub(crate) fn room() -> impl Strategy<Value = RoomUri> {
    (provider(), any::<[u8; 32]>()).prop_map(|(hub, hash)| RoomUri::new(&hub, &hash))
}

pub(crate) fn identifier() -> impl Strategy<Value = IdentifierUri> {
    prop_oneof![
        user().prop_map(|uri| IdentifierUri::from(&uri)),
        client().prop_map(|uri| IdentifierUri::from(&uri)),
        room().prop_map(|uri| IdentifierUri::from(&uri)),
        provider().prop_map(|uri| IdentifierUri::from(&uri)),
        provider().prop_map(|uri| IdentifierUri::parse(&format!("{uri}/r/Clubhouse_1")).unwrap()),
    ]
}
