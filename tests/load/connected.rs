//! Devices that are on-line and do nothing: what each of them holds of the server's memory.

use std::time::{Duration, Instant};

use grove_mls::identity::PublicKey;
use harness::Api;
use serde::Serialize;

use crate::args::{Args, Shape};
use crate::device::Device;
use crate::groved::{DataDir, Groved};
use crate::processes::Usage;
use crate::scene::{make_rooms, names};
use crate::side_by_side::side_by_side;
use crate::sockets::Sockets;

/// A thousand devices; each is in a room, as devices are.
const SHAPE: Shape = Shape {
    rooms: 100,
    members: 10,
};
/// How long everything is left alone before memory is looked at.
const REST: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Connected {
    pub(crate) devices: usize,
    /// groved just started, with nobody on-line.
    pub(crate) before: Option<Usage>,
    /// With everybody on-line and nothing said.
    pub(crate) after: Option<Usage>,
    /// From the first connection to the last, in milliseconds.
    pub(crate) opened_ms: f64,
}

impl Connected {
    /// Resident memory of groved for each device, in KiB.
    pub(crate) fn kib_each(&self) -> Option<f64> {
        let grown = self
            .after?
            .memory_bytes
            .saturating_sub(self.before?.memory_bytes);
        Some(grown as f64 / 1024.0 / self.devices as f64)
    }
}

/// Registers everybody, starts groved anew, so that nothing of that is left in its memory, and
/// opens everybody's socket.
pub(crate) async fn look(args: &Args) -> Result<Connected, String> {
    let people = SHAPE.rooms * SHAPE.members;
    let data_dir = DataDir::new(&args.data_in)?;
    let groved = Groved::start(args, &data_dir)?;
    let api = Api::new(&groved.url);
    let server = api.server().await;
    let server_key = PublicKey::try_from(server.server_key.as_bytes()).expect("a key");
    eprintln!("connected: registering {people} people");
    let devices = side_by_side(names(people), |name| {
        Device::register(api.clone(), server.clone(), name)
    })
    .await;
    let (rooms, devices) = make_rooms(SHAPE, devices, server_key).await;
    drop(groved);

    let groved = Groved::start(args, &data_dir)?;
    tokio::time::sleep(REST).await;
    let before = groved.usage();
    eprintln!("connected: opening {people} sockets");
    let sessions = devices.iter().enumerate().map(|(index, device)| {
        let token = device.api.token.clone().expect("a session");
        (token, rooms[index / SHAPE.members].clone())
    });
    let started = Instant::now();
    let sockets = Sockets::open(&groved.url, sessions.collect(), started).await;
    let opened_ms = started.elapsed().as_secs_f64() * 1000.0;
    tokio::time::sleep(REST).await;
    let after = groved.usage();
    if sockets.failed() > 0 {
        return Err(format!("{} of {people} sockets broke", sockets.failed()));
    }
    sockets.close().await;
    Ok(Connected {
        devices: people,
        before,
        after,
        opened_ms,
    })
}
