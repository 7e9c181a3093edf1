//! The commands, one file each. A command parses nothing and prints through [`Output`] alone.

pub(crate) mod failures;

mod approve;
mod devices;
mod drafts;
mod evidence;
mod history;
mod link;
mod listen;
mod new_profile;
mod recover;
mod register;
mod rooms;
mod send;
mod show;
mod sync;

use clap::CommandFactory as _;
use clap_complete::Shell;

use self::evidence::Keys;
use crate::args::{Arguments, Command, Evidence};
use crate::failure::Failure;
use crate::output::Output;
use crate::profile::Directories;
use crate::session::Session;

/// Does what the command line says.
///
/// # Errors
/// Whatever kept it from being done.
pub(crate) async fn execute(
    arguments: Arguments,
    directories: &Directories,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    match &arguments.command {
        Command::Completions { shell } => return completions(*shell, output),
        Command::Evidence(Evidence::Verify { file, key }) => {
            let keys = Keys {
                given: key.as_ref(),
                profile: arguments.profile.as_ref(),
                directories,
            };
            return evidence::verify(file, &keys, output);
        }
        Command::Register(wish) => {
            return Box::pin(register::register(&arguments, wish, directories, output)).await;
        }
        Command::Link(wish) => {
            return Box::pin(link::link(&arguments, wish, directories, output)).await;
        }
        Command::Recover(wish) => {
            return Box::pin(recover::recover(&arguments, wish, directories, output)).await;
        }
        _ => {}
    }
    let mut session = Session::open(&arguments, directories)?;
    match arguments.command {
        Command::Completions { .. }
        | Command::Evidence(Evidence::Verify { .. })
        | Command::Link(_)
        | Command::Recover(_)
        | Command::Register(_) => Ok(()),
        Command::Devices(wish) => Box::pin(devices::devices(&mut session, wish, output)).await,
        Command::Evidence(wish) => evidence::evidence(&mut session, wish, output),
        Command::History(wish) => Box::pin(history::history(&mut session, wish, output)).await,
        Command::Listen(wish) => Box::pin(listen::listen(&mut session, wish, output)).await,
        Command::Rooms(wish) => Box::pin(rooms::rooms(&mut session, wish, output)).await,
        Command::Send(wish) => Box::pin(send::send(&mut session, wish, output)).await,
        Command::Status => Box::pin(show::status(&mut session, output)).await,
        Command::Sync => Box::pin(sync::sync(&mut session, output)).await,
        Command::Trust { user, digits } => {
            Box::pin(show::trust(&mut session, user, &digits, output)).await
        }
        Command::Whoami => show::whoami(&session, output),
    }
}

fn completions(shell: Shell, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "grove", &mut script);
    output.write_raw(&script)
}
