//! Which rooms a user has, for a device that is in none of them yet.

use grove_wire::api::rooms::UserRooms;
use grove_wire::limits::MAX_USER_ROOMS;
use grove_wire::uri::RoomUri;
use harness::entries::random;
use harness::{Hand, World};

use super::assert_problem;

async fn user_rooms(hand: &Hand, after: Option<&RoomUri>) -> UserRooms {
    let path = match after {
        Some(room) => format!("/v1/user-rooms?after={}", room.path_segment()),
        None => "/v1/user-rooms".to_owned(),
    };
    hand.api.get(&path).await.ok().json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_learns_which_rooms_its_user_has() {
    let world = World::new().await;
    let [mut alice, mut bob] = world.hands(["alice", "bob"]).await;
    let mut phone = alice.sibling(&world, 0).await;
    assert_eq!(user_rooms(&phone, None).await, UserRooms::default());
    let (own, shared) = (alice.make_room().await, bob.make_room().await);
    let _bobs_alone = bob.make_room().await;
    bob.add(&shared, &alice.user).await;
    alice.join().await;
    let mut expected = [own.clone(), shared.clone()];
    expected.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    let shown = user_rooms(&phone, None).await;
    let rooms: Vec<_> = shown.rooms.iter().map(|room| room.room.clone()).collect();
    assert_eq!(rooms, expected);
    assert!(!shown.more && shown.rooms.iter().all(|room| !room.member));
    let of = |rooms: UserRooms, wanted: &RoomUri| {
        let found = rooms.rooms.into_iter().find(|room| room.room == *wanted);
        found.map(|room| (room.epoch, room.member))
    };
    assert_eq!(
        of(shown, &shared),
        Some((bob.group(&shared).epoch(), false))
    );
    phone.join_by_itself(&shared).await;
    let epoch = phone.group(&shared).epoch();
    assert_eq!(
        of(user_rooms(&phone, None).await, &shared),
        Some((epoch, true))
    );
    assert_eq!(of(user_rooms(&phone, None).await, &own), Some((0, false)));

    // Who was taken off the list, or banned, has no room there.
    bob.read(&shared).await;
    let out = bob.commit(&shared, |group, storage, device| {
        group.remove_users(storage, device, std::slice::from_ref(&alice.user))
    });
    bob.hand_in(&shared, &out).await.ok();
    assert_eq!(of(user_rooms(&phone, None).await, &shared), None);
    let ban = "UPDATE room_participants SET role = 1 WHERE user_uri LIKE '%/alice'";
    let database = world.database().await;
    database.execute(ban, &[]).await.expect("an update");
    assert_eq!(user_rooms(&phone, None).await, UserRooms::default());
    assert_eq!(user_rooms(&bob, None).await.rooms.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_rooms_come_in_pages() {
    let world = World::new().await;
    let alice = world.hand("alice").await;
    let count = 2 * MAX_USER_ROOMS + 1;
    let provider = alice.user.provider();
    let mut rooms: Vec<String> = (0..count)
        .map(|_| RoomUri::new(&provider, &random()).as_str().to_owned())
        .collect();
    let fill = "WITH room AS (
                    INSERT INTO rooms (uri, group_id, record, suite, created_at)
                    SELECT uri, ''::bytea, ''::bytea, 1, 0 FROM unnest($1::text[]) AS n (uri)
                    RETURNING room_id
                ), head AS (
                    INSERT INTO room_heads (room_id, epoch, seq, head, last_time)
                    SELECT room_id, 3, 0, ''::bytea, 0 FROM room
                )
                INSERT INTO room_participants (room_id, user_uri, role, may_send)
                SELECT room_id, $2, 3, true FROM room";
    let database = world.database().await;
    let user = alice.user.as_str();
    database
        .execute(fill, &[&rooms, &user])
        .await
        .expect("rooms");
    rooms.sort_unstable();
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = user_rooms(&alice, found.last()).await;
        sizes.push(page.rooms.len());
        found.extend(page.rooms.into_iter().map(|room| room.room));
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [MAX_USER_ROOMS, MAX_USER_ROOMS, 1]);
    let found: Vec<&str> = found.iter().map(RoomUri::as_str).collect();
    assert_eq!(found, rooms, "each once, in order");
    let wrong = alice.api.get("/v1/user-rooms?after=nonsense").await;
    assert_problem(&wrong, 400, "malformed");
}
