//! `grove recover`: the account comes back with the recovery words.

use grove_core::{Client, OtherDevices, RecoverError, Recovery};

use super::failures::{failed, unusable};
use super::listen::Ending;
use super::new_profile::{self, Plan};
use crate::args::{Arguments, Recover};
use crate::clock::Machine;
use crate::failure::Failure;
use crate::output::Output;
use crate::profile::Directories;
use crate::secrets;

pub(crate) async fn recover(
    arguments: &Arguments,
    wish: &Recover,
    directories: &Directories,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let words = secrets::recovery_words(wish.words_file.as_deref())?;
    let plan = Plan::read(arguments, &wish.address, &wish.profile, directories)?;
    let mut new = plan.make(directories)?;
    let others = if wish.keep_others {
        OtherDevices::Keep
    } else {
        OtherDevices::Revoke
    };
    let recovery = Recovery {
        user: wish.address.clone(),
        words,
        others,
        name: wish.name.clone(),
    };
    let recovered = match new.open_store() {
        Ok(store) => Client::recover(store, new.transport.clone(), Machine, recovery)
            .await
            .map_err(|error| (is_certainly_nothing(&error), explain(error))),
        // Nothing was stored, so nothing was begun.
        Err(failure) => Err((true, failure)),
    };
    let mut client = match recovered {
        Ok(client) => client,
        Err((nothing_there, failure)) => {
            if nothing_there {
                new.discard(directories)?;
            }
            return Err(failure);
        }
    };
    new.keep(directories)?;
    // What was done, which is not what was wanted if an earlier run had done more.
    let shown = match client.other_devices()? {
        OtherDevices::Keep => "kept",
        OtherDevices::Revoke => "revoked",
    };
    output.print(&new.arrived("recovered", &client, Some(shown)))?;
    new_profile::join_rooms(&mut client, &mut Ending::new()?, output).await
}

/// Whether nothing was begun that a repeat would have to go on with.
fn is_certainly_nothing(error: &RecoverError) -> bool {
    matches!(
        error,
        RecoverError::Home(_)
            | RecoverError::List(_)
            | RecoverError::Name
            | RecoverError::OtherList
            | RecoverError::Identity(_)
            | RecoverError::Words(_)
            | RecoverError::WrongWords
    )
}

fn explain(error: RecoverError) -> Failure {
    let advice = match &error {
        RecoverError::AlreadyRegistered(_) => {
            "grove whoami shows the account; take another profile with --profile NAME"
        }
        RecoverError::Words(_) => {
            "compare the words with the paper: their order counts, their case does not"
        }
        RecoverError::Name => "give another --name",
        RecoverError::WrongWords => "check the address; words of another account do not help",
        RecoverError::Home(_) => "check the address and --server",
        RecoverError::List(_) | RecoverError::OtherList => {
            "the server may be showing you another account: check the address and --server, and ask \
             who runs it"
        }
        RecoverError::Call(_) => "run the same command again: it goes on where it was",
        _ => return failed(error),
    };
    let usage = matches!(error, RecoverError::Name | RecoverError::Words(_));
    let failure = if usage {
        unusable(error)
    } else {
        failed(error)
    };
    failure.advise(advice)
}
