//! A hub that lies, identities that change, entries that make no sense.

use grove_core::{
    AcceptIdentityError, Class, Classified, Draft, Event, SafetyNumber, SendError, Trust,
    TrustError, WarningKind,
};
use grove_mls::identity::{DEVICE_LIST_VALIDITY_MS, Head, SignedDeviceList};

use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;

/// Somebody new registers under a name and the hub gives it out as the old one.
pub(crate) fn swap_identity(hub: &Hub, name: &str) -> Person {
    let mut state = hub.state();
    let old = state.lists.remove(&user(name)).unwrap();
    state
        .devices
        .retain(|client, _| client.user() != user(name));
    drop(state);
    let other = Person::register(hub, name);
    assert_ne!(hub.state().lists[&user(name)], old);
    other
}

#[test]
fn a_changed_identity_is_not_invited_until_it_is_accepted() {
    let hub = hub();
    let mut alice = Person::register(&hub, "alice");
    let mut bob = Person::register(&hub, "bob");
    let room = alice.makes_room("Garden", &[&mut bob]);
    let other = now(alice.client.create_room("Kitchen", None)).unwrap();
    drop(swap_identity(&hub, "bob"));
    let error = now(alice.client.invite(&other, &[user("bob")])).unwrap_err();
    assert_eq!(error.class(), Class::Identity, "{error}");
    assert!(
        alice.says(&room, "who is there?").seq.is_some(),
        "the old device is still the pinned one"
    );
    // What a person saw is what is accepted: neither no digits of his, nor those from before.
    let seen = now(alice.client.identity_of(&user("bob"))).unwrap();
    assert!(!seen.verified);
    let digits = |text: &str| SafetyNumber::parse(text).unwrap();
    let nobodys = alice
        .client
        .accept_identity(&user("bob"), digits(&"0".repeat(60)));
    assert!(matches!(nobodys, Err(AcceptIdentityError::Differ(_))));
    alice
        .client
        .accept_identity(&user("bob"), digits(&seen.safety_number))
        .unwrap();
    let error = now(alice.client.invite(&other, &[user("bob")])).unwrap_err();
    assert_eq!(error.class(), Class::Identity, "{error}");
    let other_number = digits(&seen.other_safety_number.unwrap());
    alice
        .client
        .accept_identity(&user("bob"), other_number)
        .unwrap();
    now(alice.client.invite(&other, &[user("bob")])).unwrap();
    let stopped = now(alice.client.send(&room, Draft::Text("and now?".to_owned())));
    assert!(
        matches!(stopped, Err(SendError::Trust(TrustError::Changed(changed))) if changed == user("bob"))
    );
    let bob_there = &alice.client.members(&room).unwrap()[1];
    assert_eq!(bob_there.trust, Trust::Changed);
    alice.syncs();
    assert_eq!(
        alice.reads(&room),
        ["who is there?"],
        "the stopped message was not kept"
    );
}

#[test]
fn a_rewritten_log_stops_sending_and_is_kept_as_evidence() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    bob.syncs();
    alice.says(&room, "two");
    {
        let mut state = hub.state();
        let (_, head) = state.rooms.get_mut(&room).unwrap().log.last_mut().unwrap();
        *head = Head::from_bytes([66; 32]);
    }
    let events = bob.syncs();
    let told = |event: &Event| {
        matches!(
            event,
            Event::Warning {
                kind: WarningKind::Fork,
                ..
            }
        )
    };
    assert!(events.iter().any(told), "{events:?}");
    assert_eq!(bob.reads(&room), ["one", "two"], "reading goes on");
    let stopped = now(bob.client.send(&room, Draft::Text("hm".to_owned())));
    assert!(matches!(stopped, Err(SendError::Stopped)));
    assert!(bob.client.rooms().unwrap()[0].stopped.is_some());
    assert_eq!(bob.client.status().unwrap().stopped_rooms.len(), 1);
    // The control: alice, who was told the true heads, goes on.
    assert!(now(alice.client.send(&room, Draft::Text("three".to_owned()))).is_ok());
}

#[test]
fn two_answers_of_the_hub_that_contradict_each_other_are_noticed_through_a_member() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    alice.says(&room, "one");
    let true_head = hub.state().rooms[&room].log.last().unwrap().1;
    // Bob is shown another head for the same entry, and the chain behind it fits: his first receipt
    // after the Welcome starts his chain, so that only alice's receipt can contradict it.
    let mut carol = Person::register(&hub, "carol");
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    {
        let mut state = hub.state();
        let log = &mut state.rooms.get_mut(&room).unwrap().log;
        let (_, head) = log.last_mut().unwrap();
        *head = Head::from_bytes([66; 32]);
    }
    assert_ne!(true_head, Head::from_bytes([66; 32]));
    alice.says(&room, "two");
    let events = carol.syncs();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Message { .. })),
        "{events:?}"
    );
    assert_eq!(
        carol.client.rooms().unwrap()[0].stopped,
        None,
        "carol never saw the true chain"
    );
    bob.syncs();
    assert!(bob.client.rooms().unwrap()[0].stopped.is_some(), "bob did");
}

#[test]
fn an_entry_that_makes_no_sense_is_one_warning_and_the_room_goes_on() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    for _ in 0..3 {
        let mut state = hub.state();
        let log = &mut state.rooms.get_mut(&room).unwrap().log;
        let seq = u64::try_from(log.len()).unwrap() + 1;
        let head = log.last().unwrap().1.next(seq, b"noise");
        log.push((b"noise".to_vec(), head));
    }
    alice.syncs();
    alice.says(&room, "after the noise");
    let events = bob.syncs();
    let warnings = events
        .iter()
        .filter(|event| matches!(event, Event::Warning { .. }))
        .count();
    assert_eq!(warnings, 1, "{events:?}");
    assert_eq!(bob.reads(&room), ["after the noise"]);
}

#[test]
fn a_device_list_is_renewed_in_time_and_an_expired_one_admits_nobody() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    hub.state().now += DEVICE_LIST_VALIDITY_MS + 1;
    let invited = now(alice.client.invite(&room, &[user("bob")])).unwrap();
    assert_eq!(invited.without_devices, [user("bob")]);
    bob.loses_answer_of("/device-list");
    assert_eq!(now(bob.client.settle()).unwrap().troubles.len(), 1);
    bob.restart();
    now(bob.client.settle()).unwrap();
    let list = SignedDeviceList::decode(&hub.state().lists[&user("bob")]).unwrap();
    assert_eq!(list.list().version, 2);
    assert_eq!(bob.client.status().unwrap().device_list_version, 2);
    now(alice.client.invite(&room, &[user("bob")])).unwrap();
    alice.says(&room, "hello");
    bob.syncs();
    assert_eq!(bob.reads(&room), ["hello"]);
}

#[test]
fn garbage_is_refused_without_harm() {
    let hub = hub();
    let mut alice = Person::register(&hub, "alice");
    for bytes in [
        b"garbage".as_slice(),
        &[1],
        &[0xff; 100],
        &[2, 0x80, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(
            alice.client.receive(bytes).unwrap_err().class(),
            Class::Failure
        );
    }
    assert!(alice.client.receive(&[]).unwrap().ack.is_none());
}
