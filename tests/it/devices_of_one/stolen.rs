//! A stolen device that tries to come back: through the server's doors, and with a hub that is in
//! league with it.

use grove_core::Event;
use grove_mls::identity::{Identity, ListedDevice, RecoveryKey, SignedDeviceList, UserIdentityKey};
use grove_mls::member::external;
use grove_wire::codec;
use grove_wire::mimi::group_info::GroupInfoResponse;
use grove_wire::mimi::update::HandshakeBundle;
use grove_wire::uri::RoomUri;
use harness::devices::mark_revoked;
use harness::entries::{random, text_of};
use harness::{Answer, Hand, User, World, plain_mls};

use super::{devices, settle};

fn uik(of: &User) -> UserIdentityKey {
    UserIdentityKey::from_seed(*of.account().uik.bytes())
}

fn newest(of: &User) -> SignedDeviceList {
    SignedDeviceList::decode(&of.account().device_list).expect("a device list")
}

/// Another device of a person, in the device list like any, in hands that do with it what they
/// like.
async fn steal(world: &World, person: &User) -> Hand {
    let list = newest(person);
    let keys = (list.list().identity.clone(), uik(person));
    // The words are on paper, elsewhere.
    let recovery = RecoveryKey::from_seed(random());
    let mut stolen = Hand::of_user(world, person.uri.clone(), recovery, keys);
    stolen.list = list;
    let listed = ListedDevice {
        client: stolen.identity.client.clone(),
        signature_key: stolen.identity.key.public(),
        added: world.clock.now().ms(),
        revoked: None,
    };
    let list = stolen.next_list(|list| list.devices.push(listed));
    let list = SignedDeviceList::sign(&stolen.uik, list).expect("a device list");
    stolen.api = person.api();
    stolen.put_list(list).await.ok();
    stolen.log_in().await;
    stolen.upload(3).await;
    stolen
}

/// An external commit of a device, judged by nobody, into a room that a member shows it.
async fn comes_in(stolen: &Hand, member: &Hand, room: &RoomUri) -> HandshakeBundle {
    let (answer, secret) = member.ask_group_info(room).await;
    let response: GroupInfoResponse = codec::decode(&answer.ok().body).expect("a response");
    let given = external::open_group_info(&secret, &response, room, None);
    plain_mls::external(stolen, &given.expect("what was asked for"))
}

