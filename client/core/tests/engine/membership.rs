//! Who is in: inviting, removing, leaving, joining by oneself.

use grove_core::{
    Class, Classified, Draft, Event, InviteError, JoinError, MemberView, MessageStatus,
    RemoveError, RoomChange, SendError, Trust,
};
use grove_wire::uri::{RoomUri, UserUri};

use crate::hub::Hub;
use crate::new_keys::renewed_list;
use crate::person::{Person, hub, now};
use crate::rooms::user;
use crate::siblings::{client, newest_list, three_and_bob};
use crate::tricks::proposes_removal;

/// Alice's room with two others in it.
fn garden(hub: &Hub) -> (Person, Person, Person, RoomUri) {
    let [mut alice, mut bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(hub, name));
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    bob.syncs();
    carol.syncs();
    (alice, bob, carol, room)
}

#[test]
fn a_removed_member_neither_reads_on_nor_sends() {
    let hub = hub();
    let (mut alice, mut bob, mut carol) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
        Person::register(&hub, "carol"),
    );
    let room = alice.makes_room("Garden", &[&mut bob, &mut carol]);
    for person in [&mut bob, &mut carol] {
        person.syncs();
    }
    alice.says(&room, "all three");
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    alice.says(&room, "only two");
    let events = bob.syncs();
    assert!(
        events.contains(&Event::RoomLeft {
            room: room.clone(),
            by: Some(user("alice")),
            by_server: false,
        }),
        "{events:?}"
    );
    assert_eq!(bob.reads(&room), ["all three"]);
    let said = now(bob
        .client
        .send(&room, Draft::Text("still here?".to_owned())));
    assert!(matches!(said, Err(SendError::NotAMember)));
    carol.syncs();
    assert_eq!(carol.reads(&room), ["all three", "only two"]);
    let members: Vec<_> = carol
        .client
        .members(&room)
        .unwrap()
        .into_iter()
        .map(|member| member.user)
        .collect();
    assert_eq!(members, [user("alice"), user("carol")]);
    assert!(matches!(
        now(bob.client.join(&room)),
        Err(JoinError::NotListed)
    ));
}

#[test]
fn somebody_removed_can_be_invited_again() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    now(alice.client.remove(&room, &[user("bob")])).unwrap();
    alice.says(&room, "behind his back");
    now(alice.client.invite(&room, &[user("bob")])).unwrap();
    alice.says(&room, "welcome back");
    bob.says(&room, "thanks");
    assert_eq!(
        bob.reads(&room),
        ["welcome back", "thanks"],
        "saying something is following the invitation"
    );
    alice.syncs();
    assert_eq!(
        alice.reads(&room),
        ["behind his back", "welcome back", "thanks"]
    );
}

#[test]
fn two_leave_at_once_and_whoever_sends_carries_it_out() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = garden(&hub);
    now(bob.client.leave(&room)).unwrap();
    now(carol.client.leave(&room)).unwrap();
    assert!(matches!(
        now(bob.client.send(&room, Draft::Text("?".to_owned()))),
        Err(SendError::NotAMember)
    ));
    alice.syncs();
    alice.says(&room, "alone now");
    let members: Vec<_> = alice
        .client
        .members(&room)
        .unwrap()
        .into_iter()
        .map(|member| member.user)
        .collect();
    assert_eq!(members, [user("alice")]);
    for person in [&mut bob, &mut carol] {
        person.syncs();
        assert_eq!(person.reads(&room), Vec::<String>::new());
        assert_eq!(person.client.rooms().unwrap()[0].state, "left");
    }
}

/// Whoever leaves has to be removed before anything is said, and the hub does not let that happen.
#[test]
fn what_was_said_to_be_impossible_is_not_sent_later() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = garden(&hub);
    now(bob.client.leave(&room)).unwrap();
    alice.syncs();
    alice.line.trouble.lock().unwrap().refuses = Some("/update/");
    let refused = now(alice.client.send(&room, Draft::Text("at last".to_owned()))).unwrap_err();
    assert!(matches!(refused, SendError::Flush(_)), "{refused:?}");
    let status = |alice: &mut Person| {
        let history = alice.history(&room);
        let message = history.iter().find(|message| message.text == "at last");
        message.unwrap().status
    };
    assert_eq!(status(&mut alice), MessageStatus::Failed);
    // Nor does it stand in the way of what is said when all is well again.
    alice.line.trouble.lock().unwrap().refuses = None;
    assert_eq!(now(alice.client.flush()).unwrap().queued, 0);
    alice.says(&room, "alone now");
    carol.syncs();
    assert_eq!(carol.reads(&room), ["alone now"]);
    assert_eq!(status(&mut alice), MessageStatus::Failed);
}

#[test]
fn removals_are_committed_by_somebody_after_a_while() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    now(bob.client.leave(&room)).unwrap();
    alice.syncs();
    assert_eq!(alice.client.members(&room).unwrap().len(), 2, "not at once");
    let settled = now(alice.client.settle()).unwrap();
    hub.state().now += u64::try_from(settled.again_in.unwrap().as_millis()).unwrap() + 1;
    now(alice.client.settle()).unwrap();
    assert_eq!(alice.client.members(&room).unwrap().len(), 1);
    assert_eq!(now(alice.client.settle()).unwrap().again_in, None);
}

