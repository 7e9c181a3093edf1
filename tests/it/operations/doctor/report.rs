//! What `groved doctor` says, and a place where it has nothing to complain of.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use harness::{postgres::Killable, program, site::Site};
use serde_json::Value;
use tokio::process::Command;

/// What a doctor says, and the exit code.
pub(super) struct Report {
    pub(super) code: i32,
    pub(super) all: Value,
}

impl Report {
    pub(super) fn of(ended: &program::Ended) -> Self {
        let all = serde_json::from_str(&ended.stdout);
        Self {
            code: ended.code,
            all: all.unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr)),
        }
    }

    pub(super) async fn on(site: &Site) -> Self {
        Self::of(&site.run(&["doctor", "--json"]).await)
    }

    pub(super) fn checks(&self) -> &[Value] {
        self.all["checks"].as_array().expect("checks")
    }

    /// The verdict of the check that found `part`.
    #[track_caller]
    pub(super) fn verdict(&self, check: &str, part: &str) -> &str {
        self.find(check, part)["verdict"]
            .as_str()
            .expect("a verdict")
    }

    #[track_caller]
    pub(super) fn find(&self, check: &str, part: &str) -> &Value {
        let matches = |one: &&Value| {
            one["check"] == check
                && one["found"]
                    .as_str()
                    .is_some_and(|found| found.contains(part))
        };
        let found = self.checks().iter().find(matches);
        found.unwrap_or_else(|| panic!("no {check} with {part:?}: {:#}", self.all))
    }

    /// Whether there is something to do wherever something is not as it should be, and nowhere else.
    pub(super) fn is_helpful(&self) -> bool {
        let helps = |one: &Value| (one["verdict"] == "ok") == one["remedy"].is_null();
        self.checks().iter().all(helps)
    }

    /// What was found to fail.
    pub(super) fn failures(&self) -> Vec<&Value> {
        let failed = |one: &&Value| one["verdict"] == "fail";
        self.checks().iter().filter(failed).collect()
    }
}

/// Runs the doctor with these settings.
pub(super) async fn doctor(settings: &[String], arguments: &[&str]) -> program::Ended {
    let mut command = Command::new(program::groved());
    for set in settings {
        command.arg("--set").arg(set);
    }
    command.arg("doctor").args(arguments);
    program::run(command, "").await
}

/// A site on a PostgreSQL that keeps what it accepts: that of the other tests does not, and is complained of.
pub(super) async fn healthy() -> (Site, Killable) {
    let database = Killable::start().await;
    let mut site = Site::new().await;
    site.set("database.url", database.url());
    site.run(&["migrate"]).await.ok();
    let report = Report::on(&site).await;
    assert_eq!(
        (report.code, report.failures().len()),
        (0, 0),
        "{:#}",
        report.all
    );
    (site, database)
}

/// The one thing that fails now, and what to do about it.
#[track_caller]
pub(super) fn only_failure(report: &Report, check: &str, found: &str, remedy: &str) {
    assert_eq!(report.code, 1, "{:#}", report.all);
    assert_eq!(report.all["verdict"], "fail");
    assert!(report.is_helpful(), "{:#}", report.all);
    let failures = report.failures();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    let shown = failures[0].to_string();
    assert_eq!(failures[0]["check"], check, "{shown}");
    for part in [found, remedy] {
        assert!(shown.contains(part), "{shown} does not say {part:?}");
    }
}

/// Who may do what with a file.
pub(super) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}
