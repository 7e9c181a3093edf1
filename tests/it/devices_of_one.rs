//! Three devices of one user: each does what any does, and one of them sleeps for a month.

mod stolen;
mod terminal;

use std::time::Duration;

use grove_core::{Draft, Event, MessageId, Sent, WarningKind};
use grove_wire::uri::RoomUri;
use harness::{Setup, User, settle};

const WEEK: Duration = Duration::from_hours(7 * 24);

async fn does(device: &mut User, room: &RoomUri, draft: Draft) -> Sent {
    let sent = device.client.send(room, draft).await;
    sent.expect("it is sent")
}

fn id(sent: &Sent) -> MessageId {
    sent.id.expect("it was accepted")
}

/// How many devices a person has in a room.
fn devices(of: &User, by: &mut User, room: &RoomUri) -> usize {
    let members = by.client.members(room).expect("the members");
    let member = members.into_iter().find(|member| member.user == of.uri);
    member.map_or(0, |member| member.devices.len())
}

/// Whether two devices have the same of a room: its state, the log's head, what was said, what was
/// left off, the members.
#[track_caller]
fn assert_same(one: &mut User, other: &mut User, room: &RoomUri) {
    assert_eq!(one.room(room), other.room(room));
    assert_eq!(one.head(room), other.head(room));
    assert_eq!(one.transcript(room), other.transcript(room));
    if one.room(room).state == "joined" {
        let members = one.client.members(room).expect("the members");
        assert_eq!(members, other.client.members(room).expect("the members"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_devices_are_equal_and_one_that_slept_for_a_month_catches_up() {
    // Whoever sleeps for longer than messages are kept misses some: that is another test.
    let world = Setup::default()
        .set("retention.messages_max=\"60 days\"")
        .start()
        .await;
    let [mut laptop, mut bob, mut carol] = world.users(["alice", "bob", "carol"]).await;
    let early = laptop.make_room_with("Early", &[&bob]).await;
    let mut phone = laptop.link(&world, "phone").await;
    let mut tablet = laptop.link(&world, "tablet").await;
    // A room that one of them makes is everybody's, and so is one that somebody else brings one of
    // them into.
    let garden = tablet.make_room_with("Garden", &[&bob]).await;
    let kitchen = bob.make_room_with("Kitchen", &[&laptop, &carol]).await;
    let mut all = [&mut laptop, &mut phone, &mut tablet, &mut bob, &mut carol];
    settle(&world, &mut all).await;
    for room in [&early, &garden, &kitchen] {
        assert_eq!(devices(&laptop, &mut bob, room), 3);
        tablet.say(room, "good night").await;
        laptop.hears(room, "good night").await;
        phone.hears(room, "good night").await;
    }

    // The tablet sleeps. In the first week, all that is done with messages.
    let pie = laptop.say(&garden, "a pie").await;
    phone.hears(&garden, "a pie").await;
    let (of, text) = (id(&pie), "an apple pie".to_owned());
    does(&mut phone, &garden, Draft::Edit { of, text }).await;
    let secret = phone.say(&garden, "a secret").await;
    laptop.hears(&garden, "a secret").await;
    does(&mut laptop, &garden, Draft::Delete { of: id(&secret) }).await;
    bob.hears(&garden, "an apple pie").await;
    let (to, text) = (id(&pie), "mine!".to_owned());
    let mine = does(&mut bob, &garden, Draft::Reply { to, text }).await;
    phone.hears(&garden, "mine!").await;
    let (to, text) = (id(&mine), "+1".to_owned());
    does(&mut phone, &garden, Draft::Reaction { to, text }).await;
    world.pass(WEEK);

    // In the second, people come and go by whichever device.
    laptop.invite(&garden, &[&carol]).await;
    carol.catch_up().await;
    phone.catch_up().await;
    let gone = phone
        .client
        .remove(&garden, std::slice::from_ref(&carol.uri))
        .await;
    gone.expect("carol is removed");
    carol.catch_up().await;
    laptop.catch_up().await;
    laptop.invite(&garden, &[&carol]).await;
    carol.catch_up().await;
    carol.say(&garden, "back again").await;
    world.pass(WEEK);

    // In the third, rooms are made and left, and the device list is renewed.
    let attic = phone.make_room_with("Attic", &[&bob, &carol]).await;
    phone.say(&attic, "dusty").await;
    laptop.hears(&attic, "dusty").await;
    laptop.client.leave(&kitchen).await.expect("it can be left");
    let mut awake = [&mut laptop, &mut phone, &mut bob, &mut carol];
    let told = settle(&world, &mut awake).await;
    let left = |event: &&Event| matches!(event, Event::RoomLeft { room, by: None, by_server: false } if *room == kitchen);
    assert_eq!(told[1].iter().filter(left).count(), 1, "{:?}", told[1]);
    bob.say(&kitchen, "alice is gone").await;
    world.pass(WEEK);
    settle(&world, &mut [&mut laptop, &mut phone, &mut bob, &mut carol]).await;

    // In the fourth, somebody else removes alice from a room; and something is left off.
    let cellar = bob.make_room_with("Cellar", &[&laptop]).await;
    phone.catch_up().await;
    phone.say(&cellar, "dark").await;
    bob.catch_up().await;
    let gone = bob
        .client
        .remove(&cellar, std::slice::from_ref(&laptop.uri))
        .await;
    gone.expect("alice is removed");
    let last = bob.say(&garden, "good morning").await;
    settle(&world, &mut [&mut laptop, &mut phone, &mut bob, &mut carol]).await;
    let read = last.seq.expect("accepted");
    phone.client.mark_read(&garden, read).expect("it is kept");
    laptop
        .client
        .set_draft(&attic, "I shall swee")
        .expect("it is kept");
    let named = tablet.client.whoami().client;
    phone
        .client
        .rename_device(&named, "sleepyhead")
        .expect("it is named");
    world.pass(WEEK);
    settle(&world, &mut [&mut laptop, &mut phone, &mut bob, &mut carol]).await;

    // The control: none of it has reached the tablet.
    assert!(!tablet.texts(&garden).contains(&"good morning".to_owned()));
    assert_eq!(tablet.client.rooms().expect("the rooms").len(), 3);
    let mut all = [&mut tablet, &mut laptop, &mut phone, &mut bob, &mut carol];
    let told = settle(&world, &mut all).await;
    // Into the cellar no invitation leads any more: that is said, and the new name. Of the rest
    // there is nothing to say.
    let trouble = |event: &&Event| match event {
        Event::Warning {
            kind: WarningKind::Device,
            text,
            ..
        } => !text.contains("is now called \u{ab}sleepyhead\u{bb}"),
        Event::Warning { room, .. } => room.as_ref() != Some(&cellar),
        Event::Healed { .. } => true,
        _ => false,
    };
    assert_eq!(told[0].iter().filter(trouble).count(), 0, "{:?}", told[0]);
    for room in [&early, &garden, &kitchen, &attic] {
        assert_same(&mut tablet, &mut laptop, room);
        assert_same(&mut phone, &mut laptop, room);
    }
    assert_eq!(tablet.room(&kitchen).state, "left");
    assert_eq!(tablet.room(&garden).unread, 0);
    assert_eq!(tablet.room(&attic).draft, "I shall swee");
    assert_eq!(phone.room(&cellar).state, "removed");
    let names = tablet.client.devices().await.expect("the devices");
    let own = names.iter().find(|device| device.this).expect("this one");
    assert_eq!(
        (own.name.as_str(), own.connected),
        ("sleepyhead", Some(false))
    );
    assert_eq!(tablet.account().device_list, laptop.account().device_list);
    for room in [&early, &garden, &attic] {
        assert_eq!(devices(&laptop, &mut bob, room), 3);
        tablet.say(room, "awake").await;
        for listener in [&mut laptop, &mut phone, &mut bob] {
            listener.hears(room, "awake").await;
        }
    }
}
