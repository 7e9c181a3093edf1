//! `grove devices approve`: a new device becomes one of this account.

use std::path::Path;

use grove_core::{ApproveLinkError, ConfirmLinkError, LinkCode};

use super::failures::{failed, unusable};
use super::listen::Ending;
use crate::answers::{Answers, Echo};
use crate::args::Approve;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{NewcomerLine, Output};
use crate::secrets;
use crate::session::Session;

/// So often a code may be typed that is none at all.
const ATTEMPTS: usize = 3;

pub(crate) async fn approve(
    session: &mut Session,
    wish: Approve,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let answers = Answers::open();
    let line = match wish.link_file.as_deref() {
        Some(path) if path != Path::new("-") => secrets::read_line(path)?,
        _ => answers.ask("The line that the new device shows: ", Echo::Off)?,
    };
    let mut ending = Ending::new()?;
    let approval = tokio::select! {
        () = ending.wait() => return Err(interrupted()),
        taken = session.client.approve_link(&line) => taken.map_err(taken_up)?,
    };
    let newcomer = |step| NewcomerLine {
        step,
        client: approval.client().clone(),
        address: approval.client().user().address(),
    };
    let approved = newcomer("approved");
    let asked = match output.print(&newcomer("newcomer")) {
        Ok(()) => wait_for_code(answers, &mut ending).await,
        Err(failure) => Err(failure),
    };
    let code = match asked {
        Ok(code) => code,
        Err(failure) => {
            session.client.cancel_link(approval).await;
            return Err(failure);
        }
    };
    session
        .client
        .confirm_link(approval, code)
        .await
        .map_err(confirmed)?;
    output.print(&approved)
}

/// Asks for the code, until Ctrl-C.
async fn wait_for_code(answers: Answers, ending: &mut Ending) -> Result<LinkCode, Failure> {
    let asking = tokio::task::spawn_blocking(move || ask_code(&answers));
    tokio::select! {
        () = ending.wait() => Err(interrupted()),
        asked = asking => asked.map_err(|error| Failure::caused(Exit::Failure, &error))?,
    }
}

fn interrupted() -> Failure {
    Failure::new(
        Exit::Failure,
        "interrupted; nothing was given to the new device",
    )
}

fn ask_code(answers: &Answers) -> Result<LinkCode, Failure> {
    for _ in 0..ATTEMPTS {
        let typed = answers.ask("The code that the new device shows: ", Echo::On)?;
        if let Ok(code) = LinkCode::parse(&typed) {
            return Ok(code);
        }
        if !answers.is_person() {
            break;
        }
    }
    Err(Failure::new(Exit::Usage, "a code has six digits")
        .advise("begin anew with grove link on the new device"))
}

fn taken_up(error: ApproveLinkError) -> Failure {
    let advice = match &error {
        ApproveLinkError::Cancelled | ApproveLinkError::Expired | ApproveLinkError::Newcomer(_) => {
            "begin anew with grove link on the new device"
        }
        ApproveLinkError::OtherUser(_) => {
            "run grove link with the address of this account, or choose another --profile here"
        }
        ApproveLinkError::Text(_) => "copy the whole line that begins with grove-link:",
        ApproveLinkError::Call(_) => return failed(error),
    };
    let usage = matches!(
        error,
        ApproveLinkError::Text(_) | ApproveLinkError::OtherUser(_)
    );
    let failure = if usage {
        unusable(error)
    } else {
        failed(error)
    };
    failure.advise(advice)
}

fn confirmed(error: ConfirmLinkError) -> Failure {
    let advice = match &error {
        ConfirmLinkError::CodesDiffer => {
            "if the code was typed as it is shown, somebody stands between the two devices: try \
             again in a network you trust; the line is worth nothing any more"
        }
        ConfirmLinkError::Cancelled | ConfirmLinkError::Expired => {
            "begin anew with grove link on the new device"
        }
        _ => return failed(error),
    };
    failed(error).advise(advice)
}
