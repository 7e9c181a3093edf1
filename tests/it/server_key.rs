//! The server's key lies in the database: a restored dump is the same server, whatever its data
//! directory holds.

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use grove_server::Server;
use grove_server::config::{Config, LoadOptions};
use harness::World;
use harness::entries::random;

/// Why the server does not start as things are.
async fn refusal(world: &World) -> String {
    let config = Config::load(LoadOptions {
        sets: world.settings(),
        ..LoadOptions::default()
    });
    let refused = Server::start(config.expect("a configuration"), world.clock.clone()).await;
    let error = refused.expect_err("it does not start");
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        said.push_str(": ");
        said.push_str(&inner.to_string());
        source = inner.source();
    }
    said
}

/// Leaves a key file as older versions had it.
fn leave_key_file(world: &World, seed: &[u8], mode: u32) {
    let file = world.data_dir().join("server.key");
    fs::write(&file, seed).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("a mode");
}

async fn seed(world: &World) -> Option<Vec<u8>> {
    let sql = "SELECT server_seed FROM server_identity";
    let row = world.database().await.query_one(sql, &[]).await;
    row.expect("an identity").get(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_dump_in_a_fresh_data_directory_is_the_same_server() {
    let mut world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "before").await;
    bob.hears(&room, "before").await;
    let key = world.api().server().await.server_key;
    world.restore().await;
    assert_eq!(world.api().server().await.server_key, key);
    assert!(!world.data_dir().join("server.key").exists());
    // Receipts, which clients check against the key in the room, are good; commits and joiners too.
    alice.say(&room, "after").await;
    bob.hears(&room, "after").await;
    let mut carol = world.user("carol").await;
    bob.invite(&room, &[&carol]).await;
    bob.say(&room, "carol is here").await;
    carol.hears(&room, "carol is here").await;
    assert_eq!(alice.texts(&room), ["before", "after"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_file_of_an_older_data_directory_is_imported_once() {
    let mut world = World::new().await;
    let mut alice = world.user("alice").await;
    let room = alice.make_room("garden").await;
    let key = world.api().server().await.server_key;
    let secret = seed(&world).await.expect("the key is in the database");
    assert_eq!(secret.len(), 32);
    // As an older version left things.
    world.stop().await;
    let forget = "UPDATE server_identity SET server_seed = NULL";
    world
        .database()
        .await
        .execute(forget, &[])
        .await
        .expect("an update");
    assert!(refusal(&world).await.contains("put it back as"));
    leave_key_file(&world, &secret, 0o644);
    assert!(refusal(&world).await.contains("chmod 600"));
    leave_key_file(&world, &random::<31>(), 0o600);
    assert!(refusal(&world).await.contains("is not a server key"));
    leave_key_file(&world, &random::<32>(), 0o600);
    assert!(refusal(&world).await.contains("another key"));
    assert_eq!(seed(&world).await, None, "nothing wrong was imported");

    leave_key_file(&world, &secret, 0o600);
    world.start().await;
    assert_eq!(world.api().server().await.server_key, key);
    assert_eq!(seed(&world).await.as_ref(), Some(&secret));
    alice.say(&room, "the same server").await;
    // From now on the file is not needed, but another server's is still refused.
    world.stop().await;
    leave_key_file(&world, &random::<32>(), 0o600);
    assert!(refusal(&world).await.contains("another key"));
    fs::remove_file(world.data_dir().join("server.key")).expect("the file");
    world.start().await;
    assert_eq!(world.api().server().await.server_key, key);
    alice.say(&room, "still the same").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_on_an_empty_database_is_the_key() {
    let mut world = World::new().await;
    world.stop().await;
    let empty = "DELETE FROM server_identity";
    world
        .database()
        .await
        .execute(empty, &[])
        .await
        .expect("a deletion");
    let secret = random::<32>();
    leave_key_file(&world, &secret, 0o600);
    world.start().await;
    let public = grove_mls::identity::ServerKey::from_seed(secret).public();
    let server = world.api().server().await;
    assert_eq!(server.server_key.as_bytes(), public.as_bytes());
    assert_eq!(seed(&world).await.as_deref(), Some(secret.as_slice()));
}
