//! Clocks that are off, and absences that last longer than what was made before them: neither
//! shuts anybody out. A clock that is far off is named.

use grove_core::{
    Client, ClockOff, Event, RefillError, RegisterError, Registration, Trouble, WarningKind,
};
use grove_mls::key_package;
use grove_wire::mls::KeyPackage;

use crate::heal::all_talk;
use crate::hub::Hub;
use crate::person::{Line, Machine, Person, hub, now, store};
use crate::rooms::user;
use crate::siblings::client;
use crate::tricks::stored;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn pass_days(hub: &Hub, days: i64) {
    let mut state = hub.state();
    state.now = state.now.checked_add_signed(days * DAY_MS).unwrap();
}

/// Whether a person was shut out of a room and had to come back.
fn healed(events: &[Event]) -> bool {
    let is_loss = |event: &Event| matches!(event, Event::Healed { .. });
    events.iter().any(is_loss)
}

fn warnings(events: Vec<Event>) -> Vec<String> {
    let of_clock = |event| match event {
        Event::Warning {
            kind: WarningKind::Clock,
            text,
            ..
        } => Some(text),
        _ => None,
    };
    events.into_iter().filter_map(of_clock).collect()
}

#[test]
fn whoever_reads_an_add_by_a_wrong_clock_follows() {
    for off in [-2 * HOUR_MS, 2 * HOUR_MS, 86 * DAY_MS, -86 * DAY_MS] {
        let hub = hub();
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
        let room = alice.makes_room("Garden", &[&mut bob]);
        bob.syncs();
        let mut carol = Person::register(&hub, "carol");
        now(alice.client.invite(&room, &[user("carol")])).unwrap();
        bob.sets_clock(off);
        assert!(!healed(&bob.syncs()), "{off}");
        assert!(stored(&bob, &room).epoch >= 2, "{off}");
        carol.syncs();
        all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
    }
}

/// KeyPackages and Adds are made and judged by the machine's clock, which is that of everybody
/// here; the hub's is hours away from it.
#[test]
fn a_hub_whose_clock_is_hours_away_is_no_other() {
    for off in [-2 * HOUR_MS, 2 * HOUR_MS] {
        let hub = hub();
        let set = hub.state().now.checked_add_signed(off).unwrap();
        hub.state().now = set;
        let mut alice = Person::register_by(&hub, "alice", -off);
        let mut bob = Person::register_by(&hub, "bob", -off);
        let room = alice.makes_room("Garden", &[&mut bob]);
        assert!(!healed(&bob.syncs()), "{off}");
        assert_eq!(stored(&bob, &room).epoch, 1, "{off}: by the Welcome");
        all_talk(&room, &mut [&mut alice, &mut bob]);
    }
}

#[test]
fn people_whose_clocks_are_hours_apart_register_invite_and_talk() {
    for off in [-2 * HOUR_MS, 2 * HOUR_MS] {
        let hub = hub();
        let mut alice = Person::register_by(&hub, "alice", off);
        let mut bob = Person::register_by(&hub, "bob", -off);
        let room = alice.makes_room("Garden", &[&mut bob]);
        bob.syncs();
        assert_eq!(stored(&bob, &room).epoch, 1, "{off}: by the Welcome");
        all_talk(&room, &mut [&mut alice, &mut bob]);
    }
}

/// Carol comes and dave comes while bob is away for so many days; he reads all of it.
fn is_away_for(days: i64) {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let mut carol = Person::register(&hub, "carol");
    let mut dave = Person::register(&hub, "dave");
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    alice.says(&room, "at the beginning");
    pass_days(&hub, days / 2);
    now(alice.client.invite(&room, &[user("dave")])).unwrap();
    alice.says(&room, "in between");
    pass_days(&hub, days - days / 2);
    alice.says(&room, "at the end");
    assert!(!healed(&bob.syncs()), "{days}");
    let read = bob.reads(&room);
    for text in ["at the beginning", "in between", "at the end"] {
        assert!(read.iter().any(|one| one == text), "{days}: {read:?}");
    }
    carol.syncs();
    dave.syncs();
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol, &mut dave]);
}

#[test]
fn whoever_comes_back_after_months_reads_what_was_said() {
    is_away_for(86);
    is_away_for(150);
}

/// The server has given away a person's KeyPackages, all but the one of last resort.
fn has_only_last_resort(hub: &Hub, person: &Person) {
    let mut state = hub.state();
    let device = state.devices.get_mut(&client(person)).unwrap();
    device.key_packages = Vec::from_iter(device.last_resort.clone());
}

#[test]
fn whoever_is_away_can_be_invited() {
    for (days, last_resort) in [(31, false), (31, true), (80, false), (80, true)] {
        let hub = hub();
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
        pass_days(&hub, days);
        if last_resort {
            has_only_last_resort(&hub, &bob);
        }
        let room = now(alice.client.create_room("Garden", None)).unwrap();
        let invited = now(alice.client.invite(&room, &[user("bob")])).unwrap();
        assert_eq!(invited.added, [user("bob")], "{days}");
        now(alice.client.settle()).unwrap();
        pass_days(&hub, 30);
        bob.syncs();
        assert_eq!(stored(&bob, &room).epoch, 1, "{days}: by the Welcome");
        all_talk(&room, &mut [&mut alice, &mut bob]);
    }
}

