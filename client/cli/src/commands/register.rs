//! `grove register`: a profile, keys, an account.
//!
//! The surprise: a failed registration takes its profile away again only when the server certainly
//! knows nothing of it; otherwise the keys may already be somebody's account.

use grove_core::{
    CallError, Client, RecoveryWords, RefillError, RegisterError, Registration, Store,
};
use grove_wire::api::server::Registration as Policy;
use zeroize::Zeroizing;

use super::failures::failed;
use super::new_profile::Plan;
use crate::args::{Arguments, Register};
use crate::clock::Machine;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::invite;
use crate::output::{Output, Registered};
use crate::profile::{Directories, Profile};
use crate::secrets::{self, RecoveryFile};
use crate::transport::HttpTransport;

pub(crate) async fn register(
    arguments: &Arguments,
    wish: &Register,
    directories: &Directories,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let plan = Plan::read(arguments, &wish.address, &wish.profile, directories)?;
    let mut invite = secrets::find_invite(wish.invite_file.as_deref())?;
    if !plan.is_begun() {
        invite = invite_for(ask_policy(&plan.transport()?).await?, invite)?;
    }
    let token = |invite| invite::token(invite, &wish.address.provider());
    let invite = invite.map(token).transpose()?;
    let recovery = wish
        .recovery_file
        .clone()
        .map(RecoveryFile::create)
        .transpose()?;
    let mut new = plan.make(directories)?;
    let registration = Registration {
        user: wish.address.clone(),
        invite,
    };
    let registered = match new.open_store() {
        Ok(store) => Client::register(store, new.transport.clone(), Machine, registration)
            .await
            .map_err(|error| (is_certainly_refused(&error), explain(error))),
        // Nothing was stored, so nothing was begun.
        Err(failure) => Err((true, failure)),
    };
    match registered {
        Ok((client, words)) => {
            new.keep(directories)?;
            hand_over(client, &words, &new.profile, recovery, output)
        }
        Err((nothing_there, failure)) => {
            if let Some(file) = recovery {
                file.remove();
            }
            if nothing_there {
                new.discard(directories)?;
            }
            Err(failure)
        }
    }
}

/// Asks the server who may register.
async fn ask_policy(transport: &HttpTransport) -> Result<Policy, Failure> {
    let advice = "check the address, or say where the server answers with --server URL";
    let asked = grove_core::ask_server(transport).await;
    let info = asked.map_err(|error| {
        let failure = failed(error);
        match failure.exit {
            Exit::Unreachable => failure.advise(advice),
            _ => failure,
        }
    })?;
    Ok(info.registration)
}

/// The invite that the server wants, asked for on the terminal if there is none yet.
fn invite_for(
    policy: Policy,
    invite: Option<Zeroizing<String>>,
) -> Result<Option<Zeroizing<String>>, Failure> {
    match (policy, invite) {
        (Policy::Closed, None) => Err(Failure::new(Exit::Refused, "this server registers nobody")
            .advise("ask its operator for an account")),
        (Policy::Open, invite) | (_, invite @ Some(_)) => Ok(invite),
        (Policy::Invite, None) => secrets::ask_invite().map(Some).ok_or_else(|| {
            Failure::new(Exit::Usage, "this server asks for an invite").advise(format!(
                "put it into a file and name it with --invite-file, or into {}",
                secrets::INVITE_VARIABLE
            ))
        }),
    }
}

fn explain(error: RegisterError) -> Failure {
    let advice = match &error {
        RegisterError::AlreadyRegistered(_) => {
            "grove whoami shows the account; take another \
            profile with --profile NAME for a second one"
        }
        // What it says is advice already.
        RegisterError::KeyPackages(RefillError::Clock(_)) => return failed(error),
        RegisterError::KeyPackages(_) => "run the same command again to finish",
        RegisterError::NameTaken => "choose another address",
        RegisterError::WrongServer(_) => "check the address and --server",
        _ => return failed(error),
    };
    failed(error).advise(advice)
}

/// Whether the server answered, so that it has certainly no account of these keys.
fn is_certainly_refused(error: &RegisterError) -> bool {
    match error {
        RegisterError::NameTaken | RegisterError::NoSuite | RegisterError::WrongServer(_) => true,
        RegisterError::Call(CallError::Refused(refusal)) => !refusal.is_temporary(),
        _ => false,
    }
}

/// Gives the recovery words to the person, and only then forgets them.
fn hand_over<S: Store>(
    mut client: Client<S, HttpTransport, Machine>,
    words: &RecoveryWords,
    profile: &Profile,
    recovery: Option<RecoveryFile>,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut file = None;
    if let Some(mut recovery) = recovery {
        match recovery.write(words.as_str()) {
            Ok(()) => file = Some(recovery.path().display().to_string()),
            Err(error) => output.note(format_args!(
                "the recovery words could not be written to {}: {error}",
                recovery.path().display()
            )),
        }
    }
    let shown = words.as_str().split(' ').map(str::to_owned).collect();
    let me = client.whoami();
    output.print(&Registered {
        address: me.user.address(),
        user: me.user,
        client: me.client,
        profile: profile.name.to_string(),
        server: profile.settings.server.to_string(),
        recovery_words: if file.is_none() { Some(shown) } else { None },
        recovery_file: file,
    })?;
    client.recovery_words_kept()?;
    Ok(())
}
