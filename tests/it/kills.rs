//! Kill -9, again and again, under load: what was acknowledged is there, once, in order.
//!
//! The moment of a kill is given by the writers' progress, so that it falls anywhere in their
//! requests. The auditor is itself put to the test: it must find fault with a database that does
//! not write before it answers, and with a server that does not know repeats.

use std::collections::HashSet;

use grove_wire::uri::RoomUri;
use harness::audit::{Fault, Writers, audit, read_log};
use harness::postgres::Killable;
use harness::{Hand, Setup, World};

/// Kills of each kind.
const KILLS: u64 = 30;
/// Kills of a test whose writers must come to grief.
const FEW_KILLS: u64 = 3;
const WRITERS: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];

/// Six members of a room; the first made it.
async fn six_writers(world: &World) -> (Vec<Hand>, RoomUri) {
    let mut members = world.hands(WRITERS).await.into_iter();
    let mut alice = members.next().expect("alice");
    let room = alice.make_room().await;
    let mut writers = Vec::new();
    for mut other in members {
        alice.add(&room, &other.user).await;
        other.join().await;
        writers.push(other);
    }
    for writer in &mut writers {
        writer.read(&room).await;
    }
    writers.insert(0, alice);
    (writers, room)
}

/// A commit, and sometimes a Welcome, whose answers may be lost like any other.
async fn change(changer: &mut Hand, room: &RoomUri, guest: &mut Hand, round: u64) {
    if round.is_multiple_of(10) {
        changer.add(room, &guest.user.clone()).await;
        assert_eq!(guest.join().await, *room);
        guest.read(room).await;
        return;
    }
    if round % 10 == 5 {
        let user = guest.user.clone();
        let bundle = changer.commit(room, |group, storage, device| {
            group.remove_users(storage, device, &[user])
        });
        changer.hand_in(room, &bundle).await.ok();
    } else {
        let bundle = changer.commit(room, |group, storage, device| {
            group.self_update(storage, device)
        });
        changer.hand_in(room, &bundle).await.ok();
    }
    changer.read(room).await;
}

/// Everybody insists: who is killed comes back at the same place.
fn insist(hands: &mut [Hand]) {
    for hand in hands {
        hand.api = hand.api.clone().insisting();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_of_the_server_lose_nothing() {
    let mut world = Setup::default().process().start().await;
    let (mut members, room) = six_writers(&world).await;
    let mut guest = world.hand("guest").await;
    insist(&mut members);
    guest.api = guest.api.clone().insisting();
    let writers = Writers::start(&members, &room, 1).await;
    let changer = &mut members[0];
    for round in 0..KILLS {
        writers.progress(10 + round % 7).await;
        let changing = change(changer, &room, &mut guest, round);
        let killing = async {
            writers.progress(1 + round % 3).await;
            world.kill().await;
            world.start().await;
        };
        tokio::join!(changing, killing);
    }
    writers.progress(20).await;
    let notes = writers.finish().await;
    let log = read_log(&members[0], &room).await;
    assert_eq!(audit(&notes, &log), []);
    // The group went through it as well: all members stand in the same epoch with the same secrets.
    let mut secrets = HashSet::new();
    for member in &mut members {
        member.read(&room).await;
        secrets.insert(member.group(&room).epoch_authenticator());
    }
    assert_eq!(secrets.len(), 1, "one group");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_kills_of_the_database_lose_nothing() {
    let mut database = Killable::start().await;
    let setup = Setup::default().process();
    let world = setup.set(&format!("database.url=\"{}\"", database.url()));
    let world = world.start().await;
    let (mut members, room) = six_writers(&world).await;
    insist(&mut members);
    let mut guest = world.hand("guest").await;
    guest.api = guest.api.clone().insisting();
    let writers = Writers::start(&members, &room, 1).await;
    let changer = &mut members[0];
    for round in 0..KILLS {
        writers.progress(10 + round % 7).await;
        let changing = change(changer, &room, &mut guest, round);
        let killing = async {
            writers.progress(1 + round % 3).await;
            database.kill_and_restart().await;
        };
        tokio::join!(changing, killing);
    }
    writers.progress(20).await;
    let notes = writers.finish().await;
    let log = read_log(&members[0], &room).await;
    assert_eq!(audit(&notes, &log), []);
    world.stop_before(database).await;
}

/// Runs writers on a database that is killed a few times; gives what the auditor finds.
async fn killed_database(prepare: impl AsyncFn(&mut Killable), times: u32) -> Vec<Fault> {
    let mut database = Killable::start().await;
    let setup = Setup::default().process();
    let world = setup.set(&format!("database.url=\"{}\"", database.url()));
    let world = world.start().await;
    let (mut members, room) = six_writers(&world).await;
    insist(&mut members);
    prepare(&mut database).await;
    let writers = Writers::start(&members, &room, times).await;
    for _round in 0..FEW_KILLS {
        writers.progress(30).await;
        database.kill_and_restart().await;
    }
    writers.progress(5).await;
    let notes = writers.finish().await;
    let log = read_log(&members[0], &room).await;
    world.stop_before(database).await;
    audit(&notes, &log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auditor_notices_a_database_that_answers_before_it_writes() {
    let faults = killed_database(
        async |database| {
            database
                .alter_system(&[
                    ("synchronous_commit", "off"),
                    ("wal_writer_delay", "10s"),
                    ("wal_writer_flush_after", "1GB"),
                ])
                .await;
        },
        1,
    )
    .await;
    let lost = |fault: &Fault| matches!(fault, Fault::Lost { .. });
    assert!(faults.iter().any(lost), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_auditor_notices_a_server_that_does_not_know_repeats() {
    // The same bytes get another hash each time, so that no repeat is ever found.
    const FORGET_REPEATS: &str = "
        CREATE FUNCTION forget_repeats() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.message_hash := sha256(NEW.message_hash || convert_to(NEW.seq::text, 'UTF8'));
            RETURN NEW;
        END $$;
        CREATE TRIGGER forget_repeats BEFORE INSERT ON room_log FOR EACH ROW EXECUTE FUNCTION forget_repeats()";
    let forgetting = async |database: &mut Killable| {
        let client = database.connect().await;
        client
            .batch_execute(FORGET_REPEATS)
            .await
            .expect("a trigger");
    };
    let faults = killed_database(forgetting, 2).await;
    let doubled = |fault: &Fault| matches!(fault, Fault::Doubled { .. });
    assert!(faults.iter().any(doubled), "{faults:?}");
    // The same writers on a server that does know them leave no fault.
    assert_eq!(killed_database(async |_| {}, 2).await, []);
}
