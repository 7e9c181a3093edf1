//! Who may name a room, and how those who come in learn its name.

use grove_core::{CreateRoomError, Event, RenameDeviceError, RoomChange};
use grove_mls::identity::{RoomProfile, SignedRoomProfile};
use grove_mls::room::Role;
use grove_wire::uri::{RoomUri, UserUri};

use crate::hand::{changes_roles, device, names, says_profile, signs};
use crate::heal::{all_talk, troubles};
use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::settle_all;
use crate::tricks::stored;

fn people<const N: usize>(hub: &Hub, names: [&str; N]) -> [Person; N] {
    names.map(|name| Person::register(hub, name))
}

fn name(person: &Person, room: &RoomUri) -> String {
    stored(person, room).name
}

/// Gives somebody another role, and everybody reads of it.
fn gives_role(
    owner: &mut Person,
    room: &RoomUri,
    whom: &str,
    role: Role,
    others: &mut [&mut Person],
) {
    changes_roles(owner, room, &[(user(whom), role.index())]);
    owner.syncs();
    for other in others {
        other.syncs();
    }
}

/// Who is said to have named the room, in each event that tells of a name.
fn renamers(events: &[Event]) -> Vec<Option<UserUri>> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::RoomChanged {
                by,
                change: RoomChange::Renamed { .. },
                ..
            } => Some(by.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn a_name_without_anything_to_see_is_refused_before_anything_is_made() {
    let hub = hub();
    let [mut alice] = people(&hub, ["alice"]);
    for name in [
        "",
        " ",
        "\u{200b}\u{2060}\u{feff}\u{ad}",
        "\u{3164}\u{2800}",
    ] {
        let refused = now(alice.client.create_room(name, None));
        assert!(matches!(refused, Err(CreateRoomError::NoName)), "{name:?}");
        let this = alice.client.whoami().client;
        let renamed = alice
            .client
            .rename_device(&this, &format!("\u{200b}{name}"));
        assert!(matches!(renamed, Err(RenameDeviceError::Name)), "{name:?}");
    }
    assert!(alice.client.rooms().unwrap().is_empty());
}

#[test]
fn a_plain_member_names_no_room() {
    let hub = hub();
    let [mut alice, mut bob, mut mallory] = people(&hub, ["alice", "bob", "mallory"]);
    let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
    bob.syncs();
    mallory.syncs();
    says_profile(&mallory, &room, &signs(&mallory, &room, 2, "mine"));
    for person in [&mut alice, &mut bob] {
        let told = person.syncs();
        assert_eq!(troubles(&told), 0, "{told:?}");
        assert_eq!(renamers(&told), []);
        assert_eq!(name(person, &room), "Garden");
    }
    // What somebody has signed who may, anybody may bring.
    says_profile(&mallory, &room, &signs(&alice, &room, 2, "Orchard"));
    let told = bob.syncs();
    assert_eq!(renamers(&told), [Some(user("alice"))], "{told:?}");
    assert_eq!(name(&bob, &room), "Orchard");
}

#[test]
fn a_plain_member_names_the_room_for_no_newcomer() {
    let hub = hub();
    let [mut alice, mut mallory, mut carol] = people(&hub, ["alice", "mallory", "carol"]);
    let room = alice.makes_room("Garden", &[&mut mallory]);
    mallory.syncs();
    // Mallory tells the newcomer nothing but this.
    mallory
        .on_disk(|tx| {
            let mut known = tx.find_room(&room)?.unwrap();
            known.profile = None;
            tx.put_room(&known)
        })
        .unwrap();
    mallory.restart();
    now(mallory.client.invite(&room, &[user("carol")])).unwrap();
    says_profile(&mallory, &room, &signs(&mallory, &room, 2, "mine"));
    let told = carol.syncs();
    assert_eq!(troubles(&told), 0, "{told:?}");
    assert_eq!(name(&carol, &room), "");
    names(&mut alice, &room, "Orchard");
    carol.syncs();
    assert_eq!(name(&carol, &room), "Orchard");
}

#[test]
fn whoever_may_not_name_the_room_any_more_does_not() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] = people(&hub, ["alice", "bob", "carol"]);
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    settle_all(&mut [&mut bob, &mut carol]);
    gives_role(
        &mut alice,
        &room,
        "bob",
        Role::Admin,
        &mut [&mut bob, &mut carol],
    );
    names(&mut bob, &room, "Orchard");
    let told = carol.syncs();
    assert_eq!(renamers(&told), [Some(user("bob"))], "{told:?}");
    assert_eq!(name(&carol, &room), "Orchard");
    let later = signs(&bob, &room, 3, "Desert");
    gives_role(
        &mut alice,
        &room,
        "bob",
        Role::Member,
        &mut [&mut bob, &mut carol],
    );
    says_profile(&bob, &room, &later);
    for person in [&mut alice, &mut carol] {
        person.syncs();
        assert_eq!(name(person, &room), "Orchard");
    }
}

