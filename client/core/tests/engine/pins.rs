//! Who is taken for whom: from the first sight on, in every room, whatever the hub and other
//! members do.

use grove_core::store::{ContentKind, StoredMessage};
use grove_core::{
    AcceptIdentityError, Draft, Event, Message, MessageId, MessageKind, MessageStatus,
    SafetyNumber, SendError, Trust, TrustError, WarningKind,
};
use grove_mls::identity::ServerKey;
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::lies::swap_identity;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{account, add_device, client, joined, lines, settle_all, three_and_bob};
use crate::tricks::stored;

fn digits(text: &str) -> SafetyNumber {
    SafetyNumber::parse(text).unwrap()
}

pub(crate) fn trust_of(person: &mut Person, room: &RoomUri, name: &str) -> Trust {
    let members = person.client.members(room).unwrap();
    let member = members.into_iter().find(|one| one.user == user(name));
    member.unwrap().trust
}

fn last(person: &mut Person, room: &RoomUri) -> Message {
    person.history(room).pop().unwrap()
}

fn replaces_alice(hub: &Hub, olga: &mut Person, room: &RoomUri) -> Person {
    replaces(hub, olga, room, "alice")
}

/// Olga, who is in league with the hub, puts somebody else in a member's place: the hub gives
/// another list, and olga says that it is fine.
pub(crate) fn replaces(hub: &Hub, olga: &mut Person, room: &RoomUri, name: &str) -> Person {
    now(olga.client.remove(room, &[user(name)])).unwrap();
    let other = swap_identity(hub, name);
    let shown = now(olga.client.identity_of(&user(name))).unwrap();
    let number = digits(&shown.other_safety_number.unwrap());
    olga.client.accept_identity(&user(name), number).unwrap();
    now(olga.client.invite(room, &[user(name)])).unwrap();
    now(olga.client.settle()).unwrap();
    other
}

/// Olga, alice and bob in olga's room; bob's server may keep the device lists from him.
fn three(hub: &Hub, withheld: bool) -> ([Person; 3], RoomUri) {
    let [mut olga, mut alice, mut bob] =
        ["olga", "alice", "bob"].map(|name| Person::register(hub, name));
    if withheld {
        bob.line.trouble.lock().unwrap().refuses = Some("/device-list");
    }
    let room = olga.makes_room("Garden", &[&mut alice, &mut bob]);
    settle_all(&mut [&mut olga, &mut alice, &mut bob]);
    ([olga, alice, bob], room)
}

#[test]
fn somebody_else_under_a_known_name_is_not_taken_for_them() {
    for withheld in [false, true] {
        let hub = hub();
        let ([mut olga, mut alice, mut bob], room) = three(&hub, withheld);
        alice.says(&room, "this is alice");
        bob.syncs();
        let seen = if withheld {
            Trust::Unverified
        } else {
            Trust::Pinned
        };
        assert_eq!(trust_of(&mut bob, &room, "alice"), seen);
        assert_eq!(last(&mut bob, &room).trust, Some(seen));
        let hers = now(bob.client.identity_of(&user("alice"))).unwrap();

        let mut other = replaces_alice(&hub, &mut olga, &room);
        other.syncs();
        other.says(&room, "this is alice too");
        let told = bob.syncs();
        assert_eq!(lines(&told, WarningKind::Identity).len(), 1, "{told:?}");
        let message = last(&mut bob, &room);
        assert_eq!(message.text, "this is alice too");
        assert_eq!(message.trust, Some(Trust::Changed));
        assert_eq!(trust_of(&mut bob, &room, "alice"), Trust::Changed);
        let stopped = now(bob.client.send(&room, Draft::Text("psst".to_owned())));
        assert!(
            matches!(&stopped, Err(SendError::Trust(TrustError::Changed(who))) if *who == user("alice")),
            "{stopped:?}"
        );

        // It is told once, and the digits of both are there to be compared.
        other.says(&room, "why so silent?");
        assert_eq!(lines(&bob.syncs(), WarningKind::Identity).len(), 0);
        let shown = now(bob.client.identity_of(&user("alice"))).unwrap();
        assert_eq!(shown.safety_number, hers.safety_number);
        let others = digits(&shown.other_safety_number.unwrap());
        let theirs = now(other.client.identity_of(&user("alice"))).unwrap();
        assert_eq!(digits(&theirs.safety_number), others);
        let made_up = bob
            .client
            .accept_identity(&user("alice"), digits(&"1".repeat(60)));
        assert!(matches!(made_up, Err(AcceptIdentityError::Differ(_))));
        // Hers are not those of who is in the room.
        let number = digits(&hers.safety_number);
        bob.client.accept_identity(&user("alice"), number).unwrap();
        assert!(now(bob.client.send(&room, Draft::Text("psst".to_owned()))).is_err());

        // The control: alice has begun anew, and bob has compared.
        bob.client.accept_identity(&user("alice"), others).unwrap();
        bob.says(&room, "so it is you");
        other.says(&room, "it is");
        bob.syncs();
        assert_eq!(last(&mut bob, &room).trust, Some(Trust::Verified));
    }
}

