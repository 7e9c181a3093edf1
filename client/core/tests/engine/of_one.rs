//! Several devices of one user: what they tell each other, and what each of them does for all.

use std::collections::BTreeSet;

use grove_core::store::{Sighting, Stop};
use grove_core::{Class, Classified, Draft, Event, WarningKind};
use grove_wire::uri::{ClientUri, RoomUri, UserUri};

use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{
    account, add_device, client, devices, devices_in, joined, lines, newest_list, settle_all,
    three_and_bob,
};
use crate::tricks::stored;

#[test]
fn what_is_left_off_on_one_device_is_taken_up_on_another() {
    let hub = hub();
    let ([mut laptop, mut phone, _tablet], mut bob, room) = three_and_bob(&hub);
    bob.says(&room, "one");
    let second = bob.says(&room, "two").seq.unwrap();
    bob.says(&room, "three");
    for device in [&mut laptop, &mut phone] {
        device.syncs();
        assert_eq!(device.client.rooms().unwrap()[0].unread, 3);
    }
    phone.says(&room, "mine");
    phone.syncs();
    laptop.syncs();
    let name = "the old \u{1f4f1}";
    laptop.client.mark_read(&room, second).unwrap();
    laptop.client.set_draft(&room, "I wan").unwrap();
    laptop.client.rename_device(&client(&phone), name).unwrap();
    let before = hub.state().submissions;
    for text in ["I want", "I want to", "I want to say"] {
        laptop.client.set_draft(&room, text).unwrap();
        now(laptop.client.settle()).unwrap();
    }
    assert_eq!(
        hub.state().submissions - before,
        3,
        "not one note per keystroke"
    );
    let again = now(laptop.client.settle()).unwrap().again_in.unwrap();
    hub.state().now += u64::try_from(again.as_millis()).unwrap();
    now(laptop.client.settle()).unwrap();
    let events = phone.syncs();
    assert_eq!(events.len(), 1, "a note is no event: {events:?}");
    assert_eq!(lines(&events, WarningKind::Device).len(), 1, "but a name");
    let view = &phone.client.rooms().unwrap()[0];
    assert_eq!(
        (view.unread, view.read_up_to),
        (1, second),
        "own messages do not count"
    );
    assert_eq!(view.draft, "I want to say");
    assert_eq!(phone.client.draft(&room).unwrap(), "I want to say");
    let named = now(phone.client.devices()).unwrap();
    let named: Vec<_> = named
        .iter()
        .map(|device| (&*device.name, device.this))
        .collect();
    assert_eq!(named, [("", false), (name, true), ("", false)]);
    phone.client.set_draft(&room, "").unwrap();
    phone.client.mark_read(&room, 1).unwrap();
    now(phone.client.settle()).unwrap();
    laptop.syncs();
    let view = &laptop.client.rooms().unwrap()[0];
    assert_eq!(
        (view.draft.as_str(), view.read_up_to),
        ("", second),
        "positions only grow"
    );
}

/// It is told once, and the account room may be read before this device comes into the room.
#[test]
fn a_position_that_comes_before_its_room_is_kept_for_it() {
    let hub = hub();
    let [mut laptop, mut phone] = devices(&hub, "alice");
    let uninvited = client(&phone);
    let mut state = hub.state();
    let known = state.devices.get_mut(&uninvited).unwrap();
    known.key_packages.clear();
    drop(state);
    let room = laptop.makes_room("Attic", &[]);
    let read = laptop.says(&room, "dusty").seq.unwrap();
    laptop.syncs();
    laptop.client.mark_read(&room, read).unwrap();
    now(laptop.client.settle()).unwrap();
    phone.syncs();
    assert!(!joined(&mut phone, &room));
    // It joins by itself, and nobody is there to say it again.
    hub.state().now += 25 * 60 * 60 * 1000;
    phone.syncs();
    assert!(joined(&mut phone, &room));
    let rooms = phone.client.rooms().unwrap();
    let view = rooms.iter().find(|view| view.room == room).unwrap();
    assert_eq!(view.read_up_to, read);
}

