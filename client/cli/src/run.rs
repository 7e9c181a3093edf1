//! One run of `grove`: read the command line, do it, say how it ended.

use std::ffi::OsString;
use std::process::ExitCode;
use std::{env, io};

use clap::Parser as _;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use crate::args::Arguments;
use crate::commands;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::profile::Directories;

/// What is logged unless more is asked for: what libraries say is nothing to a person, nor to a
/// program that reads standard error.
const OWN_ERRORS: &str =
    "off,grove_cli=error,grove_core=error,grove_mls=error,grove_sqlite=error,grove_wire=error";

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
    if error.use_stderr() && wants_json(env::args_os()) {
        let (mut data, mut notes) = (io::stdout(), io::stderr());
        Output::new(Format::Json, &mut data, &mut notes).fail(&misused(error));
        return Exit::Usage.into();
    }
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

/// Whether the option stands on a command line that could not be read. Behind `--` it would be
/// text.
fn wants_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    arguments
        .into_iter()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json")
}

/// A usage error in the parts that a program reads: its first paragraph is what is wrong.
fn misused(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::new(Exit::Usage, "a command is missing").advise("see grove --help");
    }
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(one_line);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let advice: Vec<String> = paragraphs.collect();
    Failure::new(Exit::Usage, message).advise(advice.join("; "))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn log_to_standard_error(verbose: u8) {
    tracing_subscriber::fmt()
        .with_env_filter(filter(verbose))
        .with_writer(io::stderr)
        .init();
}

fn filter(verbose: u8) -> EnvFilter {
    let by_count = match verbose {
        0 => OWN_ERRORS,
        1 => "grove_cli=debug,grove_core=debug,warn",
        _ => "debug",
    };
    EnvFilter::try_from_env(LOG_VARIABLE).unwrap_or_else(|_| EnvFilter::new(by_count))
}

#[cfg(test)]
mod tests;
