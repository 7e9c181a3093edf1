//! Five ways in which somebody could be put in alice's place, or beside her, by people and servers
//! without her words. Hub and members refuse each; OpenMLS alone takes it.

use grove_mls::identity::DeviceKey;
use grove_mls::key_package::KEY_PACKAGE_LIFETIME;
use grove_mls::member::Member;
use grove_mls::room::{PolicyViolation, Role};
use grove_wire::uri::ClientUri;
use openmls::prelude::{KeyPackage, LeafNodeIndex, Lifetime};

use super::alice;
use super::refused::{both_refuse, leaf_by};
use crate::plain::{self, ForgedCommit};
use crate::world::{Device, Keys, World, user};

/// The leaves of bob, who sees it, and of alice; olga, the owner, has leaf 0.
const BOB: usize = 1;
const ALICE: usize = 2;

/// A room that olga owns, with bob and alice as members.
fn room() -> World {
    World::with(&["olga", "bob", "alice"])
}

fn alices_leaf(world: &World) -> LeafNodeIndex {
    let members = world.group(BOB).members().unwrap();
    let of_alice = |one: &&Member| one.leaf.user == user("alice");
    LeafNodeIndex::new(members.iter().find(of_alice).unwrap().index)
}

/// A new device of whoever has these keys.
fn newcomer(keys: &Keys) -> KeyPackage {
    let client = ClientUri::new(&keys.user, [0x66; 16]);
    let key = DeviceKey::from_seed([0x66; 32]);
    let credential = keys.issue(&client, &key.public());
    let lifetime = Lifetime::new(KEY_PACKAGE_LIFETIME.as_secs());
    let capabilities = plain::capabilities();
    plain::key_package(
        client.as_str(),
        &key,
        Some(&credential),
        capabilities,
        lifetime,
    )
}

/// What somebody sends, by the device with this number.
type Way = fn(&mut World, &Keys) -> (usize, ForgedCommit);

/// A server joins as alice's device, whose key it has, and her leaf goes.
fn joins_as_her(world: &mut World, keys: &Keys) -> (usize, ForgedCommit) {
    let twin = Device::new(keys, 0);
    let leaf = plain::extensions(Some(&twin.identity.credential));
    (ALICE, plain::external_commit(&twin, world, leaf))
}

/// The owner removes her and adds somebody in one commit.
fn removed_and_added(world: &mut World, keys: &Keys) -> (usize, ForgedCommit) {
    let (gone, added) = (alices_leaf(world), newcomer(keys));
    let forged = plain::commit(&world.devices[0], &world.room, &[], |builder| {
        builder.propose_removals([gone]).propose_adds([added])
    });
    (0, forged)
}

/// The hub removes her, and a member who takes that up adds somebody.
fn removed_by_the_hub(world: &mut World, keys: &Keys) -> (usize, ForgedCommit) {
    let removal = plain::hub_removal(world, alices_leaf(world).u32());
    world.hub.replay(&removal).unwrap();
    world.submit(removal);
    world.sync();
    let added = newcomer(keys);
    let forged = plain::commit(&world.devices[BOB], &world.room, &[], |builder| {
        builder.propose_adds([added])
    });
    (BOB, forged)
}

/// Her device, in other hands, turns into somebody.
fn updates_her_leaf(world: &mut World, keys: &Keys) -> (usize, ForgedCommit) {
    let device = &world.devices[ALICE];
    let leaf = leaf_by(device, keys);
    let forged = plain::commit(device, &world.room, &[], |builder| {
        builder.leaf_node_parameters(leaf)
    });
    (ALICE, forged)
}

/// A member adds somebody beside her.
fn added_beside(world: &mut World, keys: &Keys) -> (usize, ForgedCommit) {
    let added = newcomer(keys);
    let forged = plain::commit(&world.devices[BOB], &world.room, &[], |builder| {
        builder.propose_adds([added])
    });
    (BOB, forged)
}

const WAYS: [(&str, Way); 5] = [
    ("joins as her", joins_as_her),
    ("removed and added", removed_and_added),
    ("removed by the hub", removed_by_the_hub),
    ("updates her leaf", updates_her_leaf),
    ("added beside", added_beside),
];

#[test]
fn alice_is_not_replaced_without_her_words() {
    let unproven = PolicyViolation::IdentityUnproven(user("alice"));
    for (what, way) in WAYS {
        for keys in [
            Keys::made_up("alice"),
            Keys::made_up("alice").renewed(3),
            Keys::made_up("alice").replaced(),
        ] {
            let mut world = room();
            let (actor, forged) = way(&mut world, &keys);
            both_refuse(&mut world, actor, &forged, &unproven);
            let role = world.hub.state().participants.role_of(&user("alice"));
            assert_eq!(role, Role::Member.index(), "{what}");
        }
    }
}

#[test]
fn alice_herself_comes_in_each_of_these_ways() {
    // The control of the controls: what is refused above is refused for its one fault.
    for (what, way) in WAYS {
        for keys in [alice(0), alice(3), alice(0).replaced()] {
            let mut world = room();
            let (actor, forged) = way(&mut world, &keys);
            let taken = plain::hand_in(&world, actor, &forged);
            assert!(taken.is_ok(), "{what}: {:?}", taken.err());
        }
    }
}
