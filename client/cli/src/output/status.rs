//! `grove status`, as one JSON object and as text. The field names are documented in `docs/cli.md`.

use std::fmt;

use grove_core::Status;
use serde::Serialize;

use super::plain::Line;
use super::records::called;
use super::time::Minute;

/// How this device and its server are doing.
#[derive(Debug, Serialize)]
pub(crate) struct StatusPage {
    /// The profile.
    pub(crate) profile: String,
    /// The database file.
    pub(crate) database: String,
    /// The server.
    pub(crate) server: String,
    /// Whether the server answered just now.
    pub(crate) reachable: bool,
    /// Why not.
    pub(crate) problem: Option<String>,
    /// What the engine knows.
    #[serde(flatten)]
    pub(crate) status: Status,
}

impl fmt::Display for StatusPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = &self.status;
        writeln!(
            f,
            "account   {} (profile {})",
            status.user.address(),
            self.profile
        )?;
        writeln!(f, "device    {}", status.client.device())?;
        let answer = self.problem.as_deref().unwrap_or("reachable");
        writeln!(f, "server    {}, {}", self.server, Line(answer))?;
        writeln!(f, "rooms     {}", status.rooms)?;
        writeln!(
            f,
            "outbox    {} waiting, {} failed",
            status.queued, status.failed
        )?;
        writeln!(f, "database  {}", self.database)?;
        write!(
            f,
            "devices   {}, list {}, ",
            status.devices, status.device_list_version
        )?;
        let good = if status.device_list_stale {
            "OUT OF DATE since"
        } else {
            "good until"
        };
        write!(f, "{good} {} UTC", Minute(status.device_list_not_after_ms))?;
        write_devices(f, status)?;
        if let Some(off) = status.clock_off {
            write!(f, "\nclock     {off}: SET IT")?;
        }
        if status.waiting_welcomes > 0 {
            write!(
                f,
                "\n{} invitations are still to be followed",
                status.waiting_welcomes
            )?;
        }
        if status.recovery_words_pending {
            f.write_str("\nThe recovery words were not handed over: run grove register again.")?;
        }
        status.lost_rooms.iter().try_for_each(|room| {
            let name = called(&room.room, &room.name);
            write!(
                f,
                "\n{name} cannot be followed at the moment: grove rooms list"
            )
        })?;
        status.stopped_rooms.iter().try_for_each(|room| {
            let why = room.stopped.as_deref().unwrap_or("an identity changed");
            write!(
                f,
                "\nNothing is sent to {}: {}",
                called(&room.room, &room.name),
                Line(why)
            )
        })
    }
}

/// What is not as it should be with the user's devices.
fn write_devices(f: &mut fmt::Formatter<'_>, status: &Status) -> fmt::Result {
    if status.revoked {
        f.write_str(
            "\nThis device was taken off the account. What it has read stays readable here.",
        )?;
    } else if status.key_superseded {
        f.write_str("\nAnother device of yours has replaced your key; this one waits for it.")?;
    }
    match status.device_rooms_pending {
        0 => Ok(()),
        rooms => write!(
            f,
            "\nChanges of your devices are still to reach {rooms} rooms: grove devices list"
        ),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::Status;
    use grove_wire::uri::{ClientUri, UserUri};

    use super::StatusPage;

    fn page() -> StatusPage {
        let alice = UserUri::parse("alice@a.example").unwrap();
        StatusPage {
            profile: "work".to_owned(),
            database: "/data/grove.db".to_owned(),
            server: "https://a.example".to_owned(),
            reachable: false,
            problem: Some("the server did not answer in time".to_owned()),
            status: Status {
                client: ClientUri::new(&alice, [1; 16]),
                user: alice,
                rooms: 2,
                queued: 1,
                failed: 0,
                waiting_welcomes: 0,
                lost_rooms: Vec::new(),
                stopped_rooms: Vec::new(),
                device_list_version: 1,
                device_list_not_after_ms: 1_795_381_656_000,
                device_list_stale: false,
                devices: 3,
                device_rooms_pending: 0,
                key_superseded: false,
                revoked: false,
                session: true,
                clock_off: None,
                recovery_words_pending: false,
            },
        }
    }

    #[test]
    fn as_text_and_as_json() {
        let mut page = page();
        assert_eq!(
            page.to_string(),
            "account   alice@a.example (profile work)\ndevice    aeaqcaibaeaqcaibaeaqcaibae\n\
             server    https://a.example, the server did not answer in time\nrooms     2\n\
             outbox    1 waiting, 0 failed\ndatabase  /data/grove.db\n\
             devices   3, list 1, good until 2026-11-22 21:07 UTC"
        );
        assert_eq!(
            serde_json::to_string(&page).unwrap(),
            "{\"profile\":\"work\",\"database\":\"/data/grove.db\",\"server\":\"https://a.example\",\
             \"reachable\":false,\"problem\":\"the server did not answer in time\",\
             \"user\":\"mimi://a.example/u/alice\",\
             \"client\":\"mimi://a.example/d/alice/aeaqcaibaeaqcaibaeaqcaibae\",\"rooms\":2,\
             \"queued\":1,\"failed\":0,\"waiting_welcomes\":0,\"lost_rooms\":[],\"stopped_rooms\":[],\
             \"device_list_version\":1,\"device_list_not_after_ms\":1795381656000,\
             \"device_list_stale\":false,\"devices\":3,\"device_rooms_pending\":0,\
             \"key_superseded\":false,\"revoked\":false,\"session\":true,\
             \"recovery_words_pending\":false}"
        );
        page.status.recovery_words_pending = true;
        assert!(page.to_string().ends_with("run grove register again."));
    }

    #[test]
    fn trouble_with_devices_is_told() {
        let mut page = page();
        page.status.device_list_stale = true;
        page.status.key_superseded = true;
        page.status.device_rooms_pending = 2;
        assert!(page.to_string().ends_with(
            "list 1, OUT OF DATE since 2026-11-22 21:07 UTC\n\
             Another device of yours has replaced your key; this one waits for it.\n\
             Changes of your devices are still to reach 2 rooms: grove devices list"
        ));
        page.status.revoked = true;
        page.status.device_rooms_pending = 0;
        let told = "\nThis device was taken off the account. What it has read stays readable here.";
        assert!(page.to_string().ends_with(told));
    }
}
