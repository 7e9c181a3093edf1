//! `grove link`: this machine becomes another device of an account.
//!
//! The surprise: until the other device has sent the keys nothing is stored that is worth keeping.
//! A link that fails, or is interrupted, leaves no profile behind.

use std::io::{self, IsTerminal as _};

use grove_core::{Client, Linking, LinkingError};
use grove_sqlite::SqliteStore;

use super::failures::{failed, unusable};
use super::listen::Ending;
use super::new_profile::{self, NewProfile, Plan};
use crate::args::{Arguments, Link};
use crate::clock::Machine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{CodeLine, OfferLine, Output};
use crate::profile::Directories;
use crate::qr;
use crate::transport::HttpTransport;

pub(crate) async fn link(
    arguments: &Arguments,
    wish: &Link,
    directories: &Directories,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut ending = Ending::new()?;
    let plan = Plan::read(arguments, &wish.address, &wish.profile, directories)?;
    let mut new = plan.make(directories)?;
    let mut client = match begin(&new, wish, &mut ending, output).await {
        Ok(client) => client,
        Err(failure) => {
            new.discard(directories)?;
            return Err(failure);
        }
    };
    new.keep(directories)?;
    output.print(&new.arrived("linked", &client, None))?;
    new_profile::join_rooms(&mut client, &mut ending, output).await
}

async fn begin(
    new: &NewProfile,
    wish: &Link,
    ending: &mut Ending,
    output: &mut Output<'_>,
) -> Result<Client<SqliteStore, HttpTransport, Machine>, Failure> {
    let (store, transport) = (new.open_store()?, new.transport.clone());
    let mut linking = Linking::begin(store, transport, Machine, wish.address.clone(), &wish.name)
        .await
        .map_err(explain)?;
    let linked = tokio::select! {
        () = ending.wait() => {
            Err(Failure::new(Exit::Failure, "interrupted; the line above is worth nothing any more"))
        }
        linked = meet(&mut linking, wish, output) => linked,
    };
    match linked {
        Ok(()) => linking.finish().await.map_err(explain),
        Err(failure) => {
            linking.cancel().await;
            Err(failure)
        }
    }
}

/// Shows what the person needs, and waits until the other device has sent the keys.
async fn meet(
    linking: &mut Linking<SqliteStore, HttpTransport, Machine>,
    wish: &Link,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let text = linking.text();
    let columns = if wish.no_qr { None } else { columns() };
    output.print(&OfferLine {
        step: "offer",
        link: text.to_string(),
        expires_at_ms: linking.expires_at(),
        qr: columns.and_then(|columns| qr::draw(&text, columns)),
    })?;
    let code = linking.wait_for_answer().await.map_err(explain)?;
    output.print(&CodeLine {
        step: "code",
        code: code.to_string(),
    })?;
    linking.wait_for_package().await.map_err(explain)
}

/// How wide the terminal is, if there is one.
fn columns() -> Option<usize> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(usize::from(size.ws_col))
}

fn explain(error: LinkingError) -> Failure {
    let advice = match &error {
        LinkingError::AlreadyRegistered(_) => {
            "grove whoami shows the account; take another profile with --profile NAME"
        }
        LinkingError::Cancelled | LinkingError::Expired => "run the same command again",
        LinkingError::Name => "give another --name",
        LinkingError::PackageInvalid(_) | LinkingError::WrongUser => {
            "somebody may stand between the two devices: see on the other one with grove devices \
             list which devices there are, and try again in a network you trust"
        }
        LinkingError::Home(_) => "check the address and --server",
        _ => return failed(error),
    };
    let usage = matches!(error, LinkingError::Name);
    let failure = if usage {
        unusable(error)
    } else {
        failed(error)
    };
    failure.advise(advice)
}
