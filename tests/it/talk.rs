//! People talk: two, five and fifty of them, on-line or not.

use std::time::Duration;

use grove_core::{Draft, MessageKind};
use harness::{Setup, User, World};

/// Everybody has read the same messages in the same places, and the same log: one head of the hash
/// chain.
fn assert_agreement(people: &mut [User], room: &grove_wire::uri::RoomUri, from: usize) {
    let (first, others) = people.split_first_mut().expect("somebody");
    let (transcript, head) = (first.transcript(room), first.head(room));
    for other in others {
        let theirs = other.transcript(room);
        assert_eq!(
            theirs,
            transcript[transcript.len() - theirs.len()..],
            "{}",
            other.name
        );
        assert!(
            theirs.len() >= from,
            "{} has read {} messages",
            other.name,
            theirs.len()
        );
        assert_eq!(other.head(room), head, "{}", other.name);
        assert!(head.1.is_some(), "receipts were checked");
    }
}

async fn two_talk(world: World) {
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    alice.say(&room, "the tomatoes are ripe").await;
    bob.hears(&room, "the tomatoes are ripe").await;
    bob.say(&room, "and the beans").await;
    alice.hears(&room, "and the beans").await;
    assert_eq!(
        alice.texts(&room),
        ["the tomatoes are ripe", "and the beans"]
    );
    assert_eq!(bob.texts(&room), alice.texts(&room));
    assert_eq!(bob.room(&room).name, "garden", "the name came as content");
    for person in [&mut alice, &mut bob] {
        person.catch_up().await;
    }
    assert_agreement(&mut [alice, bob], &room, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk() {
    two_talk(World::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_talk_on_a_server_with_its_private_database() {
    two_talk(Setup::default().embedded().start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_people_talk_at_once() {
    let world = World::new().await;
    let mut people: Vec<User> = world
        .users(["alice", "bob", "carol", "dave", "erin"])
        .await
        .into();
    let mut alice = people.remove(0);
    let room = alice
        .make_room_with("garden", &people.iter().collect::<Vec<_>>())
        .await;
    people.insert(0, alice);
    for person in &mut people {
        person.catch_up().await;
    }
    for round in 0..4 {
        let speaking = people.iter_mut().map(|person| {
            let text = format!("{} says {round}", person.name);
            let room = room.clone();
            async move { person.say(&room, &text).await }
        });
        futures_util::future::join_all(speaking).await;
    }
    for person in &mut people {
        person.catch_up().await;
        assert_eq!(person.transcript(&room).len(), 20, "{}", person.name);
    }
    assert_agreement(&mut people, &room, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_people_talk() {
    let world = World::new().await;
    let mut people = Vec::new();
    for number in 0..50 {
        people.push(world.user(&format!("p{number}")).await);
    }
    let mut first = people.remove(0);
    let room = first
        .make_room_with("hall", &people.iter().collect::<Vec<_>>())
        .await;
    people.insert(0, first);
    for speaker in (0..50).step_by(5) {
        let text = format!("I am number {speaker}");
        people[speaker].catch_up().await;
        people[speaker].say(&room, &text).await;
    }
    for person in &mut people {
        person.catch_up().await;
        assert_eq!(person.transcript(&room).len(), 10, "{}", person.name);
        assert_eq!(person.members(&room).len(), 50);
    }
    assert_agreement(&mut people, &room, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_off_line_throughout_reads_everything_in_order() {
    let world = World::new().await;
    let [mut alice, bob] = world.users(["alice", "bob"]).await;
    // Bob registers and closes the program: he is off-line while he is invited and while all is
    // said.
    let room = alice.make_room_with("garden", &[&bob]).await;
    for number in 0..40 {
        alice.say(&room, &format!("message {number}")).await;
    }
    world.pass(Duration::from_secs(3 * 24 * 60 * 60));
    let mut bob = bob.reopen();
    bob.catch_up().await;
    let expected: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();
    assert_eq!(bob.texts(&room), expected);
    bob.say(&room, "that was a lot").await;
    alice.hears(&room, "that was a lot").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_without_a_server_is_said_later() {
    let mut world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    bob.catch_up().await;
    world.stop().await;
    let sent = alice
        .client
        .send(&room, Draft::Text("into the dark".to_owned()))
        .await
        .expect("it is kept");
    assert_eq!(sent.status, grove_core::MessageStatus::Queued);
    let mut alice = alice.reopen();
    world.start().await;
    alice.catch_up().await;
    bob.hears(&room, "into the dark").await;
    assert_eq!(bob.texts(&room), ["into the dark"], "once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_reactions_edits_and_deletions_arrive_as_such() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("garden", &[&bob]).await;
    let first = alice.say(&room, "tomatos").await.id.expect("an id");
    let second = alice.say(&room, "nothing to see").await.id.expect("an id");
    bob.catch_up().await;
    bob.client
        .send(
            &room,
            Draft::Reply {
                to: first,
                text: "lovely".to_owned(),
            },
        )
        .await
        .expect("a reply");
    bob.client
        .send(
            &room,
            Draft::Reaction {
                to: first,
                text: "+1".to_owned(),
            },
        )
        .await
        .expect("a reaction");
    alice
        .client
        .send(
            &room,
            Draft::Edit {
                of: first,
                text: "tomatoes".to_owned(),
            },
        )
        .await
        .expect("an edit");
    alice
        .client
        .send(&room, Draft::Delete { of: second })
        .await
        .expect("a deletion");
    let foreign = bob
        .client
        .send(
            &room,
            Draft::Edit {
                of: first,
                text: "mine".to_owned(),
            },
        )
        .await;
    assert!(foreign.is_err(), "only one's own is edited");
    for person in [&mut alice, &mut bob] {
        person.catch_up().await;
        let history = person.history(&room);
        assert_eq!(
            (history[0].text.as_str(), history[0].edited),
            ("tomatoes", true),
            "{}",
            person.name
        );
        assert_eq!(
            (history[1].text.as_str(), history[1].deleted),
            ("", true),
            "{}",
            person.name
        );
        let about_first: Vec<MessageKind> = history
            .iter()
            .filter(|message| message.in_reply_to == Some(first))
            .map(|message| message.kind)
            .collect();
        assert_eq!(
            about_first,
            [MessageKind::Reply, MessageKind::Reaction],
            "{}",
            person.name
        );
    }
}
