//! Several devices of one user: what the hub does for them, and how a test gets a second one
//! without the ceremony of linking, which has tests of its own against the real server.

use grove_core::store::{Account, AccountState, Seed};
use grove_core::{Event, WarningKind};
use grove_mls::identity::{
    DEVICE_LIST_VALIDITY_MS, DeviceCredential, DeviceKey, DeviceList, ListedDevice,
    SignedDeviceList, UserIdentityKey,
};
use grove_wire::api::devices::{DeviceActivities, DeviceActivity};
use grove_wire::api::rooms::{UserRoom, UserRooms};
use grove_wire::uri::{ClientUri, RoomUri};

use crate::hub::{Hub, State};
use crate::person::{Person, now};
use crate::rooms::user;

/// After so long a device should be retired: 180 days.
pub(crate) const IDLE_MS: u64 = 180 * 24 * 60 * 60 * 1000;

/// What follows from a new device list.
pub(crate) fn follow(state: &mut State, before: &SignedDeviceList, list: &SignedDeviceList) {
    let renewed = !list.list().identity.is_same(&before.list().identity);
    for device in &list.list().devices {
        let known = state.devices.entry(device.client.clone()).or_default();
        if renewed || device.revoked.is_some() {
            known.key_packages.clear();
        }
        if device.revoked.is_some() {
            state.end_sessions_of(&device.client);
        }
    }
}

pub(crate) fn activities(state: &State, who: &ClientUri) -> DeviceActivities {
    let list = SignedDeviceList::decode(&state.lists[&who.user()]).unwrap();
    let activity = |device: &ListedDevice| DeviceActivity {
        client: device.client.clone(),
        added_at: device.added,
        last_seen_at: state.seen.get(&device.client).copied(),
        connected: false,
    };
    DeviceActivities {
        devices: list.active().map(activity).collect(),
        idle_after_ms: IDLE_MS,
    }
}

pub(crate) fn user_rooms(state: &State, who: &ClientUri) -> UserRooms {
    let mut rooms = Vec::new();
    for (uri, room) in &state.rooms {
        let mut participants = room.group.state().participants.iter();
        if participants.any(|participant| participant.user == who.user()) {
            let cursor = room.cursors.get(who);
            rooms.push(UserRoom {
                room: uri.clone(),
                epoch: room.group.epoch(),
                member: cursor.is_some_and(|cursor| cursor.to == u64::MAX),
            });
        }
    }
    UserRooms { rooms, more: false }
}

/// The account as it stands on disk.
pub(crate) fn account(person: &Person) -> Account {
    person.on_disk(|tx| tx.find_account()).unwrap().unwrap()
}

pub(crate) fn newest_list(hub: &Hub, person: &Person) -> SignedDeviceList {
    let user = person.client.whoami().user;
    SignedDeviceList::decode(&hub.state().lists[&user]).unwrap()
}

/// The next device list of a user, signed by their key, past any client.
pub(crate) fn next_list(
    hub: &Hub,
    person: &Person,
    change: impl FnOnce(&mut DeviceList),
) -> SignedDeviceList {
    let before = newest_list(hub, person);
    let mut next = DeviceList {
        version: before.list().version + 1,
        prev_hash: Some(before.hash()),
        not_after: hub.state().now + DEVICE_LIST_VALIDITY_MS,
        ..before.list().clone()
    };
    change(&mut next);
    let uik = UserIdentityKey::from_seed(*account(person).uik.bytes());
    SignedDeviceList::sign(&uik, next).unwrap()
}

/// Puts it at the hub.
pub(crate) fn accept_list(hub: &Hub, next: &SignedDeviceList) {
    let mut state = hub.state();
    let user = next.list().user.clone();
    let before = state.lists.insert(user, next.as_bytes().to_vec()).unwrap();
    follow(
        &mut state,
        &SignedDeviceList::decode(&before).unwrap(),
        next,
    );
}

/// Puts the next device list of a user at the hub, signed by their key, past any client.
pub(crate) fn put_list(hub: &Hub, person: &Person, change: impl FnOnce(&mut DeviceList)) {
    accept_list(hub, &next_list(hub, person, change));
}

