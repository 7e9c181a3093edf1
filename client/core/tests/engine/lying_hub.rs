//! A hub that shows one reader another log than the others, and signs for both: what is noticed,
//! and what of it is a proof.

use grove_core::{
    Class, Classified, Draft, Event, EvidenceFile, MessageStatus, WarningKind, verify_evidence,
};
use grove_mls::identity::Evidence;
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{client, lines};
use crate::tricks::View;

/// Alice and bob in a room; what bob is shown from now on is made by `view`, which gets the entries
/// behind the ones there are.
pub(crate) fn two(
    hub: &Hub,
    view: impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send + 'static,
) -> (Person, Person, RoomUri) {
    let (mut alice, mut bob) = (Person::register(hub, "alice"), Person::register(hub, "bob"));
    let room = alice.makes_room("Garden", &[&mut bob]);
    alice.says(&room, "before");
    bob.syncs();
    alice.syncs();
    shows(hub, &bob, &room, view);
    (alice, bob, room)
}

/// From now on the hub shows somebody what `view` makes of the new entries.
fn shows(
    hub: &Hub,
    reader: &Person,
    room: &RoomUri,
    view: impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>> + Send + 'static,
) {
    let mut state = hub.state();
    let known = state.rooms.get_mut(room).unwrap();
    let before = known.log.len();
    let view: View = Box::new(move |mut log| {
        let new = log.split_off(before);
        log.extend(view(new));
        log
    });
    known.tricks.views.insert(client(reader), view);
}

/// Takes out these of the new entries.
pub(crate) fn without(hidden: &'static [usize]) -> impl Fn(Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    move |log| {
        let kept = |(place, entry)| (!hidden.contains(&place)).then_some(entry);
        log.into_iter().enumerate().filter_map(kept).collect()
    }
}

/// From now on the hub shows everybody what stands in its log.
pub(crate) fn shows_the_truth(hub: &Hub, room: &RoomUri) {
    let mut state = hub.state();
    state.rooms.get_mut(room).unwrap().tricks.views.clear();
}

fn swapped(mut log: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if log.len() >= 2 {
        log.swap(0, 1);
    }
    log
}

fn altered(mut log: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if let Some(byte) = log.first_mut().and_then(|entry| entry.last_mut()) {
        *byte ^= 1;
    }
    log
}

/// Whether nothing can be sent any more, and the room says so.
fn is_stopped(person: &mut Person, room: &RoomUri) -> bool {
    let sent = now(person.client.send(room, Draft::Text("hm".to_owned())));
    let shown = person.client.rooms().unwrap()[0].stopped.is_some();
    match sent {
        Ok(_) => {
            assert!(!shown);
            false
        }
        Err(error) => {
            assert_eq!(error.class(), Class::Identity, "{error}");
            assert!(shown);
            true
        }
    }
}

/// The one proof that somebody holds, as it is handed on.
fn proof(person: &mut Person) -> EvidenceFile {
    let found = person.client.evidence().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    person.client.export_evidence(found[0].number).unwrap()
}

/// What a stranger makes of it.
fn assert_proves(file: &EvidenceFile, room: &RoomUri) {
    let text = serde_json::to_string(file).unwrap();
    let read: EvidenceFile = serde_json::from_str(&text).unwrap();
    let bytes = read.evidence.as_bytes();
    let shown = verify_evidence(bytes).unwrap();
    assert_eq!(shown.room, *room);
    assert_eq!(shown.hub, room.hub());
    assert_ne!(shown.signed[0], shown.signed[1]);
    for place in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[place] ^= 1;
        assert!(verify_evidence(&changed).is_err(), "byte {place}");
    }
    assert!(verify_evidence(&bytes[1..]).is_err());
}

