//! Where it is measured: figures without their machine mean nothing.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use crate::latency::Latency;

/// Writes of the disk's probe, each made durable before the next: as a database commits.
const PROBES: usize = 100;
/// Bytes of each: one page of PostgreSQL's log.
const PAGE: [u8; 8192] = [7; 8192];

/// The machine.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) processors: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    /// Time to make one page durable where the data directory is, in milliseconds; none if it
    /// cannot be written to.
    pub(crate) sync: Option<Latency>,
}

impl Machine {
    /// This one, with the disk under this directory.
    pub(crate) fn here(data_in: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let memory = after(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kilobytes: u64 = memory
            .trim_end_matches("kB")
            .trim()
            .parse()
            .unwrap_or_default();
        Self {
            processor: after(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| "unknown".to_owned()),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: kilobytes / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            sync: probe(data_in).ok(),
        }
    }
}

/// What stands after a key in a file of `/proc`.
fn after(text: &str, key: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim_start_matches([':', ' ', '\t']).trim().to_owned())
}

fn probe(data_in: &Path) -> io::Result<Latency> {
    let mut file = tempfile::tempfile_in(data_in)?;
    let mut samples = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        samples.push(u64::try_from(started.elapsed().as_micros()).expect("not so long"));
    }
    Ok(Latency::of(&mut samples))
}
