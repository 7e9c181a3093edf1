//! Invitations that lead elsewhere, come again, or begin at a place that is not true.

use std::collections::BTreeSet;

use grove_core::{Draft, Event, Loss, WarningKind};
use grove_mls::storage::room_prefix;
use grove_wire::api::events::{ClientFrame, InboxEntry, InboxItem, ServerFrame};
use grove_wire::codec::{self, Skippable};
use grove_wire::uri::RoomUri;

use crate::heal::{all_heal, all_talk, losses};
use crate::hub::Hub;
use crate::lying_hub::shows_the_truth;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{client, joined, lines};
use crate::tricks::{View, forget_log, stored};

#[test]
fn a_welcome_that_leads_where_nobody_else_is_leads_nowhere() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let epoch = stored(&bob, &room).epoch;
    assert_eq!(epoch, 1, "a control: by the Welcome");
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    // What the hub has of the commit is not what carol's Welcome leads to.
    {
        let mut state = hub.state();
        let trees = &mut state.rooms.get_mut(&room).unwrap().trees;
        let other = trees[&1].confirmation_tag.clone();
        trees.get_mut(&2).unwrap().confirmation_tag = other;
    }
    let told = carol.syncs();
    assert!(
        told.contains(&Event::RoomJoined { room: room.clone() }),
        "{told:?}"
    );
    let members = hub.state().rooms[&room].group.clients();
    assert!(members.contains(&client(&carol)));
    assert_eq!(stored(&carol, &room).epoch, 3, "she came in alone");
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

/// All that is left of a person's KeyPackages is the one of last resort: it opens each Welcome that
/// was made for it, as often as it comes.
fn has_only_last_resort(hub: &Hub, person: &Person) {
    let mut state = hub.state();
    state.now += 1;
    let device = state.devices.get_mut(&client(person)).unwrap();
    device.key_packages = Vec::from_iter(device.last_resort.clone());
}

/// Carol comes into the room of alice and bob in its second epoch. Gives her Welcome too.
fn three(hub: &Hub) -> ([Person; 3], RoomUri, InboxEntry) {
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    has_only_last_resort(hub, &carol);
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    let welcome = hub.state().devices[&client(&carol)].inbox[0].clone();
    carol.syncs();
    assert_eq!(stored(&carol, &room).epoch, 2);
    ([alice, bob, carol], room, welcome)
}

/// The hub gives a person a Welcome again, and nothing of what came behind it.
fn comes_again(hub: &Hub, person: &Person, room: &RoomUri, welcome: InboxEntry) {
    let mut state = hub.state();
    let again = InboxEntry {
        id: welcome.id + 1,
        ..welcome
    };
    let device = state.devices.get_mut(&client(person)).unwrap();
    device.inbox.push(again);
    let tricks = &mut state.rooms.get_mut(room).unwrap().tricks;
    let view: View = Box::new(|log| log[..2].to_vec());
    tricks.views.insert(client(person), view);
}

