//! Many devices of one user: who they are, when they were seen, and what is over when one is
//! revoked.

mod everywhere;
mod leaves;
mod rooms;

use std::time::Duration;

use grove_wire::api::devices::{DeviceActivities, DeviceActivity};
use harness::socket::Socket;
use harness::wait::soon;
use harness::{Answer, Hand, Setup, World, eventually};

use crate::sockets::ReadSocket;

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, name: &str) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (status, name),
        "{}",
        answer.text()
    );
}

async fn activities(hand: &Hand) -> DeviceActivities {
    hand.api.get("/v1/devices").await.ok().json()
}

async fn activity(asker: &Hand, of: &Hand) -> DeviceActivity {
    let all = activities(asker).await.devices;
    let found = all
        .into_iter()
        .find(|device| device.client == of.identity.client);
    found.expect("a device of the user")
}

async fn open_socket(world: &World, hand: &Hand) -> Socket {
    Socket::open(world.url(), hand.api.token.as_deref())
        .await
        .expect("a socket")
}

/// When the database says that a device was last seen.
async fn written(world: &World, hand: &Hand) -> Option<u64> {
    let sql = "SELECT last_seen_at FROM devices WHERE client = $1";
    let client = hand.identity.client.as_str();
    let row = world.database().await.query_one(sql, &[&client]).await;
    let at: Option<i64> = row.expect("a device").get(0);
    at.map(|at| u64::try_from(at).expect("after 1970"))
}

