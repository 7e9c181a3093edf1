//! Linking: a new device becomes one of a person's, by a line on its screen and six digits, over a
//! server that learns neither. The exchange itself is in `links` and in the unit tests of `mls`;
//! here real clients run it.

mod lost;
mod refused;
mod sealed;
mod sightings;
mod terminals;

use std::time::Duration;

use grove_core::{RoomsDue, WarningKind};
use grove_wire::uri::RoomUri;
use harness::{NewDevice, User, World, settle};

/// Packages that lie on the server at this moment.
const PACKAGES: &str = "SELECT count(*) FROM links WHERE package IS NOT NULL";

/// Everybody reads until a device knows what a room is called: those who were in it say it when
/// their turn comes.
async fn learns_name(world: &World, device: &mut User, room: &RoomUri, others: &mut [&mut User]) {
    for _ in 0..20 {
        for other in &mut *others {
            other.catch_up().await;
        }
        device.catch_up().await;
        if !device.room(room).name.is_empty() {
            return;
        }
        world.pass(Duration::from_secs(30));
    }
    panic!("nobody says what the room is called");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_device_is_as_good_as_the_first() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    alice.say(&garden, "before").await;
    bob.hears(&garden, "before").await;

    let mut phone = alice.link(&world, "phone").await;
    let who = phone.client.whoami();
    assert_eq!(who.user, alice.uri);
    assert_ne!(who.client, alice.client.whoami().client);
    phone.say(&garden, "from the phone").await;
    bob.hears(&garden, "from the phone").await;
    alice.hears(&garden, "from the phone").await;
    bob.say(&garden, "to both").await;
    alice.hears(&garden, "to both").await;
    phone.hears(&garden, "to both").await;
    // What was said before it came it cannot read, and does not show.
    assert_eq!(phone.texts(&garden), ["from the phone", "to both"]);

    // New rooms have it from the beginning, whoever makes them; and it makes some.
    let kitchen = bob.make_room_with("Kitchen", &[&alice]).await;
    bob.say(&kitchen, "soup").await;
    phone.hears(&kitchen, "soup").await;
    let attic = phone.make_room_with("Attic", &[&bob]).await;
    phone.say(&attic, "dust").await;
    alice.hears(&attic, "dust").await;
    bob.hears(&attic, "dust").await;
    alice.catch_up().await;
    phone.catch_up().await;
    bob.catch_up().await;
    for room in [&garden, &kitchen, &attic] {
        let mut members = bob.client.members(room).expect("the members");
        let hers = members.iter().position(|one| one.user == alice.uri);
        let hers = members.remove(hers.expect("alice"));
        assert_eq!(hers.devices.len(), 2, "{room:?}");
        assert_eq!(alice.members(room), ["alice", "bob"]);
        assert_eq!(phone.members(room), ["alice", "bob"]);
    }
    learns_name(&world, &mut phone, &garden, &mut [&mut alice, &mut bob]).await;
    assert_eq!(phone.room(&garden).name, "Garden");

    // Each knows both, by name; the room they share is nobody's business.
    for device in [&mut alice, &mut phone] {
        let devices = device.client.devices().await.expect("the devices");
        assert_eq!(devices.len(), 2);
        assert!(devices.iter().all(|one| one.revoked_ms.is_none()));
        assert_eq!(devices[1].name, "phone");
        let rooms = device.client.rooms().expect("the rooms");
        assert_eq!(rooms.len(), 3);
        let shared = device.account().account_room.expect("a room of their own");
        assert!(rooms.iter().all(|view| view.room != shared));
    }
    assert_eq!(alice.account().account_room, phone.account().account_room);
    assert_eq!(world.count("SELECT count(*) FROM links").await, 0);

    // A linked device links the next one.
    let mut tablet = phone.link(&world, "tablet").await;
    tablet.say(&garden, "and the tablet").await;
    bob.hears(&garden, "and the tablet").await;
    alice.hears(&garden, "and the tablet").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_comes_into_all_rooms_while_everybody_else_sleeps() {
    const ROOMS: usize = 10;
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        let name = format!("room {number}");
        rooms.push(match number {
            0..3 => alice.make_room_with(&name, &[&bob]).await,
            _ => alice.make_room(&name).await,
        });
    }
    let left = alice.make_room_with("left", &[&bob]).await;
    bob.catch_up().await;
    alice.client.leave(&left).await.expect("she leaves");
    bob.catch_up().await;

    let mut new = NewDevice::begin(&world, &alice, "phone").await;
    new.be_approved(&mut alice).await;
    // From here on nobody else does anything: a client that is not called is asleep.
    let mut phone = new.arrive(&alice).await;
    assert_eq!(phone.client.rooms().expect("the rooms").len(), 0);
    let first = phone.client.settle().await;
    first.expect("the first rooms are joined");
    let due = phone.client.rooms_due();
    assert!(due.joined > 0, "{due:?}");
    assert!(due.waiting > 0, "some come later: {due:?}");
    // It can be used before it is in all of them.
    let early = phone.client.rooms().expect("the rooms")[0].room.clone();
    phone.say(&early, "hello").await;
    phone.enter_all_rooms().await;
    assert_eq!(
        phone.client.rooms_due(),
        RoomsDue {
            joined: ROOMS + 1,
            failed: 0,
            waiting: 0
        },
        "the room of her devices as well"
    );
    let joined: Vec<RoomUri> = phone
        .client
        .rooms()
        .expect("the rooms")
        .into_iter()
        .map(|view| view.room)
        .collect();
    assert_eq!(joined.len(), ROOMS);
    assert!(rooms.iter().all(|room| joined.contains(room)));
    for room in &rooms[..3] {
        phone.say(room, "somebody there?").await;
    }

    // Everybody wakes.
    for room in &rooms[..3] {
        bob.hears(room, "somebody there?").await;
        bob.say(room, "just woke").await;
        alice.hears(room, "just woke").await;
        phone.hears(room, "just woke").await;
    }
    let told = settle(&world, &mut [&mut phone, &mut alice, &mut bob]).await;
    for room in &rooms[..3] {
        assert_eq!(alice.head(room), phone.head(room));
        assert_eq!(bob.head(room), phone.head(room));
    }
    let warned = told[0].iter().any(|event| {
        matches!(event, grove_core::Event::Warning { kind, .. } if *kind == WarningKind::Fork)
    });
    assert!(!warned, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_outlives_a_restart_of_the_server() {
    let mut world = World::new().await;
    let mut alice = world.user("alice").await;
    let mut new = NewDevice::begin(&world, &alice, "phone").await;
    world.restart().await;
    let (approval, code) = new.meet(&mut alice).await;
    world.restart().await;
    let (gave, got) = new.confirm(&mut alice, approval, code).await;
    gave.expect("the keys are given");
    got.expect("the keys are taken");
    world.restart().await;
    let mut phone = new.arrive(&alice).await;
    phone.enter_all_rooms().await;
    let room = phone.make_room("Garden").await;
    phone.say(&room, "hello").await;
    alice.hears(&room, "hello").await;
}