/// The hub's answer comes before the log is read: what stands earlier in it must not win.
#[test]
fn of_two_edits_the_later_in_the_log_counts_everywhere() {
    let hub = hub();
    let ([mut laptop, mut phone, _tablet], mut bob, room) = three_and_bob(&hub);
    let of = laptop.says(&room, "tea").id.unwrap();
    phone.syncs();
    for (device, text) in [(&mut laptop, "tea at four"), (&mut phone, "tea at five")] {
        let text = text.to_owned();
        now(device.client.send(&room, Draft::Edit { of, text })).unwrap();
    }
    for person in [&mut laptop, &mut phone, &mut bob] {
        person.syncs();
        assert_eq!(person.reads(&room).last().unwrap(), "tea at five");
    }
}

#[test]
fn nobody_sees_the_room_of_the_devices() {
    let hub = hub();
    let ([mut laptop, mut phone, _tablet], _bob, _room) = three_and_bob(&hub);
    let hidden = account(&laptop).account_room.unwrap();
    for device in [&mut laptop, &mut phone] {
        assert_eq!(device.client.rooms().unwrap().len(), 1);
        assert!(device.client.find_room(hidden.as_str()).is_err());
        assert!(device.client.find_room("devices").is_err());
        assert!(device.client.members(&hidden).is_err());
        assert!(device.client.mark_read(&hidden, 1).is_err());
        let said = now(device.client.send(&hidden, Draft::Text("hello".to_owned())));
        assert!(said.is_err());
        let told = device.client.events_after(0, 1000).unwrap();
        let about_it = |event: &Event| {
            serde_json::to_string(event)
                .unwrap()
                .contains(hidden.as_str())
        };
        assert!(!told.iter().any(|line| about_it(&line.event)), "{told:?}");
    }
}

#[test]
fn of_two_drafts_the_later_one_stays_on_both() {
    let hub = hub();
    let ([mut laptop, mut phone, _tablet], _bob, room) = three_and_bob(&hub);
    laptop.client.set_draft(&room, "first").unwrap();
    phone.client.set_draft(&room, "second").unwrap();
    now(laptop.client.settle()).unwrap();
    now(phone.client.settle()).unwrap();
    settle_all(&mut [&mut phone, &mut laptop]);
    assert_eq!(laptop.client.draft(&room).unwrap(), "second");
    assert_eq!(phone.client.draft(&room).unwrap(), "second");
}

#[test]
fn several_devices_renew_one_list_without_a_fight() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], _bob, _room) = three_and_bob(&hub);
    for _ in 0..3 {
        let version = newest_list(&hub, &laptop).list().version;
        hub.state().now += 47 * 24 * 60 * 60 * 1000;
        for device in [&mut tablet, &mut phone, &mut laptop] {
            let events = device.syncs();
            assert_eq!(
                lines(&events, WarningKind::ChangeLost).len(),
                0,
                "{events:?}"
            );
        }
        settle_all(&mut [&mut laptop, &mut phone, &mut tablet]);
        let newest = newest_list(&hub, &laptop);
        assert!(newest.list().version > version && newest.list().version <= version + 3);
        for device in [&laptop, &phone, &tablet] {
            assert_eq!(account(device).device_list, newest.as_bytes());
        }
    }
}