#[test]
fn a_welcome_that_comes_again_does_not_undo_a_removal() {
    let hub = hub();
    let ([mut alice, mut bob, mut carol], room, welcome) = three(&hub);
    now(alice.client.remove(&room, &[user("carol")])).unwrap();
    carol.syncs();
    assert_eq!(carol.client.rooms().unwrap()[0].state, "removed");
    assert_eq!(stored(&carol, &room).epoch, 3, "that of the removal");
    comes_again(&hub, &carol, &room, welcome);
    for restarts in [false, true] {
        if restarts {
            carol.restart();
        }
        let told = carol.syncs();
        assert_eq!(carol.client.rooms().unwrap()[0].state, "removed");
        let lines = lines(&told, WarningKind::Join);
        assert_eq!(lines.len(), usize::from(!restarts), "{told:?}");
    }
    // The control: she is let in again, by the same KeyPackage.
    shows_the_truth(&hub, &room);
    has_only_last_resort(&hub, &carol);
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    carol.syncs();
    assert_eq!(stored(&carol, &room).epoch, 4, "by the Welcome");
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn a_welcome_that_comes_again_leads_no_device_without_keys_back() {
    let hub = hub();
    let ([mut alice, mut bob, mut carol], room, welcome) = three(&hub);
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    carol.syncs();
    assert_eq!(stored(&carol, &room).epoch, 3);
    let prefix = room_prefix(&room).unwrap();
    carol.on_disk(|tx| tx.remove_records(&prefix)).unwrap();
    carol.restart();
    comes_again(&hub, &carol, &room, welcome);
    carol.syncs();
    let there: Vec<_> = carol.client.members(&room).unwrap();
    assert_eq!(there.len(), 2, "bob is not there: {there:?}");
    assert_eq!(stored(&carol, &room).epoch, 4, "she came back alone");
    // The control: nothing is left over that would be in her way.
    shows_the_truth(&hub, &room);
    now(alice.client.invite(&room, &[user("bob")])).unwrap();
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

/// Where the log begins for a newcomer only the hub says.
#[test]
fn a_place_that_is_not_true_makes_nobody_deaf_for_good() {
    for changed in [false, true] {
        let hub = hub();
        let [mut alice, mut bob, mut carol] =
            ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
        let room = alice.makes_room("Garden", &[&mut bob]);
        bob.syncs();
        now(alice.client.invite(&room, &[user("carol")])).unwrap();
        {
            let mut state = hub.state();
            let inbox = &mut state.devices.get_mut(&client(&carol)).unwrap().inbox;
            let Skippable::Known(InboxItem::Welcome { seq, .. }) = &mut inbox[0].item else {
                panic!("a Welcome");
            };
            *seq = 1 << 40;
        }
        carol.syncs();
        assert!(joined(&mut carol, &room));
        alice.says(&room, "one");
        carol.syncs();
        assert_eq!(carol.reads(&room), [""; 0], "a control: she hears nothing");
        if changed {
            now(alice.client.remove(&room, &[user("bob")])).unwrap();
        }
        drop(now(carol
            .client
            .send(&room, Draft::Text("hello?".to_owned()))));
        let told = all_heal(&hub, &room, &mut [&mut carol]);
        let lost: &[_] = if changed { &[(0, Loss::State)] } else { &[] };
        assert_eq!(losses(&told[0]), lost);
        all_talk(&room, &mut [&mut alice, &mut carol]);
    }
}

#[test]
fn an_inbox_entry_of_an_absurd_number_stands_for_no_later_one() {
    let hub = hub();
    let ([mut alice, mut bob, mut carol], room, welcome) = three(&hub);
    {
        let mut state = hub.state();
        let again = InboxEntry {
            id: (1 << 48) - 1,
            ..welcome.clone()
        };
        let device = state.devices.get_mut(&client(&carol)).unwrap();
        device.inbox.push(again);
    }
    let told = carol.syncs();
    assert_eq!(told, [], "it leads nowhere new");
    now(alice.client.remove(&room, &[user("carol")])).unwrap();
    carol.syncs();
    hub.state().now += 1;
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    let told = carol.syncs();
    assert!(
        told.contains(&Event::RoomJoined { room: room.clone() }),
        "{told:?}"
    );
    assert_eq!(stored(&carol, &room).epoch, 4, "by the Welcome");
    all_talk(&room, &mut [&mut alice, &mut bob, &mut carol]);
}

#[test]
fn who_was_told_that_there_is_no_such_room_comes_back_into_it() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    forget_log(&hub, &room);
    let denies = |denied| {
        let mut state = hub.state();
        state.rooms.get_mut(&room).unwrap().tricks.denied = denied;
    };
    denies(BTreeSet::from([client(&bob)]));
    bob.syncs();
    assert_eq!(bob.client.rooms().unwrap()[0].state, "removed", "a control");
    denies(BTreeSet::new());
    hub.state().now += 25 * 60 * 60 * 1000;
    bob.syncs();
    assert!(joined(&mut bob, &room));
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn a_frame_and_an_item_of_a_later_version_are_passed_over() {
    let hub = hub();
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
    let room = bob.makes_room("Garden", &[&mut alice]);
    alice.syncs();
    bob.says(&room, "hello");
    let later = [9, 2, 7, 7].to_vec();
    let who = alice.client.whoami().client;
    let after = stored(&alice, &room).seq;
    let item = ServerFrame::Inbox {
        entries: vec![InboxEntry {
            id: 1 << 40,
            item: Skippable::Unknown {
                kind: 9,
                body: vec![7; 100],
            },
        }],
    };
    let log = hub.state().log_frame(&room, &who, after, after + 1);
    let frames = [later.clone(), item.encode().unwrap(), later, log].concat();
    let received = alice.client.receive(&frames).unwrap();
    assert_eq!(alice.reads(&room), ["hello"]);
    let ack = received.ack.unwrap();
    let ClientFrame::Ack { inbox, positions } = codec::decode(&ack).unwrap();
    assert_eq!((inbox, positions.len()), (Some(1 << 40), 1));
}
