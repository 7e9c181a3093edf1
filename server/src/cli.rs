//! The command line of `groved`.

mod admin;
mod config;
mod doctor;
mod health;
mod serve;

use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::config::{Config, ConfigErrors, LoadOptions};
use crate::{Server, StartError, telemetry};

/// Where the configuration is looked for when none is named.
const DEFAULT_FILE: &str = "/etc/grove/grove.toml";
/// Threads of the runtime that drives database connections and background work; requests have their
/// own.
const RUNTIME_THREADS: usize = 2;
/// Threads for work that would block the others, made when needed.
const BLOCKING_THREADS: usize = 8;

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed
  2  the command line is wrong
  3  the configuration is wrong
  4  the database could not be used
  5  no groved is running (admin)
  6  refused as asked: no such user, no such invite (admin)";

/// Grove's server: end-to-end-encrypted rooms for the people of one domain.
#[derive(Debug, Parser)]
#[command(name = "groved", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
struct Place {
    /// Configuration file [default: /etc/grove/grove.toml, if there is one]
    #[arg(long, short, global = true, env = "GROVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        value_name = "SECTION.KEY=VALUE",
        help = "Set one key, as in --set http.plain_http=true; goes before GROVE_<SECTION>__<KEY> and the file"
    )]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until SIGTERM or SIGINT; SIGHUP reads configuration and TLS certificate again
    Serve,
    /// Bring the database's schema to this version and exit
    Migrate,
    /// Check the configuration, show what is in force, explain a key
    #[command(subcommand)]
    Config(config::Command),
    /// Look for what is wrong with this machine, the configuration and the database; changes
    /// nothing
    Doctor(doctor::Doctor),
    /// Ask the running server whether it is ready; exit code 0 if it is, otherwise 1
    Health,
    /// Print the client API as an OpenAPI document, the one served at /v1/openapi.json
    Openapi,
    /// Operate a running server through its socket in the data directory
    Admin(admin::Admin),
}

/// Why a command did not succeed; each has its exit code.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Call(#[from] crate::admin::CallError),
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("{0}")]
    Failed(String),
    #[error("standard output failed")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Failure {
    /// On standard error; what is wrong with a configuration one line each.
    fn tell(&self) -> io::Result<()> {
        let mut stderr = io::stderr().lock();
        match self {
            Self::Config(errors) => errors
                .iter()
                .try_for_each(|error| writeln!(stderr, "groved: {error}")),
            other => writeln!(stderr, "groved: {}", Chain(other)),
        }
    }

    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Call(crate::admin::CallError::NotRunning(_)) => 5,
            Self::Config(_) => 3,
            Self::Refused(_) => 6,
            Self::Start(error) if error.is_database() => 4,
            Self::Call(_) | Self::Failed(_) | Self::Io(_) | Self::Start(_) => 1,
        })
    }
}

/// Runs the program and says how it ended.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is closed.
            let _unheard = failure.tell();
            failure.exit_code()
        }
    }
}

fn execute(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Admin(admin) => admin.run(&cli.place),
        Command::Config(config) => config.run(&cli.place),
        Command::Doctor(doctor) => doctor.run(&cli.place),
        Command::Health => health::run(&cli.place),
        Command::Migrate => {
            let config = cli.place.load()?;
            telemetry::start_logs(&config.telemetry);
            let (before, now) = runtime()?.block_on(Server::migrate(config))?;
            Ok(say(format_args!(
                "schema version {now} (before: {before})"
            ))?)
        }
        Command::Openapi => {
            let document = crate::http::openapi::document().map_err(io::Error::from)?;
            Ok(say(format_args!("{document:#}"))?)
        }
        Command::Serve => serve::run(&cli.place),
    }
}

impl Place {
    fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(LoadOptions {
            file: self.file(),
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name != "GROVE_CONFIG")
                .collect(),
            sets: self.set.clone(),
        })
    }

    /// The configuration file, if there is one.
    fn file(&self) -> Option<PathBuf> {
        let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists());
        self.config.clone().or_else(default)
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name("groved")
        .enable_all()
        .build()
}

/// Prints one line for people or scripts.
fn say(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// An error and its sources on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
