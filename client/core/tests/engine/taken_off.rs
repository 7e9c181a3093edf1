//! Taking a device of a user away: revoked with the recovery words, retired without them, and what
//! a device in other hands can do about it.

use std::time::Duration;

use grove_core::{
    Class, Classified, Draft, Event, PendingRoom, RetireDeviceError, RevokeDeviceError, SendError,
    Trust, TrustError, WarningKind,
};
use grove_mls::identity::{RecoveryKey, SignedDeviceList};
use grove_wire::uri::{ClientUri, RoomUri};

use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{
    IDLE_MS, accept_list, account, add_device, client, devices_in, joined, lines, newest_list,
    next_list, put_list, settle_all, three_and_bob,
};

/// Requests to a path with this in it are refused from now on.
fn hub_refuses(person: &Person, path: Option<&'static str>) {
    person.line.trouble.lock().unwrap().refuses = path;
}

#[test]
fn a_revoked_device_is_out_of_everything_and_the_others_go_on() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    let attic = phone.makes_room("Attic", &[]);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet]);
    let (old, stolen) = (newest_list(&hub, &laptop), client(&tablet));
    let words = laptop.words.clone();
    let progress = now(laptop.client.revoke_device(&stolen, &words)).unwrap();
    assert_eq!(progress.rooms_done + progress.rooms_pending, 3);
    let revoked = |room: &PendingRoom| !room.revoked.is_empty();
    assert!(!progress.pending.iter().any(revoked), "{progress:?}");
    let waits = |room: &PendingRoom| room.outdated == [client(&phone)];
    assert!(
        progress.pending.iter().all(waits),
        "the other has yet to come: {progress:?}"
    );
    let list = newest_list(&hub, &laptop);
    assert_ne!(list.list().identity.uik(), old.list().identity.uik());
    assert!(list.list().find(&stolen).unwrap().revoked.is_some());
    list.follows(&old).unwrap();
    settle_all(&mut [&mut phone, &mut laptop, &mut bob]);
    assert_eq!(laptop.client.device_progress().unwrap().rooms_pending, 0);
    assert_eq!(
        account(&phone).uik,
        account(&laptop).uik,
        "the other has the new key"
    );
    for room in [&room, &attic] {
        assert_eq!(devices_in(&mut phone, room, "alice").len(), 2);
        phone.says(room, "still here");
        laptop.syncs();
        laptop.says(room, "me too");
        phone.syncs();
    }
    bob.syncs();
    bob.says(&room, "and me");
    assert_eq!(bob.reads(&room), ["still here", "me too", "and me"]);
    assert_eq!(tablet.reads(&room), Vec::<String>::new());
}

#[test]
fn a_device_that_was_revoked_says_so_once_and_keeps_its_history() {
    let hub = hub();
    let ([mut laptop, _phone, mut tablet], mut bob, room) = three_and_bob(&hub);
    bob.says(&room, "before");
    tablet.syncs();
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    bob.says(&room, "behind its back");
    let heard = tablet.client.events_after(0, 1000).unwrap().len();
    for _ in 0..2 {
        let error = now(tablet.client.sync(Duration::ZERO)).unwrap_err();
        assert_eq!(error.class(), Class::Revoked, "{error}");
    }
    let told = tablet.client.events_after(0, 1000).unwrap();
    let told: Vec<&Event> = told[heard..].iter().map(|line| &line.event).collect();
    assert_eq!(told, [&Event::ThisDeviceRevoked], "one line");
    assert!(tablet.client.is_revoked().unwrap());
    assert!(tablet.client.status().unwrap().revoked);
    assert_eq!(tablet.reads(&room), ["before"]);
}