/// Another device of the same user, in the list and in none of the rooms yet.
pub(crate) fn add_device(hub: &Hub, person: &mut Person, id: u8) -> Person {
    let ours = account(person);
    let client = ClientUri::new(&ours.user, [id; 16]);
    let device = DeviceKey::from_seed([id; 32]);
    let at = hub.state().now;
    put_list(hub, person, |list| {
        list.devices.push(ListedDevice {
            client: client.clone(),
            signature_key: device.public(),
            added: at,
            revoked: None,
        });
    });
    let list = newest_list(hub, person);
    let uik = UserIdentityKey::from_seed(*ours.uik.bytes());
    let fresh_until = at + 6 * DEVICE_LIST_VALIDITY_MS;
    let credential = DeviceCredential::issue(
        &uik,
        &list.list().identity,
        &client,
        &device.public(),
        list.list().version,
        fresh_until,
    );
    learns_list(hub, person);
    let account = Account {
        client,
        state: AccountState::Registered,
        device: Seed::new([id; 32]),
        recovery: None,
        device_list: list.as_bytes().to_vec(),
        credential: credential.to_bytes(),
        token: None,
        token_expires_at: 0,
        listened: 0,
        rooms_checked: 0,
        ..ours
    };
    Person::with_account(hub, &account)
}

/// A device learns of the newest list, as by a note.
fn learns_list(hub: &Hub, person: &mut Person) {
    let mut known = account(person);
    known.device_list = newest_list(hub, person).as_bytes().to_vec();
    person.on_disk(|tx| tx.put_account(&known)).unwrap();
    person.restart();
}

/// A room that the person's devices share; it is like any other, but for who is told of it.
pub(crate) fn make_account_room(person: &mut Person) -> RoomUri {
    let room = now(person.client.create_room("devices", None)).unwrap();
    let mut account = account(person);
    account.account_room = Some(room.clone());
    person.on_disk(|tx| tx.put_account(&account)).unwrap();
    // When it was made, nobody knew yet what it is.
    let forgotten = person.on_disk(|tx| {
        let mut known = tx.find_room(&room)?.unwrap();
        known.profile = None;
        tx.put_room(&known)?;
        tx.remove_journal(1000)
    });
    forgotten.unwrap();
    person.restart();
    room
}

/// So many devices of one new user, all in the account room.
pub(crate) fn devices<const N: usize>(hub: &Hub, name: &str) -> [Person; N] {
    let mut first = Person::register(hub, name);
    make_account_room(&mut first);
    let mut all = vec![first];
    for id in 1..u8::try_from(N).unwrap() {
        let mut next = add_device(hub, &mut all[0], id);
        for sibling in &mut all {
            learns_list(hub, sibling);
        }
        next.syncs();
        all.push(next);
        settle_all(&mut all.iter_mut().collect::<Vec<_>>());
    }
    all.try_into()
        .unwrap_or_else(|_| panic!("as many as wanted"))
}

/// All read and settle until what was begun has come around.
pub(crate) fn settle_all(people: &mut [&mut Person]) {
    for _ in 0..4 {
        for person in &mut *people {
            person.syncs();
        }
        // Past the turns that devices take.
        if let Some(person) = people.first() {
            person.line.hub().state().now += 4_000;
        }
    }
}

/// Alice's three devices and bob, in a room.
pub(crate) fn three_and_bob(hub: &Hub) -> ([Person; 3], Person, RoomUri) {
    let mut bob = Person::register(hub, "bob");
    let [mut laptop, mut phone, mut tablet] = devices(hub, "alice");
    let room = laptop.makes_room("Garden", &[&mut bob]);
    settle_all(&mut [&mut laptop, &mut phone, &mut tablet, &mut bob]);
    assert!(joined(&mut phone, &room) && joined(&mut tablet, &room));
    ([laptop, phone, tablet], bob, room)
}

pub(crate) fn client(person: &Person) -> ClientUri {
    person.client.whoami().client
}

pub(crate) fn joined(person: &mut Person, room: &RoomUri) -> bool {
    let rooms = person.client.rooms().unwrap();
    rooms
        .iter()
        .any(|view| view.room == *room && view.state == "joined")
}

/// The devices of a user in a room.
pub(crate) fn devices_in(person: &mut Person, room: &RoomUri, name: &str) -> Vec<ClientUri> {
    let members = person.client.members(room).unwrap();
    let member = members.into_iter().find(|one| one.user == user(name));
    member.map(|one| one.devices).unwrap_or_default()
}

/// The warnings of one kind.
pub(crate) fn lines(events: &[Event], wanted: WarningKind) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Warning { kind, text, .. } if *kind == wanted => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}
