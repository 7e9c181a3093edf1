//! What `groved doctor` says, and a place where it has nothing to complain of.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use harness::postgres::Killable;
use harness::program;
use harness::site::Site;
use serde_json::Value;
use tokio::process::Command;

/// How often a doctor is asked before its word counts.
const TRIES: usize = 20;

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

    /// The report on a site where nothing fails.
    pub(super) async fn well(site: &Site) -> Self {
        asked_for(async || Self::on(site).await, Self::is_well).await
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
        let found = self.find_any(check, part);
        found.unwrap_or_else(|| panic!("no {check} with {part:?}: {:#}", self.all))
    }

    /// The same, if there is such a check.
    pub(super) fn find_any(&self, check: &str, part: &str) -> Option<&Value> {
        let matches = |one: &&Value| {
            one["check"] == check
                && one["found"]
                    .as_str()
                    .is_some_and(|found| found.contains(part))
        };
        self.checks().iter().find(matches)
    }

    /// Whether nothing fails.
    pub(super) fn is_well(&self) -> bool {
        self.code == 0 && self.failures().is_empty()
    }

    /// Whether there is something to do wherever something is not as it should be, and nowhere
    /// else.
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

/// The report that was wanted, or else the last one. A doctor waits for seconds only, which a busy
/// machine may need for an answer: what is wrong for good is in the last report all the same.
pub(super) async fn asked_for(
    ask: impl AsyncFn() -> Report,
    wanted: impl Fn(&Report) -> bool,
) -> Report {
    let mut report = ask().await;
    for _again in 1..TRIES {
        if wanted(&report) {
            break;
        }
        report = ask().await;
    }
    report
}

/// A site on a PostgreSQL that keeps what it accepts: that of the other tests does not, and is
/// complained of.
pub(super) async fn healthy() -> (Site, Killable) {
    let database = Killable::start().await;
    let mut site = Site::new().await;
    site.set("database.url", database.url());
    site.run(&["migrate"]).await.ok();
    let report = Report::well(&site).await;
    assert_eq!(
        (report.code, report.failures().len()),
        (0, 0),
        "{:#}",
        report.all
    );
    (site, database)
}

/// The one thing that fails on this site now, and what to do about it.
pub(super) async fn only_failure(site: &Site, check: &str, found: &str, remedy: &str) {
    let is_it = |report: &Report| match report.failures()[..] {
        [one] => one["check"] == check && one.to_string().contains(found),
        _ => false,
    };
    let report = asked_for(async || Report::on(site).await, is_it).await;
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