#[test]
fn a_device_that_is_revoked_while_it_joins_its_rooms_complains_of_none_of_them() {
    let hub = hub();
    let ([mut laptop, _phone, _tablet], _bob, _room) = three_and_bob(&hub);
    for revoked in [true, false] {
        let mut late = add_device(&hub, &mut laptop, 8 + u8::from(revoked));
        let gone = client(&late);
        let list = next_list(&hub, &laptop, |list| {
            let device = list.devices.iter_mut().find(|one| one.client == gone);
            device.unwrap().revoked = revoked.then_some(list.not_after);
        });
        let at_hub = hub.clone();
        late.before("/groupInfo/", move || accept_list(&at_hub, &list));
        if revoked {
            let error = now(late.client.sync(Duration::ZERO)).unwrap_err();
            assert_eq!(error.class(), Class::Revoked, "{error}");
        } else {
            late.syncs();
        }
        let told = late.client.events_after(0, 1000).unwrap();
        let told: Vec<Event> = told.into_iter().map(|line| line.event).collect();
        assert_eq!(lines(&told, WarningKind::Join), Vec::<String>::new());
        assert_eq!(late.client.rooms_due().failed, 0);
        assert_eq!(late.client.rooms_due().joined > 0, !revoked);
    }
}

#[test]
fn wrong_words_change_nothing() {
    let hub = hub();
    let ([mut laptop, phone, tablet], _bob, _room) = three_and_bob(&hub);
    let before = (account(&laptop), newest_list(&hub, &laptop));
    let others = RecoveryKey::from_seed([3; 32]).words();
    let words = laptop.words.clone();
    let stolen = client(&tablet);
    for typed in [
        others.as_str(),
        "one two three",
        &words.replacen(' ', " zoo ", 1),
    ] {
        let error = now(laptop.client.revoke_device(&stolen, typed)).unwrap_err();
        assert_eq!(error.class(), Class::Refused, "{error}");
    }
    let me = client(&laptop);
    let own = now(laptop.client.revoke_device(&me, &words)).unwrap_err();
    assert!(matches!(own, RevokeDeviceError::ThisDevice), "{own}");
    let stranger = ClientUri::new(&user("alice"), [77; 16]);
    let unknown = now(laptop.client.revoke_device(&stranger, &words)).unwrap_err();
    assert!(
        matches!(unknown, RevokeDeviceError::UnknownDevice),
        "{unknown}"
    );
    let own = now(laptop.client.retire_device(&me)).unwrap_err();
    assert!(matches!(own, RetireDeviceError::ThisDevice), "{own}");
    assert_eq!(before, (account(&laptop), newest_list(&hub, &laptop)));
    assert_eq!(account(&phone).device_list, before.0.device_list);
    // The control: the right words do.
    now(laptop
        .client
        .revoke_device(&stolen, &format!("  {}\n", words.to_uppercase())))
    .unwrap();
    let again = now(laptop.client.revoke_device(&stolen, &words)).unwrap_err();
    assert!(matches!(again, RevokeDeviceError::Already), "{again}");
}

#[test]
fn a_thief_in_the_room_is_not_given_the_new_key() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], _bob, room) = three_and_bob(&hub);
    let (words, old) = (laptop.words.clone(), account(&tablet).uik);
    let shared = account(&laptop).account_room.unwrap();
    // The hub lets no removal through for now.
    hub_refuses(&laptop, Some("/update/"));
    let progress = now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    assert_eq!((progress.rooms_done, progress.rooms_pending), (0, 2));
    let stays = |room: &PendingRoom| room.revoked == [client(&tablet)];
    assert!(progress.pending.iter().all(stays), "{progress:?}");
    drop(now(laptop.client.settle()));
    let waiting = |person: &Person, room: &RoomUri| {
        let outbox = person.on_disk(|tx| tx.list_outgoing(room)).unwrap();
        let unsealed = outbox.iter().all(|outgoing| outgoing.bytes.is_none());
        (outbox.len(), unsealed)
    };
    assert_eq!(
        waiting(&laptop, &shared),
        (1, true),
        "the key is not even sealed"
    );
    let said = now(laptop.client.send(&room, Draft::Text("?".to_owned()))).unwrap_err();
    assert_eq!(said.class(), Class::Identity, "{said}");
    // The control: as soon as the thief is out, the others have it.
    hub_refuses(&laptop, None);
    hub.state().now += 10 * 60 * 1000;
    settle_all(&mut [&mut laptop, &mut phone]);
    assert_eq!(waiting(&laptop, &shared), (0, true));
    assert_eq!(account(&phone).uik, account(&laptop).uik);
    assert_eq!(devices_in(&mut laptop, &room, "alice").len(), 2);
    laptop.says(&room, "among ourselves");
    drop(now(tablet.client.sync(Duration::ZERO)));
    assert_eq!(account(&tablet).uik, old);
}

