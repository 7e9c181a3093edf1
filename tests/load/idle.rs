//! A server that does nothing: how soon it serves, and what it holds meanwhile.

use std::time::Duration;

use serde::Serialize;

use crate::args::Args;
use crate::groved::{DataDir, Groved};
use crate::http;
use crate::processes::Usage;

/// Starts on a database that is there already.
const STARTS: usize = 5;
/// How long it is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(5);

/// What was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    /// From the start of the program to readiness, `initdb` and migrations included, in
    /// milliseconds.
    pub(crate) first_ready_ms: f64,
    /// The same on a database that is there, PostgreSQL's start included; each start, ascending.
    pub(crate) warm_ready_ms: Vec<f64>,
    /// After some seconds of rest: memory, and the CPU time of that rest.
    pub(crate) groved: Option<Usage>,
    pub(crate) postgres: Option<Usage>,
}

/// Starts groved a few times and lets it rest.
pub(crate) async fn look(args: &Args) -> Result<Idle, String> {
    eprintln!("idle: starting groved {} times", STARTS + 1);
    let data_dir = DataDir::new(&args.data_in)?;
    let mut groved = Groved::start(args, &data_dir)?;
    let first_ready_ms = ready(&groved).await?;
    let mut warm_ready_ms = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        // The one before must have stopped: two do not share a data directory.
        drop(groved);
        groved = Groved::start(args, &data_dir)?;
        warm_ready_ms.push(ready(&groved).await?);
    }
    warm_ready_ms.sort_by(f64::total_cmp);
    let before = (groved.usage(), groved.postgres_usage());
    tokio::time::sleep(REST).await;
    let since = |now: Option<Usage>, then: Option<Usage>| Some(now?.since(then?));
    let (groved, postgres) = (
        since(groved.usage(), before.0),
        since(groved.postgres_usage(), before.1),
    );
    Ok(Idle {
        first_ready_ms,
        warm_ready_ms,
        groved,
        postgres,
    })
}

/// The time it took in milliseconds, if it is true that it serves.
async fn ready(groved: &Groved) -> Result<f64, String> {
    let answer = http::get(&groved.ops_url, "/ready")
        .await
        .map_err(|error| error.to_string())?;
    if answer.status != 200 {
        return Err(format!(
            "groved says ready, and /ready answers {}",
            answer.status
        ));
    }
    Ok(groved.ready_after.as_secs_f64() * 1000.0)
}
