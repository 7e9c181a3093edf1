//! Rooms that cannot be followed any more: a commit nobody can merge, keys that are gone, entries
//! that were deleted.

use std::time::Duration;

use grove_cli::events::EventStream;
use grove_cli::transport::HttpTransport;
use grove_core::{Event, Loss, MessageStatus};
use grove_mls::storage::room_prefix;
use grove_wire::uri::RoomUri;
use harness::wait::soon;
use harness::{Hand, Setup, User, World};

/// The hand's commits are sound to whoever has no keys, and to nobody else, from now on: the secret
/// that leads to the next epoch is another one. Signatures, membership tag and GroupInfo are as
/// they must be.
fn poison(hand: &Hand, room: &RoomUri) {
    let mut key = room_prefix(room).expect("a key");
    key.extend_from_slice(b"/epoch_secrets");
    hand.records.change(&key, |value| value[2] ^= 1);
}

/// All read in turn until nobody's room is lost; gives what each was told.
async fn all_heal(world: &World, room: &RoomUri, people: &mut [&mut User]) -> Vec<Vec<Event>> {
    let mut told = vec![Vec::new(); people.len()];
    for _ in 0..40 {
        for (person, told) in people.iter_mut().zip(&mut told) {
            told.extend(person.catch_up().await);
        }
        world.pass(Duration::from_secs(1));
        if !people.iter().any(|person| is_lost(person, room)) {
            return told;
        }
    }
    panic!("somebody does not come back");
}

fn is_lost(person: &User, room: &RoomUri) -> bool {
    let found = person.on_disk(|tx| tx.find_room(room));
    let room = found.expect("the database").expect("a room");
    room.lost.is_some()
}

/// What a person was told of losses and other trouble.
fn troubles(events: &[Event]) -> Vec<&Event> {
    let trouble = |event: &&Event| matches!(event, Event::Healed { .. } | Event::Warning { .. });
    events.iter().filter(trouble).collect()
}

/// The one loss that a person was told of.
fn loss(events: &[Event]) -> (u64, Loss) {
    match troubles(events).as_slice() {
        [Event::Healed { unread, cause, .. }] => (*unread, cause.clone()),
        other => panic!("one line was expected: {other:?}"),
    }
}