/// Nobody who comes in could believe the author: somebody who may name the room signs again.
#[test]
fn a_name_whose_author_may_name_the_room_no_more_is_signed_again() {
    let hub = hub();
    let [mut alice, mut bob, mut carol, mut dave] = people(&hub, ["alice", "bob", "carol", "dave"]);
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    settle_all(&mut [&mut bob, &mut carol]);
    gives_role(
        &mut alice,
        &room,
        "bob",
        Role::Admin,
        &mut [&mut bob, &mut carol],
    );
    names(&mut bob, &room, "Orchard");
    settle_all(&mut [&mut alice, &mut carol]);
    gives_role(
        &mut alice,
        &room,
        "bob",
        Role::Member,
        &mut [&mut bob, &mut carol],
    );
    now(carol.client.invite(&room, &[user("dave")])).unwrap();
    now(carol.client.settle()).unwrap();
    dave.syncs();
    assert_eq!(name(&dave, &room), "", "carol may not sign");
    assert_eq!(stored(&carol, &room).profile_version, 2);
    alice.syncs();
    now(alice.client.settle()).unwrap();
    let told = dave.syncs();
    assert_eq!(name(&dave, &room), "Orchard", "{told:?}");
    assert_eq!(renamers(&told), [None], "{told:?}");
    settle_all(&mut [&mut bob, &mut carol]);
    for person in [&alice, &bob, &carol, &dave] {
        assert_eq!(stored(person, &room).profile_version, 3, "signed once");
    }
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol, &mut dave]);
}

#[test]
fn nobody_uses_the_numbers_of_a_name_up() {
    let hub = hub();
    let [mut alice, mut bob, mut mallory] = people(&hub, ["alice", "bob", "mallory"]);
    let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
    settle_all(&mut [&mut bob, &mut mallory]);
    let others = &mut [&mut bob, &mut mallory];
    gives_role(&mut alice, &room, "mallory", Role::Admin, others);
    let next = |hub: &Hub| u64::try_from(hub.state().rooms[&room].log.len()).unwrap() + 1;
    for above in [1, 1 << 20, (1 << 48) - 100] {
        let version = next(&hub) + above;
        says_profile(&mallory, &room, &signs(&mallory, &room, version, "mine"));
        bob.syncs();
        assert_eq!(name(&bob, &room), "Garden");
    }
    // The highest there can be, though nobody has heard those before; and it is not the last.
    let version = next(&hub);
    says_profile(&mallory, &room, &signs(&mallory, &room, version, "mine"));
    settle_all(&mut [&mut alice, &mut bob]);
    assert_eq!(name(&bob, &room), "mine");
    assert_eq!(stored(&alice, &room).profile_version, version);
    names(&mut alice, &room, "Garden");
    bob.syncs();
    assert_eq!(name(&bob, &room), "Garden");
}

/// The record names the maker's key and the time, and no more: what else the maker signs is for
/// nobody who knows the first.
#[test]
fn a_maker_who_has_left_does_not_name_the_room_again() {
    let hub = hub();
    let [mut alice, mut bob, mut mallory] = people(&hub, ["alice", "bob", "mallory"]);
    let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
    settle_all(&mut [&mut bob, &mut mallory]);
    let first = SignedRoomProfile::decode(&stored(&alice, &room).profile.unwrap()).unwrap();
    let profile = RoomProfile {
        name: "zzzzzz".to_owned(),
        ..first.profile().clone()
    };
    let other = SignedRoomProfile::sign(&device(&alice).key, profile).unwrap();
    assert!(other.supersedes(&first), "by its bytes");
    now(alice.client.leave(&room)).unwrap();
    settle_all(&mut [&mut bob, &mut mallory]);
    says_profile(&mallory, &room, &other);
    bob.syncs();
    assert_eq!(name(&bob, &room), "Garden");
}