#[test]
fn who_is_invited_while_leaving_is_gone_first_and_then_in() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = garden(&hub);
    now(bob.client.leave(&room)).unwrap();
    alice.syncs();
    let invited = now(alice.client.invite(&room, &[user("bob"), user("carol")])).unwrap();
    assert_eq!(invited.added, [user("bob")]);
    assert_eq!(invited.already, [user("carol")]);
    bob.syncs();
    carol.syncs();
    bob.says(&room, "back");
    for person in [&mut alice, &mut carol] {
        person.syncs();
        assert_eq!(person.reads(&room), ["back"]);
    }
}

#[test]
fn a_participant_without_key_packages_is_added_once_there_are_some() {
    let hub = hub();
    let (mut alice, mut bob) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
    );
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    let bobs = bob.client.whoami().client;
    hub.state()
        .devices
        .get_mut(&bobs)
        .unwrap()
        .key_packages
        .clear();
    let invited = now(alice.client.invite(&room, &[user("bob")])).unwrap();
    assert_eq!(invited.without_devices, [user("bob")]);
    alice.says(&room, "before he came");
    // Nothing in the room would show that it is he, so nobody lets him in by himself.
    let log = hub.state().rooms[&room].log.len();
    let alone = now(bob.client.join(&room));
    assert!(matches!(alone, Err(JoinError::NotAdded)), "{alone:?}");
    assert_eq!(bob.client.rooms().unwrap(), []);
    assert_eq!(hub.state().rooms[&room].log.len(), log);
    bob.restart();
    assert_eq!(bob.syncs(), [], "and nothing is said of it");
    let invited = now(alice.client.invite(&room, &[user("bob")])).unwrap();
    assert_eq!(invited.added, [user("bob")]);
    alice.says(&room, "after he came");
    bob.syncs();
    bob.says(&room, "so here I am");
    alice.syncs();
    assert_eq!(
        alice.reads(&room),
        ["before he came", "after he came", "so here I am"]
    );
    assert_eq!(bob.reads(&room), ["after he came", "so here I am"]);
    assert_eq!(bob.client.rooms().unwrap()[0].stopped, None);
}

#[test]
fn mistakes_are_told_apart() {
    let hub = hub();
    let mut alice = Person::register(&hub, "alice");
    let room = now(alice.client.create_room("Garden", None)).unwrap();
    let error = now(alice.client.invite(&room, &[user("nobody")])).unwrap_err();
    assert!(
        matches!(&error, InviteError::UnknownUser(unknown) if *unknown == user("nobody")),
        "{error}"
    );
    assert_eq!(error.class(), Class::Unknown);
    let error = now(alice.client.remove(&room, &[user("nobody")])).unwrap_err();
    assert!(matches!(error, RemoveError::NotAParticipant(_)), "{error}");
    let error = now(alice.client.remove(&room, &[user("alice")])).unwrap_err();
    assert!(matches!(error, RemoveError::Yourself), "{error}");
    alice.cuts_line();
    let error = now(alice.client.create_room("Kitchen", None)).unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    alice.mends_line();
    now(alice.client.settle()).unwrap();
    let kitchen = alice.client.find_room("kitchen").unwrap();
    alice.says(&kitchen, "it came into being later");
}

#[test]
fn five_people_see_the_same_room() {
    let hub = hub();
    let names = ["alice", "bob", "carol", "dave", "erin"];
    let mut people: Vec<Person> = names
        .iter()
        .map(|name| Person::register(&hub, name))
        .collect();
    let (alice, others) = people.split_first_mut().unwrap();
    let room = alice.makes_room("Garden", &others.iter_mut().collect::<Vec<_>>());
    for (person, name) in people.iter_mut().zip(names) {
        person.syncs();
        person.says(&room, name);
    }
    for person in &mut people {
        person.syncs();
        assert_eq!(person.reads(&room), names);
        let members = person.client.members(&room).unwrap();
        assert!(
            members
                .iter()
                .all(|member| member.devices.len() == 1 && member.trust <= Trust::Pinned)
        );
    }
}