#[test]
fn a_retired_device_leaves_the_list_and_the_rooms_without_a_new_key() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], mut bob, room) = three_and_bob(&hub);
    let before = newest_list(&hub, &laptop);
    let progress = now(phone.client.retire_device(&client(&tablet))).unwrap();
    assert_eq!(progress.rooms_pending, 0);
    let list = newest_list(&hub, &laptop);
    assert_eq!(list.list().identity, before.list().identity);
    assert!(
        list.list()
            .find(&client(&tablet))
            .unwrap()
            .revoked
            .is_some()
    );
    let events = laptop.syncs();
    assert_eq!(lines(&events, WarningKind::Device).len(), 1, "{events:?}");
    assert_eq!(
        devices_in(&mut laptop, &room, "alice"),
        [client(&laptop), client(&phone)]
    );
    laptop.says(&room, "two of us");
    bob.syncs();
    assert_eq!(bob.reads(&room), ["two of us"]);
}

#[test]
fn a_device_that_nobody_uses_is_retired_by_another() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], _bob, room) = three_and_bob(&hub);
    hub.state().now += IDLE_MS - 1_000_000;
    settle_all(&mut [&mut laptop, &mut phone]);
    assert_eq!(newest_list(&hub, &laptop).active().count(), 3, "not yet");
    hub.state().now += 24 * 60 * 60 * 1000 + 1_000_000;
    let mut told = laptop.syncs();
    told.extend(phone.syncs());
    assert_eq!(newest_list(&hub, &laptop).active().count(), 2);
    let idle = lines(&told, WarningKind::Device);
    assert!(
        idle.iter().any(|line| line.contains("180 days")),
        "{told:?}"
    );
    settle_all(&mut [&mut laptop, &mut phone]);
    assert!(!devices_in(&mut phone, &room, "alice").contains(&client(&tablet)));
    // Who was away as long itself retires nobody who was seen, and never itself.
    assert_eq!(newest_list(&hub, &laptop).active().count(), 2);
}

#[test]
fn a_contact_follows_a_proven_new_key_and_stops_for_any_other() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], mut bob, room) = three_and_bob(&hub);
    bob.says(&room, "before");
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    bob.syncs();
    // The phone has not renewed its leaf: it is a laggard, and still one of alice's.
    bob.says(&room, "after");
    assert!(!devices_in(&mut bob, &room, "alice").contains(&client(&tablet)));
    let trust = |bob: &mut Person| {
        let members = bob.client.members(&room).unwrap();
        let alice = members.iter().find(|one| one.user == user("alice"));
        alice.unwrap().trust
    };
    assert_eq!(trust(&mut bob), Trust::Laggard);
    settle_all(&mut [&mut phone, &mut laptop]);
    assert_eq!(phone.reads(&room), ["before", "after"]);
    bob.syncs();
    assert_eq!(trust(&mut bob), Trust::Pinned);
}

#[test]
fn a_device_in_the_list_of_nobody_stops_sending() {
    let hub = hub();
    let ([mut laptop, _phone, tablet], mut bob, room) = three_and_bob(&hub);
    // The list says it is revoked, and nobody has removed it yet.
    let gone = client(&tablet);
    put_list(&hub, &laptop, |list| {
        for device in &mut list.devices {
            if device.client == gone {
                device.revoked = Some(device.added);
            }
        }
    });
    hub.state().now += 1;
    // Bob looks at her digits, which asks her home server.
    now(bob.client.identity_of(&user("alice"))).unwrap();
    let said = now(bob.client.send(&room, Draft::Text("?".to_owned()))).unwrap_err();
    assert_eq!(said.class(), Class::Identity, "{said}");
    hub.state().now += 25 * 60 * 60 * 1000;
    settle_all(&mut [&mut laptop, &mut bob]);
    bob.says(&room, "gone");
}

