//! Who was removed neither reads on nor sends.

use grove_wire::codec;
use harness::api::{about, log_path};
use harness::entries::{entries_of, messages, text_of};
use harness::{World, plain_mls};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_neither_reads_on_nor_sends() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let mut mallory = world.hand("mallory").await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice
        .invite_users(&room, std::slice::from_ref(&mallory.user))
        .await;
    mallory.join().await;
    bob.catch_up().await;

    // The control: before the removal she reads and sends.
    alice.say(&room, "before").await;
    let before = mallory
        .entries(&room, 0)
        .await
        .pop()
        .expect("an entry")
        .1
        .message;
    assert!(plain_mls::opens(&mallory, &room, &before));
    let heard = mallory.read(&room).await;
    assert!(
        heard
            .iter()
            .filter_map(text_of)
            .any(|text| text == "before")
    );
    let message = mallory.seal(&room, "mallory was here");
    mallory.submit(&room, &message).await.ok();
    bob.hears(&room, "mallory was here").await;
    let unsent = mallory.seal(&room, "one more thing");
    let commit = mallory
        .draft(&room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");

    alice
        .client
        .remove(&room, std::slice::from_ref(&mallory.user))
        .await
        .expect("mallory is removed");
    alice.say(&room, "after").await;
    bob.hears(&room, "after").await;
    assert!(!bob.members(&room).contains(&"mallory".to_owned()));

    // She is told of her removal, and of nothing since.
    let last = bob.head(&room).0;
    let removal = bob.api().get(&log_path(&room, last - 2)).await.ok();
    let sealed = entries_of(&removal.body, &room)
        .into_iter()
        .find(|(seq, _)| *seq == last)
        .expect("the message")
        .1;
    for path in [log_path(&room, 0), "/v1/poll?wait_s=0".to_owned()] {
        let answer = mallory.api.get(&path).await;
        if answer.status == 200 {
            let entries = entries_of(&answer.body, &room);
            assert!(
                entries.iter().all(|(seq, _)| *seq < last),
                "{path} gave her what was said after"
            );
        } else {
            assert_eq!(answer.status, 404, "{path}");
        }
    }
    assert!(
        !messages(&sealed)
            .iter()
            .any(|message| plain_mls::opens(&mallory, &room, message))
    );

    // Everything about the room is gone for her, in the words for a room that never was.
    let unknown = world.hand("nobody").await.prepare_room().await.0;
    let update =
        codec::encode(&grove_wire::mimi::update::UpdateRequest { bundle: commit }).expect("a body");
    let submit = harness::entries::submit_body(&unsent, &mallory.user);
    for (what, body) in [("update", update), ("submitMessage", submit)] {
        let answer = mallory.api.post(&about(what, &room), body).await;
        assert_eq!(answer.status, 404, "{what}: {}", answer.text());
        let reference = mallory.api.get(&log_path(&unknown, 0)).await;
        assert_eq!(
            answer.problem_without_id(),
            reference.problem_without_id(),
            "{what}"
        );
    }
    let tree = format!(
        "/v1/rooms/{}/tree/{}",
        room.path_segment(),
        bob.room(&room).epoch
    );
    assert_eq!(mallory.api.get(&tree).await.status, 404);
    assert_eq!(mallory.ask_key_packages(&bob.uri, &room).await.status, 404);
    bob.catch_up().await;
    assert!(!bob.texts(&room).iter().any(|text| text == "one more thing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_can_be_invited_again() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "first").await;
    bob.hears(&room, "first").await;
    alice
        .client
        .remove(&room, std::slice::from_ref(&bob.uri))
        .await
        .expect("bob is removed");
    alice.say(&room, "behind his back").await;
    bob.catch_up().await;
    assert_eq!(bob.room(&room).state, "removed");
    alice.invite(&room, &[&bob]).await;
    alice.say(&room, "welcome back").await;
    bob.hears(&room, "welcome back").await;
    assert_eq!(bob.texts(&room), ["first", "welcome back"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_may_not_come_back_uninvited_but_a_participant_joins_alone() {
    let world = World::new().await;
    let [mut alice, mut bob, mut carol] = world.users(["alice", "bob", "carol"]).await;
    let room = alice.make_room_with("garden", &[&bob, &carol]).await;
    carol.catch_up().await;
    carol.client.leave(&room).await.expect("carol leaves");
    alice.catch_up().await;
    alice.say(&room, "carol left").await;
    assert!(
        carol.client.join(&room).await.is_err(),
        "she is no participant any more"
    );
    bob.hears(&room, "carol left").await;
}
