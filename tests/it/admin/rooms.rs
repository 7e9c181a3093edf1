//! Rooms: who is in them, how long their logs are, who lags.

use harness::{Setup, eventually};
use serde_json::Value;

use super::{ask, code, exact, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_are_listed_in_pages_and_shown_with_who_lags() {
    let world = Setup::default().process().start().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    for _more in 0..2 {
        alice.make_room("another").await;
    }
    for text in ["one", "two", "three"] {
        alice.say(&room, text).await;
    }
    let all = ask(&world, &["rooms", "list"]).await;
    let uris = |page: &Value| -> Vec<String> {
        let rooms = page["rooms"].as_array().expect("rooms").iter();
        rooms
            .map(|room| room["room"].as_str().expect("a URI").to_owned())
            .collect()
    };
    assert_eq!((uris(&all).len(), &all["next"]), (3, &Value::Null));
    let first = ask(&world, &["rooms", "list", "--limit", "2"]).await;
    let next = first["next"].as_str().expect("there is more");
    let second = ask(&world, &["rooms", "list", "--limit", "2", "--after", next]).await;
    assert_eq!([uris(&first), uris(&second)].concat(), uris(&all));
    assert_eq!(second["next"], Value::Null);
    // A room may be named by its last part here as well, and nonsense is no place in a list.
    let short = next.rsplit('/').next().expect("a part");
    let again = ask(&world, &["rooms", "list", "--after", short]).await;
    assert_eq!(uris(&again), uris(&second));
    assert_eq!(
        code(&world, &["rooms", "list", "--after", "nonsense"]).await,
        6
    );

    let database = world.database().await;
    let sql = "SELECT h.seq, h.epoch, h.last_time, sum(octet_length(l.entry))::bigint
               FROM rooms r JOIN room_heads h USING (room_id) JOIN room_log l USING (room_id)
               WHERE r.uri = $1 GROUP BY h.seq, h.epoch, h.last_time";
    let truth = database
        .query_one(sql, &[&room.as_str()])
        .await
        .expect("the room");
    let number = |at: usize| u64::try_from(truth.get::<_, i64>(at)).expect("positive");
    let rooms = all["rooms"].as_array().expect("rooms");
    let garden = rooms
        .iter()
        .find(|one| one["room"] == room.as_str())
        .expect("the room");
    assert_eq!(garden["seq"], number(0));
    assert_eq!(garden["epoch"], number(1));
    assert_eq!(garden["last_activity"], number(2));
    assert_eq!(exact(&garden["log_bytes"]), number(3));
    assert_eq!(
        (exact(&garden["participants"]), exact(&garden["members"])),
        (2, 2)
    );

    // Bob has not read the three messages, then he has.
    let id = room.as_str().rsplit('/').next().expect("an id");
    let lag_of = |shown: &Value, name: &str| {
        let readers = shown["readers"].as_array().expect("readers").iter();
        let mut lags =
            readers.filter(|reader| reader["client"].as_str().expect("a URI").contains(name));
        lags.next().expect("a reader")["lag"]
            .as_u64()
            .expect("a number")
    };
    let shown = ask(&world, &["rooms", "show", id]).await;
    assert!(lag_of(&shown, "bob") >= 3, "{shown}");
    assert_eq!(shown["oldest_seq"], 1);
    let list = shown["list"].as_array().expect("participants");
    let roles: Vec<_> = list
        .iter()
        .map(|one| (one["user"].as_str(), one["role"].as_str()))
        .collect();
    assert_eq!(
        roles,
        [
            (Some("mimi://a.example/u/alice"), Some("owner")),
            (Some("mimi://a.example/u/bob"), Some("member"))
        ]
    );
    bob.hears(&room, "three").await;
    eventually("bob's cursor is written", async || {
        let shown = ask(&world, &["rooms", "show", room.as_str()]).await;
        (lag_of(&shown, "bob") == 0).then_some(())
    })
    .await;
    let text = read(&world, &["rooms", "show", id]).await;
    assert!(
        text.contains("owner") && text.contains("0 behind"),
        "{text}"
    );

    let unknown = "mimi://a.example/r/aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq";
    for refused in [unknown, "nonsense", "mimi://a.example/u/alice"] {
        assert_eq!(
            code(&world, &["rooms", "show", refused]).await,
            6,
            "{refused}"
        );
    }
}