#[test]
fn leaves_and_credentials_are_renewed_in_time() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let epoch = laptop.client.rooms().unwrap()[0].epoch;
    let credential = account(&laptop).credential;
    for _ in 0..3 {
        hub.state().now += 32 * 24 * 60 * 60 * 1000;
        settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    }
    let later = laptop.client.rooms().unwrap()[0].epoch;
    assert!(
        later >= epoch + 4,
        "each leaf in the room was renewed: {epoch}, {later}"
    );
    assert_ne!(account(&laptop).credential, credential);
    let group_has = devices_in(&mut bob, &room, "alice").len();
    assert_eq!(group_has, 3);
    bob.says(&room, "fresh");
    laptop.syncs();
    assert_eq!(laptop.reads(&room), ["fresh"]);
    // Nothing more is due at once.
    settle_all(&mut [&mut laptop, &mut phone]);
    assert!(laptop.client.rooms().unwrap()[0].epoch <= later + 1);
}

#[test]
fn two_devices_that_see_two_rooms_stop() {
    let hub = hub();
    let ([mut laptop, mut phone, _tablet], _bob, room) = three_and_bob(&hub);
    let epoch = laptop.client.rooms().unwrap()[0].epoch;
    // A sibling saw the next epoch, and another one than we shall be shown.
    let seen = Sighting {
        epoch: epoch + 1,
        seq: 99,
        head: [1; 32],
        authenticator: [2; 32],
    };
    let later = Sighting {
        epoch: epoch + 3,
        ..seen.clone()
    };
    for seen in [&seen, &later] {
        laptop.on_disk(|tx| tx.put_sighting(&room, seen)).unwrap();
    }
    laptop.restart();
    Person::register(&hub, "carol");
    now(phone.client.invite(&room, &[user("carol")])).unwrap();
    let events = laptop.syncs();
    assert_eq!(lines(&events, WarningKind::Fork).len(), 1, "{events:?}");
    let said = now(laptop.client.send(&room, Draft::Text("?".to_owned()))).unwrap_err();
    assert_eq!(said.class(), Class::Identity);
    let stop = laptop
        .on_disk(|tx| tx.find_room(&room))
        .unwrap()
        .unwrap()
        .stop;
    assert_eq!(stop, Some(Stop::Sibling));
    // The control: the others saw the same and go on.
    phone.says(&room, "all is well here");
    // Whoever goes on knowingly is not stopped again by what was told before.
    laptop.client.resume_room(&room).unwrap();
    now(phone.client.remove(&room, &[user("carol")])).unwrap();
    laptop.syncs();
    now(phone.client.invite(&room, &[user("carol")])).unwrap();
    let events = laptop.syncs();
    assert_eq!(laptop.client.rooms().unwrap()[0].epoch, epoch + 3);
    assert_eq!(lines(&events, WarningKind::Fork).len(), 0, "{events:?}");
    laptop.says(&room, "all the same");
}

/// What the hub owes may come yet; that a sibling stands elsewhere does not pass.
#[test]
fn what_a_sibling_sees_counts_also_while_the_hub_keeps_something_back() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], _bob, room) = three_and_bob(&hub);
    let stop = |laptop: &Person| stored(laptop, &room).stop;
    let own = client(&laptop);
    let unsigned = |devices: BTreeSet<ClientUri>| {
        let mut state = hub.state();
        state.rooms.get_mut(&room).unwrap().tricks.unsigned = devices;
    };
    unsigned(BTreeSet::from([own]));
    phone.says(&room, "is anybody there?");
    laptop.syncs();
    assert_eq!(stop(&laptop), Some(Stop::Withheld));
    // In the next epoch it saw another room than the others are about to tell.
    let seen = Sighting {
        epoch: stored(&laptop, &room).epoch + 1,
        seq: 99,
        head: [1; 32],
        authenticator: [2; 32],
    };
    laptop.on_disk(|tx| tx.put_sighting(&room, &seen)).unwrap();
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    phone.syncs();
    late.syncs();
    for _ in 0..3 {
        hub.state().now += 60_000;
        settle_all(&mut [&mut phone, &mut tablet, &mut late]);
    }
    let told = laptop.syncs();
    assert_eq!(stop(&laptop), Some(Stop::Sibling), "{told:?}");
    assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{told:?}");
    unsigned(BTreeSet::new());
    laptop.syncs();
    assert_eq!(stop(&laptop), Some(Stop::Sibling));
    // The control: without that word it would have gone on.
    assert_eq!(stop(&phone), None);
    laptop.client.resume_room(&room).unwrap();
    laptop.syncs();
    laptop.says(&room, "all the same");
}

