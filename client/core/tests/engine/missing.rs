//! What was accepted and does not come is missed, and told once; what is not missing is not told.

use grove_core::{Draft, Event, Loss, SendError, WarningKind};
use grove_wire::uri::RoomUri;

use crate::heal::{all_talk, losses, troubles};
use crate::lying_hub::{two, without};
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::lines;
use crate::tricks::{forget_log, repeat_last};

/// How many messages are told to be missing, each time that it is told.
fn missing(room: &RoomUri, events: &[Event]) -> Vec<u64> {
    let count = |event: &Event| match event {
        Event::Missing {
            room: there,
            user: whose,
            count,
            before_ms,
        } => {
            assert_eq!((there, whose), (room, &user("alice")));
            assert_ne!(*before_ms, 0);
            Some(*count)
        }
        _ => None,
    };
    events.iter().filter_map(count).collect()
}

#[test]
fn what_is_kept_from_a_reader_is_told_once_with_its_count() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, without(&[0, 1, 2, 5]));
    let mut told = Vec::new();
    for text in [
        "one", "two", "three", "four", "five", "six", "seven", "eight",
    ] {
        alice.says(&room, text);
        told.extend(missing(&room, &bob.syncs()));
    }
    assert_eq!(told, [3, 1]);
    bob.restart();
    assert_eq!(missing(&room, &bob.syncs()), [0; 0]);
}

#[test]
fn what_was_refused_or_repeated_is_not_missing() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    let refuses = |alice: &Person, path| alice.line.trouble.lock().unwrap().refuses = path;
    refuses(&alice, Some("/submitMessage/"));
    let refused = now(alice.client.send(&room, Draft::Text("no".to_owned())));
    assert!(matches!(refused, Err(SendError::Refused(_))), "{refused:?}");
    refuses(&alice, None);
    alice.says(&room, "one");
    alice.loses_answer_of("/submitMessage/");
    alice.says(&room, "two");
    alice.syncs();
    alice.says(&room, "three");
    // In the epoch that comes, what waits is sealed anew.
    alice.cuts_line();
    alice.says(&room, "four");
    drop(Person::register(&hub, "carol"));
    let mut told = bob.syncs();
    now(bob.client.invite(&room, &[user("carol")])).unwrap();
    alice.mends_line();
    alice.syncs();
    alice.says(&room, "five");
    told.extend(bob.syncs());
    assert_eq!(
        bob.reads(&room),
        ["before", "one", "two", "three", "four", "five"]
    );
    assert_eq!(troubles(&told), 0, "{told:?}");
}

#[test]
fn whoever_comes_later_or_comes_back_misses_nothing() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    let mut carol = Person::register(&hub, "carol");
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    alice.says(&room, "without bob");
    alice.says(&room, "still without bob");
    now(alice.client.invite(&room, &[user("bob")])).unwrap();
    alice.says(&room, "all three");
    for person in [&mut bob, &mut carol] {
        let told = person.syncs();
        assert_eq!(missing(&room, &told), [0; 0], "{told:?}");
        assert!(person.reads(&room).contains(&"all three".to_owned()));
    }
}

#[test]
fn what_a_loss_tells_is_not_told_again() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    for text in ["one", "two"] {
        alice.says(&room, text);
    }
    forget_log(&hub, &room);
    alice.says(&room, "three");
    let told = bob.syncs();
    assert_eq!(losses(&told), [(2, Loss::Expired)]);
    assert_eq!(troubles(&told), 1, "{told:?}");
}

#[test]
fn a_hub_that_repeats_what_was_said_takes_nobody_out() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    let epoch = alice.client.rooms().unwrap()[0].epoch;
    alice.says(&room, "one");
    for _ in 0..3 {
        repeat_last(&hub, &room);
    }
    for person in [&mut alice, &mut bob] {
        let told = person.syncs();
        assert_eq!(lines(&told, WarningKind::Clone).len(), 1, "{told:?}");
        assert_eq!(troubles(&told), 1, "{told:?}");
    }
    assert_eq!(bob.reads(&room), ["before", "one"]);
    all_talk(&room, &mut [&mut alice, &mut bob]);
    assert_eq!(
        alice.client.rooms().unwrap()[0].epoch,
        epoch,
        "nobody came back"
    );
}
