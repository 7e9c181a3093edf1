//! Waiting for the other side of a link, and what else ends a wait.

use std::time::Duration;

use grove_wire::api::links::{LinkPhase, LinkState};
use harness::wait::soon;
use harness::{Answer, Setup, World, eventually};

use super::{Newcomer, assert_left, assert_problem};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_the_other_side_is_woken() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    // The clock stands still: only the other side ends a wait.
    let newcomer = async {
        let state: LinkState = link.wait(&link.api, "open").await.ok().json();
        assert_eq!(state.phase, LinkPhase::Answered);
        assert_left(&link.reveal(&link.api, b"reveal").await);
        let state: LinkState = link.wait(&link.api, "revealed").await.ok().json();
        assert_eq!(state.package, Some(b"package".to_vec().into()));
    };
    let old = async {
        assert_left(&link.answer(&alice.api, b"answer").await);
        let state: LinkState = link.wait(&alice.api, "answered").await.ok().json();
        assert_eq!(state.reveal, Some(b"reveal".to_vec().into()));
        assert_left(&link.package(&alice.api, b"package").await);
    };
    soon("both are through", async { tokio::join!(newcomer, old) }).await;
    // A wait for what has come already, or for nothing, is none.
    let state: LinkState = link.wait(&alice.api, "open").await.ok().json();
    assert_eq!(state.phase, LinkPhase::Sealed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_its_time() {
    let world = World::new().await;
    let link = Newcomer::begin(&world).await;
    let path = format!("{}?seen=open&wait_s=1", link.path);
    let waiting = link.api.get(&path);
    let answer = while_time_passes(&world, Duration::from_millis(100), waiting).await;
    assert_eq!(answer.ok().json::<LinkState>().phase, LinkPhase::Open);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_ends_with_its_session_and_with_the_server() {
    // The counters of a process of its own tell when somebody waits.
    let mut world = Setup::default().process().start().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    let before = finds(&world).await;
    let logging_out = async {
        begun(&world, before).await;
        alice.api.delete("/v1/sessions/current").await.ok();
    };
    let both = async { tokio::join!(link.wait(&alice.api, "open"), logging_out).0 };
    assert_problem(&soon("the wait ends", both).await, 401, "unauthenticated");

    let before = finds(&world).await;
    let restarting = async {
        begun(&world, before).await;
        world.restart().await;
    };
    let both = async { tokio::join!(link.wait(&link.api, "open"), restarting).0 };
    let state = soon("the wait ends", both).await;
    assert_eq!(state.ok().json::<LinkState>().phase, LinkPhase::Open);
}

/// Returns once a link was looked up again.
async fn begun(world: &World, before: u64) {
    eventually("somebody waits", async || {
        (finds(world).await > before).then_some(())
    })
    .await;
}

/// How many times links were looked up.
async fn finds(world: &World) -> u64 {
    let label = "statement=\"find_link\"";
    world.counter("grove_db_statements_total", label).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_expires() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let link = Newcomer::begin(&world).await;
    assert_left(&link.answer(&alice.api, b"answer").await);
    world.pass(Duration::from_secs(9 * 60 + 10));
    assert_eq!(link.phase(&link.api).await, LinkPhase::Answered);
    // Who waits for it learns of its end.
    let waiting = link.wait(&link.api, "answered");
    let gone = while_time_passes(&world, Duration::from_secs(1), waiting).await;
    assert_problem(&gone, 404, "not-found");
    assert_problem(&link.look(&alice.api).await, 404, "not-found");
    let late = link.reveal(&link.api, b"reveal").await;
    assert_problem(&late, 404, "not-found");
    assert_problem(&link.cancel(&link.api).await, 404, "not-found");
    // What has expired goes with the next that is opened.
    let _next = Newcomer::begin(&world).await;
    assert_eq!(world.count("SELECT count(*) FROM links").await, 1);
    // And with the hourly sweep.
    world.pass(Duration::from_secs(60 * 60));
    eventually("it is swept", async || {
        (world.count("SELECT count(*) FROM links").await == 0).then_some(())
    })
    .await;
}

/// Waits for an answer while the clock moves on, step by step.
async fn while_time_passes(
    world: &World,
    step: Duration,
    asking: impl Future<Output = Answer>,
) -> Answer {
    let passing = eventually("time passes", async || {
        world.pass(step);
        None::<()>
    });
    tokio::select! {
        answer = asking => answer,
        () = passing => panic!("time passes without end"),
    }
}