#[test]
fn whoever_is_away_for_longer_is_listed() {
    let hub = hub();
    let [mut alice, bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    pass_days(&hub, 95);
    has_only_last_resort(&hub, &bob);
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    let invited = now(alice.client.invite(&room, &[user("bob")])).unwrap();
    assert_eq!(invited.without_devices, [user("bob")]);
}

fn last_resort(hub: &Hub, person: &Person) -> KeyPackage {
    let device = &hub.state().devices[&client(person)];
    device.last_resort.clone().unwrap()
}

#[test]
fn the_last_resort_is_renewed_in_time() {
    let hub = hub();
    let mut bob = Person::register(&hub, "bob");
    let first = last_resort(&hub, &bob);
    pass_days(&hub, 44);
    bob.restart();
    bob.syncs();
    assert!(last_resort(&hub, &bob) == first, "it is young");
    pass_days(&hub, 2);
    bob.restart();
    // What was made and not taken is none.
    bob.line.trouble.lock().unwrap().refuses = Some("/v1/key-packages");
    bob.syncs();
    bob.line.trouble.lock().unwrap().refuses = None;
    assert!(last_resort(&hub, &bob) == first);
    bob.restart();
    bob.syncs();
    assert!(last_resort(&hub, &bob) != first);
}

/// Whether the private half of a KeyPackage is on the person's disk.
fn is_kept(person: &Person, reference: &[u8]) -> bool {
    let mut key = b"key_package/".to_vec();
    key.push(u8::try_from(reference.len()).unwrap());
    key.extend(reference);
    person.on_disk(|tx| tx.find_record(&key).unwrap().is_some())
}

/// The references of what the server has of a person's, the last resort last.
fn references(hub: &Hub, person: &Person) -> Vec<Vec<u8>> {
    let state = hub.state();
    let device = &state.devices[&client(person)];
    let all = device.key_packages.iter().chain(&device.last_resort);
    all.filter_map(|one| key_package::validate_bare(one, state.now).ok())
        .map(|valid| valid.reference)
        .collect()
}

#[test]
fn private_halves_go_when_nobody_can_use_them_any_more() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let first = references(&hub, &bob);
    let kept =
        |person: &Person, of: &[Vec<u8>]| of.iter().filter(|one| is_kept(person, one)).count();
    assert_eq!(kept(&bob, &first), 51);
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    assert_eq!(kept(&bob, &first), 50, "one was used up by the Welcome");
    pass_days(&hub, 100);
    bob.restart();
    bob.syncs();
    assert_eq!(kept(&bob, &first), 50, "a Welcome may still be on its way");
    let second = references(&hub, &bob);
    assert_ne!(second.last(), first.last(), "the last resort was renewed");
    // A clock that is ahead throws nothing away.
    bob.sets_clock(400 * DAY_MS);
    bob.restart();
    bob.syncs();
    bob.sets_clock(0);
    assert_eq!(kept(&bob, &first), 50);
    pass_days(&hub, 171);
    bob.restart();
    bob.syncs();
    assert_eq!(kept(&bob, &first), 0);
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn a_wrong_clock_is_named_once() {
    let hub = hub();
    let mut bob = Person::register(&hub, "bob");
    for (off, said) in [
        (9 * 60 * 1000, None),
        (3 * HOUR_MS, Some("about 3 hours ahead of the server's")),
        (3 * HOUR_MS, None),
        (-86 * DAY_MS, Some("about 86 days behind the server's")),
        (0, None),
        (
            -11 * 60 * 1000,
            Some("about 11 minutes behind the server's"),
        ),
        (0, None),
    ] {
        bob.sets_clock(off);
        bob.restart();
        let told = warnings(bob.syncs());
        assert_eq!(told.len(), usize::from(said.is_some()), "{off}: {told:?}");
        let expected = said.unwrap_or_default();
        assert!(told.iter().all(|text| text.contains(expected)), "{told:?}");
        let status = bob.client.status().unwrap();
        let is_off = off.unsigned_abs() > 10 * 60 * 1000;
        assert_eq!(status.clock_off.is_some(), is_off, "{off}");
    }
}

#[test]
fn a_registration_by_a_clock_that_is_days_ahead_says_so_and_is_finished_when_it_is_set() {
    let hub = hub();
    // KeyPackages are made by the machine's clock.
    pass_days(&hub, -3);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let (line, machine) = (Line::to(&hub), Machine::new(&hub));
    let register = || {
        let registration = Registration {
            user: user("alice"),
            invite: None,
        };
        now(Client::register(
            store(&path),
            line.clone(),
            machine.clone(),
            registration,
        ))
    };
    machine.sets_clock(3 * DAY_MS);
    let off = ClockOff {
        ahead: true,
        by_ms: u64::try_from(3 * DAY_MS).unwrap(),
    };
    for _time in 0..2 {
        match register().err() {
            Some(RegisterError::KeyPackages(RefillError::Clock(found))) => assert_eq!(found, off),
            other => panic!("{other:?}"),
        }
    }
    // What is right is three days on.
    machine.sets_clock(0);
    pass_days(&hub, 3);
    drop(register().unwrap());
    let alice = &hub
        .state()
        .devices
        .values()
        .next()
        .unwrap()
        .key_packages
        .len();
    assert_eq!(*alice, 50);
}

#[test]
fn a_stock_that_runs_out_by_a_clock_that_is_days_ahead_names_it() {
    let hub = hub();
    let mut bob = Person::register(&hub, "bob");
    pass_days(&hub, -3);
    let bobs = client(&bob);
    hub.state()
        .devices
        .get_mut(&bobs)
        .unwrap()
        .key_packages
        .clear();
    bob.sets_clock(3 * DAY_MS);
    bob.restart();
    let settled = now(bob.client.settle()).unwrap();
    let is_clock = |one: &Trouble| one.text.contains("its clock is about 3 days ahead of");
    assert!(
        settled.troubles.iter().any(is_clock),
        "{:?}",
        settled.troubles
    );
}
