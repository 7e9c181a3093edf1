//! The walker of `grove-wire` finds the end of everything OpenMLS makes, to the byte.

use grove_mls::key_package::LastResort;
use grove_wire::codec;
use grove_wire::mimi::update::{HandshakeBundle, UpdateRequest};
use grove_wire::mls::{GroupInfo, KeyPackage, MlsMessage, RatchetTree, Welcome};
use tls_codec::Deserialize;

use crate::world::{Group, World, device, user};

/// Reads one `T` from the front of bytes behind which others follow.
fn ends_exactly<T: Deserialize>(bytes: &[u8]) {
    let mut followed = bytes.to_vec();
    followed.extend([0xAA; 3]);
    let mut rest = followed.as_slice();
    T::tls_deserialize(&mut rest).unwrap();
    assert_eq!(rest, [0xAA; 3]);
    assert!(codec::decode::<T>(bytes).is_ok());
    assert!(codec::decode::<T>(&bytes[..bytes.len() - 1]).is_err());
}

fn walk(bundle: &HandshakeBundle) {
    ends_exactly::<MlsMessage>(bundle.first().as_bytes());
    if let HandshakeBundle::Commit {
        welcome: Some(welcome),
        ..
    } = bundle
    {
        ends_exactly::<Welcome>(welcome.as_bytes());
        ends_exactly::<MlsMessage>(MlsMessage::from_welcome(welcome).as_bytes());
    }
    let request = UpdateRequest {
        bundle: bundle.clone(),
    };
    let encoded = codec::encode(&request).unwrap();
    assert_eq!(codec::decode::<UpdateRequest>(&encoded).unwrap(), request);
}

#[test]
fn every_message_openmls_makes_is_walked_to_its_end() {
    let mut world = World::with(&["alice", "bob", "carol"]);
    world.devices.push(device("dave", 0));
    let key_package = world.devices[3].key_package(LastResort::Yes);
    ends_exactly::<KeyPackage>(key_package.to_wire().unwrap().as_bytes());

    let message = world.devices[0].say("walk").unwrap();
    ends_exactly::<MlsMessage>(message.as_bytes());
    world.submit(message);

    let roles = [(user("dave"), 3)];
    let add = world.devices[0]
        .act(|group, storage, device| group.add(storage, device, &[key_package], &roles))
        .unwrap();
    walk(&add);
    world.hand_in(0, &add).unwrap();
    world.sync();

    let leave = world.devices[1].act(Group::leave).unwrap();
    walk(&leave);
    world.hand_in(1, &leave).unwrap();
    world.sync();

    world.devices.push(device("carol", 1));
    let join = world.join_externally(4).unwrap();
    walk(&join);
    world.hand_in(4, &join).unwrap();
    world.sync();

    for actor in [0, 2, 3] {
        let update = world.devices[actor].act(Group::self_update).unwrap();
        walk(&update);
        world.hand_in(actor, &update).unwrap();
        world.sync();
        ends_exactly::<RatchetTree>(world.hub.tree().unwrap().as_bytes());
        ends_exactly::<GroupInfo>(&world.group_info);
    }
    let remove = world.devices[0]
        .act(|group, storage, device| group.remove_users(storage, device, &[user("dave")]))
        .unwrap();
    walk(&remove);
}
