//! How much there is: counted where that is cheap, estimated where it is not.

use harness::socket::Socket;
use harness::{Setup, World, eventually};
use serde_json::Value;

use super::{ask, exact, read};
use crate::sockets::ReadSocket;

/// Puts so many further entries of ten bytes into a log, as far as the operator's statements can
/// see.
const LENGTHEN: &str = "WITH room AS (
        UPDATE room_heads h SET seq = h.seq + $2 FROM rooms r
        WHERE r.room_id = h.room_id AND r.uri = $1 RETURNING h.room_id, h.seq - $2 AS before, h.epoch, h.last_time
    )
    INSERT INTO room_log (room_id, seq, kind, epoch, time, message_hash, head, entry)
    SELECT room_id, before + n, 1, epoch, last_time, sha256(int8send(n)), sha256(int8send(n)), '0123456789'::bytea
    FROM room, generate_series(1, $2) n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_to_be_read_is_estimated_and_said_to_be() {
    let world = Setup::default().process().start().await;
    let mut alice = world.hand("alice").await;
    let room = alice.make_room().await;
    let database = world.database().await;
    database
        .execute(LENGTHEN, &[&room.as_str(), &500_i64])
        .await
        .expect("500 entries");
    let shown = ask(&world, &["rooms", "show", room.as_str()]).await;
    let listed = ask(&world, &["rooms", "list"]).await;
    let estimate = &listed["rooms"][0]["log_bytes"];
    assert_eq!(
        (exact(&shown["log_bytes"]), estimate),
        (5_000, &serde_json::json!({"value": 5_000, "exact": false}))
    );
    let text = read(&world, &["rooms", "list"]).await;
    assert!(text.contains("~4.8 KiB"), "{text}");

    // What has outlived its time is no part of it.
    let gone =
        "UPDATE room_log SET entry = NULL WHERE seq <= 450; UPDATE room_states SET gone_seq = 450";
    database.batch_execute(gone).await.expect("450 are gone");
    let listed = ask(&world, &["rooms", "list"]).await;
    assert_eq!(exact(&listed["rooms"][0]["log_bytes"]), 500);
    let shown = ask(&world, &["rooms", "show", room.as_str()]).await;
    assert_eq!(
        (exact(&shown["log_bytes"]), &shown["oldest_seq"]),
        (500, &451.into())
    );
    database
        .batch_execute("UPDATE room_states SET gone_seq = 500")
        .await
        .expect("all are gone");
    let shown = ask(&world, &["rooms", "show", room.as_str()]).await;
    assert_eq!(
        (exact(&shown["log_bytes"]), &shown["oldest_seq"]),
        (0, &Value::Null)
    );
    assert_eq!(
        ask(&world, &["statistics"]).await["oldest_entry_at"],
        Value::Null
    );

    let counted = ask(&world, &["statistics"]).await;
    assert_eq!(exact(&counted["log_entries"]), 500);
    let more = "INSERT INTO room_log (room_id, seq, kind, epoch, time, message_hash, head, entry)
                SELECT -1, n, 1, 0, 1, sha256(int8send(n)), '', '' FROM generate_series(1, 12000) n";
    database
        .batch_execute(&format!("{more}; ANALYZE room_log"))
        .await
        .expect("12,000 entries");
    let estimated = ask(&world, &["statistics"]).await;
    let (value, is_exact) = (
        &estimated["log_entries"]["value"],
        &estimated["log_entries"]["exact"],
    );
    assert_eq!(is_exact, false);
    assert!(
        (12_000..13_000).contains(&value.as_u64().expect("a number")),
        "{value}"
    );
}

/// The tables are wherever the connection finds them, which need not be `public`; those of others
/// in the same database are not counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_tables_are_weighed() {
    let mut world = Setup::default().process().start().await;
    let alice = world.hand("alice").await;
    let bytes = async |world: &World| {
        let shown = ask(world, &["statistics"]).await;
        shown["log_bytes"].as_u64().expect("a number")
    };
    let before = bytes(&world).await;
    assert!(before > 0);
    let database = world.database().await;
    let others = "CREATE SCHEMA others;
                  CREATE TABLE others.room_log AS SELECT repeat('x', 1000) FROM generate_series(1, 10000);
                  CREATE TABLE others.users AS SELECT 1";
    database
        .batch_execute(others)
        .await
        .expect("another schema");
    assert_eq!(bytes(&world).await, before);

    world.stop().await;
    let moved = "ALTER SCHEMA public RENAME TO grove; CREATE SCHEMA public";
    database.batch_execute(moved).await.expect("it moves");
    let name = database.query_one("SELECT current_database()", &[]).await;
    let name: String = name.expect("a name").get(0);
    let path = format!("ALTER DATABASE \"{name}\" SET search_path = grove");
    database.batch_execute(&path).await.expect("a setting");
    world.start().await;
    assert_eq!(alice.api.get("/v1/whoami").await.status, 200);
    assert_eq!(bytes(&world).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_those_of_the_database_and_the_process() {
    let world = Setup::default().process().start().await;
    let empty = ask(&world, &["statistics"]).await;
    assert_eq!(
        (exact(&empty["users"]), &empty["oldest_entry_at"]),
        (0, &Value::Null)
    );
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "hello").await;
    bob.hears(&room, "hello").await;
    let token = bob.api().token;
    let socket = Socket::open(world.url(), token.as_deref()).await;
    let _socket = ReadSocket::new(socket.expect("a socket"));
    let shown = eventually("the socket is counted", async || {
        let shown = ask(&world, &["statistics"]).await;
        (shown["sockets"] == 1).then_some(shown)
    })
    .await;
    for (name, sql) in [
        ("users", "SELECT count(*) FROM users"),
        (
            "devices",
            "SELECT count(*) FROM devices WHERE revoked_at IS NULL",
        ),
        ("sessions", "SELECT count(*) FROM sessions"),
        ("rooms", "SELECT count(*) FROM rooms"),
        ("log_entries", "SELECT count(*) FROM room_log"),
    ] {
        let truth = u64::try_from(world.count(sql).await).expect("positive");
        assert_eq!(exact(&shown[name]), truth, "{name}");
        assert!(truth > 0, "{name}");
    }
    let oldest =
        u64::try_from(world.count("SELECT min(time) FROM room_log").await).expect("positive");
    assert_eq!(shown["oldest_entry_at"], oldest);
    assert_eq!(
        shown["accepted"],
        world.counter("grove_accepted_total", "").await
    );
    assert!(shown["accepted"].as_u64() > Some(0));
    for size in ["log_bytes", "database_bytes", "disk_free_bytes"] {
        assert!(shown[size].as_u64() > Some(0), "{size}: {shown}");
    }
    assert_eq!(shown["domain"], "a.example");
    let text = read(&world, &["statistics"]).await;
    assert!(
        text.contains("a.example") && text.contains("database on disk"),
        "{text}"
    );
}