/// Lets a minute pass and waits until the database says that a device was last seen then: what was
/// noted is written once a minute. No more passes than that, however long the writing takes.
async fn until_written(world: &World, hand: &Hand, at: u64) {
    world.pass(Duration::from_mins(1));
    eventually("it is written", async || {
        (written(world, hand).await == Some(at)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_sees_which_devices_there_are_and_when_they_were_seen() {
    let mut world = Setup::default()
        .set("limits.device_idle=\"90 days\"")
        .start()
        .await;
    let start = world.clock.now().ms();
    let mut alice = world.hand("alice").await;
    let _bob = world.hand("bob").await;
    let phone = alice.sibling(&world, 0).await;
    let all = activities(&alice).await;
    assert_eq!(all.idle_after_ms, 90 * 24 * 60 * 60 * 1000);
    let shown = |hand: &Hand| DeviceActivity {
        client: hand.identity.client.clone(),
        added_at: start,
        last_seen_at: Some(start),
        connected: false,
    };
    assert_eq!(all.devices, [shown(&alice), shown(&phone)]);

    let socket = open_socket(&world, &phone).await;
    assert!(activity(&alice, &phone).await.connected);
    assert!(!activity(&alice, &alice).await.connected);
    socket.close().await;
    eventually("the socket is gone", async || {
        (!activity(&alice, &phone).await.connected).then_some(())
    })
    .await;

    // A restart, even before anything was written, forgets nothing.
    world.restart().await;
    assert_eq!(written(&world, &phone).await, Some(start));
    world.pass(Duration::from_secs(2 * 60 * 60));
    assert_eq!(activity(&alice, &phone).await.last_seen_at, Some(start));
    let now = world.clock.now().ms();
    assert_eq!(activity(&alice, &alice).await.last_seen_at, Some(now));

    // A revoked device is not shown, one that never came has not been seen.
    alice.revoke(&phone.identity.client).await.ok();
    let tablet = alice.sibling(&world, 0).await;
    let forget = "UPDATE devices SET last_seen_at = NULL WHERE client = $1";
    world.restart().await;
    let client = tablet.identity.client.as_str();
    let database = world.database().await;
    database
        .execute(forget, &[&client])
        .await
        .expect("an update");
    let shown: Vec<_> = activities(&alice).await.devices;
    let clients: Vec<_> = shown.iter().map(|device| &device.client).collect();
    assert_eq!(clients, [&alice.identity.client, &tablet.identity.client]);
    assert_eq!(activity(&alice, &tablet).await.last_seen_at, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_a_device_was_seen_is_written_at_most_once_an_hour() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let start = world.clock.now();
    let minutes_later = |minutes: u64| {
        let target = start.plus(Duration::from_secs(60 * minutes));
        world.pass(target.since(world.clock.now()));
    };
    until_written(&world, &alice, start.ms()).await;
    let phone_since = world.clock.now().ms();
    let phone = alice.sibling(&world, 0).await;
    // Within the hour nothing is written, whatever is asked; a second session is the same device.
    minutes_later(50);
    alice.api.get("/v1/whoami").await.ok();
    alice.log_in().await;
    alice.api.get("/v1/whoami").await.ok();
    until_written(&world, &phone, phone_since).await;
    assert_eq!(written(&world, &alice).await, Some(start.ms()));
    minutes_later(60);
    let later = world.clock.now().ms();
    alice.api.get("/v1/whoami").await.ok();
    until_written(&world, &alice, later).await;

    // A device that only listens is there all the same.
    let mut socket = open_socket(&world, &phone).await;
    socket.heard().await;
    world.pass(Duration::from_secs(60 * 60));
    let now = world.clock.now().ms();
    eventually("the phone was seen", async || {
        (activity(&alice, &phone).await.last_seen_at == Some(now)).then_some(())
    })
    .await;
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_device_is_out_at_once() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let mut stolen = alice.sibling(&world, 3).await;
    let phone = alice.sibling(&world, 3).await;
    let bob = world.hand("bob").await;
    let room = stolen.make_room().await;
    let commit = stolen.draft(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let (commit, message) = (commit.expect("a commit"), stolen.seal(&room, "late"));
    let alices = alice.make_room().await;
    let external = stolen.external(&alices).await;
    let sockets = (
        open_socket(&world, &stolen).await,
        open_socket(&world, &phone).await,
        open_socket(&world, &bob).await,
    );

    // The clock stands still: nothing but the revocation itself closes the socket.
    alice.revoke(&stolen.identity.client).await.ok();
    assert_eq!(ReadSocket::new(sockets.0).closed_with().await, 4001);
    for path in [
        "/v1/whoami",
        "/v1/devices",
        "/v1/rooms",
        "/v1/user-rooms",
        "/v1/key-packages",
        "/v1/poll?wait_s=0",
    ] {
        assert_problem(&stolen.api.get(path).await, 401, "unauthenticated");
    }
    let refused = Socket::open(world.url(), stolen.api.token.as_deref()).await;
    assert_eq!(refused.err(), Some(401));
    let attempts = [
        stolen.hand_in(&room, &commit).await,
        stolen.hand_in(&alices, &external).await,
        stolen.submit(&room, &message).await,
        stolen.ask_group_info(&alices).await.0,
        stolen.upload_bytes(Vec::new(), None).await,
        stolen.ask_key_packages(&bob.user, &room).await,
    ];
    for answer in &attempts {
        assert_problem(answer, 401, "unauthenticated");
    }
    let session = stolen.api.session_request(&stolen.identity).await;
    let refused = world.api().post_json("/v1/sessions", &session).await;
    assert_problem(&refused, 401, "unauthenticated");

    // The controls: what the others have stays open, and they do what the stolen one may not.
    for (hand, mut socket) in [(&phone, sockets.1), (&bob, sockets.2)] {
        hand.api.get("/v1/whoami").await.ok();
        socket.heard().await;
        socket.close().await;
    }
    let external = phone.external(&alices).await;
    phone.hand_in(&alices, &external).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_ends_with_its_session() {
    // The counters of a process of its own tell when somebody waits.
    let world = Setup::default().process().start().await;
    let mut alice = world.hand("alice").await;
    let mut laptop = alice.sibling(&world, 0).await;
    let stolen = alice.sibling(&world, 0).await;
    let bob = world.hand("bob").await;
    let waiting = async |count: u64| {
        eventually("so many wait", async || {
            (world.counter("grove_connected_devices", "").await == count).then_some(())
        })
        .await;
    };
    // Each is read from the start, as clients do: programs run before it is asked how it ended.
    let kept = ReadSocket::new(open_socket(&world, &laptop).await);
    let poll = stolen.api.get("/v1/poll?wait_s=60");
    let revoking = async {
        waiting(2).await;
        alice.revoke(&stolen.identity.client).await.ok();
    };
    let polled = soon("the poll ends", async { tokio::join!(poll, revoking).0 }).await;
    assert_problem(&polled, 401, "unauthenticated");
    waiting(1).await;

    // One session of two ends by itself; then the operator ends all of a user.
    let first = laptop.api.clone();
    laptop.log_in().await;
    let poll = laptop.api.get("/v1/poll?wait_s=60");
    let bobs = ReadSocket::new(open_socket(&world, &bob).await);
    let ending = async {
        first.delete("/v1/sessions/current").await.ok();
        assert_eq!(kept.closed_with().await, 4001);
        // The poll is another session's, and goes on.
        waiting(2).await;
        laptop.api.get("/v1/whoami").await.ok();
        world
            .process()
            .admin(&["users", "disable", "alice"])
            .await
            .ok();
    };
    let polled = soon("the poll ends", async { tokio::join!(poll, ending).0 }).await;
    assert_problem(&polled, 401, "unauthenticated");
    waiting(1).await;
    bob.api.get("/v1/whoami").await.ok();
    drop(bobs);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_when_its_session_expires() {
    let world = Setup::default()
        .set("limits.session_lifetime=\"1 day\"")
        .start()
        .await;
    let alice = world.hand("alice").await;
    let socket = ReadSocket::new(open_socket(&world, &alice).await);
    world.pass(Duration::from_secs(24 * 60 * 60));
    assert_eq!(socket.closed_with().await, 4001);
}
