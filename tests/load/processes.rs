//! What processes have used, from `/proc`.

use std::fs;
use std::path::Path;

use harness::postgres::find_postmaster;
use serde::Serialize;

/// Unit of times in `/proc`: hundredths of a second on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU time since the start, and memory now.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Usage {
    /// User and system time, in seconds.
    pub(crate) cpu_s: f64,
    /// Resident memory in bytes. Of PostgreSQL the proportional set size, summed: shared buffers
    /// count once.
    pub(crate) memory_bytes: u64,
}

impl Usage {
    /// The CPU time used since an earlier look, and the memory of now.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_s: self.cpu_s - earlier.cpu_s,
            ..self
        }
    }
}

/// Of one process.
pub(crate) fn of_process(pid: u32) -> Option<Usage> {
    let stat = Stat::of(pid)?;
    Some(Usage {
        cpu_s: stat.own_s,
        memory_bytes: kilobytes(pid, "status", "VmRSS:")? * 1024,
    })
}

/// Of this process.
pub(crate) fn of_self() -> Option<Usage> {
    of_process(std::process::id())
}

/// Of the private PostgreSQL in a data directory of groved: its first process, those it started,
/// those that ended.
pub(crate) fn of_postgres(data_dir: &Path) -> Option<Usage> {
    let first = find_postmaster(data_dir)?.as_raw_nonzero();
    let first = u32::try_from(first.get()).ok()?;
    let stat = Stat::of(first)?;
    let mut usage = Usage {
        cpu_s: stat.own_s + stat.ended_children_s,
        memory_bytes: share(first),
    };
    for pid in children(first) {
        // One that ended meanwhile is counted among the ended at the next look.
        let Some(stat) = Stat::of(pid) else { continue };
        usage.cpu_s += stat.own_s;
        usage.memory_bytes += share(pid);
    }
    Some(usage)
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| Stat::of(*pid).is_some_and(|stat| stat.parent == parent))
        .collect()
}

/// Bytes of memory, those shared with others divided among them; what is resident where that cannot
/// be read.
fn share(pid: u32) -> u64 {
    let kilobytes =
        kilobytes(pid, "smaps_rollup", "Pss:").or_else(|| kilobytes(pid, "status", "VmRSS:"));
    kilobytes.unwrap_or_default() * 1024
}

fn kilobytes(pid: u32, file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The part of `/proc/<pid>/stat` that is used here.
struct Stat {
    parent: u32,
    own_s: f64,
    ended_children_s: f64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name may hold anything, so the fields are counted from its last parenthesis: the third
    /// field comes first.
    fn parse(text: &str) -> Option<Self> {
        let (_name, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let seconds =
            |field: usize| Some(fields.get(field - 3)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own_s: seconds(14)? + seconds(15)?,
            ended_children_s: seconds(16)? + seconds(17)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_name() {
        let line = "42 (a) b (c) S 7 42 42 0 -1 0 1 2 3 4 150 50 30 20 20 0 1 0";
        let stat = Stat::parse(line).expect("a stat line");
        assert_eq!(
            (stat.parent, stat.own_s, stat.ended_children_s),
            (7, 2.0, 0.5)
        );
    }

    #[test]
    fn this_process_uses_something() {
        let usage = of_self().expect("/proc");
        assert!(usage.memory_bytes > 1 << 20, "{usage:?}");
        assert!(of_process(u32::MAX).is_none());
    }
}
