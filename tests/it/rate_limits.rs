//! Who asks for too much is told when to come again; nobody else notices.

use std::time::Duration;

use grove_wire::api::rooms::RoomList;
use grove_wire::uri::RoomUri;
use harness::socket::Socket;
use harness::wait::soon;
use harness::{Answer, Api, Hand, Setup, World, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const MESSAGES: &str = "SELECT count(*) FROM room_log WHERE kind = 1";

/// What somebody gets who asked for too much: after how many seconds to come again.
#[track_caller]
fn told_to_wait(answer: &Answer) -> u64 {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (429, "rate-limited"),
        "{}",
        answer.text()
    );
    let seconds = answer.problem().retry_after_s.expect("when to come again");
    assert_eq!(
        answer.header("retry-after"),
        Some(seconds.to_string().as_str())
    );
    seconds
}

/// Asks until it is too much; returns how often that went well, and the refusal.
async fn exhaust(mut ask: impl AsyncFnMut() -> Answer, good: u16) -> (usize, Answer) {
    for passed in 0..1000 {
        let answer = ask().await;
        if answer.status != good {
            return (passed, answer);
        }
    }
    panic!("there is no limit");
}

async fn say(hand: &mut Hand, room: &RoomUri, text: &str) -> Answer {
    let message = hand.seal(room, text);
    hand.submit(room, &message).await
}

