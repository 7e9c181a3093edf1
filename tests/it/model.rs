//! Two hundred things done at random by four users with nine devices, against a model that knows
//! what must come of them.
//!
//! The seed is printed when something is wrong; `GROVE_SEED=<number>` runs the same things again.
//! What an operation may do is not modelled: one that is refused changes nothing. What was accepted
//! is, and in the end every device has it.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::Duration;

use grove_core::{Draft, Message, MessageId, MessageStatus};
use grove_wire::uri::RoomUri;
use harness::entries::random;
use harness::{User, World};

/// Operations of one run.
const OPERATIONS: u32 = 200;
/// Rooms at most that somebody is in.
const MAX_ROOMS: usize = 4;
/// Each user with the number of devices.
const USERS: [(&str, usize); 4] = [("alice", 3), ("bob", 3), ("carol", 2), ("dave", 1)];

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits ^ (bits >> 31)) % u64::try_from(sides).expect("a few sides"))
            .expect("fewer than the sides")
    }
}

/// A message that was accepted, as it must be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    seq: u64,
    id: MessageId,
    by: String,
    text: String,
}

/// What a room must be.
#[derive(Default)]
struct Model {
    said: Vec<Said>,
    /// Participants, with the number of messages that had been said when they came in.
    participants: BTreeMap<String, usize>,
}

/// The devices, and what must come of what they did.
struct Play {
    world: World,
    dice: Dice,
    devices: Vec<User>,
    rooms: BTreeMap<RoomUri, Model>,
    number: u32,
}

impl Play {
    async fn begin(seed: u64) -> Self {
        let world = World::new().await;
        let mut devices = Vec::new();
        for (name, count) in USERS {
            let mut first = world.user(name).await;
            let mut siblings = Vec::new();
            for number in 1..count {
                siblings.push(first.link(&world, &format!("{name}-{number}")).await);
            }
            devices.push(first);
            devices.append(&mut siblings);
        }
        assert_eq!(devices.len(), 9);
        Self {
            world,
            dice: Dice(seed),
            devices,
            rooms: BTreeMap::new(),
            number: 0,
        }
    }

    async fn step(&mut self) {
        self.number += 1;
        let device = self.dice.roll(self.devices.len());
        let Some(room) = self.pick_room() else {
            return self.make_room(device).await;
        };
        match self.dice.roll(20) {
            0 if self.living_rooms().len() < MAX_ROOMS => self.make_room(device).await,
            0..=2 => self.say(device, &room).await,
            3..=7 => {
                let device = self.device_in(&room);
                self.say(device, &room).await;
            }
            8 | 9 => self.edit(device, &room).await,
            10 => self.delete(device, &room).await,
            11 | 12 => self.invite(device, &room).await,
            13 => self.remove(device, &room).await,
            14 => self.leave(device, &room).await,
            15 => self.reopen(device),
            16 => self.world.pass(Duration::from_secs(5)),
            _ => drop(self.devices[device].catch_up().await),
        }
    }

    /// The rooms that somebody is in: in the others nothing happens any more.
    fn living_rooms(&self) -> Vec<RoomUri> {
        let living = |(_, model): &(&RoomUri, &Model)| !model.participants.is_empty();
        let rooms = self.rooms.iter().filter(living);
        rooms.map(|(room, _)| room.clone()).collect()
    }

    /// A device of a user who is in this room.
    fn device_in(&mut self, room: &RoomUri) -> usize {
        let participants = &self.rooms[room].participants;
        let inside: Vec<usize> = (0..self.devices.len())
            .filter(|&at| participants.contains_key(&self.devices[at].name))
            .collect();
        inside[self.dice.roll(inside.len())]
    }

    fn pick_room(&mut self) -> Option<RoomUri> {
        let rooms = self.living_rooms();
        (!rooms.is_empty()).then(|| rooms[self.dice.roll(rooms.len())].clone())
    }

    async fn make_room(&mut self, device: usize) {
        let name = format!("room {}", self.number);
        let maker = &mut self.devices[device];
        let room = maker.make_room(&name).await;
        let mut model = Model::default();
        model.participants.insert(maker.name.clone(), 0);
        self.rooms.insert(room, model);
    }

    async fn say(&mut self, device: usize, room: &RoomUri) {
        let text = format!("message {}", self.number);
        let speaker = &mut self.devices[device];
        let sent = match speaker.client.send(room, Draft::Text(text.clone())).await {
            Ok(sent) => sent,
            // Whoever is not in the room, or does not know yet, is refused. Then it is not said
            // later either.
            Err(error) => {
                let history = speaker.history(room);
                let waits = |message: &Message| {
                    message.text == text && message.status != MessageStatus::Failed
                };
                assert!(!history.iter().any(waits), "{text} is kept: {error:?}");
                return;
            }
        };
        let by = speaker.uri.address();
        let (mut seq, mut id) = (sent.seq, sent.id);
        if sent.status == MessageStatus::Queued {
            self.wait_for_outbox(device).await;
            let history = self.devices[device].history(room);
            let message = history.into_iter().find(|message| message.text == text);
            (seq, id) = message.map_or((None, None), |message| (message.seq, message.id));
        }
        // One that waited may have been refused in the end.
        if let (Some(seq), Some(id)) = (seq, id) {
            let said = Said { seq, id, by, text };
            self.model(room).said.push(said);
        }
    }

