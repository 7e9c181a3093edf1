//! Each kind of authenticated data.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use grove_wire::mimi::room::component;
use grove_wire::mls::ContentType;

use super::{AuthenticatedDataError, check_authenticated_data};

/// A component of a Safe AAD, with data of one length.
fn item(id: u16, length: u8) -> Vec<u8> {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.push(length);
    bytes.extend(vec![7; usize::from(length)]);
    bytes
}

/// A list of them, shorter than 64 bytes.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let items = items.concat();
    let mut bytes = vec![u8::try_from(items.len()).unwrap()];
    assert!(bytes[0] < 64, "a length of one byte");
    bytes.extend(items);
    bytes
}

#[test]
fn an_application_message_has_a_safe_aad_and_nothing_else() {
    let tag = || item(component::FRANK_AAD, 32);
    let message_id = || item(0x0040, 4);
    for fine in [
        list(&[]),
        list(&[tag()]),
        list(&[message_id()]),
        list(&[tag(), message_id()]),
        list(&[item(0x8001, 0)]),
    ] {
        let judged = check_authenticated_data(ContentType::Application, &fine);
        assert_eq!(judged, Ok(()), "{fine:02x?}");
    }
    for bad in [
        vec![],
        vec![7],
        [list(&[tag()]), vec![0]].concat(),
        [vec![0x40, 0x00]].concat(),
        list(&[message_id(), tag()]),
        list(&[message_id(), message_id()]),
        list(&[item(component::FRANK_AAD, 31)]),
        list(&[item(component::FRANK_AAD, 33)]),
    ] {
        let judged = check_authenticated_data(ContentType::Application, &bad);
        assert_eq!(judged, Err(AuthenticatedDataError), "{bad:02x?}");
    }
}

#[test]
fn a_handshake_has_an_empty_safe_aad() {
    for content in [ContentType::Proposal, ContentType::Commit] {
        assert_eq!(check_authenticated_data(content, &[0]), Ok(()));
        for bad in [vec![], list(&[item(component::FRANK_AAD, 32)]), vec![0, 0]] {
            let judged = check_authenticated_data(content, &bad);
            assert_eq!(judged, Err(AuthenticatedDataError), "{bad:02x?}");
        }
    }
}
