//! A disk that fills up: writes are refused, reads go on, and nothing is acknowledged that is not
//! there.

use std::time::Duration;

use grove_wire::api::events::ClientFrame;
use grove_wire::codec;
use grove_wire::uri::RoomUri;
use harness::api::log_path;
use harness::{Answer, Hand, Setup, World, eventually};

/// More than any disk has free.
const ALL: &str = "limits.free_space_reserve=1000000 TiB";
const LITTLE: &str = "limits.free_space_reserve=1 B";
const READY: (u16, &str) = (200, "ready\n");
/// A database that does not answer in time would be another 503.
const LOW: (u16, &str) = (503, "free space is below the reserve\n");

#[track_caller]
fn no_space(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (507, "no-space"),
        "{}",
        answer.text()
    );
}

/// Lets the server look at its disk until this is how it is.
async fn until_ready_is(world: &World, (status, says): (u16, &str)) {
    eventually("the server looks at its disk", async || {
        world.pass(Duration::from_secs(5));
        let ready = world.ops("/ready").await;
        (ready.status == status && ready.text() == says).then_some(())
    })
    .await;
}

async fn say(hand: &mut Hand, room: &RoomUri, text: &str) -> Answer {
    let message = hand.seal(room, text);
    hand.submit(room, &message).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn below_the_reserve_nothing_is_written_and_everything_can_be_read() {
    let mut world = Setup::default().embedded().set(LITTLE).start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let seq = say(&mut alice, &room, "there is space").await.seq();
    let rows = world.row_counts().await;

    world.reload(ALL);
    until_ready_is(&world, LOW).await;
    let message = alice.seal(&room, "there is none");
    let bundle = alice.draft(&room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let bundle = bundle.expect("a commit");
    no_space(&alice.submit(&room, &message).await);
    no_space(&alice.hand_in(&room, &bundle).await);
    let (_room, request) = alice.prepare_room().await;
    let body = codec::encode(&request).expect("a body");
    no_space(&alice.api.post("/v1/rooms", body).await);
    no_space(&Hand::new(&world, "bob").present(None).await);
    no_space(&alice.upload_bytes(Vec::new(), None).await);
    no_space(&world.api().post("/v1/links", Vec::new()).await);
    assert_eq!(world.row_counts().await, rows, "nothing was written");
    // Reading goes on, acknowledging too, and whoever was away comes in.
    let log = alice.api.get(&log_path(&room, 0)).await.ok();
    assert!(!log.body.is_empty());
    let ack = ClientFrame::Ack {
        positions: vec![(room.clone(), seq)],
        inbox: None,
    };
    let ack = codec::encode(&ack).expect("a frame");
    alice.api.post("/v1/acks", ack).await.ok();
    alice.log_in().await;

    world.reload(LITTLE);
    until_ready_is(&world, READY).await;
    assert_eq!(
        alice.submit(&room, &message).await.seq(),
        seq + 1,
        "the same bytes"
    );
    assert_eq!(alice.hand_in(&room, &bundle).await.seq(), seq + 2);
}

/// PostgreSQL says that its disk is full whenever something is to be written to this table.
async fn fill(world: &World, table: &str) {
    let sql = format!(
        "CREATE OR REPLACE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
         END $$;
         CREATE TRIGGER disk_full BEFORE INSERT OR UPDATE ON {table}
         FOR EACH ROW EXECUTE FUNCTION disk_full()"
    );
    let database = world.database().await;
    database.batch_execute(&sql).await.expect("a trigger");
}

async fn empty(world: &World) {
    let database = world.database().await;
    let sql = "DROP FUNCTION disk_full CASCADE";
    database.batch_execute(sql).await.expect("no trigger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_full_database_refuses_is_not_acknowledged_and_can_be_sent_again() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let room = alice.make_room().await;
    let seq = say(&mut alice, &room, "there is space").await.seq();
    alice.read(&room).await;
    let rows = world.row_counts().await;
    let message = alice.seal(&room, "there is none");
    let (new_room, request) = bob.prepare_room().await;
    let create = codec::encode(&request).expect("a body");
    let bundle = alice.commit(&room, |group, storage, device| {
        group.self_update(storage, device)
    });

    fill(&world, "room_log").await;
    for _again in 0..3 {
        no_space(&alice.submit(&room, &message).await);
        no_space(&alice.hand_in(&room, &bundle).await);
    }
    empty(&world).await;
    fill(&world, "room_states").await;
    no_space(&bob.api.post("/v1/rooms", create.clone()).await);
    no_space(&alice.hand_in(&room, &bundle).await);
    empty(&world).await;
    assert_eq!(world.row_counts().await, rows, "nothing was written");

    assert_eq!(alice.submit(&room, &message).await.seq(), seq + 1);
    assert_eq!(alice.hand_in(&room, &bundle).await.seq(), seq + 2);
    bob.api.post("/v1/rooms", create).await.ok();
    // The group in the hub's memory went through it unharmed.
    alice.read(&room).await;
    assert_eq!(say(&mut alice, &room, "and on").await.seq(), seq + 3);
    let list = bob.api.get(&log_path(&new_room, 0)).await.ok();
    assert!(list.body.is_empty(), "a new room has no entries");
}
