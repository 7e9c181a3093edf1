//! A scenario, set: everybody registered, in their room, on-line.

use std::collections::VecDeque;
use std::thread;
use std::time::Instant;

use grove_mls::identity::PublicKey;
use grove_wire::uri::{RoomUri, UserUri};
use harness::Api;
use harness::entries::random;

use crate::args::{Args, Shape};
use crate::device::Device;
use crate::groved::Target;
use crate::http;
use crate::side_by_side::side_by_side;
use crate::sockets::Sockets;
use crate::submit::Sealed;

/// The people and their rooms.
pub(crate) struct Scene {
    pub(crate) shape: Shape,
    pub(crate) connections: usize,
    /// Host and port of the server.
    pub(crate) authority: String,
    /// What all moments are counted from, in microseconds.
    pub(crate) epoch: Instant,
    pub(crate) sockets: Sockets,
    /// Room after room; the members of a room follow one another.
    devices: Vec<Device>,
    rooms: Vec<RoomUri>,
    text: String,
}

impl Scene {
    /// Registers everybody, makes the rooms and opens everybody's socket.
    pub(crate) async fn set(args: &Args, target: &Target, shape: Shape) -> Self {
        let people = shape.rooms * shape.members;
        let api = Api::new(&target.url);
        let server = api.server().await;
        let server_key = PublicKey::try_from(server.server_key.as_bytes()).expect("a key");
        eprintln!("{shape}: registering {people} people");
        let names = names(people);
        let devices = side_by_side(names, |name| {
            Device::register(api.clone(), server.clone(), name)
        })
        .await;
        eprintln!("{shape}: making {} room(s)", shape.rooms);
        let (rooms, devices) = make_rooms(shape, devices, server_key).await;
        let epoch = Instant::now();
        let readers = devices.iter().enumerate().map(|(index, device)| {
            let token = device.api.token.clone().expect("a session");
            (token, rooms[index / shape.members].clone())
        });
        let sockets = Sockets::open(&target.url, readers.collect(), epoch).await;
        let mut scene = Self {
            shape,
            connections: args.connections.into(),
            authority: http::authority(&target.url).expect("it was looked at"),
            epoch,
            sockets,
            devices,
            rooms,
            text: "Lorem ipsum dolor sit amet. "
                .chars()
                .cycle()
                .take(args.text_bytes.into())
                .collect(),
        };
        scene.check();
        scene
    }

    /// Everybody's group is the same: what the first member of a room seals, the last one opens.
    fn check(&mut self) {
        for members in self.devices.chunks_mut(self.shape.members) {
            let [first, .., last] = members else { continue };
            let message = first.seal(&self.text);
            assert_eq!(
                last.open(&message).as_deref(),
                Some(self.text.as_str()),
                "the room's members understand it"
            );
        }
    }

    /// Seals so many messages, sent by everybody in turn, in the order in which they are to be
    /// sent.
    pub(crate) fn seal(&mut self, count: usize) -> Vec<Sealed> {
        let Shape { rooms, members } = self.shape;
        // Rooms take turns, and within a room its members.
        let sender = |index: usize| (index % rooms) * members + (index / rooms) % members;
        let mut wanted = vec![0_usize; self.devices.len()];
        (0..count).for_each(|index| wanted[sender(index)] += 1);
        let mut sealed = self.seal_each(&wanted);
        (0..count)
            .map(|index| {
                let request = sealed[sender(index)]
                    .pop_front()
                    .expect("as many as wanted");
                Sealed {
                    room: index % rooms,
                    request,
                }
            })
            .collect()
    }

    /// On all processors: nothing else is to do meanwhile.
    fn seal_each(&mut self, wanted: &[usize]) -> Vec<VecDeque<Vec<u8>>> {
        let Self {
            shape,
            authority,
            rooms,
            text,
            devices,
            ..
        } = self;
        let members = shape.members;
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = devices.len().div_ceil(threads);
        let (authority, rooms, text) = (&*authority, &*rooms, &*text);
        thread::scope(|scope| {
            let work = devices
                .chunks_mut(share)
                .zip(wanted.chunks(share))
                .enumerate()
                .map(|(part, (devices, wanted))| {
                    scope.spawn(move || {
                        let numbered = (part * share..).zip(devices).zip(wanted);
                        let seal_all =
                            |((index, device), wanted): ((usize, &mut Device), &usize)| {
                                let seal = |_| {
                                    let message = device.seal(text);
                                    device.request(authority, &rooms[index / members], &message)
                                };
                                (0..*wanted).map(seal).collect()
                            };
                        numbered.map(seal_all).collect::<Vec<VecDeque<Vec<u8>>>>()
                    })
                });
            let threads: Vec<_> = work.collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("sealing does not fail"))
                .collect()
        })
    }

    /// Closes the sockets.
    pub(crate) async fn close(self) {
        self.sockets.close().await;
    }
}

/// Makes rooms of this shape, with everybody in one; returns the devices room after room.
pub(crate) async fn make_rooms(
    shape: Shape,
    devices: Vec<Device>,
    server_key: PublicKey,
) -> (Vec<RoomUri>, Vec<Device>) {
    let mut groups: Vec<Vec<Device>> = Vec::with_capacity(shape.rooms);
    let mut devices = devices.into_iter();
    groups.extend((0..shape.rooms).map(|_| devices.by_ref().take(shape.members).collect()));
    let made = side_by_side(groups, |mut members| async move {
        let others: Vec<UserUri> = members[1..]
            .iter()
            .map(|device| device.user.clone())
            .collect();
        let room = members[0].make_room(server_key, &others).await;
        (room, members)
    });
    let (rooms, members): (Vec<RoomUri>, Vec<Vec<Device>>) = made.await.into_iter().unzip();
    let place = |(room, members): (&RoomUri, Vec<Device>)| {
        let room = room.clone();
        members
            .into_iter()
            .enumerate()
            .map(move |(place, device)| (room.clone(), place, device))
    };
    let places = rooms.iter().zip(members).flat_map(place).collect();
    let joined = side_by_side(places, |(room, place, mut device)| async move {
        if place > 0 {
            device.join(&room).await;
        }
        device
    });
    let devices = joined.await;
    (rooms, devices)
}

/// Names nobody has on a server that was under load before.
pub(crate) fn names(people: usize) -> Vec<String> {
    let run = u64::from_be_bytes(random());
    (0..people)
        .map(|person| format!("load-{run:016x}-{person}"))
        .collect()
}