#[test]
fn somebody_else_does_not_take_back_what_was_said() {
    let hub = hub();
    let ([mut olga, mut alice, mut bob], room) = three(&hub, false);
    let said = alice.says(&room, "meet at noon");
    settle_all(&mut [&mut olga, &mut bob]);
    let mut other = replaces_alice(&hub, &mut olga, &room);
    other.syncs();
    // Olga has told them the id of what alice said.
    let id = said.id.unwrap();
    knows(&other, &room, id);
    let edit = Draft::Edit {
        of: id,
        text: "meet at midnight".to_owned(),
    };
    now(other.client.send(&room, edit)).unwrap();
    now(other.client.send(&room, Draft::Delete { of: id })).unwrap();
    settle_all(&mut [&mut olga, &mut bob]);
    assert_eq!(bob.reads(&room), ["meet at noon"]);
    // The control: olga has accepted who it is.
    assert_eq!(olga.reads(&room), [""]);
}

/// Who only uses a device's name may say any number: none of them is the device's.
#[test]
fn somebody_else_uses_up_no_numbers_of_a_device_whose_name_they_use() {
    let hub = hub();
    let [mut olga, mut alice, mut bob] =
        ["olga", "alice", "bob"].map(|name| Person::register(&hub, name));
    let mut hers = add_device(&hub, &mut alice, 9);
    let room = olga.makes_room("Garden", &[&mut alice, &mut bob]);
    settle_all(&mut [&mut olga, &mut alice, &mut hers, &mut bob]);
    hers.says(&room, "one");
    settle_all(&mut [&mut olga, &mut bob]);
    let number = digits(
        &now(bob.client.identity_of(&user("alice")))
            .unwrap()
            .safety_number,
    );

    // The hub puts another alice in her place, with a device of the same name.
    let (list, devices) = {
        let mut state = hub.state();
        let list = state.lists[&user("alice")].clone();
        let of_alice = [client(&alice), client(&hers)];
        (
            list,
            of_alice.map(|one| state.devices.remove_entry(&one).unwrap()),
        )
    };
    let mut other = replaces_alice(&hub, &mut olga, &room);
    let mut theirs = add_device(&hub, &mut other, 9);
    settle_all(&mut [&mut other, &mut theirs]);
    assert_eq!(client(&theirs), client(&hers));
    assert!(joined(&mut theirs, &room));
    let counter = stored(&hers, &room).counter;
    theirs
        .on_disk(|tx| {
            let mut known = tx.find_room(&room)?.unwrap();
            known.counter = counter;
            tx.put_room(&known)?;
            tx.put_tally(&room, &client(&theirs), 400)
        })
        .unwrap();
    theirs.restart();
    bob.syncs();
    theirs.says(&room, "two");
    theirs.says(&room, "three");
    let told = bob.syncs();
    assert_eq!(last(&mut bob, &room).trust, Some(Trust::Changed));
    let missing = |event: &Event| matches!(event, Event::Missing { .. });
    assert!(!told.iter().any(missing), "{told:?}");

    // She is let in again, and counts on.
    now(olga.client.remove(&room, &[user("alice")])).unwrap();
    {
        let mut state = hub.state();
        state.lists.insert(user("alice"), list);
        state.devices.retain(|one, _| one.user() != user("alice"));
        state.devices.extend(devices);
    }
    drop(now(olga.client.identity_of(&user("alice"))));
    olga.client.accept_identity(&user("alice"), number).unwrap();
    now(olga.client.invite(&room, &[user("alice")])).unwrap();
    settle_all(&mut [&mut olga, &mut alice, &mut hers]);
    assert_eq!(stored(&hers, &room).counter, counter);
    bob.syncs();
    hers.says(&room, "four");
    let told = bob.syncs();
    let said = last(&mut bob, &room);
    assert_eq!(said.text, "four", "{told:?}");
    assert!(!said.trust.unwrap().is_doubtful());
    assert_eq!(lines(&told, WarningKind::Clone), [""; 0], "{told:?}");
}