/// Everybody says something, and everybody hears all of it.
async fn all_talk(room: &RoomUri, people: &mut [&mut User]) {
    for speaker in 0..people.len() {
        let text = format!("{} is back", people[speaker].name);
        people[speaker].say(room, &text).await;
        for listener in &mut *people {
            listener.hears(room, &text).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_room_of_five_heals_and_its_poisoner_is_out() {
    let world = World::new().await;
    let [mut alice, mut bob, mut carol, mut dave] =
        world.users(["alice", "bob", "carol", "dave"]).await;
    let mut mallory = world.hand("mallory").await;
    let room = alice.make_room_with("Garden", &[&bob, &carol, &dave]).await;
    alice.invite_users(&room, &[mallory.user.clone()]).await;
    mallory.join().await;
    mallory.read(&room).await;
    for person in [&mut bob, &mut carol, &mut dave] {
        person.catch_up().await;
    }
    poison(&mallory, &room);
    let bundle = mallory.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    mallory.hand_in(&room, &bundle).await.ok();
    mallory.read(&room).await;
    let sealed = mallory.seal(&room, "nobody reads this");
    mallory.submit(&room, &sealed).await.ok();

    let mut people = [&mut alice, &mut bob, &mut carol, &mut dave];
    let told = all_heal(&world, &room, &mut people).await;
    let by = Some(mallory.identity.client.clone());
    for told in &told {
        let (unread, cause) = loss(told);
        assert!(unread >= 1, "{unread}");
        assert_eq!(
            cause,
            Loss::Poisoned {
                by: by.clone(),
                removed: true
            }
        );
    }
    assert_eq!(loss(&told[0]).0, 1, "alice came first");
    for person in &mut people {
        assert_eq!(person.members(&room), ["alice", "bob", "carol", "dave"]);
    }
    all_talk(&room, &mut people).await;
    // What was accepted before would be answered as a repeat; this is new.
    let sealed = mallory.seal(&room, "nor this");
    let refused = mallory.submit(&room, &sealed).await;
    assert_eq!(refused.status, 404, "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_its_turn_a_client_keeps_what_it_was_told_to_say() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let mut mallory = world.hand("mallory").await;
    let room = alice.make_room_with("Garden", &[&bob]).await;
    alice.invite_users(&room, &[mallory.user.clone()]).await;
    mallory.join().await;
    mallory.read(&room).await;
    bob.catch_up().await;
    poison(&mallory, &room);
    let bundle = mallory.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    mallory.hand_in(&room, &bundle).await.ok();

    // The clock stands still, and bob's leaf is not the first.
    assert_eq!(troubles(&bob.catch_up().await), Vec::<&Event>::new());
    assert!(is_lost(&bob, &room));
    let draft = grove_core::Draft::Text("kept".to_owned());
    let sent = bob.client.send(&room, draft).await.expect("it is kept");
    assert_eq!(sent.status, MessageStatus::Queued);
    bob.catch_up().await;
    assert_eq!(bob.history(&room)[0].status, MessageStatus::Queued);
    let told = all_heal(&world, &room, &mut [&mut bob, &mut alice]).await;
    assert!(told.iter().all(|told| loss(told).0 == 0), "{told:?}");
    alice.hears(&room, "kept").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_whose_keys_are_gone_comes_back_into_every_room() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    let kitchen = alice.make_room_with("Kitchen", &[&bob]).await;
    bob.catch_up().await;
    alice.say(&garden, "one").await;
    alice.say(&garden, "two").await;
    bob.on_disk(|tx| tx.remove_records(b""))
        .expect("they are deleted");
    let mut bob = bob.reopen();
    let mut told = bob.catch_up().await;
    told.extend(bob.catch_up().await);
    let missed = |room: &RoomUri| {
        let of_room =
            |event: &&Event| matches!(event, Event::Healed { room: of, .. } if of == room);
        let events: Vec<Event> = told.iter().filter(of_room).cloned().collect();
        loss(&events)
    };
    assert_eq!(missed(&garden), (2, Loss::State));
    assert_eq!(missed(&kitchen), (0, Loss::State));
    assert_eq!(troubles(&told).len(), 2, "{told:?}");
    for room in [&garden, &kitchen] {
        all_talk(room, &mut [&mut bob, &mut alice]).await;
    }
}

/// A world that keeps messages for hours.
async fn hasty() -> World {
    Setup::default()
        .set("retention.messages_min=2 hours")
        .set("retention.messages_max=6 hours")
        .set("retention.handshakes=24 hours")
        .start()
        .await
}

/// Lets hours pass, until all that was said is gone.
async fn hours_pass(world: &World) {
    for _ in 0..9 {
        world.sweep_after(Duration::from_hours(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_away_for_too_long_reads_on_past_the_gaps() {
    let world = hasty().await;
    let [mut alice, mut bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let room = alice.make_room_with("Garden", &[&bob]).await;
    bob.catch_up().await;
    let read = bob.room(&room).seq;
    for text in ["one", "two", "three"] {
        alice.say(&room, text).await;
    }
    // A commit is kept for longer than what is said before and behind it.
    alice.invite(&room, &[&carol]).await;
    let epoch = alice.room(&room).epoch;
    hours_pass(&world).await;
    let gone = format!("SELECT count(*) FROM room_log WHERE entry IS NULL AND seq > {read}");
    let gone = u64::try_from(world.count(&gone).await).expect("a number");
    assert!(gone > 3, "and the profile for carol: {gone}");
    alice.say(&room, "four").await;

    let told = bob.catch_up().await;
    assert_eq!(loss(&told), (gone, Loss::Expired));
    assert_eq!(bob.texts(&room), ["four"]);
    assert_eq!(bob.members(&room), ["alice", "bob", "carol"]);
    alice.catch_up().await;
    assert_eq!(alice.room(&room).epoch, epoch, "nobody joined anew");
    all_talk(&room, &mut [&mut alice, &mut bob]).await;
}

/// Reads from a stream until this text was heard.
async fn hears(person: &mut User, stream: &mut EventStream, room: &RoomUri, text: &str) {
    let listening = async {
        while !person.texts(room).iter().any(|heard| heard == text) {
            let frame = stream.next().await.expect("the stream is open");
            let received = person.client.receive(&frame).expect("a frame");
            if let Some(ack) = received.ack {
                stream.acknowledge(ack).await.expect("the stream is open");
            }
            if received.unsettled {
                person.client.settle().await.expect("it settles");
            }
        }
    };
    soon(text, listening).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_hears_on_past_a_gap() {
    let world = hasty().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("Garden", &[&bob]).await;
    bob.catch_up().await;
    alice.say(&room, "one").await;
    hours_pass(&world).await;
    alice.say(&room, "two").await;
    let token = bob.client.session_token().await.expect("a session");
    let url = world.url().parse().expect("a server's URL");
    let transport = HttpTransport::new(url, None).expect("a transport");
    let mut stream = EventStream::connect(&transport, &token)
        .await
        .expect("a stream");
    hears(&mut bob, &mut stream, &room, "two").await;
    // This one was not asked for: the server says it, because the gap was acknowledged.
    alice.say(&room, "three").await;
    hears(&mut bob, &mut stream, &room, "three").await;
    stream.close().await;
    assert!(!is_lost(&bob, &room));
}
