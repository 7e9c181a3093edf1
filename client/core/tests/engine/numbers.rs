//! Numbers that no store can hold, and epochs that never were: what one member, or the hub, could
//! shut a client out with.

use grove_core::store::Sighting;
use grove_core::{Loss, MessageStatus};
use grove_mls::room::Role;
use grove_mls::storage::room_prefix;
use grove_wire::mls::GroupInfo;

use crate::hand::{changes_roles, says_profile, signs};
use crate::heal::{all_heal, all_talk, losses, troubles};
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{add_device, client, devices, joined, settle_all};
use crate::tricks::{forget_log, repeat_last_at, repeat_last_in_epoch, stored};

#[test]
fn a_profile_of_an_absurd_version_stops_nobody() {
    let hub = hub();
    let [mut alice, mut bob, mut mallory] =
        ["alice", "bob", "mallory"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob, &mut mallory]);
    bob.syncs();
    mallory.syncs();
    changes_roles(&alice, &room, &[(user("mallory"), Role::Admin.index())]);
    for person in [&mut alice, &mut bob, &mut mallory] {
        person.syncs();
    }
    for version in [u64::MAX, 1 << 63, i64::MAX.unsigned_abs(), 1 << 48] {
        says_profile(&mallory, &room, &signs(&mallory, &room, version, "mine"));
        for person in [&mut alice, &mut bob] {
            let told = person.syncs();
            assert_eq!(troubles(&told), 0, "{told:?}");
            assert_eq!(stored(person, &room).name, "Garden");
        }
    }
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn a_session_that_never_ends_is_one() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    hub.state().session_ms = u64::MAX;
    hub.state().end_sessions();
    let room = alice.makes_room("Garden", &[&mut bob]);
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn an_entry_of_an_absurd_time_is_passed_over() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    for time in [u64::MAX, 1 << 63, 1 << 48] {
        repeat_last_at(&hub, &room, time);
    }
    // Bob meets the first of them before the true one: none is taken, and none stops him.
    {
        let mut state = hub.state();
        let log = &mut state.rooms.get_mut(&room).unwrap().log;
        let last = log.len() - 1;
        let (entry, _) = log[last].clone();
        log[last - 3].0 = entry;
    }
    bob.syncs();
    let sent = alice.says(&room, "two");
    assert_eq!(sent.status, MessageStatus::Sent);
    bob.syncs();
    assert_eq!(bob.reads(&room), ["two"]);
}

#[test]
fn an_entry_of_an_epoch_that_cannot_be_costs_nobody_the_room() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    for epoch in [1 << 47, 1 << 20, 1000] {
        repeat_last_in_epoch(&hub, &room, epoch);
        alice.says(&room, "and on");
    }
    let told = bob.syncs();
    assert_eq!(losses(&told), [], "{told:?}");
    assert_eq!(bob.reads(&room), ["one", "and on", "and on", "and on"]);
    assert_eq!(stored(&bob, &room).epoch, 1);
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

/// An epoch that could be, by the length of the log: nothing but the hub's word says that there
/// were commits.
#[test]
fn an_entry_of_an_epoch_that_never_was_shuts_nobody_out_for_good() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    for _ in 0..9 {
        alice.says(&room, "on and on");
    }
    repeat_last_in_epoch(&hub, &room, 5);
    let told = all_heal(&hub, &room, &mut [&mut alice, &mut bob]);
    for told in told {
        assert_eq!(losses(&told), [(1, Loss::State)], "{told:?}");
    }
    assert_eq!(bob.reads(&room).len(), 9);
    let epoch = hub.state().rooms[&room].group.epoch();
    assert_eq!(epoch, 1, "nobody had to come back");
    all_talk(&room, &mut [&mut alice, &mut bob]);
    // Nor whoever really has to, since their keys are gone.
    repeat_last_in_epoch(&hub, &room, 8);
    let prefix = room_prefix(&room).unwrap();
    bob.on_disk(|tx| tx.remove_records(&prefix)).unwrap();
    bob.restart();
    all_heal(&hub, &room, &mut [&mut alice, &mut bob]);
    assert!(stored(&bob, &room).epoch > epoch, "bob had to");
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn an_epoch_that_the_hub_only_names_shuts_nobody_out_for_good() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    forget_log(&hub, &room);
    let shows = |epoch: u64| {
        let mut state = hub.state();
        let known = state.rooms.get_mut(&room).unwrap();
        let mut bytes = known.group_info.as_bytes().to_vec();
        // Behind version, cipher suite and the group's id with its length (RFC 9420, section 8.1).
        let place = 2 + 2 + 1 + room.hash().len();
        bytes[place..place + 8].copy_from_slice(&epoch.to_be_bytes());
        known.tricks.group_info = Some(GroupInfo::from_bytes(bytes).unwrap());
    };
    shows(1 << 40);
    for _ in 0..3 {
        bob.syncs();
        hub.state().now += 60_000;
    }
    assert!(stored(&bob, &room).lost.is_some(), "a control");
    hub.state().rooms.get_mut(&room).unwrap().tricks.group_info = None;
    hub.state().now += 3_600_000;
    all_heal(&hub, &room, &mut [&mut bob]);
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn what_a_revoked_device_has_said_of_a_room_keeps_nobody_out_of_it() {
    let hub = hub();
    let [mut laptop, phone] = devices(&hub, "alice");
    let room = laptop.makes_room("Attic", &[]);
    laptop.syncs();
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    // The phone says that it has seen the room in an epoch to come; the late one is not in it yet.
    let seen = Sighting {
        epoch: 1 << 40,
        seq: 9,
        head: [1; 32],
        authenticator: [2; 32],
    };
    late.on_disk(|tx| tx.put_sighting(&room, &seen)).unwrap();
    for _ in 0..3 {
        hub.state().now += 25 * 60 * 60 * 1000;
        settle_all(&mut [&mut laptop, &mut late]);
    }
    assert!(!joined(&mut late, &room), "a control");
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&phone), &words)).unwrap();
    phone.cuts_line();
    for _ in 0..3 {
        hub.state().now += 25 * 60 * 60 * 1000;
        settle_all(&mut [&mut laptop, &mut late]);
    }
    assert!(joined(&mut late, &room));
}