/// Puts a message of alice's first identity into the history of the second.
fn knows(other: &Person, room: &RoomUri, id: MessageId) {
    let message = StoredMessage {
        number: 0,
        room: room.clone(),
        seq: Some(1),
        id: Some(id.0),
        client: account(other).client,
        counter: 777,
        salt: [7; 16],
        time: 1,
        kind: ContentKind::Shown(MessageKind::Text),
        text: "meet at noon".to_owned(),
        in_reply_to: None,
        replaces: None,
        edited: false,
        deleted: false,
        status: MessageStatus::Received,
        failure: None,
        witnessed: true,
        trust: None,
        payload: None,
    };
    other.on_disk(|tx| tx.add_message(&message)).unwrap();
}

#[test]
fn a_room_that_shows_somebody_else_from_the_first_is_seen_as_that() {
    let hub = hub();
    let ([mut olga, mut alice, mut bob], garden) = three(&hub, false);
    alice.says(&garden, "this is alice");
    bob.syncs();
    let kitchen = now(olga.client.create_room("Kitchen", None)).unwrap();
    now(olga.client.invite(&kitchen, &[user("alice")])).unwrap();
    let mut other = replaces_alice(&hub, &mut olga, &kitchen);
    other.syncs();
    // No commit shows it to bob: it stands in the tree that he is welcomed into.
    now(olga.client.invite(&kitchen, &[user("bob")])).unwrap();
    let told = bob.syncs();
    assert!(joined(&mut bob, &kitchen));
    assert_eq!(lines(&told, WarningKind::Identity).len(), 1, "{told:?}");
    assert_eq!(trust_of(&mut bob, &kitchen, "alice"), Trust::Changed);
    assert!(now(bob.client.send(&kitchen, Draft::Text("hi".to_owned()))).is_err());
    // The control: the other room goes on.
    assert_eq!(trust_of(&mut bob, &garden, "alice"), Trust::Pinned);
    bob.says(&garden, "did you see that?");
}

#[test]
fn a_renewed_identity_is_one_line_and_keeps_its_digits() {
    let hub = hub();
    let ([mut laptop, mut phone, mut tablet], mut bob, garden) = three_and_bob(&hub);
    let kitchen = laptop.makes_room("Kitchen", &[&mut bob]);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    let before = now(bob.client.identity_of(&user("alice"))).unwrap();
    let own = now(laptop.client.identity_of(&user("alice"))).unwrap();
    assert_eq!(own.safety_number, before.safety_number);
    let number = digits(&before.safety_number);
    bob.client.accept_identity(&user("alice"), number).unwrap();
    assert_eq!(trust_of(&mut bob, &garden, "alice"), Trust::Verified);

    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    let mut told = Vec::new();
    for _ in 0..4 {
        settle_all(&mut [&mut laptop, &mut phone]);
        told.extend(bob.syncs());
    }
    let renewed = Event::IdentityRenewed {
        user: user("alice"),
    };
    let count = told.iter().filter(|event| **event == renewed).count();
    assert_eq!(count, 1, "for two rooms and two devices: {told:?}");
    assert_eq!(lines(&told, WarningKind::Identity).len(), 0, "{told:?}");
    for room in [&garden, &kitchen] {
        bob.says(room, "still you");
        assert_eq!(trust_of(&mut bob, room, "alice"), Trust::Verified);
    }
    let after = now(bob.client.identity_of(&user("alice"))).unwrap();
    assert_eq!(after.safety_number, before.safety_number);
    assert!(after.verified && after.other_safety_number.is_none());
}

