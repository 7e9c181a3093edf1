//! Each room is on its own: one whose hub answers nothing but trouble holds up no other, whichever
//! of them comes first.

use std::time::Duration;

use grove_core::{Class, Draft, MessageStatus, TransportError, Trouble};
use grove_wire::problem::ProblemType;
use grove_wire::uri::RoomUri;

use crate::answers::{Answer, answer, document};
use crate::hub::Hub;
use crate::person::{Intruder, Person, hub, now};

/// Alice in two rooms, with something to say in each, and Bob who is in both.
fn in_two_rooms(hub: &Hub) -> (Person, Person, [RoomUri; 2]) {
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(hub, name));
    let rooms = ["Garden", "Kitchen"].map(|name| alice.makes_room(name, &[&mut bob]));
    bob.syncs();
    alice.syncs();
    alice.cuts_line();
    for room in &rooms {
        let draft = Draft::Text("hello".to_owned());
        let sent = now(alice.client.send(room, draft)).unwrap();
        assert_eq!(sent.status, MessageStatus::Queued);
    }
    alice.mends_line();
    (alice, bob, rooms)
}

/// From now on all that is asked of one room is answered so.
fn falls_ill(person: &Person, room: &RoomUri, answers: &Answer) {
    person.line.trouble.lock().unwrap().intruder = Some(Intruder {
        method: None,
        path: room.path_segment(),
        passes_on: false,
        answers: std::iter::repeat_n(answers.clone(), 500).collect(),
    });
}

/// Any trouble, with the class it is told as.
fn troubles() -> [(Answer, Class); 5] {
    [
        (document(503, ProblemType::Unavailable), Class::Unavailable),
        (document(429, ProblemType::RateLimited), Class::Unavailable),
        (document(507, ProblemType::NoSpace), Class::Unavailable),
        (answer(404, "text/html", "<h1>404</h1>"), Class::Unreachable),
        (Err(TransportError::Timeout), Class::Unreachable),
    ]
}

/// All its messages come too late, as the hub says.
fn is_contended(person: &Person, room: &RoomUri) {
    let late = document(409, ProblemType::WrongEpoch);
    person.line.trouble.lock().unwrap().intruder = Some(Intruder {
        method: None,
        path: format!("/submitMessage/{}", room.path_segment()),
        passes_on: false,
        answers: std::iter::repeat_n(late, 500).collect(),
    });
}

fn told_of(told: &[Trouble], room: &RoomUri) -> Vec<Class> {
    let here = |trouble: &&Trouble| trouble.room.as_ref() == Some(room);
    told.iter()
        .filter(here)
        .map(|trouble| trouble.class)
        .collect()
}

#[test]
fn a_room_in_trouble_holds_up_no_other() {
    for (trouble, class) in troubles() {
        for ill in [0, 1] {
            let hub = hub();
            let (mut alice, mut bob, rooms) = in_two_rooms(&hub);
            let (ill, well) = (&rooms[ill], &rooms[1 - ill]);
            falls_ill(&alice, ill, &trouble);
            alice.restart();
            let synced = now(alice.client.sync(Duration::ZERO)).unwrap();
            assert_eq!(
                told_of(&synced.troubles, ill),
                [class],
                "{:?}",
                synced.troubles
            );
            assert_eq!(told_of(&synced.troubles, well), [], "{trouble:?}");
            bob.syncs();
            assert_eq!(bob.reads(well), ["hello"], "{trouble:?}");
            assert_eq!(alice.client.status().unwrap().queued, 1, "{trouble:?}");
            // When the trouble is over, what waited is sent.
            alice.line.trouble.lock().unwrap().intruder = None;
            hub.state().now += 3_600_000;
            alice.syncs();
            alice.syncs();
            bob.syncs();
            assert_eq!(bob.reads(ill), ["hello"], "{trouble:?}");
        }
    }
}

#[test]
fn the_outbox_of_one_room_is_not_that_of_another() {
    for (trouble, class) in troubles() {
        for ill in [0, 1] {
            let hub = hub();
            let (mut alice, mut bob, rooms) = in_two_rooms(&hub);
            falls_ill(&alice, &rooms[ill], &trouble);
            let report = now(alice.client.flush()).unwrap();
            assert_eq!((report.sent, report.queued), (1, 1), "{class:?}");
            assert!(!report.unreachable);
            bob.syncs();
            assert_eq!(bob.reads(&rooms[1 - ill]), ["hello"]);
        }
    }
}

#[test]
fn a_room_that_changes_too_fast_is_told_as_that_and_holds_up_no_other() {
    for ill in [0, 1] {
        let hub = hub();
        let (mut alice, mut bob, rooms) = in_two_rooms(&hub);
        is_contended(&alice, &rooms[ill]);
        let synced = now(alice.client.sync(Duration::ZERO)).unwrap();
        assert_eq!(told_of(&synced.troubles, &rooms[ill]), [Class::Contended]);
        bob.syncs();
        assert_eq!(bob.reads(&rooms[1 - ill]), ["hello"]);
    }
}

#[test]
fn an_invitation_that_cannot_be_followed_now_holds_up_no_other() {
    for ill in [0, 1] {
        let hub = hub();
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| Person::register(&hub, name));
        let rooms = ["Garden", "Kitchen"].map(|name| bob.makes_room(name, &[&mut alice]));
        falls_ill(
            &alice,
            &rooms[ill],
            &document(503, ProblemType::Unavailable),
        );
        let synced = now(alice.client.sync(Duration::ZERO)).unwrap();
        assert!(told_of(&synced.troubles, &rooms[ill]).contains(&Class::Unavailable));
        let inside = alice.client.rooms().unwrap();
        let inside: Vec<_> = inside.iter().map(|room| &room.room).collect();
        assert_eq!(inside, [&rooms[1 - ill]]);
        alice.line.trouble.lock().unwrap().intruder = None;
        alice.syncs();
        assert_eq!(alice.client.rooms().unwrap().len(), 2);
    }
}

#[test]
fn a_server_that_answers_nothing_is_not_asked_for_each_room() {
    let hub = hub();
    let (mut alice, _bob, _rooms) = in_two_rooms(&hub);
    let silent = Err(TransportError::Timeout);
    alice.line.trouble.lock().unwrap().intruder = Some(Intruder {
        method: None,
        path: "/v1/".to_owned(),
        passes_on: false,
        answers: std::iter::repeat_n(silent, 500).collect(),
    });
    let error = now(alice.client.sync(Duration::ZERO)).unwrap_err();
    assert!(error.to_string().contains("in time"), "{error}");
    let left = {
        let trouble = alice.line.trouble.lock().unwrap();
        trouble.intruder.as_ref().unwrap().answers.len()
    };
    assert_eq!(500 - left, 2, "the question, and whether anybody is there");
}
