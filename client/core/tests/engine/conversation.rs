//! Talking: text, replies, reactions, edits, deletions, names.

use grove_core::{Draft, Event, MessageStatus, RoomChange, SendError};

use crate::person::{Person, hub, now};

#[test]
fn two_people_talk_and_the_room_has_a_name_for_both() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let sent = alice.says(&room, "hello bob");
    assert_eq!(sent.status, MessageStatus::Sent);
    let events = bob.syncs();
    assert!(events.contains(&Event::RoomJoined { room: room.clone() }));
    let named = |event: &Event| {
        matches!(event, Event::RoomChanged { change: RoomChange::Renamed { name, topic }, .. }
            if name == "Garden" && topic == "a topic")
    };
    assert!(events.iter().any(named), "{events:?}");
    bob.says(&room, "hello alice");
    alice.syncs();
    assert_eq!(alice.reads(&room), ["hello bob", "hello alice"]);
    assert_eq!(bob.reads(&room), ["hello bob", "hello alice"]);
    assert_eq!(bob.client.find_room("garden").unwrap(), room);
    assert_eq!(alice.history(&room)[0].id, bob.history(&room)[0].id);
    assert!(
        matches!(bob.syncs().as_slice(), [Event::MessageSent { .. }]),
        "his own, since he was last told"
    );
    assert_eq!(bob.syncs(), [], "nothing is told twice");
}

#[test]
fn whoever_slept_reads_all_of_it_in_order() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let said: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();
    for text in &said {
        alice.says(&room, text);
    }
    bob.syncs();
    assert_eq!(bob.reads(&room), said);
}

#[test]
fn replies_reactions_edits_and_deletions_arrive_as_what_they_are() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let first = alice.says(&room, "tea at four").id.unwrap();
    let second = alice.says(&room, "never mind").id.unwrap();
    bob.syncs();
    let reply = Draft::Reply {
        to: first,
        text: "gladly".to_owned(),
    };
    now(bob.client.send(&room, reply)).unwrap();
    now(bob.client.send(
        &room,
        Draft::Reaction {
            to: first,
            text: "+1".to_owned(),
        },
    ))
    .unwrap();
    now(alice.client.send(
        &room,
        Draft::Edit {
            of: first,
            text: "tea at five".to_owned(),
        },
    ))
    .unwrap();
    now(alice.client.send(&room, Draft::Delete { of: second })).unwrap();
    alice.syncs();
    bob.syncs();
    for person in [&mut alice, &mut bob] {
        let history = person.history(&room);
        assert_eq!(person.reads(&room), ["tea at five", "", "gladly", "+1"]);
        assert!(history[0].edited && history[1].deleted);
        assert_eq!(
            (history[2].in_reply_to, history[3].in_reply_to),
            (Some(first), Some(first))
        );
    }
}

#[test]
fn only_own_messages_are_changed() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let id = alice.says(&room, "mine").id.unwrap();
    bob.syncs();
    let edit = now(bob.client.send(
        &room,
        Draft::Edit {
            of: id,
            text: "yours".to_owned(),
        },
    ));
    assert!(matches!(edit, Err(SendError::NotYours)));
    let empty = now(bob.client.send(&room, Draft::Text(" \n".to_owned())));
    assert!(matches!(empty, Err(SendError::Empty)));
    let long = now(bob.client.send(&room, Draft::Text("x".repeat(70_000))));
    assert!(matches!(long, Err(SendError::TooLong)));
    let longest = bob.says(&room, &"x".repeat(grove_core::MAX_TEXT_BYTES));
    assert_eq!(longest.status, MessageStatus::Sent);
}

#[test]
fn the_journal_tells_everything_once_and_forgets_what_was_deleted() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    let id = alice.says(&room, "a slip of the tongue").id.unwrap();
    let mut told = bob.syncs();
    now(alice.client.send(&room, Draft::Delete { of: id })).unwrap();
    told.extend(bob.syncs());
    let journal = bob.client.events_after(0, 1000).unwrap();
    assert_eq!(journal.len(), told.len());
    let text = serde_json::to_string(&journal).unwrap();
    assert!(!text.contains("slip"), "{text}");
    bob.client
        .mark_listened(journal.last().unwrap().number)
        .unwrap();
    assert_eq!(bob.client.events_after(0, 1000).unwrap(), []);
}
