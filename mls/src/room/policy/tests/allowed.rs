//! What people do every day is allowed: the control of the refusals.

use super::*;

/// What people do every day.
fn allowed() -> Vec<(&'static str, Scene)> {
    let cast = cast();
    let Cast {
        olga,
        adam,
        mia,
        rita,
        eve,
    } = &cast;
    let room = || cast.room();
    let second_device = || room().with_leaf(mia.leaf(2));
    let updated = |person: &Person, leaf: u32| {
        let mut scene = room().by(leaf);
        scene.commit.updated_leaf = Some(person.leaf(1));
        scene
    };
    vec![
        ("an empty commit", room().by(RITA)),
        (
            "a member adds a user",
            room()
                .by(MIA)
                .list(&[(eve, Role::Member)])
                .add(eve.leaf(1))
                .add(eve.leaf(2)),
        ),
        (
            "a member lists a user without clients",
            room().by(MIA).list(&[(eve, Role::ReadOnly)]),
        ),
        (
            "a client of a listed user is added",
            cast.room_with_inactive_eve(Role::Member)
                .by(MIA)
                .add(eve.leaf(1)),
        ),
        (
            "a reader adds a device of its own",
            room().by(RITA).add(rita.leaf(2)),
        ),
        (
            "a reader removes a device of its own",
            room().with_leaf(rita.leaf(2)).by(RITA).remove(4),
        ),
        ("a reader refreshes its leaf", updated(rita, RITA)),
        (
            "an admin removes a member",
            room().by(ADAM).remove(MIA).list(&[(mia, Role::None)]),
        ),
        (
            "an admin bans a member",
            room().by(ADAM).remove(MIA).list(&[(mia, Role::Banned)]),
        ),
        (
            "an admin lifts a ban",
            cast.room_with_inactive_eve(Role::Banned)
                .by(ADAM)
                .list(&[(eve, Role::Member)]),
        ),
        (
            "an admin bans an outsider",
            room().by(ADAM).list(&[(eve, Role::Banned)]),
        ),
        (
            "an admin strikes an inactive user",
            cast.room_with_inactive_eve(Role::Member)
                .by(ADAM)
                .list(&[(eve, Role::None)]),
        ),
        (
            "an admin removes one device of two",
            second_device().by(ADAM).remove(4),
        ),
        (
            "an admin gives a reader a voice",
            room().by(ADAM).list(&[(rita, Role::Member)]),
        ),
        (
            "an admin steps down",
            room().by(ADAM).list(&[(adam, Role::Member)]),
        ),
        (
            "an owner makes an admin",
            room().by(OLGA).list(&[(mia, Role::Admin)]),
        ),
        (
            "an owner makes an owner",
            room().by(OLGA).list(&[(adam, Role::Owner)]),
        ),
        (
            "an owner steps down",
            room().by(OLGA).list(&[(olga, Role::Member)]),
        ),
        (
            "an owner opens the room",
            room()
                .by(OLGA)
                .component(component::ROLES_LIST, Some(roles_update(&open_roles()))),
        ),
        (
            "a reader commits a leaver away",
            room()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending()
                .self_remove(MIA)
                .list(&[(mia, Role::None)]),
        ),
        (
            "a reader commits a leaver with two devices away",
            second_device()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .wait_for(PendingKind::Remove(4))
                .include_pending()
                .self_remove(MIA)
                .remove_for(4, Proposer::Member(MIA))
                .list(&[(mia, Role::None)]),
        ),
        (
            "two leave at once",
            room()
                .by(RITA)
                .wait_for(PendingKind::SelfRemove(MIA))
                .wait_for(PendingKind::SelfRemove(OLGA))
                .include_pending()
                .self_remove(MIA)
                .self_remove(OLGA)
                .list(&[(mia, Role::None), (olga, Role::None)]),
        ),
        (
            "a reader commits what an admin proposed",
            room()
                .by(RITA)
                .remove_for(MIA, Proposer::Member(ADAM))
                .list(&[(mia, Role::None)]),
        ),
        (
            "a reader commits what the hub proposed",
            second_device()
                .by(RITA)
                .remove_for(4, Proposer::External(0)),
        ),
        (
            "a waiting proposal whose leaf goes by another",
            second_device()
                .by(ADAM)
                .wait_for(PendingKind::SelfRemove(4))
                .remove(4),
        ),
        ("a new device joins", room().joined_by(rita.leaf(2))),
        (
            "a device that lost its state rejoins",
            room().joined_by(mia.leaf(1)).remove(MIA),
        ),
        (
            "a device joins while somebody leaves",
            room()
                .joined_by(rita.leaf(2))
                .wait_for(PendingKind::SelfRemove(MIA))
                .include_pending()
                .self_remove(MIA)
                .list(&[(mia, Role::None)]),
        ),
        (
            "a device joins while a Remove waits",
            second_device()
                .joined_by(rita.leaf(2))
                .wait_for(PendingKind::Remove(4)),
        ),
        (
            "anybody joins an open room",
            cast.open_room()
                .joined_by(eve.leaf(1))
                .list(&[(eve, Role::Member)]),
        ),
    ]
}

#[test]
fn what_people_do_every_day_is_allowed() {
    for (what, scene) in allowed() {
        assert_eq!(scene.check().err(), None, "{what}");
    }
}