#[test]
fn what_a_device_says_without_the_renewed_identity_is_marked() {
    let hub = hub();
    let ([mut laptop, mut phone, tablet], mut bob, room) = three_and_bob(&hub);
    let words = laptop.words.clone();
    now(laptop.client.revoke_device(&client(&tablet), &words)).unwrap();
    // The note with the new key does not come through to the phone.
    phone.line.trouble.lock().unwrap().refuses = Some("/update/");
    bob.syncs();
    let said = phone.says(&room, "hello from the phone");
    assert_eq!(said.status, MessageStatus::Sent);
    bob.syncs();
    let message = last(&mut bob, &room);
    assert_eq!(message.text, "hello from the phone");
    assert_eq!(message.trust, Some(Trust::Laggard));
    phone.line.trouble.lock().unwrap().refuses = None;
    settle_all(&mut [&mut laptop, &mut phone]);
    phone.says(&room, "now it is me");
    bob.syncs();
    let message = last(&mut bob, &room);
    assert_eq!(message.trust, Some(Trust::Pinned));
}

#[test]
fn a_room_whose_hub_has_another_key_is_not_joined() {
    let hub = hub();
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    // Bob's server has told him another key than it has shown alice.
    let mut told = account(&bob);
    told.server_key = ServerKey::from_seed([77; 32]).public().as_bytes().to_vec();
    bob.on_disk(|tx| tx.put_account(&told)).unwrap();
    bob.restart();
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    let events = bob.syncs();
    assert_eq!(lines(&events, WarningKind::Join).len(), 1, "{events:?}");
    assert!(!joined(&mut bob, &room));
    let alone = now(bob.client.join(&room));
    assert!(
        matches!(
            alone,
            Err(grove_core::JoinError::HubKey | grove_core::JoinError::Make(_))
        ),
        "{alone:?}"
    );
    carol.syncs();
    assert!(joined(&mut carol, &room), "a control");
}

#[test]
fn whoever_stands_in_a_makers_place_is_not_taken_for_them_by_those_who_come_later() {
    let hub = hub();
    let [mut alice, mut olga, mut bob, mut carol] =
        ["alice", "olga", "bob", "carol"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[&mut olga]);
    let shed = olga.makes_room("Shed", &[&mut alice]);
    settle_all(&mut [&mut alice, &mut olga]);
    now(alice.client.leave(&room)).unwrap();
    olga.syncs();
    olga.says(&room, "she has left");
    drop(swap_identity(&hub, "alice"));
    let shown = now(olga.client.identity_of(&user("alice"))).unwrap();
    let number = digits(&shown.other_safety_number.unwrap());
    olga.client.accept_identity(&user("alice"), number).unwrap();
    now(olga.client.invite(&room, &[user("alice")])).unwrap();
    // Bob never met alice: but the room's own record says who made it.
    now(olga.client.invite(&room, &[user("bob")])).unwrap();
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Identity).len(), 1, "{told:?}");
    assert_eq!(trust_of(&mut bob, &room, "alice"), Trust::Changed);
    let stopped = now(bob.client.send(&room, Draft::Text("psst".to_owned())));
    assert!(
        matches!(&stopped, Err(SendError::Trust(TrustError::Changed(who))) if *who == user("alice")),
        "{stopped:?}"
    );
    // The controls: of who made a room nobody is warned, nor of anybody in a room of others.
    now(olga.client.invite(&shed, &[user("carol")])).unwrap();
    carol.line.trouble.lock().unwrap().refuses = Some("/device-list");
    let told = carol.syncs();
    assert_eq!(lines(&told, WarningKind::Identity).len(), 0, "{told:?}");
    let shown = now(bob.client.identity_of(&user("alice"))).unwrap();
    let number = digits(&shown.safety_number);
    bob.client.accept_identity(&user("alice"), number).unwrap();
    bob.says(&room, "so it is you");
}
