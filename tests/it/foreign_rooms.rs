//! A room that is not yours looks like one that never was.

use grove_wire::codec;
use grove_wire::mls::MlsMessage;
use harness::World;
use harness::api::{about, log_path};
use harness::entries::submit_body;
use harness::hand::SUITE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_is_not_yours_looks_like_one_that_never_was() {
    let world = World::new().await;
    let [mut alice, mut stranger] = world.hands(["alice", "stranger"]).await;
    let room = alice.make_room().await;
    alice.add(&room, &world.hand("bob").await.user).await;
    let message = alice.seal(&room, "overheard");
    let update = alice
        .draft(&room, |group, storage, device| {
            group.self_update(storage, device)
        })
        .expect("a commit");
    let update =
        codec::encode(&grove_wire::mimi::update::UpdateRequest { bundle: update }).expect("a body");
    let never = stranger.prepare_room().await.0;
    let before = world.row_counts().await;
    let mut of_unknown = Vec::new();
    let mut of_foreign = Vec::new();
    for (room, answers) in [(&never, &mut of_unknown), (&room, &mut of_foreign)] {
        let api = &stranger.api;
        let hash = room.hash();
        // The message is for the room asked about, so that only the room makes the difference.
        let mut bytes = message.as_bytes().to_vec();
        bytes[5..37].copy_from_slice(&hash);
        let message = MlsMessage::from_bytes(bytes).expect("a message");
        answers.push((
            "submitMessage",
            api.post(
                &about("submitMessage", room),
                submit_body(&message, &stranger.user),
            )
            .await,
        ));
        answers.push((
            "update",
            api.post(&about("update", room), update.clone()).await,
        ));
        answers.push(("log", api.get(&log_path(room, 0)).await));
        answers.push((
            "tree",
            api.get(&format!("/v1/rooms/{}/tree/1", room.path_segment()))
                .await,
        ));
        answers.push((
            "keyMaterial",
            stranger.ask_key_packages(&alice.user, room).await,
        ));
        let suite = SUITE;
        let (request, _secret) =
            grove_mls::member::external::request_group_info(&stranger.identity, suite)
                .expect("a request");
        let request = codec::encode(&request).expect("a body");
        answers.push((
            "groupInfo",
            api.post(&about("groupInfo", room), request).await,
        ));
    }
    for ((what, unknown), (_, foreign)) in of_unknown.iter().zip(&of_foreign) {
        assert_eq!(unknown.status, 404, "{what}: {}", unknown.text());
        assert_eq!(foreign.status, 404, "{what}: {}", foreign.text());
        assert_eq!(
            unknown.problem_without_id(),
            foreign.problem_without_id(),
            "{what}"
        );
        assert_eq!(unknown.body.len(), foreign.body.len(), "{what}");
    }
    assert_eq!(world.row_counts().await, before);
}
