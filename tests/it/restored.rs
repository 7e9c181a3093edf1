//! A backup of nothing but the database, restored into a fresh server: all devices are served as
//! before, and what was under way goes on.

use std::time::Duration;

use grove_core::OtherDevices;
use harness::{NewDevice, User, World, settle};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_made_of_a_dump_serves_every_device() {
    let mut world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("Garden", &[&bob]).await;
    let mut phone = alice.link(&world, "phone").await;
    for device in [&mut bob, &mut alice] {
        device.catch_up().await;
    }
    // Carol was invited and has not looked; the phone has not read the last word; a link is half
    // way.
    let mut carol = world.user("carol").await;
    alice.invite(&room, &[&carol]).await;
    alice.say(&room, "the last word").await;
    let mut tablet = NewDevice::begin(&world, &bob, "tablet").await;
    let (approval, code) = tablet.meet(&mut bob).await;
    let server = world.api().server().await;

    world.restore().await;
    assert_eq!(world.api().server().await.server_key, server.server_key);
    carol.hears(&room, "the last word").await;
    phone.hears(&room, "the last word").await;
    let (gave, got) = tablet.confirm(&mut bob, approval, code).await;
    gave.expect("the keys are given");
    got.expect("the keys are taken");
    let mut tablet = tablet.arrive(&bob).await;
    tablet.enter_all_rooms().await;

    let mut all = [&mut alice, &mut phone, &mut bob, &mut tablet, &mut carol];
    for speaker in 0..all.len() {
        let text = format!("device {speaker} after the restore");
        all[speaker].say(&room, &text).await;
        for listener in &mut all {
            listener.hears(&room, &text).await;
        }
    }
    // Whoever was heard last may have tidied up behind it.
    settle(&world, &mut all).await;
    let ends: Vec<_> = all.iter().map(|device| device.head(&room)).collect();
    assert!(ends.windows(2).all(|two| two[0] == two[1]), "{ends:?}");
    // Handshakes too: a room, a lost device, a member who goes.
    phone.make_room_with("Attic", &[&carol]).await;
    let mut found = bob.recover(&world, "found", OtherDevices::Revoke).await;
    found.say(&room, "from the paper").await;
    alice.hears(&room, "from the paper").await;
    assert!(
        tablet.try_sync(Duration::ZERO).await.is_err(),
        "it was taken off"
    );
    let carol = carol.uri.clone();
    let removed = alice.client.remove(&room, &[carol]).await;
    removed.expect("a member is removed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_dump_nobody_is_served() {
    // The control of the test above: the fresh server by itself knows nothing that would do.
    let mut world = World::new().await;
    let mut alice: User = world.user("alice").await;
    let room = alice.make_room("Garden").await;
    alice.say(&room, "hello").await;
    world.start_over().await;
    assert!(alice.try_sync(Duration::ZERO).await.is_err());
    assert_eq!(alice.texts(&room), ["hello"], "what she has is hers");
}