#[test]
fn a_device_that_claims_a_list_that_there_is_not_stops_sending() {
    let hub = hub();
    let ([mut laptop, _phone, _tablet], mut bob, room) = three_and_bob(&hub);
    let (before, alice) = (newest_list(&hub, &laptop), user("alice"));
    let mut late = add_device(&hub, &mut laptop, 9);
    late.syncs();
    assert!(joined(&mut late, &room));
    let list = newest_list(&hub, &laptop);
    let shows = |list: &SignedDeviceList| {
        let bytes = list.as_bytes().to_vec();
        hub.state().lists.insert(alice.clone(), bytes);
    };
    // Bob asks for the newest, and it is older than the one the device claims to be of.
    shows(&before);
    bob.syncs();
    let said = now(bob.client.send(&room, Draft::Text("?".to_owned()))).unwrap_err();
    assert!(
        matches!(&said, SendError::Trust(TrustError::UnknownDevice(who)) if *who == client(&late)),
        "{said:?}"
    );
    // The control: there is one.
    shows(&list);
    bob.says(&room, "welcome");
}

#[test]
fn the_words_take_a_device_off_whatever_list_it_has_told_its_siblings() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], mut bob, room) = three_and_bob(&hub);
    let stolen = client(&tablet);
    // Far ahead of the server's, and only told to the laptop.
    let ahead = next_list(&hub, &laptop, |list| list.version += 1000);
    let mut known = account(&laptop);
    known.device_list = ahead.as_bytes().to_vec();
    laptop.on_disk(|tx| tx.put_account(&known)).unwrap();
    laptop.restart();
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&stolen, &words)).unwrap();
    let list = newest_list(&hub, &laptop);
    assert!(list.list().find(&stolen).unwrap().revoked.is_some());
    settle_all(&mut [&mut laptop, &mut phone, &mut bob]);
    for person in [&mut laptop, &mut phone] {
        assert!(!devices_in(person, &room, "alice").contains(&stolen));
    }
    drop(tablet);
    bob.says(&room, "gone");
}

#[test]
fn a_device_that_another_gives_a_name_is_told_once() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], _bob, _room) = three_and_bob(&hub);
    let id = |person: &Person| client(person).device().get(..8).unwrap().to_owned();
    let mut renames = |by: &mut Person, whom: &ClientUri, name: &str| {
        by.client.rename_device(whom, name).unwrap();
        now(by.client.settle()).unwrap();
        let mut told = laptop.syncs();
        told.extend(laptop.syncs());
        laptop.restart();
        told.extend(laptop.syncs());
        lines(&told, WarningKind::Device)
    };
    let (phones, tablets) = (id(&phone), id(&tablet));
    let whom = client(&tablet);
    assert_eq!(
        renames(&mut phone, &whom, "old \u{bb} phone"),
        [format!(
            "the device {tablets} is now called \u{ab}old \u{203a} phone\u{bb}, says your device {phones}"
        )]
    );
    // The same again is no news.
    assert_eq!(renames(&mut phone, &whom, "old \u{bb} phone"), [""; 0]);
    // A device that names itself is told as well.
    tablet.syncs();
    assert_eq!(
        renames(&mut tablet, &whom, "tablet"),
        [format!(
            "the device {tablets}, so far \u{ab}old \u{203a} phone\u{bb}, is now called \
             \u{ab}tablet\u{bb}, says that device itself"
        )]
    );
    // Who is new hears the names of those before it without a line for each.
    let mut late = add_device(&hub, &mut laptop, 8);
    let mut told = late.syncs();
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet]);
    told.extend(late.syncs());
    assert_eq!(lines(&told, WarningKind::Device), [""; 0]);
    let named = now(late.client.devices()).unwrap();
    assert!(named.iter().any(|device| device.name == "tablet"));
}

#[test]
fn a_hub_that_lies_about_who_was_seen_retires_nobody_who_is_new() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], _bob, _room) = three_and_bob(&hub);
    let says_seen = |at: u64| {
        hub.state().seen.insert(client(&tablet), at);
    };
    let day = 24 * 60 * 60 * 1000;
    // Long before the device was there, or in days to come.
    for at in [0, u64::MAX] {
        for _ in 0..2 {
            hub.state().now += day;
            says_seen(at);
            settle_all(&mut [&mut laptop, &mut phone]);
            assert_eq!(newest_list(&hub, &laptop).active().count(), 3, "{at}");
        }
    }
    // The control is `a_device_that_nobody_uses_is_retired_by_another`.
}
