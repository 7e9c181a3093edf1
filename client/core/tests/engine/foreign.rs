//! Messages of other makes of clients: what is optional in the drafts is not required, what is
//! there must be true.

use grove_core::{Event, Message};
use grove_mls::content::{ExtensionKey, ExtensionValue, Extensions, MimiContent};
use grove_mls::franking;
use grove_wire::uri::RoomUri;

use crate::hand::{says, says_with_tag, witnessed};
use crate::heal::{all_talk, troubles};
use crate::hub::Hub;
use crate::person::{Person, hub};
use crate::rooms::user;

fn two(hub: &Hub) -> (Person, Person, RoomUri) {
    let (mut alice, mut bob) = (Person::register(hub, "alice"), Person::register(hub, "bob"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    (alice, bob, room)
}

fn text(salt: u8, room: &RoomUri, text: &str) -> MimiContent {
    MimiContent::text([salt; 16], &user("alice"), room, text)
}

/// What a message says of itself, without what says who sends it where.
fn unaddressed(mut content: MimiContent) -> MimiContent {
    content.extensions = Extensions::default();
    content
}

fn with(mut content: MimiContent, key: i64, value: ExtensionValue) -> MimiContent {
    content.extensions.insert(ExtensionKey::Number(key), value);
    content
}

fn told(events: &[Event]) -> Vec<(String, bool)> {
    let messages = events.iter().filter_map(|event| match event {
        Event::Message { message } => Some(message),
        _ => None,
    });
    messages.map(seen).collect()
}

fn seen(message: &Message) -> (String, bool) {
    (message.text.clone(), message.witnessed)
}

#[test]
fn a_message_without_proof_of_order_is_shown_as_that() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub);
    alice.says(&room, "ours");
    says(&alice, &room, &text(1, &room, "foreign"));
    says(&alice, &room, &unaddressed(text(2, &room, "foreign too")));
    let events = bob.syncs();
    assert_eq!(troubles(&events), 0, "{events:?}");
    let expected = [("ours", true), ("foreign", false), ("foreign too", false)];
    let expected = expected.map(|(text, witnessed)| (text.to_owned(), witnessed));
    assert_eq!(told(&events), expected);
    let history: Vec<_> = bob.history(&room).iter().map(seen).collect();
    assert_eq!(history, expected);
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

/// Numbers at our places for private use may be those of another make.
#[test]
fn what_another_make_keeps_at_our_places_is_no_witness() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub);
    let value = || ExtensionValue::Text("theirs".to_owned());
    says(&alice, &room, &with(text(1, &room, "one"), -1, value()));
    says(
        &alice,
        &room,
        &with(text(2, &room, "two"), -2, ExtensionValue::Integer(1)),
    );
    assert_eq!(
        told(&bob.syncs()),
        [("one".to_owned(), false), ("two".to_owned(), false)]
    );
    all_talk(&room, &mut [&mut alice, &mut bob]);
}

#[test]
fn a_message_without_a_tag_is_shown_and_one_with_a_wrong_tag_is_not() {
    let hub = hub();
    let (alice, mut bob, room) = two(&hub);
    let content = witnessed(&alice, &room, text(1, &room, "no tag"));
    says_with_tag(&alice, &room, &content, None);
    let content = witnessed(&alice, &room, text(2, &room, "wrong tag"));
    says_with_tag(&alice, &room, &content, Some([1; 32]));
    let content = witnessed(&alice, &room, text(3, &room, "right tag"));
    let tag = franking::franking_tag(&content.salt, &content.encode());
    says_with_tag(&alice, &room, &content, Some(tag));
    assert_eq!(
        told(&bob.syncs()),
        [("no tag".to_owned(), true), ("right tag".to_owned(), true)]
    );
}

#[test]
fn a_message_that_says_to_be_somebody_elses_or_of_another_room_is_not_shown() {
    let hub = hub();
    let (alice, mut bob, room) = two(&hub);
    let text_value = |text: &str| ExtensionValue::Text(text.to_owned());
    for (number, value) in [
        (1, text_value(user("bob").as_str())),
        (2, text_value("mimi://a.example/r/another")),
        (1, ExtensionValue::Integer(7)),
        (2, ExtensionValue::Null),
    ] {
        says(&alice, &room, &with(text(1, &room, "false"), number, value));
    }
    says(&alice, &room, &text(2, &room, "true"));
    assert_eq!(told(&bob.syncs()), [("true".to_owned(), false)]);
}
