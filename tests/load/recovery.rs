//! `kill -9`: how soon a server, and a server whose database was killed, acknowledges again.

use std::time::{Duration, Instant};

use grove_mls::identity::PublicKey;
use grove_wire::uri::RoomUri;
use harness::Api;
use serde::Serialize;

use crate::args::{Args, Shape};
use crate::device::Device;
use crate::groved::{DataDir, Groved};
use crate::http::{self, Connection};
use crate::scene::{make_rooms, names};
use crate::side_by_side::side_by_side;

/// Kills of groved.
const KILLS: usize = 10;
/// Kills of PostgreSQL: fewer, because groved waits longer with one that dies again and again.
const DATABASE_KILLS: usize = 3;
/// Between two tries, so that the tries do not keep the server from coming back.
const PAUSE: Duration = Duration::from_millis(5);
/// A message that nobody takes for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen, in milliseconds, ascending.
#[derive(Debug, Serialize)]
pub(crate) struct Recovery {
    /// From the kill of groved, which is started again at once, to the first acknowledgement.
    pub(crate) server_ms: Vec<f64>,
    /// From the kill of its PostgreSQL, which groved starts again, to the first acknowledgement
    /// after one that failed.
    pub(crate) database_ms: Vec<f64>,
}

/// Kills both in turn, with a message under way.
pub(crate) async fn look(args: &Args) -> Result<Recovery, String> {
    let data_dir = DataDir::new(&args.data_in)?;
    let mut groved = Groved::start(args, &data_dir)?;
    let mut writer = Writer::new(&groved.url).await;
    writer.say(&groved.url).await?;
    eprintln!("recovery: killing groved {KILLS} times");
    let mut server_ms = Vec::with_capacity(KILLS);
    for _ in 0..KILLS {
        let killed = Instant::now();
        groved.kill();
        groved = Groved::start(args, &data_dir)?;
        writer.say(&groved.url).await?;
        server_ms.push(since(killed));
    }
    eprintln!("recovery: killing PostgreSQL {DATABASE_KILLS} times");
    let mut database_ms = Vec::with_capacity(DATABASE_KILLS);
    for _ in 0..DATABASE_KILLS {
        let killed = Instant::now();
        groved.kill_postgres()?;
        // A process of PostgreSQL may outlive the first one for a moment, and acknowledge.
        while !writer.say(&groved.url).await? {}
        database_ms.push(since(killed));
    }
    server_ms.sort_by(f64::total_cmp);
    database_ms.sort_by(f64::total_cmp);
    Ok(Recovery {
        server_ms,
        database_ms,
    })
}

fn since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64() * 1000.0
}

/// Somebody in a room of two.
struct Writer {
    device: Device,
    room: RoomUri,
}

impl Writer {
    async fn new(url: &str) -> Self {
        let api = Api::new(url);
        let server = api.server().await;
        let server_key = PublicKey::try_from(server.server_key.as_bytes()).expect("a key");
        let shape = Shape {
            rooms: 1,
            members: 2,
        };
        let devices = side_by_side(names(shape.members), |name| {
            Device::register(api.clone(), server.clone(), name)
        });
        let (rooms, devices) = make_rooms(shape, devices.await, server_key).await;
        Self {
            device: devices.into_iter().next().expect("two devices"),
            room: rooms.into_iter().next().expect("a room"),
        }
    }

    /// Says something until it is acknowledged. Gives whether that took more than one try.
    async fn say(&mut self, url: &str) -> Result<bool, String> {
        let authority = http::authority(url)?;
        let message = self.device.seal("still here");
        let request = self.device.request(&authority, &self.room, &message);
        let begun = Instant::now();
        let mut tried = false;
        while begun.elapsed() < PATIENCE {
            let answered = async { Connection::open(&authority).await?.call(&request).await };
            match answered.await.map(|answer| answer.status) {
                Ok(200) => return Ok(tried),
                Ok(503) | Err(_) => tokio::time::sleep(PAUSE).await,
                Ok(status) => return Err(format!("a message was answered by {status}")),
            }
            tried = true;
        }
        Err(format!("nothing was acknowledged for {PATIENCE:?}"))
    }
}
