//! What the server throws away, when, and what readers are told who come too late.

use std::time::Duration;

use grove_wire::api::events::{ClientFrame, ServerFrame};
use grove_wire::codec;
use grove_wire::uri::RoomUri;
use harness::api::{about, log_path};
use harness::entries::{entries_of, submit_body};
use harness::socket::Socket;
use harness::{Answer, Hand, Setup, World, eventually};

const HOUR: Duration = Duration::from_hours(1);
const GONE_MESSAGES: &str = "SELECT count(*) FROM room_log WHERE kind = 1 AND entry IS NULL";
const GONE_HANDSHAKES: &str = "SELECT count(*) FROM room_log WHERE kind <> 1 AND entry IS NULL";

/// A world in which days are hours.
async fn hasty() -> World {
    Setup::default()
        .set("retention.messages_min=2 hours")
        .set("retention.messages_max=6 hours")
        .set("retention.handshakes=12 hours")
        .start()
        .await
}

/// Lets hours pass one after the other, each with its sweep.
async fn hours(world: &World, hours: u32) {
    for _ in 0..hours {
        world.sweep_after(HOUR).await;
    }
}

/// A room of two, which both have read to its end.
async fn pair(world: &World) -> (Hand, Hand, RoomUri) {
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let room = alice.make_room().await;
    alice.add(&room, &bob.user).await;
    bob.join().await;
    for hand in [&mut alice, &mut bob] {
        hand.read(&room).await;
    }
    (alice, bob, room)
}

/// Says so many things and reads them; returns where the last of them stands.
async fn say(hand: &mut Hand, room: &RoomUri, count: usize) -> u64 {
    let mut last = 0;
    for number in 0..count {
        let message = hand.seal(room, &format!("message {number}"));
        last = hand.submit(room, &message).await.seq();
    }
    hand.read(room).await;
    last
}

/// Acknowledges, and waits until that is written: which is done by and by, while a sweep goes by
/// what stands in the database.
async fn acknowledge(world: &World, hand: &Hand, room: &RoomUri, seq: u64) {
    let ack = ClientFrame::Ack {
        positions: vec![(room.clone(), seq)],
        inbox: None,
    };
    let body = codec::encode(&ack).expect("a frame");
    hand.api.post("/v1/acks", body).await.ok();
    world.pass(Duration::from_secs(1));
    let database = world.database().await;
    let written =
        "SELECT count(*) FROM cursors JOIN devices USING (device_id) JOIN rooms USING (room_id)
                   WHERE client = $1 AND uri = $2 AND position >= $3";
    let seq = i64::try_from(seq).expect("a place");
    eventually("it is written", async || {
        let (client, room) = (hand.identity.client.as_str(), room.as_str());
        let row = database.query_one(written, &[&client, &room, &seq]).await;
        let count: i64 = row.expect("a count").get(0);
        (count == 1).then_some(())
    })
    .await;
}

async fn commit(hand: &mut Hand, room: &RoomUri) -> u64 {
    let bundle = hand.commit(room, |group, storage, device| {
        group.self_update(storage, device)
    });
    let seq = hand.hand_in(room, &bundle).await.seq();
    hand.read(room).await;
    seq
}

/// The first entry that can still be read, if these frames say that of a room and nothing else.
fn first_after_gap(frames: &[u8], wanted: &RoomUri) -> Option<u64> {
    match &ServerFrame::decode_all(frames).expect("frames").known[..] {
        [ServerFrame::Expired { room, first_seq }] if room == wanted => Some(*first_seq),
        _ => None,
    }
}

