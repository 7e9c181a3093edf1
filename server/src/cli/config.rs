//! `groved config`: what is wrong with the configuration, what is in force and why, what a key
//! means.

use std::io;

use clap::Subcommand;

use super::{Failure, Place, say};
use crate::config::{Applies, Config, Description, Effective, describe, descriptions};

/// `groved config`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say «ok», or everything that is wrong, with place, key and the nearest name that exists
    Check,
    /// Print the values in force, each with where it came from; secrets are left out
    Dump {
        /// Print one JSON object, by key
        #[arg(long)]
        json: bool,
    },
    /// Say what a key means, its bounds, its value in force, and what makes a change take effect
    Explain {
        /// The key, as in `limits.session_lifetime` [default: all, one line each]
        key: Option<String>,
    },
}

impl Command {
    pub(super) fn run(&self, place: &Place) -> Result<(), Failure> {
        match self {
            Self::Check => {
                let _config = place.load()?;
                Ok(match place.file() {
                    Some(file) => say(format_args!("{}: ok", file.display())),
                    None => say("ok (there is no configuration file)"),
                }?)
            }
            Self::Dump { json: false } => Ok(say(place.load()?.dump())?),
            Self::Dump { json: true } => {
                let all = serde_json::to_string(&place.load()?.effective());
                Ok(say(all.map_err(io::Error::from)?)?)
            }
            Self::Explain { key: None } => Ok(descriptions()
                .iter()
                .try_for_each(|one| say(format_args!("{:32} {}", one.key, one.summary())))?),
            Self::Explain { key: Some(key) } => {
                let found = describe(key).ok_or_else(|| unknown(key))?;
                Ok(explain(&found, place.load().ok().as_ref())?)
            }
        }
    }
}

fn unknown(key: &str) -> Failure {
    Failure::Failed(match Config::nearest_key(key) {
        Some(nearest) => format!("unknown key {key}; did you mean {nearest}?"),
        None => format!("unknown key {key}; `groved config explain` shows all"),
    })
}

/// A configuration with faults does not keep anybody from learning what a key means.
fn explain(found: &Description, config: Option<&Config>) -> io::Result<()> {
    let Description {
        key,
        meaning,
        section,
        kind,
        bounds,
        applies,
        ..
    } = found;
    say(key)?;
    say(format_args!("  {meaning}"))?;
    if !section.is_empty() {
        say(format_args!("  {section}"))?;
    }
    say("")?;
    let bounds = bounds
        .as_ref()
        .map_or(String::new(), |bounds| format!(", {bounds}"));
    let unit = found
        .unit()
        .map_or(String::new(), |unit| format!(", {unit}"));
    say(format_args!("  value      {kind}{bounds}{unit}"))?;
    match Config::default_of(key) {
        Some(default) => say(format_args!("  default    {default}"))?,
        None => say(format_args!("  default    none; as in {}", found.example))?,
    }
    match config.and_then(|config| config.effective().remove(key)) {
        Some(Effective {
            value: Some(value),
            source,
        }) => say(format_args!("  in force   {value} ({source})"))?,
        Some(Effective { value: None, .. }) => say("  in force   not set")?,
        None => {
            say("  in force   unknown: the configuration has faults, see `groved config check`")?;
        }
    }
    say(format_args!(
        "  changes    take effect at a {}",
        match applies {
            Applies::Reload => "reload (systemctl reload groved, or SIGHUP)",
            Applies::Restart => "restart",
        }
    ))?;
    say(format_args!(
        "  set by     the file, {} in the environment, or --set {key}=...",
        Config::variable_of(key)
    ))
}
