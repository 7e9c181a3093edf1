//! `groved doctor`: one line per check, for people or as JSON.

use std::io;

use clap::Args;
use serde::Serialize;

use super::{Failure, Place, runtime, say};
use crate::clock::Clock;
use crate::doctor::{self, Finding, Verdict};

/// `groved doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    /// The worst of all verdicts.
    verdict: Verdict,
    checks: &'a [Finding],
}

impl Doctor {
    pub(super) fn run(&self, place: &Place) -> Result<(), Failure> {
        let findings = match place.load() {
            Err(errors) => errors
                .iter()
                .map(|error| {
                    let remedy = "put it right; `groved config explain KEY` says what a key means";
                    Finding::fail("configuration", error.to_string(), remedy)
                })
                .collect(),
            Ok(config) => {
                let read = place.file().map_or_else(
                    || "right (there is no file)".to_owned(),
                    |file| format!("{} is right", file.display()),
                );
                let mut findings = vec![Finding::ok("configuration", read)];
                findings.extend(runtime()?.block_on(doctor::examine(&config, &Clock::system())));
                findings
            }
        };
        let verdict = findings
            .iter()
            .map(|finding| finding.verdict)
            .max()
            .unwrap_or(Verdict::Ok);
        if self.json {
            let report = Report {
                verdict,
                checks: &findings,
            };
            say(serde_json::to_string(&report).map_err(io::Error::from)?)?;
        } else {
            findings.iter().try_for_each(tell)?;
        }
        let failed = findings
            .iter()
            .filter(|finding| finding.verdict == Verdict::Fail);
        match failed.count() {
            0 => Ok(()),
            1 => Err(Failure::Failed("1 check failed".to_owned())),
            several => Err(Failure::Failed(format!("{several} checks failed"))),
        }
    }
}

fn tell(finding: &Finding) -> io::Result<()> {
    let Finding {
        check,
        verdict,
        found,
        remedy,
    } = finding;
    let verdict = match verdict {
        Verdict::Ok => "ok",
        Verdict::Warn => "WARN",
        Verdict::Fail => "FAIL",
    };
    match remedy {
        Some(remedy) => say(format_args!("{verdict:5} {check}: {found} -> {remedy}")),
        None => say(format_args!("{verdict:5} {check}: {found}")),
    }
}