fn seqs(answer: &Answer, room: &RoomUri) -> Vec<u64> {
    let entries = entries_of(&answer.body, room);
    entries.into_iter().map(|(seq, _)| seq).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_when_all_have_them_and_at_last_whoever_waits() {
    let world = hasty().await;
    let (mut alice, bob, room) = pair(&world).await;
    let other = alice.make_room().await;
    let last = say(&mut alice, &room, 3).await;
    let unread = say(&mut alice, &other, 3).await;
    for hand in [&alice, &bob] {
        acknowledge(&world, hand, &room, last).await;
    }
    hours(&world, 1).await;
    assert_eq!(
        world.count(GONE_MESSAGES).await,
        0,
        "too young, read or not"
    );
    hours(&world, 4).await;
    assert_eq!(world.count(GONE_MESSAGES).await, 3, "those that all have");
    let kept = alice.api.get(&log_path(&other, 0)).await.ok();
    assert_eq!(seqs(&kept, &other).last(), Some(&unread));
    hours(&world, 4).await;
    assert_eq!(world.count(GONE_MESSAGES).await, 6);
    let rows = world.count("SELECT count(*) FROM room_log WHERE kind = 1");
    assert_eq!(rows.await, 6, "the rows stay");
    assert_eq!(
        world.count(GONE_HANDSHAKES).await,
        0,
        "the group needs them"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_device_that_has_not_read_keeps_messages_for_all() {
    let world = hasty().await;
    let (mut alice, bob, room) = pair(&world).await;
    let last = say(&mut alice, &room, 3).await;
    acknowledge(&world, &alice, &room, last).await;
    acknowledge(&world, &bob, &room, last - 2).await;
    hours(&world, 5).await;
    assert_eq!(world.count(GONE_MESSAGES).await, 1, "the one both have");
    let rest = bob.api.get(&log_path(&room, last - 2)).await.ok();
    assert_eq!(seqs(&rest, &room), [last - 1, last]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_comes_too_late_is_told_and_goes_on_after_joining_anew() {
    let world = hasty().await;
    let (mut alice, mut bob, room) = pair(&world).await;
    let handshake = commit(&mut alice, &room).await;
    let gone = say(&mut alice, &room, 3).await;
    let other = alice.make_room().await;
    alice.add(&other, &bob.user).await;
    bob.join().await;
    hours(&world, 9).await;
    assert_eq!(world.count(GONE_MESSAGES).await, 3);

    // What stands before the gap is still given, and then the gap is told: in the log, ...
    let before = bob.api.get(&log_path(&room, handshake - 1)).await.ok();
    assert_eq!(seqs(&before, &room), [handshake]);
    let at_gap = bob.api.get(&log_path(&room, handshake)).await.ok();
    assert_eq!(first_after_gap(&at_gap.body, &room), Some(gone + 1));
    let behind = bob.api.get(&log_path(&room, gone)).await.ok();
    assert!(behind.body.is_empty(), "nothing came after it");
    // ... in a poll, ...
    let polled = bob.api.get("/v1/poll?wait_s=0").await.ok();
    let frames = ServerFrame::decode_all(&polled.body).expect("frames").known;
    let gap = ServerFrame::Expired {
        room: room.clone(),
        first_seq: gone + 1,
    };
    assert!(frames.contains(&gap), "{frames:?}");
    assert!(seqs(&polled, &room).contains(&handshake));
    // ... and on a socket, once; other rooms go on.
    let mut socket = Socket::open(world.url(), bob.api.token.as_deref())
        .await
        .expect("a socket");
    let mut expired = 0;
    while expired == 0 {
        let frame = socket.next().await.expect("the socket is open");
        expired += usize::from(first_after_gap(&frame, &room) == Some(gone + 1));
    }
    let silent = say(&mut alice, &room, 1).await;
    let heard = say(&mut alice, &other, 1).await;
    let mut frames = Vec::new();
    while !entries_of(&frames, &other)
        .iter()
        .any(|(seq, _)| *seq == heard)
    {
        frames.extend(socket.next().await.expect("the socket is open"));
    }
    assert!(
        entries_of(&frames, &room).is_empty(),
        "{silent} is not for a reader with a gap"
    );
    let again = ServerFrame::decode_all(&frames).expect("frames").known;
    assert!(!again.contains(&gap), "told once");

    // It comes in by itself and reads on from there, over the same socket.
    commit(&mut alice, &room).await;
    bob.join_by_itself(&room).await;
    alice.read(&room).await;
    let next = say(&mut alice, &room, 1).await;
    let mut after = Vec::new();
    while !after.contains(&next) {
        let frame = socket.next().await.expect("the socket is open");
        after.extend(entries_of(&frame, &room).into_iter().map(|(seq, _)| seq));
    }
    assert!(after.iter().all(|seq| *seq > silent), "{after:?}");
    socket.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_still_known_by_its_hash_and_its_place_in_the_chain() {
    let world = hasty().await;
    let (mut alice, _bob, room) = pair(&world).await;
    let message = alice.seal(&room, "said once");
    let seq = alice.submit(&room, &message).await.seq();
    hours(&world, 9).await;
    assert_eq!(world.count(GONE_MESSAGES).await, 1);
    let body = submit_body(&message, &alice.user);
    let path = about("submitMessage", &room);
    let again = alice.api.post(&path, body).await;
    assert_eq!(again.seq(), seq, "a repeat, however late");
    assert_eq!(
        say(&mut alice, &room, 1).await,
        seq + 1,
        "no gap in the numbers"
    );
    let broken = "SELECT count(*) FROM room_log WHERE octet_length(head) <> 32";
    assert_eq!(world.count(broken).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_go_once_no_group_is_rebuilt_from_them() {
    let mut world = hasty().await;
    let (mut alice, mut bob, room) = pair(&world).await;
    let epoch = alice.group(&room).epoch();
    // Enough of them that they outweigh the first snapshot.
    for _ in 0..20 {
        commit(&mut alice, &room).await;
    }
    let sql = "SELECT coalesce(max(seq), 0) FROM snapshots";
    let snapshot = world.count(sql).await;
    assert!(snapshot > 0, "no snapshot was made");
    hours(&world, 11).await;
    assert_eq!(world.count(GONE_HANDSHAKES).await, 0);
    hours(&world, 5).await;
    assert_eq!(world.count(GONE_HANDSHAKES).await, snapshot);
    let sql = "SELECT count(*) FROM snapshots";
    assert_eq!(
        world.count(sql).await,
        1,
        "older snapshots are worth nothing"
    );

    // Nobody can join in an epoch of then, and those who have not read so far are told.
    world.restart().await;
    let path = format!("/v1/rooms/{}/tree/{epoch}", room.path_segment());
    assert_eq!(bob.api.get(&path).await.problem_name(), "not-found");
    let frames = bob.api.get(&log_path(&room, 0)).await.ok().body;
    let first = u64::try_from(snapshot).expect("a place") + 1;
    assert_eq!(first_after_gap(&frames, &room), Some(first));
    // The group lives on, though the server had to load it anew.
    commit(&mut alice, &room).await;
    bob.join_by_itself(&room).await;
    alice.read(&room).await;
    let message = alice.seal(&room, "and on");
    alice.submit(&room, &message).await.ok();
    assert!(bob.read(&room).await.iter().any(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn welcomes_nobody_fetched_go_and_later_ones_stay() {
    let world = hasty().await;
    let (mut alice, _bob, room) = pair(&world).await;
    let [early, mut late] = world.hands(["early", "late"]).await;
    alice.add(&room, &early.user).await;
    hours(&world, 9).await;
    alice.add(&room, &late.user).await;
    let waiting = "SELECT count(*) FROM inbox";
    let before = world.count(waiting).await;
    hours(&world, 6).await;
    // Of three Welcomes (nobody acknowledged one) the last is left.
    assert_eq!((before, world.count(waiting).await), (3, 1));
    assert_eq!(world.count("SELECT count(*) FROM welcomes").await, 1);
    assert_eq!(late.join().await, room);
}

/// Whoever acknowledges takes entries from an inbox first and their Welcome then. A sweep that did
/// it the other way round would end in a deadlock with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_waits_for_an_acknowledgement_of_what_it_sweeps() {
    let world = hasty().await;
    let (mut alice, _bob, room) = pair(&world).await;
    let early = world.hand("early").await;
    alice.add(&room, &early.user).await;
    let watching = world.database().await;
    let mut database = world.database().await;
    // Of two that wait for each other, this one is told.
    database
        .batch_execute("SET deadlock_timeout = '1ms'")
        .await
        .expect("a setting");
    let acknowledging = database.transaction().await.expect("a transaction");
    let taken = acknowledging.execute("DELETE FROM inbox", &[]).await;
    assert_eq!(taken.expect("a statement"), 2);
    let acknowledge = async {
        eventually("the sweep waits", async || {
            let sql = "SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let waiting = watching.query_one(sql, &[]).await.expect("a count");
            (waiting.get::<_, i64>(0) > 0).then_some(())
        })
        .await;
        let taken = acknowledging.execute("DELETE FROM welcomes", &[]).await;
        assert_eq!(taken.expect("no deadlock"), 2);
        acknowledging.commit().await.expect("a commit");
    };
    tokio::join!(world.sweep_after(HOUR * 13), acknowledge);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_ends_however_short_messages_are_kept() {
    let world = Setup::default()
        .set("retention.messages_min=1us")
        .start()
        .await;
    let (mut alice, bob, room) = pair(&world).await;
    let last = say(&mut alice, &room, 3).await;
    for hand in [&alice, &bob] {
        acknowledge(&world, hand, &room, last).await;
    }
    for _ in 0..2 {
        world.sweep_after(HOUR).await;
    }
    assert_eq!(world.count(GONE_MESSAGES).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_out_and_has_read_all_is_forgotten_as_a_reader() {
    let world = hasty().await;
    let (mut alice, bob, room) = pair(&world).await;
    let user = bob.user.clone();
    let bundle = alice.commit(&room, |group, storage, device| {
        group.remove_users(storage, device, &[user])
    });
    let removal = alice.hand_in(&room, &bundle).await.seq();
    alice.read(&room).await;
    let cursors = "SELECT count(*) FROM cursors WHERE to_seq IS NOT NULL";
    hours(&world, 3).await;
    assert_eq!(world.count(cursors).await, 1, "it has not read its removal");
    acknowledge(&world, &bob, &room, removal).await;
    acknowledge(&world, &alice, &room, removal).await;
    hours(&world, 4).await;
    assert_eq!(world.count(cursors).await, 0);
    assert_eq!(
        bob.api.get(&log_path(&room, 0)).await.problem_name(),
        "not-found"
    );
}