    /// What a device says waits while it is on its way back into a room it had lost.
    async fn wait_for_outbox(&mut self, device: usize) {
        for _round in 0..20 {
            self.world.pass(Duration::from_secs(40));
            let device = &mut self.devices[device];
            device.catch_up().await;
            if device.client.flush().await.expect("the store").queued == 0 {
                return;
            }
        }
        panic!("{} is never rid of its outbox", self.devices[device].name);
    }

    async fn edit(&mut self, device: usize, room: &RoomUri) {
        let text = format!("edited {}", self.number);
        let Some(at) = self.own_message(device, room) else {
            return;
        };
        let of = self.model(room).said[at].id;
        let draft = Draft::Edit {
            of,
            text: text.clone(),
        };
        if self.changes(device, room, draft).await {
            self.model(room).said[at].text = text;
        }
    }

    async fn delete(&mut self, device: usize, room: &RoomUri) {
        let Some(at) = self.own_message(device, room) else {
            return;
        };
        let draft = Draft::Delete {
            of: self.model(room).said[at].id,
        };
        if self.changes(device, room, draft).await {
            self.model(room).said[at].text.clear();
        }
    }

    /// Whether a change of a message was accepted.
    async fn changes(&mut self, device: usize, room: &RoomUri, draft: Draft) -> bool {
        let Ok(sent) = self.devices[device].client.send(room, draft).await else {
            return false;
        };
        if sent.status == MessageStatus::Queued {
            self.wait_for_outbox(device).await;
        }
        true
    }

    /// A message of this user's that was said since the user came in and is still there.
    fn own_message(&mut self, device: usize, room: &RoomUri) -> Option<usize> {
        let (address, name) = (
            self.devices[device].uri.address(),
            self.devices[device].name.clone(),
        );
        let model = self.model(room);
        let since = *model.participants.get(&name)?;
        let own: Vec<usize> = (since..model.said.len())
            .filter(|&at| model.said[at].by == address && !model.said[at].text.is_empty())
            .collect();
        (!own.is_empty()).then(|| own[self.dice.roll(own.len())])
    }

    async fn invite(&mut self, device: usize, room: &RoomUri) {
        let (guest, _) = USERS[self.dice.roll(USERS.len())];
        let uri = self.world.address(guest);
        let invited = self.devices[device].client.invite(room, &[uri]).await;
        let added = invited.is_ok_and(|invited| invited.added.len() == 1);
        let model = self.model(room);
        if added && !model.participants.contains_key(guest) {
            let since = model.said.len();
            model.participants.insert(guest.to_owned(), since);
        }
    }

    async fn remove(&mut self, device: usize, room: &RoomUri) {
        let (target, _) = USERS[self.dice.roll(USERS.len())];
        if target == self.devices[device].name {
            return;
        }
        let uri = self.world.address(target);
        let removed = self.devices[device].client.remove(room, &[uri]).await;
        if removed.is_ok() {
            self.model(room).participants.remove(target);
        }
    }

    async fn leave(&mut self, device: usize, room: &RoomUri) {
        let left = self.devices[device].client.leave(room).await;
        if left.is_ok() {
            let name = self.devices[device].name.clone();
            self.model(room).participants.remove(&name);
        }
    }

    fn reopen(&mut self, device: usize) {
        let closed = self.devices.remove(device);
        self.devices.insert(device, closed.reopen());
    }

    fn model(&mut self, room: &RoomUri) -> &mut Model {
        self.rooms.get_mut(room).expect("a room that was made")
    }

    /// Everybody reads on until nobody has anything left to do.
    async fn come_to_rest(&mut self) {
        for _round in 0..4 {
            self.world.pass(Duration::from_secs(40));
            for device in &mut self.devices {
                device.catch_up().await;
            }
        }
    }

    fn check(&mut self) {
        for (room, model) in &self.rooms {
            let expected: BTreeSet<&String> = model.participants.keys().collect();
            let mut ends = BTreeSet::new();
            for device in &mut self.devices {
                let Some(since) = model.participants.get(&device.name) else {
                    continue;
                };
                let members: BTreeSet<String> = device.members(room).into_iter().collect();
                let members: BTreeSet<&String> = members.iter().collect();
                assert_eq!(members, expected, "{} in {room:?}", device.name);
                let after = since
                    .checked_sub(1)
                    .map_or(0, |before| model.said[before].seq);
                let heard: Vec<(u64, String, String)> = device
                    .transcript(room)
                    .into_iter()
                    .filter(|(seq, ..)| *seq > after)
                    .collect();
                let said: Vec<(u64, String, String)> = model.said[*since..]
                    .iter()
                    .map(|said| (said.seq, said.by.clone(), said.text.clone()))
                    .collect();
                assert_eq!(heard, said, "{} in {room:?}", device.name);
                ends.insert((device.room(room).epoch, device.head(room)));
            }
            assert!(ends.len() <= 1, "one log for all: {ends:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_operations_at_random_end_in_equal_state() {
    let seed = env::var("GROVE_SEED").map_or_else(
        |_unset| u64::from_be_bytes(random()),
        |seed| seed.parse().expect("GROVE_SEED is a number"),
    );
    // Shown when the test fails, and only then.
    println!("GROVE_SEED={seed}");
    let mut play = Play::begin(seed).await;
    for _ in 0..OPERATIONS {
        play.step().await;
    }
    play.come_to_rest().await;
    play.check();
    let said: usize = play.rooms.values().map(|model| model.said.len()).sum();
    assert!(said > 10, "something was said at all");
}
