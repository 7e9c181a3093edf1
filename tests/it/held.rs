//! A PostgreSQL that is held: it is there, takes connections, and answers nobody.
//!
//! The surprise: what is forked while its processes are being listed is on no list, and would go on
//! answering. So the postmaster is seen to stand still before the list is made that counts.

use std::fs;
use std::path::Path;

use harness::postgres::{postmaster, processes};
use harness::wait::soon;
use rustix::process::{Pid, Signal, kill_process};

/// All processes of a PostgreSQL, which stand still. They go on when this is dropped.
pub(crate) struct Held(Vec<Pid>);

impl Held {
    /// Stops the PostgreSQL in this data directory, and returns once all of it stands still.
    pub(crate) async fn all(data_dir: &Path) -> Self {
        let mut held = Self(Vec::new());
        let holding = async {
            loop {
                let no_more_come = stands_still(postmaster(data_dir));
                held.0 = processes(data_dir);
                signal(&held.0, Signal::STOP);
                if no_more_come && held.0.iter().copied().all(stands_still) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        soon("PostgreSQL stands still", holding).await;
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.reverse();
        signal(&self.0, Signal::CONT);
    }
}

fn signal(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // A connection may have ended with its client.
        let _ = kill_process(*pid, signal);
    }
}

/// Whether a process does nothing: it was stopped, or has ended.
fn stands_still(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // Its state stands behind its name, which is in brackets and may be any.
    let state = stat.ok().and_then(|stat| {
        let (_name, behind) = stat.rsplit_once(") ")?;
        behind.chars().next()
    });
    state.is_none_or(|state| matches!(state, 'T' | 'X' | 'Z'))
}
