//! `grove devices`: list, name, and take away.

mod choice;

use std::path::Path;

use grove_core::{Classified, DeviceProgress, RenameDeviceError};
use grove_wire::uri::ClientUri;

use super::approve;
use super::failures::{failed, unusable};
use crate::answers::{self, Answers, Echo};
use crate::args::Devices;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{DeviceLine, DevicesChanged, MeantDevice, Output, RenamedLine};
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
            let client = find(session, &device, output).await?.client;
            session
                .client
                .rename_device(&client, &name)
                .map_err(not_renamed)?;
            output.print(&RenamedLine { client, name })?;
        }
        Devices::Retire { device, yes } => {
            let client = find_to_take_off(session, &device, yes, output).await?;
            let retired = session.client.retire_device(&client).await;
            changed(output, client, "retired", retired)?;
            output.note(RETIRED);
        }
        Devices::Revoke {
            device,
            words_file,
            yes,
        } => {
            let client = find_to_take_off(session, &device, yes, output).await?;
            revoke(session, client, words_file.as_deref(), output).await?;
        }
    }
    session.settle(output).await;
    Ok(())
}

fn not_renamed(error: RenameDeviceError) -> Failure {
    match error {
        RenameDeviceError::Name => unusable(error),
        other => failed(other),
    }
}

async fn revoke(
    session: &mut Session,
    client: ClientUri,
    words_file: Option<&Path>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
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
        Err(error) if error.class().is_passing() => Err(failed(error).advise(LATER)),
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

/// The device that is meant.
async fn find(
    session: &mut Session,
    named: &str,
    output: &mut Output<'_>,
) -> Result<choice::Chosen, Failure> {
    session.catch_up_if_possible(output).await?;
    let devices = session.client.devices().await.map_err(failed)?;
    choice::choose(&devices, named)
}

/// The device that is to be taken off the account, once it is certain that it is meant: a person
/// sees which it is and says yes; a script has named it by what no other device can change.
async fn find_to_take_off(
    session: &mut Session,
    named: &str,
    yes: bool,
    output: &mut Output<'_>,
) -> Result<ClientUri, Failure> {
    let chosen = find(session, named, output).await?;
    let answers = Answers::open();
    if !answers.is_person() || output.is_json() {
        return chosen.by_id();
    }
    output.note(MeantDevice(&chosen.device));
    if !yes {
        let answer = answers.ask("Is this the device? (yes or no) ", Echo::On)?;
        if !answers::is_yes(&answer) {
            return Err(Failure::new(Exit::Failure, "nothing was changed")
                .advise("grove devices list shows all devices with their ids"));
        }
    }
    Ok(chosen.client)
}