#[test]
fn a_device_that_comes_in_is_told_what_the_others_see() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, _room) = three_and_bob(&hub);
    let attic = bob.makes_room("Attic", &[&mut laptop]);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    Person::register(&hub, "carol");
    now(bob.client.invite(&attic, &[user("carol")])).unwrap();
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    let tablet_sees = tablet.on_disk(|tx| tx.list_sightings(&attic)).unwrap();
    assert!(!tablet_sees.is_empty());
    let mut late = add_device(&hub, &mut laptop, 9);
    laptop.restart();
    late.syncs();
    let before = hub.state().submissions;
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut late]);
    assert!(joined(&mut late, &attic));
    let theirs = laptop.on_disk(|tx| tx.list_sightings(&attic)).unwrap();
    let ours = late.on_disk(|tx| tx.list_sightings(&attic)).unwrap();
    assert_eq!(ours[0].authenticator, theirs[0].authenticator);
    let sent = hub.state().submissions - before;
    assert!(
        sent <= 12,
        "one device speaks, the others stay quiet: {sent} notes"
    );
}

#[test]
fn rooms_made_on_one_device_are_on_all() {
    let hub = hub();
    let [mut laptop, mut phone, mut tablet] = devices(&hub, "alice");
    laptop.cuts_line();
    drop(now(laptop.client.create_room("Offline", None)));
    laptop.mends_line();
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet]);
    let room = laptop.client.find_room("Offline").unwrap();
    for device in [&mut phone, &mut tablet] {
        assert!(joined(device, &room));
        let view = device.client.rooms().unwrap();
        assert_eq!(view[0].name, "Offline", "with its name");
    }
    // A sibling without KeyPackages comes in by itself.
    let gone = client(&tablet);
    hub.state()
        .devices
        .get_mut(&gone)
        .unwrap()
        .key_packages
        .clear();
    let attic = phone.makes_room("Attic", &[]);
    assert!(!devices_in(&mut phone, &attic, "alice").contains(&gone));
    hub.state().now += 25 * 60 * 60 * 1000;
    settle_all(&mut [&mut tablet, &mut phone, &mut laptop]);
    assert!(joined(&mut tablet, &attic));
}

#[test]
fn a_room_left_on_one_device_is_left_on_all_and_a_removal_is_none() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let attic = bob.makes_room("Attic", &[&mut laptop]);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    now(laptop.client.leave(&room)).unwrap();
    now(bob.client.remove(&attic, &[user("alice")])).unwrap();
    // What one run has read of it, another goes on with.
    phone.syncs();
    phone.restart();
    let mut told = Vec::new();
    for _ in 0..3 {
        bob.syncs();
        hub.state().now += 40_000;
        told.extend(phone.syncs());
    }
    let out = |room: &RoomUri, by: Option<UserUri>| Event::RoomLeft {
        room: room.clone(),
        by,
        by_server: false,
    };
    assert_eq!(
        told.iter().filter(|one| **one == out(&room, None)).count(),
        1
    );
    let removed = out(&attic, Some(user("bob")));
    let before = phone.client.events_after(0, 1000).unwrap();
    assert_eq!(before.iter().filter(|one| one.event == removed).count(), 1);
    let rooms = phone.client.rooms().unwrap();
    let state = |uri: &RoomUri| rooms.iter().find(|view| view.room == *uri).unwrap().state;
    assert_eq!((state(&room), state(&attic)), ("left", "removed"));
    bob.says(&room, "alone");
    assert_eq!(bob.client.members(&room).unwrap().len(), 1);
}
