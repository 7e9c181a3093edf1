//! A person comes back with the recovery words alone: the only device is lost, or all of them are.

mod terminal;

use std::time::Duration;

use grove_core::store::AccountState;
use grove_core::{Event, OtherDevices, RecoverError, WarningKind};
use harness::{User, World};

/// Warnings that a person has reason to be alarmed by.
fn alarms(events: &[Event]) -> Vec<&Event> {
    let alarming = |event: &&Event| {
        matches!(
            event,
            Event::Warning {
                kind: WarningKind::Identity | WarningKind::Fork | WarningKind::Clone,
                ..
            }
        )
    };
    events.iter().filter(alarming).collect()
}

/// Another person's words, in good form.
fn words_of(other: &User) -> String {
    other.words().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_who_lost_the_only_device_is_back_in_all_rooms() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    let attic = bob.make_room_with("Attic", &[&alice]).await;
    alice.catch_up().await;
    alice.say(&garden, "before").await;
    bob.hears(&garden, "before").await;

    // Bob sleeps while she comes back.
    let mut found = alice.recover(&world, "found", OtherDevices::Revoke).await;
    assert_eq!(found.client.rooms().expect("the rooms").len(), 2);
    for room in [&garden, &attic] {
        found.say(room, "from the words").await;
    }
    let mut told = bob.catch_up().await;
    for room in [&garden, &attic] {
        bob.hears(room, "from the words").await;
        // Nobody has to accept anything: the words have signed the new key.
        bob.say(room, "welcome back").await;
        found.hears(room, "welcome back").await;
        assert_eq!(found.members(room), ["alice", "bob"]);
    }
    told.extend(bob.catch_up().await);
    assert_eq!(alarms(&told), Vec::<&Event>::new());

    // The lost one is out: of the account, of the rooms, of the server.
    let lost = alice.client.whoami().client;
    let members = bob.client.members(&garden).expect("the members");
    assert!(members.iter().all(|one| !one.devices.contains(&lost)));
    assert_eq!(
        members.iter().map(|one| one.devices.len()).sum::<usize>(),
        2
    );
    assert_eq!(alice.api().get("/v1/whoami").await.status, 401);
    assert!(alice.try_sync(Duration::ZERO).await.is_err());
    assert!(alice.client.is_revoked().expect("it knows"));
    let devices = found.client.devices().await.expect("the devices");
    let revoked: Vec<bool> = devices.iter().map(|one| one.revoked_ms.is_some()).collect();
    assert_eq!(revoked, [true, false]);

    // The same words help a second time.
    let mut again = found.recover(&world, "again", OtherDevices::Revoke).await;
    again.say(&garden, "and again").await;
    bob.hears(&garden, "and again").await;
    assert!(found.try_sync(Duration::ZERO).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_are_kept_take_the_new_key() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.users(["alice", "bob"]).await;
    let garden = alice.make_room_with("Garden", &[&bob]).await;
    let mut phone = alice.link(&world, "phone").await;
    alice.catch_up().await;
    let before = alice.account().uik;

    let mut third = alice.recover(&world, "third", OtherDevices::Keep).await;
    assert_ne!(third.account().uik, before);
    for device in [&mut alice, &mut phone] {
        for _ in 0..3 {
            device.catch_up().await;
            world.pass(Duration::from_secs(40));
        }
        assert_eq!(device.account().uik, third.account().uik);
    }
    let mut people = [&mut alice, &mut phone, &mut third, &mut bob];
    let mut told = Vec::new();
    for speaker in 0..people.len() {
        let text = format!("device {speaker}");
        people[speaker].say(&garden, &text).await;
        for listener in &mut people {
            listener.hears(&garden, &text).await;
            told.extend(listener.catch_up().await);
        }
    }
    assert_eq!(alarms(&told), Vec::<&Event>::new());
    let progress = third.client.device_progress().expect("it is known");
    assert!(progress.pending.is_empty(), "{progress:?}");
    for device in [&mut alice, &mut phone, &mut third] {
        let devices = device.client.devices().await.expect("the devices");
        assert!(devices.iter().all(|one| one.revoked_ms.is_none()));
        assert_eq!(devices.len(), 3);
        assert_eq!(devices[2].name, "third", "it has said what it is called");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_words_change_nothing() {
    let world = World::new().await;
    let [mut alice, bob] = world.users(["alice", "bob"]).await;
    let room = alice.make_room("Garden").await;
    let before = world.row_counts().await;
    let right = alice.words().to_owned();
    let mut words: Vec<&str> = right.split(' ').collect();
    let (first, last) = (words[0], words[23]);
    words[23] = "grove";
    let no_word = words.join(" ");
    words[23] = last;
    words.pop();
    let too_few = words.join(" ");
    for text in [&no_word, &too_few, &String::new(), &first.to_owned()] {
        let refused = alice
            .try_recover(&world, "stranger", text, OtherDevices::Revoke)
            .await;
        assert!(
            matches!(refused, Err(RecoverError::Words(_))),
            "{:?}",
            refused.err()
        );
    }
    let refused = alice
        .try_recover(&world, "stranger", &words_of(&bob), OtherDevices::Revoke)
        .await;
    assert!(
        matches!(refused, Err(RecoverError::WrongWords)),
        "{:?}",
        refused.err()
    );
    assert_eq!(world.row_counts().await, before);
    alice.say(&room, "still here").await;

    // Nor do the right ones in a profile that is taken.
    let refused = alice
        .try_recover(&world, "bob", &right, OtherDevices::Revoke)
        .await;
    assert!(
        matches!(&refused, Err(RecoverError::AlreadyRegistered(user)) if *user == bob.uri),
        "{:?}",
        refused.err()
    );
    assert_eq!(world.count("SELECT count(*) FROM devices").await, 2);
    // The control: the right ones, written in another way.
    let shouted = right.to_uppercase().replace(' ', "\n  ");
    let found = alice
        .try_recover(&world, "found", &shouted, OtherDevices::Revoke)
        .await;
    found.expect("these are the words");
    assert!(alice.try_sync(Duration::ZERO).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_that_was_cut_short_is_gone_on_with() {
    let mut world = World::new().await;
    let mut alice = world.user("alice").await;
    let room = alice.make_room("Garden").await;
    let words = alice.words().to_owned();
    // The server fails between the question and the new list.
    let fail = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
                CREATE TRIGGER fail BEFORE INSERT ON device_lists FOR EACH ROW EXECUTE FUNCTION fail()";
    let database = world.database().await;
    database.batch_execute(fail).await.expect("a trigger");
    let cut = alice
        .try_recover(&world, "found", &words, OtherDevices::Revoke)
        .await;
    assert!(matches!(cut, Err(RecoverError::Call(_))), "{:?}", cut.err());
    alice.say(&room, "nothing has happened").await;
    let work = "DROP TRIGGER fail ON device_lists";
    database.batch_execute(work).await.expect("no trigger");
    world.restart().await;
    // In the same place, with the same keys.
    let found = alice
        .try_recover(&world, "found", &words, OtherDevices::Revoke)
        .await;
    let mut found = found.expect("it goes on");
    found.enter_all_rooms().await;
    found.say(&room, "back").await;
    assert_eq!(world.count("SELECT count(*) FROM devices").await, 2);
    let again = alice
        .try_recover(&world, "found", &words, OtherDevices::Revoke)
        .await;
    assert!(
        matches!(again, Err(RecoverError::AlreadyRegistered(_))),
        "{:?}",
        again.err()
    );
}

/// What became of a recovery that was begun with one wish and repeated with another.
struct Repeated {
    /// Whether the session of the device there was has ended.
    ended: bool,
    /// Which of the listed devices are marked revoked, the one there was first.
    revoked: Vec<bool>,
    /// What the person is told.
    told: OtherDevices,
}

/// A recovery with the first wish is cut short, before or after the server has taken its list, and
/// repeated with the second.
async fn repeated(taken: bool, wishes: [OtherDevices; 2]) -> Repeated {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let words = alice.words().to_owned();
    let fail = "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
                CREATE TRIGGER fail BEFORE INSERT ON device_lists FOR EACH ROW EXECUTE FUNCTION fail()";
    let database = world.database().await;
    if !taken {
        database.batch_execute(fail).await.expect("a trigger");
    }
    let first = alice.try_recover(&world, "found", &words, wishes[0]).await;
    match first {
        // It never saw the answer.
        Ok(found) => {
            let mut account = found.account();
            account.state = AccountState::Registering;
            let put = found.on_disk(|tx| tx.put_account(&account));
            put.expect("the database");
        }
        Err(error) => assert!(matches!(error, RecoverError::Call(_)), "{error}"),
    }
    if !taken {
        let work = "DROP TRIGGER fail ON device_lists";
        database.batch_execute(work).await.expect("no trigger");
    }
    let second = alice.try_recover(&world, "found", &words, wishes[1]).await;
    let mut found = second.expect("it comes to its end");
    let devices = found.client.devices().await.expect("the devices");
    let room = found.make_room("Garden").await;
    found.say(&room, "here").await;
    Repeated {
        ended: alice.api().get("/v1/whoami").await.status == 401,
        revoked: devices.iter().map(|one| one.revoked_ms.is_some()).collect(),
        told: found.client.other_devices().expect("it knows"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_that_is_repeated_with_another_wish_does_what_is_wanted() {
    use OtherDevices::{Keep, Revoke};
    for taken in [false, true] {
        let repeated = repeated(taken, [Keep, Revoke]).await;
        assert!(repeated.ended, "taken: {taken}");
        assert_eq!(repeated.revoked, [true, false], "taken: {taken}");
        assert_eq!(repeated.told, Revoke);
    }
    // The other way round, as far as it can be: nothing brings a revoked device back.
    for taken in [false, true] {
        let repeated = repeated(taken, [Revoke, Keep]).await;
        assert_eq!(repeated.ended, taken);
        assert_eq!(repeated.revoked, [taken, false], "taken: {taken}");
        assert_eq!(repeated.told, if taken { Revoke } else { Keep });
    }
}
