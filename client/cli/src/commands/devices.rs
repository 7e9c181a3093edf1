//! `grove devices`: list, name, and take away.

use std::path::Path;

use grove_core::{Class, Classified, DeviceProgress, DeviceView};
use grove_wire::uri::ClientUri;

use super::approve;
use super::failures::failed;
use crate::args::Devices;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{DeviceLine, DevicesChanged, Output, RenamedLine};
use crate::secrets;
use crate::session::Session;

const LATER: &str = "what was begun is kept and brought to an end by the next command that reaches \
    the server; grove devices list shows how far it is";
const RETIRED: &str = "if that device may be in other hands, this is not enough: it has seen your \
    key; grove devices revoke gives you a new one";

pub(crate) async fn devices(
    session: &mut Session,
    wish: Devices,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    match wish {
        Devices::Approve(wish) => approve::approve(session, wish, output).await?,
        Devices::List => return list(session, output).await,
        Devices::Rename { device, name } => {
            let client = find(session, &device, output).await?;
            session
                .client
                .rename_device(&client, &name)
                .map_err(failed)?;
            output.print(&RenamedLine { client, name })?;
        }
        Devices::Retire { device } => {
            let client = find(session, &device, output).await?;
            let retired = session.client.retire_device(&client).await;
            changed(output, client, "retired", retired)?;
            output.note(RETIRED);
        }
        Devices::Revoke { device, words_file } => {
            revoke(session, &device, words_file.as_deref(), output).await?;
        }
    }
    session.settle(output).await;
    Ok(())
}

async fn revoke(
    session: &mut Session,
    device: &str,
    words_file: Option<&Path>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let client = find(session, device, output).await?;
    let words = secrets::recovery_words(words_file)?;
    let revoked = session.client.revoke_device(&client, &words).await;
    changed(output, client, "revoked", revoked)
}

fn changed<E: std::error::Error + Classified>(
    output: &mut Output<'_>,
    client: ClientUri,
    done: &'static str,
    result: Result<DeviceProgress, E>,
) -> Result<(), Failure> {
    match result {
        Ok(progress) => output.print(&DevicesChanged {
            client,
            done,
            progress,
        }),
        Err(error) if error.class() == Class::Unreachable => Err(failed(error).advise(LATER)),
        Err(error) => Err(failed(error)),
    }
}

async fn list(session: &mut Session, output: &mut Output<'_>) -> Result<(), Failure> {
    session.catch_up_if_possible(output).await?;
    let devices = session.client.devices().await.map_err(failed)?;
    devices
        .into_iter()
        .try_for_each(|device| output.print(&DeviceLine(device)))
}

/// The device that is meant: by its name, its whole address, or the beginning of its id.
async fn find(
    session: &mut Session,
    named: &str,
    output: &mut Output<'_>,
) -> Result<ClientUri, Failure> {
    session.catch_up_if_possible(output).await?;
    let devices = session.client.devices().await.map_err(failed)?;
    choose(&devices, named)
}

fn choose(devices: &[DeviceView], named: &str) -> Result<ClientUri, Failure> {
    let wanted = named.to_lowercase();
    let by_name = |device: &&DeviceView| device.name.to_lowercase() == wanted;
    let by_id = |device: &&DeviceView| {
        device.client.as_str() == named || device.client.device().starts_with(&wanted)
    };
    let mut found: Vec<&DeviceView> = Vec::new();
    if !wanted.is_empty() {
        found = devices.iter().filter(by_name).collect();
        if found.is_empty() {
            found = devices.iter().filter(by_id).collect();
        }
    }
    match found.as_slice() {
        [device] => Ok(device.client.clone()),
        [] => Err(Failure::new(Exit::NotFound, "you have no such device")
            .advise("grove devices list shows them")),
        several => {
            let ids: Vec<&str> = several.iter().map(|one| one.client.device()).collect();
            Err(
                Failure::new(Exit::NotFound, "several devices are called that")
                    .advise(format!("name one by its id: {}", ids.join(", "))),
            )
        }
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
            assert_eq!(choose(&devices, named).unwrap(), *phone, "{named}");
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
}