#[track_caller]
fn assert_unauthenticated(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.problem_name()),
        (401, "unauthenticated"),
        "{}",
        answer.text()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_device_does_not_come_back() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    let mut phone = alice.link(&world, "phone").await;
    let mut stolen = steal(&world, &alice).await;
    let mut bob = world.hand("bob").await;
    let garden = bob.make_room().await;
    bob.add(&garden, &alice.uri).await;
    assert_eq!(stolen.join().await, garden);
    settle(&world, &mut [&mut alice, &mut phone]).await;

    // The controls: until then it is a device like any.
    let message = stolen.seal(&garden, "before");
    stolen.submit(&garden, &message).await.ok();
    alice.hears(&garden, "before").await;
    let update = stolen.commit(&garden, |group, storage, device| {
        group.self_update(storage, device)
    });
    stolen.hand_in(&garden, &update).await.ok();
    stolen.read(&garden).await;
    settle(&world, &mut [&mut alice, &mut phone]).await;
    let said = alice.say(&garden, "all three hear this").await;
    let heard = stolen
        .entries(&garden, said.seq.expect("accepted") - 1)
        .await;
    assert!(plain_mls::opens(&stolen, &garden, &heard[0].1.message));
    assert_eq!(devices(&phone, &mut alice, &garden), 3);
    bob.read(&garden).await;
    let members = bob.group(&garden).members().expect("the members").len();
    let update = stolen.draft(&garden, |group, storage, device| {
        group.self_update(storage, device)
    });
    let (update, message) = (update.expect("a commit"), stolen.seal(&garden, "late"));

    let (client, old) = (stolen.identity.client.clone(), uik(&alice));
    let identity = newest(&alice).list().identity.clone();
    let words = alice.words().to_owned();
    let progress = alice.client.revoke_device(&client, &words).await;
    let progress = progress.expect("it is revoked");
    assert!(progress.pending.iter().all(|room| room.revoked.is_empty()));

    // The server: not a word, whatever it asks.
    for path in [
        "/v1/whoami",
        "/v1/devices",
        "/v1/user-rooms",
        "/v1/poll?wait_s=0",
    ] {
        assert_unauthenticated(&stolen.api.get(path).await);
    }
    let session = stolen.api.session_request(&stolen.identity).await;
    assert_unauthenticated(&world.api().post_json("/v1/sessions", &session).await);
    for answer in [
        stolen.hand_in(&garden, &update).await,
        stolen.submit(&garden, &message).await,
        stolen.ask_group_info(&garden).await.0,
    ] {
        assert_unauthenticated(&answer);
    }

    // A member who helps it: with that session its commits are refused like anybody's who stole
    // one.
    let heard = bob.read(&garden).await;
    assert!(heard.iter().all(Result::is_ok), "the new key is proven");
    assert_eq!(
        bob.group(&garden).members().expect("the members").len(),
        members - 1
    );
    let inside = (bob.api.clone(), phone.api());
    let old_key = comes_in(&stolen, &bob, &garden).await;
    stolen.list = newest(&alice);
    let (rival, thief) = Identity::begin(&stolen.recovery, &stolen.user);
    let list = stolen.next_list(|list| list.identity = rival.clone());
    let list = SignedDeviceList::sign(&thief, list).expect("a device list");
    let (user, recovery) = (stolen.user.clone(), stolen.recovery.clone());
    let mut usurper = Hand::of_user(&world, user, recovery, (rival, thief.clone()));
    usurper.identity = stolen.identity.clone();
    usurper.adopt(list.clone(), thief);
    let own_key = comes_in(&usurper, &bob, &garden).await;
    let before = world.row_counts().await;
    for commit in [&update, &old_key, &own_key] {
        for session in [&inside.0, &inside.1] {
            stolen.api = session.clone();
            let answer = stolen.hand_in(&garden, commit).await;
            assert!((400..500).contains(&answer.status), "{}", answer.text());
        }
    }
    assert_eq!(world.row_counts().await, before, "nothing was stored");

    // A hub in league with it: members refuse what MLS alone would merge.
    for commit in [&old_key, &own_key] {
        assert_eq!(plain_mls::merge(&bob, &garden, commit.first()), members);
        assert!(bob.receive(&garden, commit.first()).is_err());
    }

    // The old key signs nothing any more, at whoever's door.
    stolen.api = phone.api();
    assert_eq!(stolen.put_list(list).await.status, 422);
    let back = stolen.next_list(|list| list.identity = identity.clone());
    let back = SignedDeviceList::sign(&old, back).expect("a device list");
    assert_eq!(stolen.put_list(back).await.status, 422);

    // The others go on, and have the new key; it is that which counts.
    settle(&world, &mut [&mut phone, &mut alice]).await;
    assert_eq!(phone.account().uik, alice.account().uik);
    assert_ne!(uik(&phone).public(), old.public());
    let said = phone.say(&garden, "just us").await;
    alice.hears(&garden, "just us").await;
    let heard = bob.read(&garden).await;
    assert!(
        heard
            .iter()
            .filter_map(text_of)
            .any(|text| text == "just us")
    );
    let sealed = bob.entries(&garden, said.seq.expect("accepted") - 1).await;
    assert!(!plain_mls::opens(&stolen, &garden, &sealed[0].1.message));
    stolen.list = newest(&phone);
    let next = stolen.next_list(|list| list.not_after += 1);
    let next = SignedDeviceList::sign(&uik(&phone), next).expect("a device list");
    stolen.api = phone.api();
    stolen.put_list(next).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_words_end_what_a_thief_began() {
    let world = World::new().await;
    let mut alice = world.user("alice").await;
    let mut phone = alice.link(&world, "phone").await;
    let mut stolen = steal(&world, &alice).await;
    let bob = world.user("bob").await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    settle(&world, &mut [&mut alice, &mut phone]).await;
    // Whoever has a device has the key: it takes the phone off the account, though it cannot put
    // another identity in place of alice's.
    let (gone, now) = (phone.client.whoami().client, world.clock.now().ms());
    let (rival, thief) = Identity::begin(&stolen.recovery, &stolen.user);
    let list = stolen.next_list(|list| list.identity = rival);
    let list = SignedDeviceList::sign(&thief, list).expect("a device list");
    assert_eq!(stolen.put_list(list).await.status, 422);
    let list = stolen.next_list(|list| mark_revoked(list, &gone, now));
    let list = SignedDeviceList::sign(&stolen.uik, list).expect("a device list");
    stolen.put_list(list).await.ok();
    let ended = phone.try_sync(std::time::Duration::ZERO).await;
    assert!(ended.is_err(), "the phone is out");
    let told = phone.client.events_after(0, 1000).expect("the journal");
    let told = told
        .iter()
        .any(|line| line.event == Event::ThisDeviceRevoked);
    assert!(told, "and says so");

    // The words end it, on the device that is left.
    let words = alice.words().to_owned();
    let client = stolen.identity.client.clone();
    let progress = alice.client.revoke_device(&client, &words).await;
    assert_eq!(progress.expect("it is revoked").rooms_pending, 0);
    assert_unauthenticated(&stolen.api.get("/v1/whoami").await);
    assert_ne!(uik(&alice).public(), stolen.uik.public());
    assert_eq!(devices(&phone, &mut alice, &garden), 1);
    let mut phone = alice.link(&world, "phone again").await;
    phone.say(&garden, "back").await;
    alice.hears(&garden, "back").await;
}