#[test]
fn another_log_is_a_proof_as_soon_as_somebody_speaks() {
    type Lie = fn(Vec<Vec<u8>>) -> Vec<Vec<u8>>;
    let one: Lie = |log| without(&[0])(log);
    let three: Lie = |log| without(&[0, 1, 2])(log);
    for (what, lie) in [
        ("one entry hidden", one),
        ("three entries hidden", three),
        ("two entries swapped", swapped),
        ("a byte altered", altered),
    ] {
        let hub = hub();
        let (mut alice, mut bob, room) = two(&hub, lie);
        let mut told = Vec::new();
        for text in ["one", "two", "three", "four"] {
            alice.says(&room, text);
            told.extend(bob.syncs());
        }
        // The first word that comes behind the lie shows it.
        assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{what}: {told:?}");
        for text in ["five", "six", "seven"] {
            alice.says(&room, text);
            told.extend(bob.syncs());
        }
        assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{what}: {told:?}");
        assert!(is_stopped(&mut bob, &room), "{what}");
        assert_proves(&proof(&mut bob), &room);
        // Alice, who was shown the truth, goes on.
        assert!(!is_stopped(&mut alice, &room), "{what}");
        assert_eq!(alice.client.evidence().unwrap(), [], "{what}");
    }
}

#[test]
fn it_is_a_proof_also_when_all_is_read_at_once() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, without(&[1]));
    for text in ["one", "two", "three", "four", "five"] {
        alice.says(&room, text);
    }
    bob.syncs();
    assert!(is_stopped(&mut bob, &room));
    assert_proves(&proof(&mut bob), &room);
}

#[test]
fn an_honest_hub_leaves_no_proof() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    for text in ["one", "two", "three"] {
        alice.says(&room, text);
        bob.syncs();
        bob.says(&room, "I see");
        alice.syncs();
    }
    for person in [&mut alice, &mut bob] {
        assert!(!is_stopped(person, &room));
        assert_eq!(person.client.evidence().unwrap(), []);
    }
    let none = bob.client.export_evidence(1).unwrap_err();
    assert_eq!(none.class(), Class::Unknown);
}

#[test]
fn a_person_may_go_on_knowingly_and_keeps_the_proof() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, without(&[0]));
    for text in ["one", "two", "three"] {
        alice.says(&room, text);
        bob.syncs();
    }
    assert!(is_stopped(&mut bob, &room));
    // The hub tells him the truth from now on.
    shows_the_truth(&hub, &room);
    bob.client.resume_room(&room).unwrap();
    assert!(bob.client.resume_room(&room).is_err(), "once is enough");
    bob.syncs();
    bob.says(&room, "all the same");
    alice.syncs();
    alice.says(&room, "so you are back");
    bob.syncs();
    assert!(!is_stopped(&mut bob, &room));
    assert_proves(&proof(&mut bob), &room);
}

#[test]
fn the_other_half_of_a_proof_is_asked_for_each_time_that_a_room_stops() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    for (proofs, newcomer) in [(1, "carol"), (2, "dave"), (3, "erin")] {
        drop(Person::register(&hub, newcomer));
        shows(&hub, &bob, &room, without(&[0]));
        for text in ["one", "two", "three"] {
            alice.says(&room, text);
        }
        // Nobody's message holds a receipt of what bob is given the hub's receipt for.
        now(alice.client.invite(&room, &[user(newcomer)])).unwrap();
        bob.syncs();
        assert_eq!(bob.client.evidence().unwrap().len(), proofs);
        shows_the_truth(&hub, &room);
        bob.client.resume_room(&room).unwrap();
        bob.syncs();
        assert!(!is_stopped(&mut bob, &room));
        alice.syncs();
    }
}

#[test]
fn a_hub_that_does_not_sign_is_not_believed() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    let who = client(&bob);
    let signs = |does: bool| {
        let mut state = hub.state();
        let unsigned = &mut state.rooms.get_mut(&room).unwrap().tricks.unsigned;
        if does {
            unsigned.clear();
        } else {
            unsigned.insert(who.clone());
        }
    };
    signs(false);
    alice.says(&room, "one");
    alice.says(&room, "two");
    let mut told = bob.syncs();
    told.extend(bob.syncs());
    assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{told:?}");
    assert_eq!(bob.reads(&room), ["before"]);
    assert!(is_stopped(&mut bob, &room));
    // Nor what it says to have accepted: that goes on waiting.
    alice.syncs();
    let alices = client(&alice);
    let unsigned = |does: bool| {
        let mut state = hub.state();
        let unsigned = &mut state.rooms.get_mut(&room).unwrap().tricks.unsigned;
        if does {
            unsigned.insert(alices.clone());
        } else {
            unsigned.remove(&alices);
        }
    };
    unsigned(true);
    assert_eq!(alice.says(&room, "three").status, MessageStatus::Queued);
    assert!(alice.client.rooms().unwrap()[0].stopped.is_some());
    assert_eq!(alice.client.status().unwrap().queued, 1);
    unsigned(false);
    alice.syncs();
    assert_eq!(alice.reads(&room), ["before", "one", "two", "three"]);
    assert_eq!(alice.client.status().unwrap().queued, 0);
    // Nothing is lost: as soon as it signs, all is read once, and bob can write.
    signs(true);
    bob.syncs();
    assert_eq!(bob.reads(&room), ["before", "one", "two", "three"]);
    assert!(!is_stopped(&mut bob, &room));
}