async fn challenge(api: &Api) -> Answer {
    api.post("/v1/challenges", Vec::new()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_says_too_much_waits_and_others_do_not() {
    let setup = Setup::default().set("rate_limits.device_messages=1/s burst 3");
    let mut world = setup.start().await;
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let room = alice.make_room().await;
    let other = bob.make_room().await;
    let message = alice.seal(&room, "again and again");
    // A repeat costs as much as anything.
    let (passed, refused) = exhaust(async || alice.submit(&room, &message).await, 200).await;
    assert_eq!((passed, told_to_wait(&refused)), (3, 1));
    assert_eq!(world.count(MESSAGES).await, 1);
    let fresh = alice.seal(&room, "refused");
    told_to_wait(&alice.submit(&room, &fresh).await);
    assert_eq!(
        world.count(MESSAGES).await,
        1,
        "what is refused is stored nowhere"
    );
    // Bob does not notice, nor do Alice's other requests.
    say(&mut bob, &other, "hello").await.ok();
    alice.api.get("/v1/rooms").await.ok();
    world.pass(Duration::from_secs(1));
    alice.submit(&room, &fresh).await.ok();
    told_to_wait(&say(&mut alice, &room, "one a second").await);
    // Other limits are in force at once, and everybody begins anew.
    world.reload("rate_limits.device_messages=1/s burst 5");
    let (passed, _refused) = exhaust(async || alice.submit(&room, &message).await, 200).await;
    assert_eq!(passed, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_devices_of_a_user_share_a_limit_as_well() {
    let setup = Setup::default().set("rate_limits.user_reads=1/min burst 100");
    let world = setup.start().await;
    let [mut alice, bob] = world.hands(["alice", "bob"]).await;
    let second = alice.sibling(&world, 1).await;
    let (_passed, refused) = exhaust(async || alice.api.get("/v1/whoami").await, 200).await;
    let wait = told_to_wait(&refused);
    assert_eq!(wait, told_to_wait(&second.api.get("/v1/whoami").await));
    bob.api.get("/v1/whoami").await.ok();
    world.pass(Duration::from_secs(wait));
    second.api.get("/v1/whoami").await.ok();
    told_to_wait(&alice.api.get("/v1/whoami").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_request_has_its_own_limit() {
    let setup = Setup::default()
        .set("rate_limits.device_reads=1/min burst 40")
        .set("rate_limits.device_changes=1/min burst 40")
        .set("rate_limits.device_messages=1/min burst 2")
        .set("rate_limits.device_claims=1/min burst 2");
    let world = setup.start().await;
    let [mut alice, bob] = world.hands(["alice", "bob"]).await;
    let room = alice.make_room().await;
    let claim = async || alice.ask_key_packages(&bob.user, &room).await;
    let (claims, refused) = exhaust(claim, 200).await;
    assert_eq!(claims, 2);
    told_to_wait(&refused);
    told_to_wait(&alice.ask_group_info(&room).await.0);
    let message = alice.seal(&room, "hello");
    let (messages, _refused) = exhaust(async || alice.submit(&room, &message).await, 200).await;
    assert_eq!(messages, 2);
    let bundle = alice.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let (changes, refused) = exhaust(async || alice.hand_in(&room, &bundle).await, 200).await;
    assert!(changes >= 2);
    told_to_wait(&refused);
    let (reads, refused) = exhaust(async || alice.api.get("/v1/rooms").await, 200).await;
    assert!(reads >= 2);
    told_to_wait(&refused);
    let list: RoomList = bob.api.get("/v1/rooms").await.ok().json();
    assert!(list.rooms.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_gets_so_many_tries_to_sign_in_and_guesses_count() {
    let setup = Setup::default().set("rate_limits.address_sign_in=1/min burst 20");
    let world = setup.start().await;
    let alice = world.hand("alice").await;
    let guess = world.api().with_token(Some("not-a-token"));
    let (_passed, refused) = exhaust(async || guess.get("/v1/whoami").await, 401).await;
    assert_eq!(told_to_wait(&refused), 60);
    told_to_wait(&challenge(&world.api()).await);
    told_to_wait(&world.api().post("/v1/links", Vec::new()).await);
    // Who is in stays in.
    alice.api.get("/v1/whoami").await.ok();
    world.pass(Duration::from_mins(1));
    challenge(&world.api()).await.ok();
    told_to_wait(&challenge(&world.api()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_gets_so_many_accounts() {
    let setup = Setup::default().set("rate_limits.address_registrations=2/hour burst 2");
    let world = setup.start().await;
    for name in ["alice", "bob"] {
        Hand::new(&world, name).present(None).await.ok();
    }
    let carol = Hand::new(&world, "carol");
    assert_eq!(told_to_wait(&carol.present(None).await), 30 * 60);
    assert_eq!(world.count("SELECT count(*) FROM users").await, 2);
    world.pass(Duration::from_mins(30));
    carol.present(None).await.ok();
}

/// Asks for a challenge in somebody's name, as proxies write it.
async fn challenge_for(world: &World, forwarded_for: &str) -> u16 {
    let address = world.url().trim_start_matches("http://");
    let mut door = TcpStream::connect(address).await.expect("the door");
    let request = format!(
        "POST /v1/challenges HTTP/1.1\r\nhost: {address}\r\nx-forwarded-for: {forwarded_for}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    door.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    door.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).expect("a status");
    status.parse().expect("a number")
}

async fn challenges_for(world: &World, forwarded_for: &str) -> usize {
    let mut passed = 0;
    while challenge_for(world, forwarded_for).await == 200 {
        passed += 1;
    }
    passed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_proxy_of_ours_each_address_counts_for_itself() {
    let limited = Setup::default().set("rate_limits.address_sign_in=1/min burst 4");
    let world = limited.clone().set(r#"http.trusted_proxies=["127.0.0.1"]"#);
    let world = world.start().await;
    assert_eq!(challenges_for(&world, "192.0.2.1").await, 4);
    assert_eq!(challenges_for(&world, "192.0.2.2").await, 4);
    assert_eq!(
        challenges_for(&world, "203.0.113.9, 192.0.2.2").await,
        0,
        "the last one counts"
    );
    assert_eq!(challenges_for(&world, "2001:db8::1").await, 4);
    assert_eq!(
        challenges_for(&world, "2001:db8::2").await,
        0,
        "the same network"
    );
    // Whoever is no proxy of ours writes what they like.
    let world = limited.start().await;
    assert_eq!(challenges_for(&world, "192.0.2.1").await, 4);
    assert_eq!(challenges_for(&world, "192.0.2.2").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_says_too_much_is_listened_to_more_slowly() {
    let world = Setup::default()
        .process()
        .set("rate_limits.device_reads=20/s burst 20")
        .start()
        .await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let mut last = 0;
    for _ in 0..60 {
        last = say(&mut alice, &room, "hello").await.seq();
    }
    let token = alice.api.token.clone();
    let mut socket = Socket::open(world.url(), token.as_deref())
        .await
        .expect("a socket");
    socket.entries(&room, 60).await;
    // However slowly the server listens, it is soon behind somebody who goes on talking.
    let limited = async || {
        let limited = world.counter("grove_rate_limited_total", "device_reads");
        limited.await
    };
    let talking = async {
        while limited().await == 0 {
            for seq in 1..last {
                socket.ack(vec![(room.clone(), seq)], None).await;
            }
            // Answered in its turn: all of that was listened to.
            socket.heard().await;
        }
    };
    soon("it is slowed down", talking).await;
    // All that it said is heard in the end.
    socket.ack(vec![(room.clone(), last)], None).await;
    let position = "SELECT position FROM cursors";
    let last = i64::try_from(last).expect("a place");
    eventually("the last acknowledgement is heard", async || {
        (world.count(position).await == last).then_some(())
    })
    .await;
    socket.close().await;
}
