//! A clock that is set: forward, back, by a day or by a year. What has passed counts, not what
//! somebody says the time is.

use std::time::Duration;

use grove_server::clock::Timestamp;
use grove_wire::api::links::LinkOpened;
use grove_wire::api::sessions::SessionRequest;
use harness::entries::entries_of;
use harness::wait::soon;
use harness::{Answer, Api, Setup, World};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const YEAR: Duration = Duration::from_hours(365 * 24);
const GONE: &str = "SELECT count(*) FROM room_log WHERE entry IS NULL";

fn now(world: &World) -> Timestamp {
    world.clock.now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_keep_their_order_and_their_times_grow() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let start = now(&world);
    let mut seqs = Vec::new();
    for to in [
        start,
        start.minus(YEAR),
        start.plus(DAY),
        start.minus(DAY),
        start,
    ] {
        world.set_clock(to);
        let message = alice.seal(&room, "tick");
        seqs.push(alice.submit(&room, &message).await.seq());
    }
    let entries = alice.entries(&room, seqs[0] - 1).await;
    let found: Vec<u64> = entries.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(found, seqs);
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let times: Vec<u64> = entries.iter().map(|(_, entry)| entry.timestamp).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_talk_on_whatever_the_clock_says() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    let start = now(&world);
    for (round, to) in [start, start.plus(DAY), start.minus(DAY), start]
        .into_iter()
        .enumerate()
    {
        world.set_clock(to);
        let (ask, answer) = (format!("tick {round}"), format!("tock {round}"));
        alice.say(&room, &ask).await;
        bob.hears(&room, &ask).await;
        bob.say(&room, &answer).await;
        alice.hears(&room, &answer).await;
    }
    assert_eq!(alice.transcript(&room), bob.transcript(&room));
    assert_eq!(alice.texts(&room).len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_by_the_clock_and_a_challenge_by_what_has_passed() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let whoami = async |api: &Api| api.get("/v1/whoami").await.status;
    let start = now(&world);
    let challenged = alice.api.session_request(&alice.identity).await;
    world.set_clock(start.plus(Duration::from_hours(31 * 24)));
    assert_eq!(whoami(&alice.api).await, 401, "sessions last thirty days");
    // The challenge was given a moment ago, whatever the clock says; it is good once.
    let redeem = async |request: &SessionRequest| -> Answer {
        world.api().post_json("/v1/sessions", request).await
    };
    assert_eq!(redeem(&challenged).await.status, 200);
    assert_eq!(redeem(&challenged).await.status, 401);
    let late = alice.api.session_request(&alice.identity).await;
    world.set_clock(start.minus(DAY));
    assert_eq!(
        redeem(&challenged).await.status,
        401,
        "nor does it become good again"
    );
    world.set_clock(start);
    assert_eq!(
        whoami(&alice.api).await,
        200,
        "the session was not thrown away"
    );
    world.pass(Duration::from_secs(61));
    assert_eq!(redeem(&late).await.status, 401, "a minute has passed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_waits_as_long_as_was_said() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let start = now(&world);
    let message = alice.seal(&room, "here");
    let waiting = alice.api.get("/v1/poll?wait_s=30");
    let speaking = async {
        // Neither ends a poll that waits half a minute; what comes does.
        world.set_clock(start.plus(HOUR));
        world.set_clock(start.minus(HOUR));
        alice.submit(&room, &message).await.seq()
    };
    let both = soon("the poll answers", async {
        tokio::join!(waiting, speaking)
    });
    let (polled, seq) = both.await;
    let heard: Vec<u64> = entries_of(&polled.ok().body, &room)
        .into_iter()
        .map(|(seq, _)| seq)
        .collect();
    assert_eq!(heard.last(), Some(&seq));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_not_there_beyond_its_end() {
    let world = World::new().await;
    let opened: LinkOpened = world.api().post("/v1/links", Vec::new()).await.ok().json();
    let newcomer = world.api().with_token(Some(&opened.token));
    let path = format!("/v1/links/{}", opened.link.encode());
    assert_eq!(newcomer.get(&path).await.status, 200);
    let start = now(&world);
    world.set_clock(start.plus(HOUR));
    assert_eq!(newcomer.get(&path).await.status, 404);
    // Opening another clears away what is over by the clock: nothing of it comes back.
    let next: LinkOpened = world.api().post("/v1/links", Vec::new()).await.ok().json();
    world.set_clock(start);
    assert_eq!(newcomer.get(&path).await.status, 404);
    assert_ne!(next.link.as_bytes(), opened.link.as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setting_the_clock_gives_nobody_more_tries() {
    let setup = Setup::default().set("rate_limits.address_sign_in=1/min burst 5");
    let world = setup.start().await;
    let tries = async || {
        let mut passed = 0;
        while world.api().post("/v1/challenges", Vec::new()).await.status == 200 {
            passed += 1;
        }
        passed
    };
    assert_eq!(tries().await, 5);
    let start = now(&world);
    for to in [start.plus(DAY), start.minus(YEAR), start] {
        world.set_clock(to);
        assert_eq!(tries().await, 0);
    }
    world.pass(Duration::from_mins(1));
    assert_eq!(tries().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_a_year_ahead_throws_nothing_away() {
    let world = World::new().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let message = alice.seal(&room, "kept");
    let seq = alice.submit(&room, &message).await.seq();
    world.sweep_after(HOUR).await;
    world.set_clock(now(&world).plus(YEAR));
    world.sweep_after(HOUR).await;
    world.sweep_after(HOUR).await;
    world.set_clock(now(&world).minus(YEAR));
    world.sweep_after(HOUR).await;
    assert_eq!(world.count(GONE).await, 0);
    let kept = alice.entries(&room, seq - 1).await;
    assert_eq!(kept.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_off_for_a_month_throws_nothing_away_and_one_that_ran_does() {
    let mut world = World::new().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let message = alice.seal(&room, "kept");
    alice.submit(&room, &message).await.ok();
    world.sweep_after(HOUR).await;
    world.stop().await;
    world.pass(40 * DAY);
    world.start().await;
    world.sweep_after(HOUR).await;
    world.sweep_after(DAY).await;
    assert_eq!(world.count(GONE).await, 0, "nobody could have fetched it");
    for _day in 0..31 {
        world.sweep_after(DAY).await;
    }
    assert_eq!(world.count(GONE).await, 1, "thirty days went by");
}