#[test]
fn when_the_author_of_the_name_has_left_newcomers_still_learn_it() {
    let hub = hub();
    let (mut alice, mut bob, mut carol) = (
        Person::register(&hub, "alice"),
        Person::register(&hub, "bob"),
        Person::register(&hub, "carol"),
    );
    let room = alice.makes_room("Garden", &[&mut bob]);
    bob.syncs();
    now(alice.client.leave(&room)).unwrap();
    now(bob.client.invite(&room, &[user("carol")])).unwrap();
    now(bob.client.settle()).unwrap();
    let told = carol.syncs();
    assert_eq!(carol.client.find_room("Garden").unwrap(), room);
    // Bob passes on what alice has written: neither is named for it.
    let renamers: Vec<Option<UserUri>> = told
        .iter()
        .filter_map(|event| match event {
            Event::RoomChanged {
                by,
                change: RoomChange::Renamed { .. },
                ..
            } => Some(by.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(renamers, [None], "{told:?}");
}

#[test]
fn what_the_server_wants_no_member_is_named_for() {
    let hub = hub();
    let (mut alice, mut bob, mut carol, room) = garden(&hub);
    proposes_removal(&hub, &room, &client(&bob));
    // Whoever writes next has to carry it out.
    alice.syncs();
    alice.says(&room, "where is bob?");
    let told = bob.syncs();
    let left = Event::RoomLeft {
        room: room.clone(),
        by: None,
        by_server: true,
    };
    assert!(told.contains(&left), "{told:?}");
    assert_eq!(bob.client.rooms().unwrap()[0].state, "removed");
    let told = carol.syncs();
    let gone = Event::RoomChanged {
        room: room.clone(),
        by: None,
        change: RoomChange::Left { user: user("bob") },
    };
    assert!(told.contains(&gone), "{told:?}");
    // The control: alice's own.
    now(alice.client.remove(&room, &[user("carol")])).unwrap();
    let left = Event::RoomLeft {
        room,
        by: Some(user("alice")),
        by_server: false,
    };
    assert!(carol.syncs().contains(&left));
}

#[test]
fn who_renews_their_identity_while_being_invited_is_left_out_and_the_others_come_in() {
    let hub = hub();
    let [mut alice, bob, mut carol] =
        ["alice", "bob", "carol"].map(|name| Person::register(&hub, name));
    let room = alice.makes_room("Garden", &[]);
    hub.state()
        .rooms
        .get_mut(&room)
        .unwrap()
        .tricks
        .judges_leaves = true;
    let (there, words, before) = (hub.clone(), bob.words.clone(), newest_list(&hub, &bob));
    alice.before("/update/", move || {
        let list = renewed_list(&words, &before).as_bytes().to_vec();
        there.state().lists.insert(user("bob"), list);
    });
    let invited = now(alice.client.invite(&room, &[user("bob"), user("carol")])).unwrap();
    assert_eq!(invited.added, [user("carol")]);
    assert_eq!(invited.without_devices, [user("bob")]);
    carol.syncs();
    let there = |name: &str, members: &[MemberView]| {
        let found = members.iter().find(|one| one.user == user(name));
        found.map(|one| one.devices.len())
    };
    let members = carol.client.members(&room).unwrap();
    assert_eq!(there("carol", &members), Some(1));
    assert_eq!(there("bob", &members), Some(0), "listed, to be added later");
}

/// Who is said to go, and who to have asked for it.
fn goings(told: &[Event]) -> Vec<(Option<UserUri>, RoomChange)> {
    let going = |event: &Event| match event {
        Event::RoomChanged {
            by,
            change: change @ (RoomChange::Leaving { .. } | RoomChange::DeviceLeaving { .. }),
            ..
        } => Some((by.clone(), change.clone())),
        _ => None,
    };
    told.iter().filter_map(going).collect()
}

#[test]
fn what_the_server_wants_is_not_told_as_what_somebody_asked_for() {
    let hub = hub();
    let (mut alice, mut bob, _carol, room) = garden(&hub);
    let (id, bobs) = (user("bob"), client(&bob));
    proposes_removal(&hub, &room, &bobs);
    let leaving = |by_server| RoomChange::Leaving {
        user: id.clone(),
        by_server,
    };
    let told = alice.syncs();
    assert_eq!(goings(&told), [(None, leaving(true))]);
    let names_bob =
        |event: &&Event| matches!(event, Event::RoomChanged { by, .. } if *by == Some(id.clone()));
    assert_eq!(told.iter().find(names_bob), None);
    // The control: he asks for it himself.
    let attic = alice.makes_room("Attic", &[&mut bob]);
    bob.syncs();
    now(bob.client.leave(&attic)).unwrap();
    assert_eq!(goings(&alice.syncs()), [(Some(id.clone()), leaving(false))]);
}

#[test]
fn a_device_that_is_to_go_is_not_told_as_its_user() {
    let hub = hub();
    let ([mut laptop, phone, tablet], mut bob, room) = three_and_bob(&hub);
    let going = |who: &Person, by_server| RoomChange::DeviceLeaving {
        client: client(who),
        by_server,
    };
    proposes_removal(&hub, &room, &client(&tablet));
    assert_eq!(goings(&bob.syncs()), [(None, going(&tablet, true))]);
    // The rest is her own doing: she leaves.
    now(laptop.client.leave(&room)).unwrap();
    let told = goings(&bob.syncs());
    let alice = user("alice");
    let by = Some(alice.clone());
    let whole = RoomChange::Leaving {
        user: alice,
        by_server: false,
    };
    assert_eq!(told.last(), Some(&(by.clone(), whole.clone())));
    assert!(
        told[..told.len() - 1]
            .iter()
            .all(|one| *one != (by.clone(), whole.clone())),
        "once: {told:?}"
    );
    drop(phone);
}
