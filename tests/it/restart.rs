//! Server and clients that stop in the middle: killed, stopped in order, or only closed.

use std::time::Duration;

use grove_core::{Draft, MessageStatus};
use harness::socket::Socket;
use harness::wait::soon;
use harness::{Setup, User, World};
use rustix::process::Signal;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::sockets::ReadSocket;

/// A conversation that goes on over whatever happens to the server in between.
async fn talk_across(mut world: World, between: impl AsyncFn(&mut World)) {
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "before").await;
    bob.hears(&room, "before").await;
    alice.say(&room, "just before").await;
    between(&mut world).await;
    alice.say(&room, "after").await;
    bob.hears(&room, "after").await;
    // The group lives on: the hub has loaded it again, and follows commits.
    let carol = world.user("carol").await;
    bob.invite(&room, &[&carol]).await;
    let mut carol: User = carol;
    bob.say(&room, "carol is here").await;
    carol.hears(&room, "carol is here").await;
    alice.hears(&room, "carol is here").await;
    assert_eq!(
        bob.texts(&room),
        ["before", "just before", "after", "carol is here"]
    );
    assert_eq!(alice.transcript(&room), bob.transcript(&room));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_on_after_a_killed_server() {
    let world = Setup::default().process().start().await;
    talk_across(world, async |world| {
        world.kill().await;
        world.start().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_on_after_a_killed_server_with_its_private_database() {
    let world = Setup::default().process().embedded().start().await;
    talk_across(world, async |world| {
        world.kill().await;
        world.start().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_on_after_a_server_that_was_stopped() {
    let world = Setup::default().process().embedded().start().await;
    talk_across(world, async |world| world.restart().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_go_on_where_they_were_closed() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    for round in 0..5 {
        let (to_bob, to_alice) = (format!("to bob {round}"), format!("to alice {round}"));
        alice.say(&room, &to_bob).await;
        bob = bob.reopen();
        bob.hears(&room, &to_bob).await;
        bob.say(&room, &to_alice).await;
        alice = alice.reopen();
        alice.hears(&room, &to_alice).await;
    }
    assert_eq!(alice.texts(&room).len(), 10);
    assert_eq!(alice.transcript(&room), bob.transcript(&room));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_whose_answer_was_lost_is_said_once() {
    let mut world = Setup::default().process().start().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    // The server dies at some point while alice speaks; she closes her client, and both come back.
    for round in 0..4_u64 {
        let text = format!("round {round}");
        let dying = async {
            tokio::time::sleep(Duration::from_millis(round * 3)).await;
            world.kill().await;
        };
        let (sent, ()) = tokio::join!(alice.client.send(&room, Draft::Text(text.clone())), dying);
        let sent = sent.expect("it is kept");
        assert!(matches!(
            sent.status,
            MessageStatus::Sent | MessageStatus::Queued
        ));
        alice = alice.reopen();
        world.start().await;
        alice.catch_up().await;
        bob.hears(&room, &text).await;
    }
    assert_eq!(
        bob.texts(&room),
        ["round 0", "round 1", "round 2", "round 3"],
        "each once"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_asked_to_stop_finishes_what_it_has() {
    let mut world = Setup::default().process().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let socket = Socket::open(world.url(), alice.api.token.as_deref()).await;
    let socket = ReadSocket::new(socket.expect("a socket"));
    let messages: Vec<_> = (0..20)
        .map(|number| alice.seal(&room, &format!("message {number}")))
        .collect();
    // Answers that were given are true: what was accepted before the end is there after it.
    let mut accepted = 0;
    for message in &messages {
        alice.submit(&room, message).await.ok();
        accepted += 1;
    }
    let process = world.take_process();
    process.signal(Signal::TERM);
    assert_eq!(socket.closed_with().await, u16::from(CloseCode::Away));
    let ended = soon("it ends", process.wait()).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    world.start().await;
    let kept = world.count("SELECT count(*) FROM room_log").await;
    assert_eq!(kept, accepted);
}
