//! One run of `grove`: read the command line, do it, say how it ended.

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::Arguments;
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::profile::Directories;

/// The environment variable with a filter for what is logged.
const LOG_VARIABLE: &str = "GROVE_LOG";

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    log_to_standard_error(arguments.verbose);
    let format = if arguments.json {
        Format::Json
    } else {
        Format::Text
    };
    let (mut data, mut notes) = (io::stdout(), io::stderr());
    let mut output = Output::new(format, &mut data, &mut notes);
    match execute(arguments, &mut output) {
        Ok(()) => Exit::Ok.into(),
        Err(failure) => {
            if !failure.message.is_empty() {
                output.fail(&failure);
            }
            failure.exit.into()
        }
    }
}

fn execute(arguments: Arguments, output: &mut Output<'_>) -> Result<(), Failure> {
    let directories = Directories::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused(Exit::Failure, &error))?;
    let done = runtime.block_on(commands::execute(arguments, &directories, output));
    // A question that nobody answers any more keeps no program from ending.
    runtime.shutdown_background();
    done
}

/// Help and version are no failures; anything else is a usage error.
fn refuse(error: &clap::Error) -> ExitCode {
    if let Err(error) = error.print() {
        tracing::debug!(%error, "nobody is left to tell");
    }
    let exit = if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Ok
    };
    exit.into()
}

fn log_to_standard_error(verbose: u8) {
    let by_count = match verbose {
        0 => "error",
        1 => "grove_cli=debug,grove_core=debug,warn",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(by_count));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
}
