//! A database that goes away, hangs or dies: everybody is told to come again, and when it is back all goes on by itself.

use std::time::Duration;

use futures_util::future::join_all;
use grove_core::{Body, Method};
use grove_wire::{codec, mimi::update::UpdateRequest, uri::RoomUri};
use harness::{
    Answer, Hand, Setup, World,
    api::{about, log_path, segment},
    entries::{body_around, entries_of, private_message, submit_body},
    eventually,
    postgres::{Killable, find_postmaster, postmaster, processes},
    socket::Socket,
    wait::soon,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// A world on a database that can be killed, in a process of its own.
async fn world_on(database: &Killable) -> World {
    let url = format!("database.url=\"{}\"", database.url());
    Setup::default().process().set(&url).start().await
}

#[track_caller]
fn come_again(answer: &Answer, what: &str) {
    let told = (answer.status, answer.problem_name());
    assert_eq!(told, (503, "unavailable"), "{what}: {}", answer.text());
    let seconds = answer.problem().retry_after_s.expect("when to come again");
    let header = answer.header("retry-after").expect("when to come again");
    assert_eq!(header, seconds.to_string(), "{what}");
    assert!((1..60).contains(&seconds), "{what}: {seconds}");
}

/// One request of each kind that needs the database.
async fn everything(alice: &mut Hand, room: &RoomUri) -> Vec<(Method, String, Body)> {
    let message = alice.seal(room, "away");
    let submit = submit_body(&message, &alice.user);
    let bundle = alice.draft(room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let bundle = bundle.expect("a commit");
    let update = codec::encode(&UpdateRequest { bundle }).expect("a body");
    let (_other, create) = alice.prepare_room().await;
    let create = codec::encode(&create).expect("a body");
    let session = alice.api.session_request(&alice.identity).await;
    let session = serde_json::to_vec(&session).expect("JSON");
    let user = segment(alice.user.as_str());
    let get = |path: &str| (Method::Get, path.to_owned(), Body::None);
    vec![
        get("/v1/rooms"),
        get("/v1/user-rooms"),
        get("/v1/devices"),
        get("/v1/key-packages"),
        get("/v1/poll?wait_s=0"),
        get(&log_path(room, 0)),
        get(&format!("/v1/users/{user}/device-list")),
        (Method::Post, "/v1/sessions".to_owned(), Body::Json(session)),
        (
            Method::Post,
            "/v1/links".to_owned(),
            Body::Octets(Vec::new()),
        ),
        (Method::Post, "/v1/rooms".to_owned(), Body::Octets(create)),
        (
            Method::Post,
            about("update", room.as_str()),
            Body::Octets(update),
        ),
        (
            Method::Post,
            about("submitMessage", room.as_str()),
            Body::Octets(submit),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_everybody_is_told_and_afterwards_all_goes_on() {
    let mut database = Killable::start().await;
    let world = world_on(&database).await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let kept = alice.seal(&room, "kept");
    let seq = alice.submit(&room, &kept).await.seq();
    let requests = everything(&mut alice, &room).await;
    let bob = Hand::new(&world, "bob");
    let mut socket = Socket::open(world.url(), alice.api.token.as_deref())
        .await
        .expect("a socket");

    database.kill().await;
    for (method, path, body) in &requests {
        let answer = alice.api.call(*method, path, body.clone()).await;
        come_again(&answer, path);
    }
    come_again(&bob.present(None).await, "registration");
    let opened = Socket::open(world.url(), alice.api.token.as_deref()).await;
    assert_eq!(opened.err(), Some(503));
    assert_eq!(world.ops("/health").await.status, 200);
    assert_eq!(world.ops("/ready").await.status, 503);

    database.start_again().await;
    eventually("the server finds its database again", async || {
        (world.ops("/ready").await.status == 200).then_some(())
    })
    .await;
    // By itself: this is the same process, and the same bytes are taken now.
    let last = requests.last().expect("a message");
    let answer = alice.api.call(last.0, &last.1, last.2.clone()).await;
    assert_eq!(answer.seq(), seq + 1);
    bob.present(None).await.ok();
    for (method, path, body) in &requests {
        let answer = alice.api.call(*method, path, body.clone()).await;
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    // A socket that was open either was closed with a word, or hears what is said.
    let heard = async {
        loop {
            match socket.next().await {
                Ok(frame)
                    if entries_of(&frame, &room)
                        .iter()
                        .any(|(of, _)| *of == seq + 1) =>
                {
                    return;
                }
                Ok(_) => {}
                Err(reason) => {
                    assert_eq!(reason.expect("a reason").code, CloseCode::Again);
                    return;
                }
            }
        }
    };
    soon("the socket hears or ends", heard).await;
    world.stop_before(database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_database_that_is_away_does_not_pile_up() {
    const BYTES: u32 = 60_000;
    const AT_ONCE: usize = 50;
    const ROUNDS: usize = 40;
    let mut database = Killable::start().await;
    let world = world_on(&database).await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let epoch = alice.group(&room).epoch();
    let body = body_around(&private_message(&room, epoch, 1, BYTES), &alice.user);
    let path = about("submitMessage", room.as_str());
    alice.api.post(&path, body.clone()).await.ok();
    database.kill().await;
    let burst = async || {
        let all = join_all((0..AT_ONCE).map(|_| alice.api.post(&path, body.clone()))).await;
        for answer in &all {
            come_again(answer, "a message");
        }
    };
    // What the first of them take stays: buffers, stacks, pages of the allocator.
    burst().await;
    let before = world.process().resident_bytes();
    for _ in 0..ROUNDS {
        burst().await;
    }
    let grown = world.process().resident_bytes().saturating_sub(before);
    let handed_in = u64::from(BYTES) * u64::try_from(AT_ONCE * ROUNDS).expect("a size");
    assert!(
        grown < handed_in / 4,
        "{grown} bytes of {handed_in} are kept"
    );
    database.start_again().await;
    let api = alice.api.clone().insisting();
    assert_eq!(
        api.post(&path, body.clone()).await.seq(),
        1,
        "it was there before"
    );
    world.stop_before(database).await;
}

fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // A connection may have ended with its client.
        let _ = kill_process(*pid, signal);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for() {
    let world = Setup::default().process().embedded().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let [first, second] = ["first", "second"].map(|text| alice.seal(&room, text));
    alice.submit(&room, &first).await.ok();
    let held = processes(&world.data_dir());
    signal(&held, Signal::STOP);
    let (submitted, listed) =
        tokio::join!(alice.submit(&room, &second), alice.api.get("/v1/rooms"),);
    let others: Vec<Pid> = held.iter().rev().copied().collect();
    signal(&others, Signal::CONT);
    come_again(&submitted, "a message");
    come_again(&listed, "the rooms");
    alice.api = alice.api.clone().insisting();
    // Written or not when nobody answered, it is in the log once.
    assert_eq!(alice.submit(&room, &second).await.seq(), 2);
    assert_eq!(alice.entries(&room, 0).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_database_that_dies_is_started_again() {
    let mut world = Setup::default().process().embedded().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    alice.api = alice.api.clone().insisting();
    let mut seq = 0;
    for how in [Signal::KILL, Signal::QUIT, Signal::KILL] {
        let old = postmaster(&world.data_dir());
        kill_process(old, how).expect("PostgreSQL runs");
        let message = alice.seal(&room, "and on");
        seq += 1;
        assert_eq!(alice.submit(&room, &message).await.seq(), seq);
        eventually("another PostgreSQL runs", async || {
            find_postmaster(&world.data_dir()).filter(|new| *new != old)
        })
        .await;
    }
    assert_eq!(alice.entries(&room, 0).await.len(), 3);
    assert_eq!(world.counter("grove_database_restarts_total", "").await, 3);
    // And in the end it goes with the server that started it.
    let last = postmaster(&world.data_dir());
    let ended = world.take_process().terminate().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("started again"), "{}", ended.stderr);
    assert!(
        rustix::process::test_kill_process(last).is_err(),
        "PostgreSQL still runs"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_while_its_database_is_away_stops() {
    let mut database = Killable::start().await;
    let mut world = world_on(&database).await;
    world.hand("alice").await;
    database.kill().await;
    let ended = tokio::time::timeout(Duration::from_secs(50), world.take_process().terminate());
    let ended = ended.await.expect("it does not wait for the database");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    database.start_again().await;
    world.start().await;
    assert_eq!(world.ops("/ready").await.status, 200);
    world.stop_before(database).await;
}
