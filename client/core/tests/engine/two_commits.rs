//! A hub that takes two commits for one epoch and shows each to others: nobody can tell by the
//! keys, which are sound on both sides.

use std::sync::{Arc, Mutex};

use grove_core::store::OutgoingKind;
use grove_core::{Draft, Event, WarningKind, verify_evidence};
use grove_wire::codec;
use grove_wire::mimi::notify::FanoutMessage;
use grove_wire::mimi::update::{HandshakeBundle, UpdateRequest};
use grove_wire::mls::MlsMessage;
use grove_wire::uri::RoomUri;

use crate::hub::Hub;
use crate::lying_hub::two;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{client, lines};
use crate::tricks::View;

/// Alice, bob and carol in a room, and dave and erin to be invited.
fn three(hub: &Hub) -> (Person, Person, Person, RoomUri) {
    let (mut alice, mut bob, room) = two(hub, |log| log);
    let mut carol = Person::register(hub, "carol");
    for name in ["dave", "erin"] {
        drop(Person::register(hub, name));
    }
    now(alice.client.invite(&room, &[user("carol")])).unwrap();
    carol.syncs();
    bob.syncs();
    (alice, bob, carol, room)
}

/// Carol makes a commit; before she hands it in alice is faster, and carol goes off-line. Gives
/// what carol made.
fn rival(alice: &Person, carol: &mut Person, room: &RoomUri) -> MlsMessage {
    let made = Arc::new(Mutex::new(None));
    let (keeps, there, hers) = (Arc::clone(&made), room.clone(), carol.second_process());
    let mut faster = alice.second_process();
    carol.before("/update/", move || {
        let waiting = hers.on_disk(|tx| tx.list_outgoing(&there).unwrap());
        let commit = waiting
            .into_iter()
            .find(|one| one.kind == OutgoingKind::Commit);
        *keeps.lock().unwrap() = commit.unwrap().bytes;
        now(faster.client.invite(&there, &[user("erin")])).unwrap();
        hers.cuts_line();
    });
    assert!(now(carol.client.invite(room, &[user("dave")])).is_err());
    let bytes = made.lock().unwrap().take().unwrap();
    let request: UpdateRequest = codec::decode(&bytes).unwrap();
    let HandshakeBundle::Commit { commit, .. } = request.bundle else {
        panic!("a proposal");
    };
    commit
}

/// The newest entry with another message in it, for this person.
fn shows_instead(hub: &Hub, who: &Person, room: &RoomUri, message: MlsMessage) {
    let mut state = hub.state();
    let known = state.rooms.get_mut(room).unwrap();
    let place = known.log.len() - 1;
    let mut entry: FanoutMessage = codec::decode(&known.log[place].0).unwrap();
    entry.message = message;
    let other = codec::encode(&entry).unwrap();
    let view: View = Box::new(move |mut log| {
        if let Some(entry) = log.get_mut(place) {
            entry.clone_from(&other);
        }
        log
    });
    known.tricks.views.insert(client(who), view);
}

#[test]
fn two_commits_for_one_epoch_are_a_visible_gap_and_then_a_proof() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = three(&hub);
    let commit = rival(&alice, &mut carol, &room);
    shows_instead(&hub, &bob, &room, commit);
    // Both are in the same epoch by number, with other keys: what alice says bob cannot read.
    alice.says(&room, "with erin");
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Unreadable).len(), 1, "{told:?}");
    let dave = |event: &Event| matches!(event, Event::RoomChanged { .. });
    assert!(told.iter().any(dave), "{told:?}");
    assert_eq!(bob.reads(&room), ["before"]);
    let there = bob.client.members(&room).unwrap();
    assert!(there.iter().any(|member| member.user == user("dave")));
    // As soon as he is given a receipt of the others' log it is a proof.
    drop(now(bob
        .client
        .send(&room, Draft::Text("who is there?".to_owned()))));
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Fork).len(), 1, "{told:?}");
    assert!(bob.client.rooms().unwrap()[0].stopped.is_some());
    let found = bob.client.evidence().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let file = bob.client.export_evidence(found[0].number).unwrap();
    assert_eq!(
        verify_evidence(file.evidence.as_bytes()).unwrap().room,
        room
    );
}

#[test]
fn a_commit_that_came_second_is_neither() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = three(&hub);
    rival(&alice, &mut carol, &room);
    alice.says(&room, "with erin");
    let told = bob.syncs();
    assert_eq!(lines(&told, WarningKind::Unreadable), [""; 0]);
    assert_eq!(bob.reads(&room), ["before", "with erin"]);
    bob.says(&room, "hello");
    assert_eq!(bob.client.evidence().unwrap(), []);
}
