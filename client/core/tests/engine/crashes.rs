//! Lost answers, killed processes, cut lines, and two processes on one profile.

use grove_core::{Client, Draft, Event, MessageStatus, OpenError, Registration};

use crate::person::{Person, hub, now};
use crate::rooms::user;

#[test]
fn a_lost_answer_neither_loses_nor_doubles_a_message() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let entries = hub.state().rooms[&room].log.len();
    alice.loses_answer_of("/submitMessage/");
    let sent = alice.says(&room, "did you get this?");
    assert_eq!(sent.status, MessageStatus::Queued);
    let before = hub.state().submissions;
    assert_eq!(now(alice.client.flush()).unwrap().sent, 1);
    assert_eq!(
        hub.state().submissions,
        before + 1,
        "it was handed in again"
    );
    assert_eq!(
        hub.state().rooms[&room].log.len(),
        entries + 1,
        "with the same bytes"
    );
    bob.syncs();
    assert_eq!(bob.reads(&room), ["did you get this?"]);
    alice.syncs();
    assert_eq!(alice.reads(&room), ["did you get this?"]);
}

#[test]
fn the_log_tells_that_a_message_was_accepted_when_the_answer_did_not() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    alice.loses_answer_of("/submitMessage/");
    alice.says(&room, "hello");
    let before = hub.state().submissions;
    let events = alice.syncs();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::MessageSent { .. })),
        "{events:?}"
    );
    assert_eq!(
        hub.state().submissions,
        before,
        "nothing was handed in again"
    );
    bob.syncs();
    assert_eq!(bob.history(&room)[0].id, alice.history(&room)[0].id);
}

#[test]
fn what_was_said_without_a_line_is_sent_later_in_order() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    alice.cuts_line();
    for text in ["one", "two", "three"] {
        assert_eq!(alice.says(&room, text).status, MessageStatus::Queued);
    }
    alice.restart();
    assert!(now(alice.client.flush()).unwrap().unreachable);
    alice.mends_line();
    assert_eq!(now(alice.client.flush()).unwrap().sent, 3);
    bob.syncs();
    assert_eq!(bob.reads(&room), ["one", "two", "three"]);
}

#[test]
fn a_commit_whose_answer_was_lost_is_found_in_the_log() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    alice.loses_answer_of("/update/");
    assert!(now(alice.client.invite(&room, &[user("bob")])).is_err());
    alice.restart();
    now(alice.client.settle()).unwrap();
    assert_eq!(alice.client.members(&room).unwrap().len(), 2);
    alice.says(&room, "hello");
    bob.syncs();
    assert_eq!(bob.reads(&room), ["hello"]);
    assert_eq!(
        bob.client.find_room("Garden").unwrap(),
        room,
        "the profile was passed on all the same"
    );
}

#[test]
fn a_commit_that_never_arrived_is_handed_in_again_after_a_restart() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    let line = alice.line.clone();
    alice.before("/update/", move || line.trouble.lock().unwrap().cut = true);
    assert!(now(alice.client.invite(&room, &[user("bob")])).is_err());
    alice.restart();
    alice.mends_line();
    now(alice.client.settle()).unwrap();
    bob.syncs();
    bob.says(&room, "I am in");
    alice.syncs();
    assert_eq!(alice.reads(&room), ["I am in"]);
}

#[test]
fn a_room_whose_creation_was_not_answered_exists() {
    let hub = hub();
    let mut alice = Person::register(&hub, "alice");
    alice.loses_answer_of("/v1/rooms");
    assert!(now(alice.client.create_room("Garden", None)).is_err());
    alice.restart();
    let events = now(alice.client.settle()).unwrap().events;
    assert_eq!(events.len(), 1, "{events:?}");
    let room = alice.client.find_room("garden").unwrap();
    assert_eq!(alice.says(&room, "hello").status, MessageStatus::Sent);
}

