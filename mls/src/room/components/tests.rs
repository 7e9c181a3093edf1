//! A room's components, byte for byte where the draft fixes them, and what is refused.

#![expect(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use grove_wire::uri::Provider;
use proptest::prelude::*;

use super::*;
use crate::identity::ServerKey;
use crate::room::testing::{Person, new_room};

fn state() -> RoomState {
    new_room(&Person::new("olga", 1))
}

#[test]
fn a_room_is_its_components() {
    let components = state().to_components();
    let ids: Vec<u16> = components.keys().copied().collect();
    assert_eq!(
        ids,
        [0x0002, 0x0021, 0x0022, 0x0023, 0x0025, 0x0027, 0x8001]
    );
    assert_eq!(RoomState::from_components(&components), Ok(state()));

    let hex = |id: u16| HEXLOWER.encode(components.get(&id).unwrap());
    assert_eq!(hex(0x0002), "00");
    assert_eq!(hex(0x0027), "000000010000000100020025");
    assert_eq!(
        hex(0x0022),
        "1c176d696d693a2f2f612e6578616d706c652f752f6f6c676100000005"
    );
    let room = state().room_uri;
    let text = format!(
        "{:04x}{}0000000000",
        0x4000 + room.as_str().len(),
        HEXLOWER.encode(room.as_str().as_bytes())
    );
    assert_eq!(hex(0x0023), text);
}

#[test]
fn every_missing_foreign_or_changed_component_is_refused() {
    let with = |id: u16, value: Vec<u8>| {
        let mut components = state().to_components();
        components.insert(id, value);
        RoomState::from_components(&components).unwrap_err()
    };
    for id in COMPONENTS {
        let mut components = state().to_components();
        components.remove(&id);
        let refused = RoomState::from_components(&components);
        assert_eq!(refused, Err(StateError::Missing(id)));
    }
    assert_eq!(with(0x0024, vec![0]), StateError::Unknown(0x0024));
    assert_eq!(with(2, vec![2, 0, 0x20]), StateError::Fixed(2));
    assert_eq!(with(0x27, vec![1; 12]), StateError::Fixed(0x27));
    for id in [0x21, 0x22, 0x25] {
        assert_eq!(with(id, vec![0xff]), StateError::Malformed(id));
    }

    let another = new_room(&Person::new("mia", 3)).to_components();
    for id in [component::ROOM_METADATA, component::CREATION_RECORD] {
        assert_eq!(
            with(id, another.get(&id).unwrap().clone()),
            StateError::RoomUri
        );
    }
    let mut record = state().record.as_bytes().to_vec();
    *record.last_mut().unwrap() ^= 1;
    assert_eq!(
        with(component::CREATION_RECORD, record),
        RecordError::BadSignature.into()
    );

    let foreign = RoomUri::new(&Provider::parse("b.example").unwrap(), &[0; 32]);
    let agent = franking_agent(&foreign, &ServerKey::from_seed([9; 32]).public());
    assert_eq!(
        with(component::FRANKING_AGENT, encoded(&agent)),
        StateError::FrankingAgent
    );
}

proptest! {
    #[test]
    fn random_components_never_panic(id in prop::sample::select(COMPONENTS.to_vec()), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut components = state().to_components();
        let before = components.insert(id, bytes.clone());
        let read = RoomState::from_components(&components);
        prop_assert!(read.is_err() || before == Some(bytes.clone()) || id == component::PARTICIPANT_LIST || id == component::ROLES_LIST);
        for updated in [component::PARTICIPANT_LIST, component::ROLES_LIST] {
            if let Ok(value) = state().apply(updated, &bytes) {
                let mut components = state().to_components();
                components.insert(updated, value);
                prop_assert!(RoomState::from_components(&components).is_ok());
            }
        }
    }
}
