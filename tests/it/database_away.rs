//! A database that goes away, hangs or dies: everybody is told to come again, and when it is back
//! all goes on by itself.

use futures_util::future::join_all;
use grove_core::{Body, Method};
use grove_wire::codec;
use grove_wire::mimi::update::UpdateRequest;
use grove_wire::uri::RoomUri;
use harness::api::{about, log_path};
use harness::entries::{body_around, entries_of, private_message, submit_body};
use harness::postgres::{Killable, find_postmaster};
use harness::socket::Socket;
use harness::wait::soon;
use harness::{Answer, Hand, Setup, World, eventually};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::held::Held;

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
    let user = alice.user.path_segment();
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
        (Method::Post, about("update", room), Body::Octets(update)),
        (
            Method::Post,
            about("submitMessage", room),
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
    let mut bob = Hand::new(&world, "bob");
    let mut socket = Socket::open(world.url(), alice.api.token.as_deref())
        .await
        .expect("a socket");
    // Read from the start, as clients do: who answers no ping is hung up on. A socket that was open
    // either is closed with a word, or hears what is said in the end.
    let (in_room, awaited) = (room.clone(), seq + 1);
    let hearing = tokio::spawn(async move {
        loop {
            match socket.next().await {
                Ok(frame) => {
                    let entries = entries_of(&frame, &in_room);
                    if entries.iter().any(|(at, _)| *at == awaited) {
                        return;
                    }
                }
                Err(reason) => {
                    assert_eq!(reason.expect("a reason").code, CloseCode::Again);
                    return;
                }
            }
        }
    });

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
    world.until_ready().await;
    // By itself: this is the same process, and the same bytes are taken now. On a busy machine a
    // database that has just come back may still make somebody wait for too long.
    let api = alice.api.clone().insisting();
    let last = requests.last().expect("a message");
    let answer = api.call(last.0, &last.1, last.2.clone()).await;
    assert_eq!(answer.seq(), seq + 1);
    bob.api = bob.api.clone().insisting();
    bob.present(None).await.ok();
    for (method, path, body) in &requests {
        let answer = api.call(*method, path, body.clone()).await;
        assert!(answer.status < 500, "{path}: {}", answer.text());
    }
    let heard = soon("the socket hears or ends", hearing).await;
    heard.expect("it is closed with a word, if at all");
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
    let path = about("submitMessage", &room);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_is_not_waited_for() {
    let world = Setup::default().process().embedded().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let [first, second] = ["first", "second"].map(|text| alice.seal(&room, text));
    alice.submit(&room, &first).await.ok();
    let held = Held::all(&world.data_dir()).await;
    let (submitted, listed) =
        tokio::join!(alice.submit(&room, &second), alice.api.get("/v1/rooms"));
    drop(held);
    come_again(&submitted, "a message");
    come_again(&listed, "the rooms");
    alice.api = alice.api.clone().insisting();
    // Written or not when nobody answered, it is in the log once.
    assert_eq!(alice.submit(&room, &second).await.seq(), 2);
    assert_eq!(alice.entries(&room, 0).await.len(), 2);
}

/// The private PostgreSQL, once it serves. One has its lock file from its first moment on, and may
/// still die of the memory that children of the one before it hold on to.
async fn serving(world: &World) -> Pid {
    eventually("PostgreSQL serves", async || {
        let found = find_postmaster(&world.data_dir())?;
        let ready = world.ops("/ready").await.status == 200;
        (ready && find_postmaster(&world.data_dir()) == Some(found)).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_database_that_dies_is_started_again() {
    const DEATHS: u32 = 10;
    let mut world = Setup::default().process().embedded().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    alice.api = alice.api.clone().insisting();
    let restarts = async || world.counter("grove_database_restarts_total", "").await;
    let mut seq = 0;
    for (count, how) in (1..).zip([Signal::KILL, Signal::QUIT, Signal::KILL]) {
        // One that dies before the server has seen it run has only not started, and the start is
        // tried again: that is no death to count, so the next one dies too.
        let mut deaths = 0;
        while restarts().await < count {
            deaths += 1;
            assert!(deaths <= DEATHS, "it does not notice that PostgreSQL dies");
            let old = serving(&world).await;
            // It may have died by itself.
            let _ = kill_process(old, how);
            let message = alice.seal(&room, "and on");
            seq += 1;
            assert_eq!(alice.submit(&room, &message).await.seq(), seq);
            eventually("another PostgreSQL serves", async || {
                (serving(&world).await != old).then_some(())
            })
            .await;
        }
    }
    let entries = alice.entries(&room, 0).await.len();
    assert_eq!(u64::try_from(entries).expect("few"), seq);
    assert_eq!(restarts().await, 3);
    // And in the end it goes with the server that started it.
    let last = serving(&world).await;
    let ended = world.take_process().terminate().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("started again"), "{}", ended.stderr);
    assert!(test_kill_process(last).is_err(), "PostgreSQL still runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_while_its_database_is_away_stops() {
    let mut database = Killable::start().await;
    let mut world = world_on(&database).await;
    world.hand("alice").await;
    database.kill().await;
    let ended = world.take_process().terminate().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    database.start_again().await;
    world.start().await;
    world.until_ready().await;
    world.stop_before(database).await;
}