#[test]
fn frames_may_come_twice_late_and_with_gaps() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    let who = bob.client.whoami().client;
    let frame = |from: usize| {
        let state = hub.state();
        let from = u64::try_from(from).unwrap();
        state.log_frame(&room, &who, from, from + 1)
    };
    let start = hub.state().rooms[&room].log.len();
    for text in ["one", "two", "three"] {
        alice.says(&room, text);
    }
    let gap = bob.client.receive(&frame(start + 2)).unwrap();
    assert!(gap.unsettled && gap.ack.is_none() && gap.events.is_empty());
    let first = bob.client.receive(&frame(start)).unwrap();
    assert_eq!((first.events.len(), first.ack.is_some()), (1, true));
    assert_eq!(bob.client.receive(&frame(start)).unwrap().events, []);
    now(bob.client.settle()).unwrap();
    assert_eq!(bob.reads(&room), ["one", "two", "three"]);
}

#[test]
fn two_processes_share_one_profile() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let mut other = alice.second_process();
    for round in 0..5 {
        alice.says(&room, &format!("listener {round}"));
        other.says(&room, &format!("sender {round}"));
        if round == 2 {
            now(other.client.invite(&room, &[user("bob")])).unwrap();
            drop(Person::register(&hub, "carol"));
            now(other.client.invite(&room, &[user("carol")])).unwrap();
        }
        bob.syncs();
        bob.says(&room, &format!("bob {round}"));
        if round % 2 == 0 {
            alice.syncs()
        } else {
            other.syncs()
        };
    }
    bob.syncs();
    assert_eq!(bob.reads(&room).len(), 15);
    assert_eq!(alice.reads(&room), bob.reads(&room));
    assert_eq!(other.reads(&room), bob.reads(&room));
    let told = alice.client.events_after(0, 1000).unwrap();
    let arrived = told
        .iter()
        .filter(|told| matches!(told.event, Event::Message { .. }))
        .count();
    assert_eq!(
        arrived, 5,
        "each arrival is told once, whichever process took it"
    );
}

#[test]
fn a_session_that_ended_is_renewed_unseen() {
    let hub = hub();
    let mut alice = Person::register(&hub, "alice");
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    hub.state().end_sessions();
    assert_eq!(alice.says(&room, "hello").status, MessageStatus::Sent);
}

#[test]
fn an_interrupted_registration_goes_on_with_the_same_keys() {
    let hub = hub();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("grove.db");
    let model = Person::register(&hub, "model");
    let open = || crate::person::store(&path);
    let registration = || Registration {
        user: user("alice"),
        invite: None,
    };
    model.loses_answer_of("/v1/accounts");
    let first = now(Client::register(
        open(),
        model.line.clone(),
        model.machine(),
        registration(),
    ));
    assert!(first.is_err());
    let unfinished = Client::open(open(), model.line.clone(), model.machine());
    assert!(
        matches!(unfinished, Err(OpenError::Unfinished(user_found)) if user_found == user("alice"))
    );
    let (mut client, words) = now(Client::register(
        open(),
        model.line.clone(),
        model.machine(),
        registration(),
    ))
    .unwrap();
    let (_, again) = now(Client::register(
        open(),
        model.line.clone(),
        model.machine(),
        registration(),
    ))
    .unwrap();
    assert_eq!(
        words.as_str(),
        again.as_str(),
        "until they were kept the words are shown again"
    );
    client.recovery_words_kept().unwrap();
    assert!(
        now(Client::register(
            open(),
            model.line.clone(),
            model.machine(),
            registration()
        ))
        .is_err()
    );
    let room = now(client.create_room("Garden", None)).unwrap();
    assert!(now(client.send(&room, Draft::Text("hello".to_owned()))).is_ok());
}

#[test]
fn a_name_taken_by_somebody_else_is_told() {
    let hub = hub();
    let alice = Person::register(&hub, "alice");
    let directory = tempfile::tempdir().unwrap();
    let store = crate::person::store(&directory.path().join("grove.db"));
    let registration = Registration {
        user: user("alice"),
        invite: None,
    };
    let taken = now(Client::register(
        store,
        alice.line.clone(),
        alice.machine(),
        registration,
    ));
    assert!(matches!(taken, Err(grove_core::RegisterError::NameTaken)));
}
