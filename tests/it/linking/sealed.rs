//! Nothing secret passes the server in clear: what it stores while a device is linked, gone through
//! byte by byte.

use grove_mls::identity::DeviceKey;
use grove_mls::linking::LinkOffer;
use harness::{NewDevice, User, World};

use crate::privacy::dump;

/// What the new device is called.
const NAME: &str = "quicksilver";

fn holds(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

/// The secrets of a link that two devices share, by name.
fn secrets(line: &str, alice: &User) -> Vec<(&'static str, Vec<u8>)> {
    let offer = LinkOffer::parse(line).expect("a line");
    let uik = alice.account().uik;
    vec![
        ("the device's name", NAME.as_bytes().to_vec()),
        ("the line", line.as_bytes().to_vec()),
        ("its secret", offer.secret.to_vec()),
        ("the line's key", offer.public_key.to_vec()),
        ("the identity key", uik.bytes().to_vec()),
    ]
}

async fn assert_unknown(world: &World, secrets: &[(&str, Vec<u8>)]) {
    let all = dump(world).await;
    for (name, secret) in secrets {
        assert!(!holds(&all, secret), "{name} is in the database");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_learns_no_key_and_no_line() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room_with("Garden", &[&bob]).await;
    let mut new = NewDevice::begin(&world, &alice, NAME).await;
    let line = new.text();
    let mut secrets = secrets(&line, &alice);
    let (approval, code) = new.meet(&mut alice).await;
    assert_unknown(&world, &secrets).await;
    let client = approval.client().clone();
    let (gave, got) = new.confirm(&mut alice, approval, code).await;
    gave.expect("the keys are given");
    got.expect("the keys are taken");

    // The package lies there now, and what is public of it is found: bytes are searched as bytes.
    assert_eq!(world.count(super::PACKAGES).await, 1);
    assert_unknown(&world, &secrets).await;
    let all = dump(&world).await;
    let link = LinkOffer::parse(&line).expect("a line").link;
    for known in [
        link.as_slice(),
        client.as_str().as_bytes(),
        &alice.account().device_list,
    ] {
        assert!(holds(&all, known), "a control");
    }

    let mut phone = new.arrive(&alice).await;
    phone.enter_all_rooms().await;
    alice.catch_up().await;
    phone.catch_up().await;
    bob.say(&room, "hello").await;
    phone.hears(&room, "hello").await;
    assert_eq!(phone.account().uik, alice.account().uik);
    let devices = alice.client.devices().await.expect("the devices");
    assert_eq!(devices[1].name, NAME, "she knows it all the same");
    let device = phone.account().device;
    let public = DeviceKey::from_seed(*device.bytes()).public();
    secrets.push(("the device's key", device.bytes().to_vec()));
    assert_unknown(&world, &secrets).await;
    assert!(holds(&dump(&world).await, public.as_bytes()), "a control");
}
