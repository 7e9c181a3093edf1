//! Devices as lines, and what became of changing them.

use std::fmt;

use grove_core::{DeviceProgress, DeviceView, PendingRoom, visible_name};
use grove_wire::uri::ClientUri;
use serde::Serialize;

use super::plain::Quoted;
use super::records::called;
use super::time::Minute;

/// How many characters of a device's id people are shown.
const SHORT_ID_CHARACTERS: usize = 8;

fn short(client: &ClientUri) -> &str {
    let id = client.device();
    id.get(..SHORT_ID_CHARACTERS).unwrap_or(id)
}

/// One device of `devices list`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct DeviceLine(pub(crate) DeviceView);

impl fmt::Display for DeviceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = &self.0;
        write!(f, "{}  ", short(&device.client))?;
        write_name(f, device)?;
        if device.this {
            f.write_str(", this device")?;
        }
        write!(f, ", added {}", Minute(device.added_ms))?;
        write_seen(f, device)?;
        match device.rooms_pending {
            0 => Ok(()),
            1 => f.write_str(", 1 room still to be brought up to date"),
            many => write!(f, ", {many} rooms still to be brought up to date"),
        }
    }
}

fn write_name(f: &mut fmt::Formatter<'_>, device: &DeviceView) -> fmt::Result {
    match visible_name(&device.name) {
        None => f.write_str("(no name)"),
        Some(name) => write!(f, "{}", Quoted(name)),
    }
}

fn write_seen(f: &mut fmt::Formatter<'_>, device: &DeviceView) -> fmt::Result {
    if let Some(revoked) = device.revoked_ms {
        write!(f, ", taken off {}", Minute(revoked))
    } else if device.connected == Some(true) {
        f.write_str(", connected")
    } else if let Some(seen) = device.last_seen_ms {
        write!(f, ", last seen {}", Minute(seen))
    } else if device.connected.is_some() {
        f.write_str(", never seen")
    } else {
        Ok(())
    }
}

/// The device that a person is about to take off the account, with its whole id.
pub(crate) struct MeantDevice<'a>(pub(crate) &'a DeviceView);

impl fmt::Display for MeantDevice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = self.0;
        write!(f, "{}  ", device.client.device())?;
        write_name(f, device)?;
        write!(f, ", added {}", Minute(device.added_ms))?;
        write_seen(f, device)
    }
}

/// Devices to choose from, in one line. An id is shortened where that tells it from the others:
/// whoever makes a device chooses its id.
pub(crate) struct DeviceChoice<'a>(pub(crate) &'a [&'a DeviceView]);

impl fmt::Display for DeviceChoice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, device) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            let begin = short(&device.client);
            let alike = self.0.iter().filter(|one| short(&one.client) == begin);
            let id = if alike.count() > 1 {
                device.client.device()
            } else {
                begin
            };
            write!(f, "{id} ")?;
            write_name(f, device)?;
            write_seen(f, device)?;
        }
        Ok(())
    }
}

/// A device that was named.
#[derive(Debug, Serialize)]
pub(crate) struct RenamedLine {
    /// The device.
    pub(crate) client: ClientUri,
    /// Its name.
    pub(crate) name: String,
}

impl fmt::Display for RenamedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            return write!(f, "{} has no name now", short(&self.client));
        }
        write!(
            f,
            "{} is called {}",
            short(&self.client),
            Quoted(&self.name)
        )
    }
}

/// A device that was taken off the account, and how far the rooms are.
#[derive(Debug, Serialize)]
pub(crate) struct DevicesChanged {
    /// The device.
    pub(crate) client: ClientUri,
    /// What was done: `retired` or `revoked`.
    pub(crate) done: &'static str,
    /// How far the rooms are.
    #[serde(flatten)]
    pub(crate) progress: DeviceProgress,
}

impl fmt::Display for DevicesChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = &self.progress;
        write!(
            f,
            "{} {}; rooms up to date: {} of {}",
            self.done,
            short(&self.client),
            progress.rooms_done,
            progress.rooms_done + progress.rooms_pending
        )?;
        progress.pending.iter().try_for_each(|room| {
            f.write_str("\n  ")?;
            write_pending(f, room)
        })
    }
}

fn write_pending(f: &mut fmt::Formatter<'_>, pending: &PendingRoom) -> fmt::Result {
    f.write_str(&called(&pending.room, &pending.name))?;
    let devices = |f: &mut fmt::Formatter<'_>, devices: &[ClientUri], text: &str| {
        if devices.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = devices.iter().map(short).collect();
        write!(f, "; {text} {}", ids.join(", "))
    };
    devices(f, &pending.revoked, "still to be removed:")?;
    devices(f, &pending.outdated, "still to take the new key:")
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::{DeviceProgress, DeviceView, PendingRoom};
    use grove_wire::uri::{ClientUri, Provider, RoomUri, UserUri};

    use super::{DeviceLine, DevicesChanged, RenamedLine};

    fn client(id: u8) -> ClientUri {
        ClientUri::new(&UserUri::parse("alice@a.example").unwrap(), [id; 16])
    }

    #[test]
    fn a_device_as_text_and_as_json() {
        let mut line = DeviceLine(DeviceView {
            client: client(1),
            name: "old\u{1b}phone".to_owned(),
            this: true,
            added_ms: 1_795_381_656_000,
            last_seen_ms: Some(1_795_381_656_000),
            connected: Some(true),
            revoked_ms: None,
            rooms_pending: 2,
        });
        assert_eq!(
            line.to_string(),
            "aeaqcaib  «old\u{fffd}phone», this device, added 2026-11-22 21:07, connected, 2 rooms still to be brought up \
             to date"
        );
        assert_eq!(
            serde_json::to_string(&line).unwrap(),
            "{\"client\":\"mimi://a.example/d/alice/aeaqcaibaeaqcaibaeaqcaibae\",\"name\":\"old\\u001bphone\",\
             \"this\":true,\"added_ms\":1795381656000,\"last_seen_ms\":1795381656000,\"connected\":true,\
             \"revoked_ms\":null,\"rooms_pending\":2}"
        );
        line.0.connected = Some(false);
        line.0.rooms_pending = 0;
        line.0.this = false;
        assert!(line.to_string().ends_with(", last seen 2026-11-22 21:07"));
        line.0.revoked_ms = Some(1_795_381_656_000);
        assert!(line.to_string().ends_with(", taken off 2026-11-22 21:07"));
    }

    #[test]
    fn a_change_says_what_is_still_pending() {
        let hub = Provider::parse("a.example").unwrap();
        let pending = PendingRoom {
            room: RoomUri::new(&hub, &[7; 32]),
            name: "Garden".to_owned(),
            revoked: vec![client(1)],
            outdated: vec![client(2)],
        };
        let changed = DevicesChanged {
            client: client(1),
            done: "revoked",
            progress: DeviceProgress {
                rooms_done: 2,
                rooms_pending: 1,
                pending: vec![pending],
            },
        };
        assert_eq!(
            changed.to_string(),
            "revoked aeaqcaib; rooms up to date: 2 of 3\n  «Garden»; still to be removed: aeaqcaib; still to take the \
             new key: aibaeaqc"
        );
        let json = serde_json::to_value(&changed).unwrap();
        assert_eq!(json["rooms_pending"], 1);
        assert_eq!(json["pending"][0]["name"], "Garden");
        let named = RenamedLine {
            client: client(1),
            name: "phone".to_owned(),
        };
        assert_eq!(named.to_string(), "aeaqcaib is called «phone»");
    }
}
