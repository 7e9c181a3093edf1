//! Which device somebody means.
//!
//! The surprise: any device of the user names all of them, a stolen one as well. So a name that
//! fits takes nothing from an id that fits: both are candidates, and what fits several is refused.

use grove_core::DeviceView;
use grove_wire::uri::ClientUri;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::DeviceChoice;

/// The one device that fits.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The device.
    pub(super) client: ClientUri,
    /// What is known of it.
    pub(super) device: DeviceView,
    /// Whether it fits by its id or its address, and not by its name alone.
    has_id: bool,
}

impl Chosen {
    /// The device, if it was named by what no other device can change.
    ///
    /// # Errors
    /// When it was named by its name.
    pub(super) fn by_id(self) -> Result<ClientUri, Failure> {
        if self.has_id {
            return Ok(self.client);
        }
        let text = "nobody is there to say yes, and a name is not enough: any of your devices may \
            have changed it";
        let id = self.client.device();
        Err(Failure::new(Exit::Usage, text).advise(format!("name the device by its id: {id}")))
    }
}

/// The device that is meant: by its whole id or address, or else by its name or the beginning of
/// its id.
///
/// # Errors
/// When none fits, or several do.
pub(super) fn choose(devices: &[DeviceView], named: &str) -> Result<Chosen, Failure> {
    let wanted = named.trim().to_lowercase();
    let is_exact = |device: &&DeviceView| {
        device.client.as_str() == named.trim() || device.client.device() == wanted
    };
    let begins_so = |device: &DeviceView| device.client.device().starts_with(&wanted);
    let fits =
        |device: &&DeviceView| device.name.trim().to_lowercase() == wanted || begins_so(device);
    let mut found: Vec<&DeviceView> = devices.iter().filter(is_exact).collect();
    let exact = !found.is_empty();
    if !exact && !wanted.is_empty() {
        found = devices.iter().filter(fits).collect();
    }
    match found.as_slice() {
        [device] => Ok(Chosen {
            client: device.client.clone(),
            device: (*device).clone(),
            has_id: exact || begins_so(device),
        }),
        [] => Err(Failure::new(Exit::NotFound, "you have no such device")
            .advise("grove devices list shows them")),
        several => Err(
            Failure::new(Exit::NotFound, "several devices are called that")
                .advise(format!("name one by its id: {}", DeviceChoice(several))),
        ),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use grove_core::DeviceView;
    use grove_wire::uri::{ClientUri, UserUri};

    use super::choose;
    use crate::exit::Exit;

    fn device(id: u8, name: &str) -> DeviceView {
        let user = UserUri::parse("alice@a.example").unwrap();
        DeviceView {
            client: ClientUri::new(&user, [id; 16]),
            name: name.to_owned(),
            this: false,
            added_ms: 1,
            last_seen_ms: None,
            connected: None,
            revoked_ms: None,
            rooms_pending: 0,
        }
    }

    #[test]
    fn a_device_is_named_by_name_or_id_and_never_guessed() {
        let devices = [device(1, "Phone"), device(2, "laptop"), device(2, "LAPTOP")];
        let phone = &devices[0].client;
        for named in ["phone", phone.as_str(), phone.device().get(..6).unwrap()] {
            assert_eq!(choose(&devices, named).unwrap().client, *phone, "{named}");
        }
        for (named, text) in [
            ("laptop", "several devices are called that"),
            ("tablet", "you have no such device"),
            ("", "you have no such device"),
        ] {
            let failure = choose(&devices, named).unwrap_err();
            assert_eq!(
                (failure.exit, failure.message.as_str()),
                (Exit::NotFound, text)
            );
        }
    }

    #[test]
    fn a_name_does_not_hide_an_id() {
        let stolen = device(2, "");
        let id = stolen.client.device().to_owned();
        let begin = id.get(..8).unwrap().to_owned();
        // Whoever has it has named the tablet by the id of the stolen one.
        for name in [&begin, &id] {
            let devices = [device(1, name), stolen.clone()];
            for whole in [id.as_str(), &id.to_uppercase(), stolen.client.as_str()] {
                let chosen = choose(&devices, whole).unwrap();
                assert_eq!(chosen.client, stolen.client);
                assert_eq!(chosen.by_id().unwrap(), stolen.client);
            }
        }
        let devices = [device(1, &begin), stolen.clone()];
        let failure = choose(&devices, &begin).unwrap_err();
        assert_eq!(failure.exit, Exit::NotFound);
        let advice = failure.advice.unwrap();
        assert_eq!(
            advice,
            "name one by its id: aeaqcaib «aibaeaqc»; aibaeaqc (no name)"
        );
    }

    #[test]
    fn ids_that_begin_alike_are_shown_whole() {
        let user = UserUri::parse("alice@a.example").unwrap();
        let mut id = [1; 16];
        id[15] = 7;
        let twin = DeviceView {
            client: ClientUri::new(&user, id),
            connected: Some(false),
            ..device(1, "tablet")
        };
        let devices = [device(1, "tablet"), twin];
        let advice = choose(&devices, "tablet").unwrap_err().advice.unwrap();
        for device in &devices {
            assert!(advice.contains(device.client.device()), "{advice}");
        }
        assert!(advice.ends_with("«tablet», never seen"), "{advice}");
    }

    #[test]
    fn a_name_is_not_enough_where_nobody_is_asked() {
        let devices = [device(1, "phone")];
        let id = devices[0].client.device();
        let failure = choose(&devices, "phone").unwrap().by_id().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.advice.unwrap().ends_with(id));
        for named in [id, id.get(..8).unwrap(), devices[0].client.as_str()] {
            assert!(choose(&devices, named).unwrap().by_id().is_ok(), "{named}");
        }
    }
}
