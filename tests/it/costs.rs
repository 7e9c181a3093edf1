//! What a message costs: one durable row and a constant number of statements, however many are in
//! the room.

use futures_util::future::join_all;
use grove_mls::room::Role;
use grove_wire::uri::{RoomUri, UserUri};
use harness::{Hand, Setup, World};

const MESSAGES: u64 = 25;

/// A room of so many members, all of them off-line but its owner.
async fn room_of(world: &World, prefix: &str, members: usize) -> (Hand, RoomUri) {
    let mut owner = world.hand(&format!("{prefix}-owner")).await;
    let room = owner.make_room().await;
    let mut found = Vec::new();
    let mut roles: Vec<(UserUri, u32)> = Vec::new();
    for number in 1..members {
        let member = Hand::register(world, &format!("{prefix}-{number}"), 1).await;
        found.extend(owner.claim_valid(&member.user, &room).await);
        roles.push((member.user, Role::Member.index()));
    }
    let bundle = owner.commit(&room, |group, storage, device| {
        group.add(storage, device, &found, &roles)
    });
    owner.hand_in(&room, &bundle).await.ok();
    owner.read(&room).await;
    assert_eq!(
        owner.group(&room).members().expect("the members").len(),
        members
    );
    (owner, room)
}

/// Statements run so far, all and by name.
async fn statements(world: &World) -> (u64, Vec<(&'static str, u64)>) {
    let mut named = Vec::new();
    for name in ["lock_heads", "append_entries"] {
        let label = format!("statement=\"{name}\"");
        named.push((
            name,
            world.counter("grove_db_statements_total", &label).await,
        ));
    }
    (world.counter("grove_db_statements_total", "").await, named)
}

/// What some messages, one after the other, cost in rows and statements.
async fn cost_of(
    world: &World,
    owner: &mut Hand,
    room: &RoomUri,
) -> (Vec<(String, i64)>, u64, Vec<(&'static str, u64)>) {
    // Whatever is looked up once is looked up now.
    let first = owner.seal(room, "warming up");
    owner.submit(room, &first).await.ok();
    let sealed: Vec<_> = (0..MESSAGES)
        .map(|number| owner.seal(room, &format!("message {number}")))
        .collect();
    let (rows, (all, named)) = (world.row_counts().await, statements(world).await);
    for message in &sealed {
        owner.submit(room, message).await.ok();
    }
    let (rows_after, (all_after, named_after)) =
        (world.row_counts().await, statements(world).await);
    let grown = rows
        .into_iter()
        .zip(rows_after)
        .filter(|((_, before), (_, after))| after != before);
    let grown = grown
        .map(|((table, before), (_, after))| (table, after - before))
        .collect();
    let named = named
        .into_iter()
        .zip(named_after)
        .map(|((name, before), (_, after))| (name, after - before))
        .collect();
    (grown, all_after - all, named)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_costs_one_row_and_two_statements_however_many_are_in_the_room() {
    let world = Setup::default().process().start().await;
    let (mut two, two_room) = room_of(&world, "two", 2).await;
    let (mut fifty, fifty_room) = room_of(&world, "fifty", 50).await;
    let in_two = cost_of(&world, &mut two, &two_room).await;
    let in_fifty = cost_of(&world, &mut fifty, &fifty_room).await;
    let expected_rows = vec![("room_log".to_owned(), i64::try_from(MESSAGES).expect("few"))];
    for (members, (rows, all, named)) in [(2, &in_two), (50, &in_fifty)] {
        assert_eq!(*rows, expected_rows, "{members} members");
        assert_eq!(
            *named,
            [("lock_heads", MESSAGES), ("append_entries", MESSAGES)],
            "{members} members"
        );
        // Nobody is connected, so nothing else should be asked of the database; a background task
        // may have been.
        assert!(
            *all <= 2 * MESSAGES + 5,
            "{all} statements for {MESSAGES} messages with {members} members"
        );
    }
}

/// Makes the database take its time for each batch, so that those who come meanwhile come together:
/// no client has to be faster than PostgreSQL.
async fn slow_down(world: &World) {
    const SLOW: &str = "
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_sleep(2);
            RETURN NULL;
        END $$;
        CREATE TRIGGER slow AFTER INSERT ON room_log FOR EACH STATEMENT EXECUTE FUNCTION slow()";
    let database = world.database().await;
    database.batch_execute(SLOW).await.expect("a trigger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_come_together_share_their_statements() {
    const TOGETHER: usize = 200;
    let world = Setup::default().process().start().await;
    let (mut owner, room) = room_of(&world, "two", 2).await;
    let first = owner.seal(&room, "warming up");
    owner.submit(&room, &first).await.ok();
    let sealed: Vec<_> = (0..TOGETHER)
        .map(|number| owner.seal(&room, &format!("message {number}")))
        .collect();
    slow_down(&world).await;
    let batches = "grove_append_batch_size_count";
    let (before, batches_before) = (statements(&world).await.1, world.counter(batches, "").await);
    let answers = join_all(sealed.iter().map(|message| owner.submit(&room, message))).await;
    let seqs: std::collections::BTreeSet<u64> = answers.iter().map(harness::Answer::seq).collect();
    assert_eq!(seqs.len(), TOGETHER, "a place for each");
    let (after, batches_after) = (statements(&world).await.1, world.counter(batches, "").await);
    let batches = batches_after - batches_before;
    for ((name, before), (_, after)) in before.into_iter().zip(after) {
        assert_eq!(after - before, batches, "{name}: once per batch");
    }
    assert!(
        batches < TOGETHER as u64 / 2,
        "{batches} batches for {TOGETHER} messages"
    );
    assert_eq!(
        world
            .count("SELECT count(*) FROM room_log WHERE kind = 1")
            .await,
        TOGETHER as i64 + 1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_is_small() {
    let world = Setup::default().process().start().await;
    world.until_ready().await;
    let resident = world.process().resident_bytes();
    // 60 MB are promised for the optimised program; this one is not, and its code alone is several
    // times larger.
    assert!(resident < 120 << 20, "{resident} bytes");
}
