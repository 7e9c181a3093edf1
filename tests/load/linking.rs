//! A new device of somebody in many rooms: how soon it can be used, and how soon it is in all of
//! them.
//!
//! Both devices are the real engine on real encrypted databases. Nobody else is on-line, and the
//! old device sleeps once it has sealed its package.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use grove_cli::transport::HttpTransport;
use grove_core::{Client, Draft, Linking, MessageStatus, Registration};
use grove_server::clock::Clock;
use grove_sqlite::SqliteStore;
use grove_wire::uri::{RoomUri, UserUri};
use harness::Api;
use harness::user::{Surroundings, store, transport};
use serde::Serialize;

use crate::args::Args;
use crate::groved::{DataDir, Groved};

/// Rooms of the person, each with so many people.
const ROOMS: usize = 50;
const MEMBERS: usize = 10;
/// Devices that are linked, one after the other.
const LINKS: usize = 3;

type Device = Client<SqliteStore, HttpTransport, Surroundings>;

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Linked {
    pub(crate) rooms: usize,
    pub(crate) members: usize,
    pub(crate) links: Vec<Times>,
}

/// Of one new device, in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Times {
    /// From its line to its code.
    pub(crate) code_ms: f64,
    /// From the typed code to the first message it has said in a room.
    pub(crate) usable_ms: f64,
    /// From the typed code to the last room.
    pub(crate) all_ms: f64,
}

/// Makes the rooms and links some devices.
pub(crate) async fn look(args: &Args) -> Result<Linked, String> {
    let groved = Groved::start(args, &DataDir::new(&args.data_in)?)?;
    let homes = tempfile::tempdir_in(&args.data_in).map_err(text)?;
    let (url, homes) = (groved.url.as_str(), homes.path());
    let domain = Api::new(url).server().await.domain;
    let address = |name: &str| UserUri::new(&domain, name).expect("a name");
    eprintln!("linking: making {ROOMS} rooms of {MEMBERS} people");
    let mut others = Vec::with_capacity(MEMBERS - 1);
    for number in 1..MEMBERS {
        let other = address(&format!("other{number}"));
        drop(register(url, homes, &other).await?);
        others.push(other);
    }
    let mut old = register(url, homes, &address("alice")).await?;
    for number in 0..ROOMS {
        let room = old.create_room(&format!("room {number}"), None).await;
        let room = room.map_err(text)?;
        let invited = old.invite(&room, &others).await;
        invited.map_err(text)?;
    }
    let mut links = Vec::with_capacity(LINKS);
    for number in 0..LINKS {
        eprintln!("linking: device {} of {LINKS}", number + 1);
        let home = homes.join(format!("new{number}"));
        links.push(link(url, &home, &mut old, &address("alice")).await?);
    }
    Ok(Linked {
        rooms: ROOMS,
        members: MEMBERS,
        links,
    })
}

async fn register(url: &str, homes: &Path, user: &UserUri) -> Result<Device, String> {
    let home = homes.join(user.localpart());
    fs::create_dir(&home).map_err(text)?;
    let registration = Registration {
        user: user.clone(),
        invite: None,
    };
    let surroundings = Surroundings::new(Clock::system());
    let (client, _words) =
        Client::register(store(&home), transport(url), surroundings, registration)
            .await
            .map_err(text)?;
    Ok(client)
}

async fn link(url: &str, home: &Path, old: &mut Device, user: &UserUri) -> Result<Times, String> {
    fs::create_dir(home).map_err(text)?;
    let (store, transport) = (store(home), transport(url));
    let surroundings = Surroundings::new(Clock::system());
    let shown = Instant::now();
    let mut linking = Linking::begin(store, transport, surroundings, user.clone(), "new")
        .await
        .map_err(text)?;
    let line = linking.text();
    let (approval, code) = tokio::join!(old.approve_link(&line), linking.wait_for_answer());
    let approval = approval.map_err(text)?;
    let code = code.map_err(text)?;
    let code_ms = since(shown);

    let typed = Instant::now();
    let (gave, got) = tokio::join!(old.confirm_link(approval, code), linking.wait_for_package());
    gave.map_err(text)?;
    got.map_err(text)?;
    let mut new = linking.finish().await.map_err(text)?;
    let mut usable_ms = None;
    loop {
        let synced = new.sync(Duration::ZERO).await;
        synced.map_err(text)?;
        if usable_ms.is_none() && say(&mut new).await? {
            usable_ms = Some(since(typed));
        }
        if new.rooms_due().waiting == 0 {
            break;
        }
    }
    let all_ms = since(typed);
    let joined = joined_rooms(&mut new)?.len();
    match usable_ms {
        Some(usable_ms) if joined == ROOMS => Ok(Times {
            code_ms,
            usable_ms,
            all_ms,
        }),
        _ => Err(format!("the new device is in {joined} of {ROOMS} rooms")),
    }
}

/// Says something in the first room the device is in. False: there is none yet.
async fn say(new: &mut Device) -> Result<bool, String> {
    let Some(room) = joined_rooms(new)?.into_iter().next() else {
        return Ok(false);
    };
    let sent = new
        .send(&room, Draft::Text("a new device".to_owned()))
        .await;
    let sent = sent.map_err(text)?;
    Ok(sent.status == MessageStatus::Sent)
}

fn joined_rooms(device: &mut Device) -> Result<Vec<RoomUri>, String> {
    let rooms = device.rooms().map_err(text)?.into_iter();
    let joined = rooms.filter(|view| view.state == "joined");
    Ok(joined.map(|view| view.room).collect())
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

fn since(moment: Instant) -> f64 {
    moment.elapsed().as_secs_f64() * 1000.0
}
