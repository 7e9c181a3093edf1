//! The server does not learn what is said: no word of a conversation is in its database.

use harness::World;
use harness::world::tables;

const WORDS: [&str; 4] = ["xylophone", "marmalade", "quicksilver", "hippopotamus"];

/// Everything in the database, as text and as the bytes behind it.
pub(crate) async fn dump(world: &World) -> Vec<u8> {
    let database = world.database().await;
    let mut all = Vec::new();
    for table in tables(&database).await {
        let rows = database
            .simple_query(&format!("SELECT t::text FROM {table} t"))
            .await
            .expect("the rows");
        for row in rows {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = row {
                let text = row.get(0).unwrap_or_default();
                all.extend_from_slice(text.as_bytes());
                // bytea stands there in hexadecimal digits: what they say.
                for run in text.split(|c: char| !c.is_ascii_hexdigit()) {
                    let digits = run.as_bytes().chunks_exact(2);
                    let byte = |pair: &[u8]| {
                        u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16)
                            .expect("a byte")
                    };
                    all.extend(digits.map(byte));
                    all.push(0);
                }
            }
        }
    }
    all
}

fn contains(all: &[u8], word: &str) -> bool {
    all.windows(word.len())
        .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_word_of_a_conversation_is_in_the_database() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice
        .client
        .create_room(WORDS[0], Some(WORDS[1]))
        .await
        .expect("a room");
    alice.invite(&room, &[&bob]).await;
    alice.say(&room, WORDS[2]).await;
    bob.hears(&room, WORDS[2]).await;
    bob.say(&room, WORDS[3]).await;
    alice.hears(&room, WORDS[3]).await;
    let view = bob.room(&room);
    assert_eq!(
        (view.name.as_str(), view.topic.as_str()),
        (WORDS[0], WORDS[1])
    );

    let all = dump(&world).await;
    for word in WORDS {
        assert!(!contains(&all, word), "{word} is in the database");
    }
    // The control: what the server does know is found, as text and inside bytes.
    assert!(contains(&all, "mimi://a.example/u/bob"));
    let record = world
        .database()
        .await
        .query_one("SELECT record FROM rooms", &[])
        .await
        .expect("a record");
    let record: Vec<u8> = record.get(0);
    assert!(
        all.windows(record.len()).any(|window| window == record),
        "bytes are searched as bytes"
    );
}
