//! What is wrong here, and what to do about it: the checks of `groved doctor`.
//!
//! They change nothing, and work beside a running server as well as without one. One file per
//! organ; each check says one thing in one line.

mod certificate;
mod database;
mod doors;
mod machine;

use serde::Serialize;

use crate::clock::Clock;
use crate::config::Config;

/// How it stands with one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    pub(crate) check: &'static str,
    /// How it stands.
    pub(crate) verdict: Verdict,
    /// What was found.
    pub(crate) found: String,
    /// What to do, if something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

/// How it stands with something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, or may work; somebody should look.
    Warn,
    /// The server does not start, or does not do what it promises.
    Fail,
}

impl Finding {
    pub(crate) fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            remedy: None,
        }
    }

    pub(crate) fn warn(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warn,
            remedy: Some(remedy.into()),
            ..Self::ok(check, found)
        }
    }

    pub(crate) fn fail(
        check: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Fail,
            ..Self::warn(check, found, remedy)
        }
    }
}

/// Everything, in the order in which a start would meet it.
pub(crate) async fn examine(config: &Config, clock: &Clock) -> Vec<Finding> {
    let server = doors::running(config);
    let mut findings = machine::data_directory(config);
    findings.push(machine::free_space(config));
    findings.push(machine::open_files());
    findings.extend(machine::clock(clock).await);
    findings.extend(database::examine(config, clock, server.is_some()).await);
    findings.extend(certificate::examine(config, clock));
    findings.extend(doors::examine(config, server.as_deref()));
    findings
}

/// An error with its sources, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