#[test]
fn a_tail_that_is_cut_off_is_noticed_once_the_hub_has_signed_behind_it() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |_new| Vec::new());
    alice.says(&room, "one");
    assert_eq!(lines(&bob.syncs(), WarningKind::Fork).len(), 0);
    // Bob's own message is accepted behind what he was shown, and does not come back.
    let sent = bob.says(&room, "anybody here?");
    assert_eq!(sent.status, MessageStatus::Sent);
    bob.restart();
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{told:?}");
    assert!(is_stopped(&mut bob, &room));
    // The control: it gives what it had kept back.
    shows_the_truth(&hub, &room);
    bob.syncs();
    assert!(!is_stopped(&mut bob, &room));
    assert_eq!(bob.reads(&room)[..2], ["before", "one"]);
}

#[test]
fn a_member_who_lies_stops_nobody() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    // Alice holds a receipt that the hub has not signed, and a chain of her own.
    alice
        .on_disk(|tx| {
            let mut known = tx.find_room(&room)?.unwrap();
            let mut receipt = known.receipt.clone().unwrap();
            *receipt.last_mut().unwrap() ^= 1;
            known.receipt = Some(receipt);
            tx.put_room(&known)
        })
        .unwrap();
    alice.restart();
    alice.says(&room, "the server lies");
    let told = bob.syncs();
    let heard = |event: &Event| matches!(event, Event::Message { .. });
    assert!(told.iter().any(heard), "{told:?}");
    assert!(!is_stopped(&mut bob, &room));
    assert_eq!(bob.client.evidence().unwrap(), []);
}

#[test]
fn evidence_is_of_one_room_one_place_and_the_hub_of_the_record() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, without(&[0]));
    for text in ["one", "two", "three"] {
        alice.says(&room, text);
        bob.syncs();
    }
    let good = Evidence::decode(proof(&mut bob).evidence.as_bytes()).unwrap();
    let [one, other] = good.receipts().clone();
    let record = good.record().clone();
    let again = Evidence::new(record.clone(), [other.clone(), one.clone()]);
    assert!(again.is_ok(), "a control: the order does not matter");
    assert!(Evidence::new(record.clone(), [one.clone(), one.clone()]).is_err());
    let elsewhere = alice.makes_room("Kitchen", &[]);
    let kitchen = hub.state().rooms[&elsewhere].group.state().record.clone();
    assert!(Evidence::new(kitchen, [one, other]).is_err());
}

#[test]
fn what_another_process_hears_meanwhile_is_no_lie() {
    let hub = hub();
    // The log is asked for before the other process has spoken, and answered after.
    let (_alice, mut bob, room) = two(&hub, |_new| Vec::new());
    bob.restart();
    let (mut second, there) = (bob.second_process(), room.clone());
    bob.before("/log?", move || {
        second.says(&there, "from the other process");
    });
    assert!(!is_stopped(&mut bob, &room));
}

#[test]
fn who_is_let_in_again_behind_an_own_message_accuses_nobody() {
    let hub = hub();
    let (mut alice, mut bob, room) = two(&hub, |log| log);
    // Accepted, and not read when bob is removed and let in again.
    bob.says(&room, "one");
    alice.syncs();
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    now(alice.client.invite(&room, &[user("bob")])).unwrap();
    bob.restart();
    assert_eq!(bob.says(&room, "two").status, MessageStatus::Sent);
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Fork).len(), 0, "{told:?}");
    assert!(!is_stopped(&mut bob, &room));
    alice.syncs();
    assert_eq!(alice.reads(&room)[..3], ["before", "one", "two"]);
}
