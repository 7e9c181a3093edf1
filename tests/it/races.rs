//! Everybody at once: commits for one epoch, leavers, claims of KeyPackages, two processes on one
//! profile.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use grove_core::Draft;
use grove_wire::codec;
use grove_wire::mimi::key_material::{ClientKeyMaterial, KeyMaterialResponse};
use harness::{User, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_commits_for_one_epoch_exactly_one_wins_fifty_times() {
    let world = World::new().await;
    let [mut alice, mut bob, mut carol, mut dave] =
        world.hands(["alice", "bob", "carol", "dave"]).await;
    let room = alice.make_room().await;
    for other in [&bob.user, &carol.user, &dave.user] {
        let other = other.clone();
        alice.add(&room, &other).await;
    }
    for hand in [&mut bob, &mut carol, &mut dave] {
        hand.join().await;
        hand.read(&room).await;
    }
    let mut hands = [alice, bob, carol, dave];
    let mut winners = HashSet::new();
    for round in 0..50 {
        let epoch = hands[0].group(&room).epoch();
        let bundles: Vec<_> = hands
            .iter()
            .map(|hand| {
                hand.commit(&room, |group, storage, device| {
                    group.self_update(storage, device)
                })
            })
            .collect();
        let answers = join_all(
            hands
                .iter()
                .zip(&bundles)
                .map(|(hand, bundle)| hand.hand_in(&room, bundle)),
        )
        .await;
        let won: Vec<usize> = (0..hands.len())
            .filter(|&hand| answers[hand].status == 200)
            .collect();
        assert_eq!(won.len(), 1, "round {round}");
        winners.insert(won[0]);
        for lost in (0..hands.len()).filter(|hand| *hand != won[0]) {
            assert_eq!(answers[lost].status, 409, "{}", answers[lost].text());
            assert_eq!(answers[lost].problem().current_epoch, Some(epoch + 1));
        }
        // The winner's commit handed in again is the same place in the log, whatever the epoch is
        // by now.
        let again = hands[won[0]].hand_in(&room, &bundles[won[0]]).await;
        assert_eq!(again.seq(), answers[won[0]].seq());
        for hand in &mut hands {
            hand.read(&room)
                .await
                .into_iter()
                .for_each(|read| drop(read.expect("the winner can be read")));
            assert_eq!(hand.group(&room).epoch(), epoch + 1);
        }
    }
    let secrets: HashSet<Vec<u8>> = hands
        .iter()
        .map(|hand| hand.group(&room).epoch_authenticator())
        .collect();
    assert_eq!(secrets.len(), 1, "all are in one group");
    let commits = world
        .count("SELECT count(*) FROM room_log WHERE kind = 3")
        .await;
    assert_eq!(commits, 53);
    assert!(!winners.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_races_are_invisible_to_people() {
    let world = World::new().await;
    let [mut alice, mut bob, carol, dave] = world.users(["alice", "bob", "carol", "dave"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    let (carol_uri, dave_uri) = ([carol.uri.clone()], [dave.uri.clone()]);
    let (one, other) = tokio::join!(
        alice.client.invite(&room, &carol_uri),
        bob.client.invite(&room, &dave_uri)
    );
    assert_eq!(one.expect("carol is in").added.len(), 1);
    assert_eq!(other.expect("dave is in").added.len(), 1);
    let mut people = [alice, bob, carol, dave];
    for person in &mut people {
        person.catch_up().await;
    }
    for speaker in 0..people.len() {
        let text = format!("{} is here", people[speaker].name);
        people[speaker].say(&room, &text).await;
        for listener in (0..people.len()).filter(|listener| *listener != speaker) {
            people[listener].hears(&room, &text).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_commits_at_once_lose_nothing() {
    let world = World::new().await;
    let [mut alice, mut bob, carol] = world.users(["alice", "bob", "carol"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    let carol_uri = [carol.uri.clone()];
    let talking = async {
        for number in 0..10 {
            bob.say(&room, &format!("message {number}")).await;
        }
    };
    let changing = async {
        for _ in 0..3 {
            alice
                .client
                .invite(&room, &carol_uri)
                .await
                .expect("carol is in");
            alice
                .client
                .remove(&room, &carol_uri)
                .await
                .expect("carol is out");
        }
    };
    tokio::join!(talking, changing);
    alice.catch_up().await;
    let expected: Vec<String> = (0..10).map(|number| format!("message {number}")).collect();
    assert_eq!(alice.texts(&room), expected, "all, once, in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_leave_at_once() {
    let world = World::new().await;
    let [mut alice, mut bob, mut carol, mut dave] =
        world.users(["alice", "bob", "carol", "dave"]).await;
    let room = alice.make_room_with("garden", &[&bob, &carol, &dave]).await;
    for person in [&mut bob, &mut carol, &mut dave] {
        person.catch_up().await;
    }
    let (one, other) = tokio::join!(bob.client.leave(&room), carol.client.leave(&room));
    one.expect("bob leaves");
    other.expect("carol leaves");
    assert!(
        bob.client
            .send(&room, Draft::Text("still here?".to_owned()))
            .await
            .is_err()
    );
    // Somebody who stays commits both removals before the next word.
    dave.catch_up().await;
    dave.say(&room, "they are gone").await;
    alice.hears(&room, "they are gone").await;
    assert_eq!(alice.members(&room), ["alice", "dave"]);
    assert_eq!(dave.members(&room), ["alice", "dave"]);
    for left in [&mut bob, &mut carol] {
        left.catch_up().await;
        assert_eq!(left.room(&room).state, "left");
        assert!(
            left.texts(&room).is_empty(),
            "{} hears nothing said after",
            left.name
        );
    }
    let open = "SELECT count(*) FROM cursors WHERE to_seq IS NULL";
    assert_eq!(world.count(open).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removals_are_committed_though_nobody_speaks() {
    let world = World::new().await;
    let [mut alice, mut bob, mut carol] = world.users(["alice", "bob", "carol"]).await;
    let room = alice.make_room_with("garden", &[&bob, &carol]).await;
    bob.catch_up().await;
    carol.catch_up().await;
    bob.client.leave(&room).await.expect("bob leaves");
    carol.catch_up().await;
    assert_eq!(carol.members(&room).len(), 3, "it is not carol's turn yet");
    world.pass(Duration::from_secs(4));
    carol.catch_up().await;
    assert_eq!(carol.members(&room), ["alice", "carol"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_package_is_handed_out_twice() {
    let world = World::new().await;
    let target = world.hand("target").await;
    let mut askers = world.hands(["alice", "bob", "carol"]).await;
    let mut rooms = Vec::new();
    for asker in &mut askers {
        rooms.push(asker.make_room().await);
    }
    let asking =
        (0..24).map(|number| askers[number % 3].ask_key_packages(&target.user, &rooms[number % 3]));
    let answers = join_all(asking).await;
    let (mut given, mut exhausted) = (Vec::new(), 0);
    for answer in answers {
        let response: KeyMaterialResponse = codec::decode(&answer.ok().body).expect("a response");
        for client in response.clients {
            match client {
                ClientKeyMaterial::Success { key_package, .. } => {
                    given.push(key_package.into_bytes());
                }
                ClientKeyMaterial::KeyMaterialExhausted { .. } => exhausted += 1,
                ClientKeyMaterial::NothingCompatible { .. } => panic!("all of them fit"),
            }
        }
    }
    assert_eq!((given.len(), exhausted), (10, 14));
    assert_eq!(handed_out_twice(&given), 0);
    let left = "SELECT count(*) FROM key_packages JOIN devices USING (device_id) WHERE client LIKE '%/target/%'";
    assert_eq!(world.count(left).await, 0);
}

fn handed_out_twice(given: &[Vec<u8>]) -> usize {
    given.len() - given.iter().collect::<HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_without_locks_hand_out_the_same_key_package() {
    const LOOK: &str = "SELECT key_package_id, key_package FROM key_packages
         WHERE NOT last_resort ORDER BY key_package_id LIMIT 1";
    const TAKE: &str = "DELETE FROM key_packages WHERE key_package_id = $1";
    let world = World::new().await;
    let _target = world.hand("target").await;
    let mut claimers = [world.database().await, world.database().await];
    let [one, other] = &mut claimers;
    let one = one.transaction().await.expect("a transaction");
    let other = other.transaction().await.expect("a transaction");
    let mut given = Vec::new();
    let mut taken = Vec::new();
    for claimer in [&one, &other] {
        let row = claimer.query_one(LOOK, &[]).await.expect("a KeyPackage");
        taken.push(row.get::<_, i64>(0));
        given.push(row.get::<_, Vec<u8>>(1));
    }
    one.execute(TAKE, &[&taken[0]]).await.expect("it is taken");
    one.commit().await.expect("a commit");
    other.execute(TAKE, &[&taken[1]]).await.expect("it is gone");
    other.commit().await.expect("a commit");
    assert_eq!(handed_out_twice(&given), 1, "the check notices");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_one_profile() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    let mut other_alice: User = alice.second_process();
    for number in 0..10 {
        let (one, other) = (format!("one {number}"), format!("other {number}"));
        tokio::join!(alice.say(&room, &one), other_alice.say(&room, &other));
    }
    bob.catch_up().await;
    let mut heard = bob.texts(&room);
    heard.sort();
    let mut expected: Vec<String> = (0..10)
        .flat_map(|number| [format!("one {number}"), format!("other {number}")])
        .collect();
    expected.sort();
    assert_eq!(heard, expected, "no key was used twice, no word was lost");
}
