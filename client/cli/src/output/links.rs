//! The steps of linking and recovering a device, each as one JSON object and as text. The field
//! names are documented in `docs/cli.md`.

use std::fmt;

use grove_wire::uri::{ClientUri, UserUri};
use serde::Serialize;

use super::time::Minute;

/// The new device waits to be approved.
#[derive(Serialize)]
pub(crate) struct OfferLine {
    /// `offer`.
    pub(crate) step: &'static str,
    /// The line for the other device; a secret.
    pub(crate) link: String,
    /// When it ends.
    pub(crate) expires_at_ms: u64,
    /// The same as a QR code, if one is to be shown.
    #[serde(skip)]
    pub(crate) qr: Option<String>,
}

impl fmt::Display for OfferLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("On a device you have, run grove devices approve and give it this line:\n\n")?;
        if let Some(qr) = &self.qr {
            writeln!(f, "{qr}")?;
        }
        let end = Minute(self.expires_at_ms);
        write!(
            f,
            "{}\n\nIt is good once, until {end} UTC. Show it to nobody else.",
            self.link
        )
    }
}

/// The other device has answered.
#[derive(Serialize)]
pub(crate) struct CodeLine {
    /// `code`.
    pub(crate) step: &'static str,
    /// What to type there.
    pub(crate) code: String,
}

impl fmt::Display for CodeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\nType this code on the other device:  {}", self.code)
    }
}

/// The new device has the account.
#[derive(Debug, Serialize)]
pub(crate) struct ArrivedLine {
    /// `linked` or `recovered`.
    pub(crate) step: &'static str,
    /// The user.
    pub(crate) user: UserUri,
    /// The user as people write it.
    pub(crate) address: String,
    /// This device.
    pub(crate) client: ClientUri,
    /// The profile.
    pub(crate) profile: String,
    /// The server.
    pub(crate) server: String,
    /// What became of the other devices: `kept` or `revoked`; absent after linking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) others: Option<&'static str>,
}

impl fmt::Display for ArrivedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "This is a device of {} now.", self.address)?;
        write!(
            f,
            "This is profile {}, device {}.",
            self.profile,
            self.client.device()
        )?;
        match self.others {
            Some("revoked") => f.write_str("\nAll other devices were taken off the account."),
            Some(_) => f.write_str(
                "\nThe other devices were kept; each takes the new key when it is on-line.",
            ),
            None => Ok(()),
        }
    }
}

/// How far the joining of the rooms has come.
#[derive(Debug, Serialize)]
pub(crate) struct RoomsDueLine {
    /// `rooms`.
    pub(crate) step: &'static str,
    /// Rooms that were joined.
    pub(crate) joined: usize,
    /// Rooms that could not be joined.
    pub(crate) failed: usize,
    /// Rooms in all, those joined before not counted.
    pub(crate) of: usize,
}

impl fmt::Display for RoomsDueLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "joined {} of {} rooms", self.joined, self.of)?;
        match self.failed {
            0 => Ok(()),
            failed => write!(f, ", {failed} could not be joined"),
        }
    }
}

/// A device that another one has to say yes to, or has.
#[derive(Debug, Serialize)]
pub(crate) struct NewcomerLine {
    /// `newcomer` or `approved`.
    pub(crate) step: &'static str,
    /// The new device.
    pub(crate) client: ClientUri,
    /// Whose device it will be, as people write it.
    pub(crate) address: String,
}

impl fmt::Display for NewcomerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, address) = (self.client.device(), &self.address);
        if self.step == "approved" {
            write!(f, "Device {device} is one of {address} now.")
        } else {
            write!(f, "A new device, {device}, wants to be one of {address}.")
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_wire::uri::{ClientUri, UserUri};
    use serde::Serialize;

    use super::{ArrivedLine, CodeLine, NewcomerLine, OfferLine, RoomsDueLine};

    fn alice() -> UserUri {
        UserUri::parse("alice@a.example").unwrap()
    }

    fn client() -> ClientUri {
        ClientUri::new(&alice(), [1; 16])
    }

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn an_offer_shows_its_line_and_its_end() {
        let mut offer = OfferLine {
            step: "offer",
            link: "grove-link:ABC".to_owned(),
            expires_at_ms: 1_795_381_656_000,
            qr: None,
        };
        assert_eq!(
            offer.to_string(),
            "On a device you have, run grove devices approve and give it this line:\n\n\
             grove-link:ABC\n\nIt is good once, until 2026-11-22 21:07 UTC. Show it to nobody else."
        );
        offer.qr = Some("##\n##\n".to_owned());
        assert!(
            offer
                .to_string()
                .contains("this line:\n\n##\n##\n\ngrove-link:ABC\n")
        );
        assert_eq!(
            json(&offer),
            "{\"step\":\"offer\",\"link\":\"grove-link:ABC\",\"expires_at_ms\":1795381656000}"
        );
        let code = CodeLine {
            step: "code",
            code: "123 456".to_owned(),
        };
        assert!(code.to_string().ends_with("on the other device:  123 456"));
        assert_eq!(json(&code), "{\"step\":\"code\",\"code\":\"123 456\"}");
    }

    #[test]
    fn a_newcomer_is_named_by_its_client_id() {
        let mut line = NewcomerLine {
            step: "newcomer",
            client: client(),
            address: "alice@a.example".to_owned(),
        };
        assert_eq!(
            line.to_string(),
            "A new device, aeaqcaibaeaqcaibaeaqcaibae, wants to be one of alice@a.example."
        );
        line.step = "approved";
        assert_eq!(
            line.to_string(),
            "Device aeaqcaibaeaqcaibaeaqcaibae is one of alice@a.example now."
        );
        assert_eq!(
            json(&line),
            "{\"step\":\"approved\",\"client\":\"mimi://a.example/d/alice/aeaqcaibaeaqcaibaeaqcaibae\",\
             \"address\":\"alice@a.example\"}"
        );
    }

    #[test]
    fn a_device_that_arrived_says_what_became_of_the_others() {
        let mut line = ArrivedLine {
            step: "linked",
            user: alice(),
            address: "alice@a.example".to_owned(),
            client: client(),
            profile: "work".to_owned(),
            server: "https://a.example".to_owned(),
            others: None,
        };
        let arrived = "This is a device of alice@a.example now.\n\
                       This is profile work, device aeaqcaibaeaqcaibaeaqcaibae.";
        assert_eq!(line.to_string(), arrived);
        assert_eq!(
            json(&line),
            "{\"step\":\"linked\",\"user\":\"mimi://a.example/u/alice\",\"address\":\"alice@a.example\",\
             \"client\":\"mimi://a.example/d/alice/aeaqcaibaeaqcaibaeaqcaibae\",\"profile\":\"work\",\
             \"server\":\"https://a.example\"}"
        );
        for (others, said) in [("kept", "were kept"), ("revoked", "were taken off")] {
            line.others = Some(others);
            let text = line.to_string();
            assert!(text.starts_with(arrived) && text.contains(said), "{text}");
            assert!(json(&line).contains(&format!("\"others\":\"{others}\"")));
        }
        let rooms = RoomsDueLine {
            step: "rooms",
            joined: 8,
            failed: 1,
            of: 50,
        };
        assert_eq!(
            rooms.to_string(),
            "joined 8 of 50 rooms, 1 could not be joined"
        );
        assert_eq!(
            json(&rooms),
            "{\"step\":\"rooms\",\"joined\":8,\"failed\":1,\"of\":50}"
        );
        let none_failed = RoomsDueLine { failed: 0, ..rooms };
        assert_eq!(none_failed.to_string(), "joined 8 of 50 rooms");
    }
}
