//! What a new device hears from its siblings of the rooms it comes into: it takes no older state
//! than they saw, and notices when the hub shows it another room than them.

use std::time::Duration;

use grove_core::store::Sighting;
use grove_core::{Draft, Event, WarningKind};
use grove_wire::uri::RoomUri;
use harness::{NewDevice, User, World};

/// Rooms that a device was warned of, in this way.
fn warned(events: &[Event], wanted: WarningKind) -> Vec<RoomUri> {
    let of = |event: &Event| match event {
        Event::Warning {
            room: Some(room),
            kind,
            ..
        } if *kind == wanted => Some(room.clone()),
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

fn sightings(device: &User, room: &RoomUri) -> Vec<Sighting> {
    device
        .on_disk(|tx| tx.list_sightings(room))
        .expect("the sightings")
}

/// Another authenticator in the place of each that a device has of a room.
fn falsify(device: &User, room: &RoomUri) {
    for mut seen in sightings(device, room) {
        seen.authenticator[0] ^= 1;
        device
            .on_disk(|tx| tx.put_sighting(room, &seen))
            .expect("it is kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn siblings_compare_what_they_see_of_each_room() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    let attic = alice.make_room_with("Attic", &[&bob]).await;
    let mut phone = alice.link(&world, "phone").await;
    assert_eq!(sightings(&phone, &garden).len(), 1, "its own");
    // As if the hub had led the phone into another room that only looks like the attic.
    falsify(&phone, &attic);
    // Alice sees the phone come in, and tells it what she sees; the account room brings it.
    alice.catch_up().await;
    let told = phone.catch_up().await;
    assert_eq!(
        warned(&told, WarningKind::Fork),
        std::slice::from_ref(&attic)
    );
    assert!(phone.room(&attic).stopped.is_some());
    let refused = phone
        .client
        .send(&attic, Draft::Text("into the dark".to_owned()))
        .await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(!bob.texts(&attic).contains(&"into the dark".to_owned()));
    // The control: where both see the same, nothing is in the way.
    phone.say(&garden, "hello").await;
    bob.hears(&garden, "hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_older_state_is_joined_than_a_sibling_saw() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    let attic = alice.make_room_with("Attic", &[&bob]).await;
    let mut new = NewDevice::begin(&world, &alice, "phone").await;
    new.be_approved(&mut alice).await;
    let mut phone = new.arrive(&alice).await;
    // A sibling has seen the garden one epoch further than the hub will show it.
    let now = alice.room(&garden);
    let ahead = Sighting {
        epoch: now.epoch + 1,
        seq: now.seq + 1,
        head: [0; 32],
        authenticator: [0; 32],
    };
    phone
        .on_disk(|tx| tx.put_sighting(&garden, &ahead))
        .expect("it is kept");
    let told = phone.catch_up().await;
    assert_eq!(
        warned(&told, WarningKind::Join),
        std::slice::from_ref(&garden)
    );
    let rooms = phone.client.rooms().expect("the rooms");
    let joined: Vec<&RoomUri> = rooms
        .iter()
        .filter(|view| view.state == "joined")
        .map(|view| &view.room)
        .collect();
    assert_eq!(joined, [&attic], "the attic is the control");
    assert_eq!(phone.client.rooms_due().failed, 1);

    // Once the hub shows what was seen, or later, it is joined: bob's new device has gone in.
    bob.link(&world, "tablet").await;
    world.pass(Duration::from_hours(25));
    phone.enter_all_rooms().await;
    phone.say(&garden, "there it is").await;
    bob.hears(&garden, "there it is").await;
    alice.hears(&garden, "there it is").await;
}
