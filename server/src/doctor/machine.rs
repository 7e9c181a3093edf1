//! The machine: files, space, open files, time.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{fs, io};

use rustix::process::{Resource, geteuid, getrlimit};
use tokio::process::Command;

use super::Finding;
use crate::clock::{Clock, Timestamp};
use crate::config::{ByteSize, Config, DatabaseSource};

/// Connections, database and files of a small server, with room to spare.
const ENOUGH_FILES: u64 = 4096;
/// 2025-01-01: this program is younger.
const PROGRAM_BEGAN: Timestamp = Timestamp::from_ms(1_735_689_600_000);
/// How long `timedatectl` may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether it is there, whose it is, and who else may look into it.
pub(super) fn data_directory(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "data directory";
    let path = &config.server.data_dir;
    let shown = path.display();
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::ok(
                CHECK,
                format!("{shown} is made at the first start"),
            )];
        }
        Err(error) => {
            return vec![Finding::fail(
                CHECK,
                format!("{shown}: {error}"),
                "run this as the server's user, or as root",
            )];
        }
    };
    if !found.is_dir() {
        return vec![Finding::fail(
            CHECK,
            format!("{shown} is no directory"),
            "set server.data_dir",
        )];
    }
    let (me, owner, mode) = (geteuid(), found.uid(), found.mode() & 0o777);
    let whose = if me.is_root() || owner == me.as_raw() {
        Finding::ok(CHECK, format!("{shown} belongs to user {owner}"))
    } else {
        let found = format!(
            "{shown} belongs to user {owner}, and this is run as {}",
            me.as_raw()
        );
        Finding::fail(
            CHECK,
            found,
            format!("run groved as user {owner}, or chown -R it"),
        )
    };
    let remedy = format!("chmod 700 {shown} (711 if groved runs as root)");
    let who = if mode & 0o022 != 0 {
        Finding::fail(
            CHECK,
            format!("others may write to it (mode {mode:o})"),
            remedy,
        )
    } else if mode & 0o044 != 0 {
        Finding::warn(CHECK, format!("others may list it (mode {mode:o})"), remedy)
    } else {
        Finding::ok(
            CHECK,
            format!("nobody else may look into it (mode {mode:o})"),
        )
    };
    vec![whose, who]
}

/// Against the reserve below which the server refuses writes.
pub(super) fn free_space(config: &Config) -> Finding {
    const CHECK: &str = "disk space";
    let reserve = config.limits.free_space_reserve;
    let Some(free) = config.server.data_dir.ancestors().find_map(free) else {
        return Finding::warn(
            CHECK,
            "free space cannot be determined",
            "look at it with df",
        );
    };
    if matches!(config.database.source, DatabaseSource::External(_)) {
        return Finding::ok(
            CHECK,
            format!(
                "{} free; the database is elsewhere, watch its disk there",
                Whole(free)
            ),
        );
    }
    let found = format!("{} free, the reserve is {reserve}", Whole(free));
    if free < reserve {
        Finding::fail(CHECK, found, "make room: writes are refused until then")
    } else if free.bytes() / 2 < reserve.bytes() {
        Finding::warn(
            CHECK,
            found,
            "make room soon: below the reserve writes are refused",
        )
    } else {
        Finding::ok(CHECK, found)
    }
}

fn free(path: &Path) -> Option<ByteSize> {
    let found = rustix::fs::statvfs(path).ok()?;
    Some(ByteSize::new(found.f_bavail.saturating_mul(found.f_frsize)))
}

/// In whole MiB: nobody wants to read the bytes.
struct Whole(ByteSize);

impl std::fmt::Display for Whole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} MiB", self.0.bytes() >> 20)
    }
}

/// `groved serve` raises the soft limit by itself; the hard one is what counts.
pub(super) fn open_files() -> Finding {
    const CHECK: &str = "open files";
    match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < ENOUGH_FILES => Finding::warn(
            CHECK,
            format!("{most} at most, here; each connection takes one"),
            "LimitNOFILE=65536 in the unit, or ulimit -Hn",
        ),
        Some(most) => Finding::ok(CHECK, format!("{most} at most")),
        None => Finding::ok(CHECK, "no limit"),
    }
}

/// Whether it is plausible, and whether something keeps it right.
pub(super) async fn clock(clock: &Clock) -> Vec<Finding> {
    const CHECK: &str = "clock";
    let shown = humantime::format_rfc3339_seconds(
        std::time::UNIX_EPOCH + Duration::from_millis(clock.now().ms()),
    );
    let plausible = if clock.now() < PROGRAM_BEGAN {
        Finding::fail(
            CHECK,
            format!("it shows {shown}"),
            "set it: sessions, KeyPackages and certificates depend on it",
        )
    } else {
        Finding::ok(CHECK, format!("it shows {shown}"))
    };
    let kept = match synchronised().await {
        Some(true) => Finding::ok(CHECK, "synchronised over the network"),
        Some(false) => Finding::warn(
            CHECK,
            "not synchronised over the network",
            "timedatectl set-ntp true",
        ),
        None => Finding::ok(
            CHECK,
            "nobody here tells whether it is synchronised (no timedatectl)",
        ),
    };
    vec![plausible, kept]
}

/// What systemd says; `None` where it says nothing.
async fn synchronised() -> Option<bool> {
    let asking = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(PATIENCE, asking).await.ok()?.ok()?;
    match answer.stdout.as_slice() {
        b"yes\n" => Some(true),
        b"no\n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[tokio::test]
    async fn a_clock_that_is_older_than_the_program_is_wrong() {
        for (now, verdict) in [
            (0, Verdict::Fail),
            (PROGRAM_BEGAN.ms() - 1, Verdict::Fail),
            (PROGRAM_BEGAN.ms(), Verdict::Ok),
        ] {
            let (shown, _hand) = Clock::manual(now);
            let findings = clock(&shown).await;
            let first = findings.first().map(|finding| finding.verdict);
            assert_eq!(first, Some(verdict), "{now}: {findings:?}");
        }
    }
}
